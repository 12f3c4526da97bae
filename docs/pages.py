"""Pages of the documentation that the package writes itself: the commands, and what each framework calls a padding.

python docs/pages.py        # writes docs/command-line.md and docs/frameworks.md
"""

from __future__ import annotations

import sys
from pathlib import Path

import convpad
from convpad.core.amounts import AMOUNTS
from convpad.core.modes import MODES
from convpad.frameworks import TITLES

HERE = Path(__file__).parent


def command_line() -> str:
    """Return the help of every command, at 80 columns."""
    from typer.testing import CliRunner

    from convpad.cli.commands import app

    parts = [
        "# The command line\n\n"
        "The commands need the extra `cli`. `convpad --install-completion` completes their options in a shell.\n"
    ]
    for name in ("", *(command.callback.__name__ for command in app.registered_commands if command.callback)):
        words = [name, "--help"] if name else ["--help"]
        done = CliRunner().invoke(app, words, prog_name="convpad", env={"COLUMNS": "80", "TERM": "dumb"})
        heading = f"## convpad {name}\n\n" if name else ""
        parts.append(f"{heading}```\n$ convpad {' '.join(words)}\n{done.output.strip()}\n```\n")
    return "\n".join(line.rstrip() for line in "\n".join(parts).splitlines()) + "\n"


def frameworks() -> str:
    """Return what each framework calls each amount and each mode, on one window."""
    parts = [
        "# What each framework calls it\n\n"
        "A convolution with a kernel of 3 on an image of 32 x 32, in the words of seven frameworks. Where a "
        "framework's convolution cannot pad so by itself, the code is what to write instead; an empty cell is what it "
        "cannot do. "
        "`convpad.explain` and `convpad explain` write it for your window.\n"
    ]
    amounts = [(f"`{word!r}`".replace("'", '"'), word, "zeros", 2) for word in AMOUNTS]
    modes = [
        (f"`{mode.name}`" if not mode.takes_value else "`0.5`", "same", 0.5 if mode.takes_value else mode.name, 1)
        for mode in MODES.values()
    ]
    for title, rows in (("Amounts, with zeros and stride 2", amounts), ("Modes, with `same` and stride 1", modes)):
        parts.append(f"## {title}\n")
        for heading, padding, mode, stride in rows:
            explained = convpad.explain((32, 32), 3, strides=stride, padding=padding, padding_mode=mode)
            lines = [f"### {heading}\n", "| framework | code | |", "|---|---|---|"]
            for words in explained.words:
                code = "<br>".join(f"`{line}`" for line in words.code.splitlines())
                kind = "" if words.exact else "in several operations" if words.code else "not to be said"
                lines.append(f"| {TITLES[words.framework]} | {code} | {kind} |")
            parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


PAGES = {"command-line.md": command_line, "frameworks.md": frameworks}


def main() -> None:
    """Write the pages."""
    for name, text in PAGES.items():
        (HERE / name).write_text(text(), encoding="utf-8")
        sys.stdout.write(f"{HERE / name}\n")


if __name__ == "__main__":
    main()
