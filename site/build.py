"""The site: the documentation, and the live page with the library that it runs.

python site/build.py [OUT]        # site/out where no folder is named
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from html import escape
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import convpad
from convpad.display import interactive
from convpad.frameworks import TITLES

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGE = Path(convpad.__file__).parent
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
"""The files of Pyodide that a page loads."""
PAGES = ("*.md", "LICENSE", "CITATION.cff", "docs/**/*.md", "docs/**/*.png", "benchmarks/results/*.md")
PAGES += ("benchmarks/results/*.png", "examples/**/*.md", "examples/**/*.png", "examples/**/*.py")
"""The files of the repository that are pages of the site, or that pages link to."""
FIRST = {"input_size": (6, 6), "kernel_size": 3, "strides": 2, "padding": "same", "padding_mode": "reflect"}
"""The window that the page shows before Python is loaded: that of its fields."""


def build(out: Path) -> None:
    """Write the site into a folder, which is emptied first."""
    pages = HERE / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    for pattern in PAGES:
        for file in ROOT.glob(pattern):
            target = pages / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    build_live(pages)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean"]
    subprocess.run([*command, "--config-file", str(HERE / "mkdocs.yml"), "--site-dir", str(out.absolute())], check=True)


def build_live(out: Path) -> None:
    """Write the live page into a folder, with Pyodide beside it."""
    modules = HERE / "node_modules" / "pyodide"
    if not modules.is_dir():
        sys.exit("Pyodide is missing. Run: npm ci --prefix site")
    live = out / "live"
    shutil.copytree(HERE / "live", live, ignore=shutil.ignore_patterns("index.html"), dirs_exist_ok=True)
    (out / "pyodide").mkdir(exist_ok=True)
    for name in PYODIDE:
        shutil.copy(modules / name, out / "pyodide" / name)
    (live / "window.js").write_text(interactive.script(), "utf-8")
    (live / "window.css").write_text(interactive.style(), "utf-8")
    (live / "index.html").write_text(page(), "utf-8")
    pack(live / "convpad.zip")


def page() -> str:
    """Return the page with its first window drawn."""
    explained = convpad.explain(**FIRST)
    rows = [
        f'<tr><th scope="row">{TITLES[words.framework]}</th>'
        f'<td><div class="code"><code>{escape(words.code)}</code></div>'
        f'<p class="note">{escape(words.note)}</p></td></tr>'
        for words in explained.words
    ]
    sentences = [
        f"<li><strong>{escape(title)}</strong><ul>{''.join(f'<li>{escape(fact)}</li>' for fact in facts)}</ul></li>"
        for title, *facts in explained.sentences
    ]
    modes = [name for name, mode in convpad.MODES.items() if not mode.takes_value]
    parts = {
        "summary": escape(explained.summary),
        "drawing": explained.to_svg(),
        "sentences": "".join(sentences),
        "words": "".join(rows),
        "amounts": "".join(f'<option value="{word}">' for word in convpad.AMOUNTS),
        "modes": "".join(f'<option value="{word}">' for word in modes),
        "version": convpad.__version__,
    }
    text = (HERE / "live" / "index.html").read_text("utf-8")
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    return text


def pack(path: Path) -> None:
    """Write the library into an archive, for Python in the browser."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted(PACKAGE.rglob("*")):
            if file.suffix in (".py", ".js", ".css"):
                archive.write(file, Path("convpad") / file.relative_to(PACKAGE))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, default=HERE / "out")
    build(parser.parse_args().out)
