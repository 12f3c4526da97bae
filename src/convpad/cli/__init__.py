"""The command line, `convpad` or `python -m convpad`: one file a command, which calls one function and prints.

Nothing else in convpad prints. Importing the commands imports no framework, and nothing that a command needs only once
it runs.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command of the command line, or say how to install what commands need."""
    try:
        from convpad.cli.commands import app
        from convpad.cli.quiet import quiet_tensorflow

        quiet_tensorflow()
        app()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("typer", "rich"):
            raise
        sys.stderr.write(f"convpad: The commands need {package}. Install it with: pip install typer rich\n")
        sys.exit(1)
