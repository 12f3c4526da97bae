"""Output of commands: within the terminal, in a pipe, and without the packages that they need."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from convpad.changes import Change, Changes
from convpad.cli import output
from convpad.cli.commands import app
from convpad.display.text import to_text
from convpad.models.readers import line_of, printable

pytestmark = pytest.mark.needs("numpy")

CHANGES = Changes("fold", (Change("a/long/name/of/a/layer", "ZeroPadding2D", "folded", "into " + "conv " * 12),))


class Terminal:
    """A standard output that says it is a terminal."""

    def __init__(self, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.text = ""
        monkeypatch.setenv("COLUMNS", columns)
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stdout", self)

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_terminal_gets_what_fits_in_colour(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(str(columns), monkeypatch)
    output.show(CHANGES, json=False)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.text)
    assert plain != terminal.text
    assert plain == to_text(CHANGES.to_table(), columns) + "\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_are_left_out_where_they_are_not_wanted(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("80", monkeypatch)
    monkeypatch.setenv(name, value)
    output.show(CHANGES, json=False)
    assert terminal.text == str(CHANGES) + "\n"


def test_a_pipe_gets_one_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(CHANGES, json=False)
    assert capsys.readouterr().out == to_text(CHANGES.to_table(), None) + "\n"
    output.show(CHANGES, json=True)
    assert capsys.readouterr().out == CHANGES.to_json() + "\n"


def process(code: str) -> Any:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_what_the_commands_need_it_says_how_to_install(package: str) -> None:
    fails = f"import sys; sys.modules[{package!r}] = None; sys.argv[1:] = ['explain', '6', '--kernel', '3']; "
    done = process(fails + "from convpad.cli import main; main()")
    if package == "rich" and done.returncode == 0:  # Typer can do without, and so can we
        assert done.stdout.startswith("conv on 6")
        return
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"convpad: The commands need {package}. Install it with: pip install typer rich\n"


def test_a_missing_module_of_ours_is_not_taken_for_typer() -> None:
    done = process("import sys; sys.modules['convpad.cli.options'] = None; from convpad.cli import main; main()")
    assert "ModuleNotFoundError" in done.stderr


def test_python_m() -> None:
    done = subprocess.run([sys.executable, "-m", "convpad", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "convpad")


def test_progress_without_rich_says_how_to_install() -> None:
    arguments = ["bench", "8x8x4", "--kernel", "3", "--backend", "jax"]
    fails = f"import sys; sys.modules['rich'] = None; sys.argv[1:] = {arguments}; "
    done = process(fails + "from convpad.cli import main; main()")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "convpad: The commands need rich. Install it with: pip install typer rich\n"


def test_progress_without_a_terminal_shows_nothing(capsys: Any) -> None:
    with output.progress("first", 2) as (bar, step):
        step("[second]")
        bar.stop()
        bar.start()
        step("third", 1.5)
        (task,) = bar.tasks
        assert (task.description, task.completed, task.total) == ("third", 1.5, 2)
    assert capsys.readouterr() == ("", "")


def test_every_command_refuses_in_one_line() -> None:
    done = CliRunner().invoke(app, ["solve"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "convpad solve: Give two sizes, as in: convpad solve 224 112. Or --table FILE.\n"


def test_a_long_message_ends_after_a_word_and_says_so() -> None:
    assert printable("Could not locate\n\x1b[1mclass\x1b[0m 'Mine'.", 40) == "Could not locate class 'Mine'."
    assert printable("the layers (layers, models)", 22) == "the layers (layers, [...]"
    assert printable("abcdefgh", 4) == "abcd [...]"
    assert line_of(ValueError("word " * 200)).endswith(" word [...]")


@pytest.mark.parametrize(("json", "before"), [((), "\n"), (("--json",), "")])
def test_what_is_written_is_said_on_one_line(json: tuple[str, ...], before: str, tmp_path: Any) -> None:
    path = tmp_path / "window.svg"
    done = CliRunner().invoke(app, ["explain", "9", "--kernel", "3", "--svg", str(path), *json])
    said = done.stderr if json else done.stdout
    assert said.endswith(f"{before}Wrote {path}: the drawing.\n")
    assert (done.stderr.count("\n") if json else done.stderr) == (1 if json else "")


def complete(line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    environment = {**os.environ, "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    program = "import sys; sys.argv[:] = ['convpad']; from convpad.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "_CONVPAD_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(("line", "words"), [
    ("convpad explain 24 --mode re", ["reflect", "replicate", "reflect_odd"]),
    ("convpad bench 24x8 --mode circular,sy", ["circular,symmetric", "circular,symmetric_odd"]),
    ("convpad repad a.keras b.keras --padding sa", ["same", "same_lower"]),
    ("convpad solve 24 --framework t", ["tensorflow", "torch", "theano"]),
    ("convpad solve 24 --op co", ["conv", "conv_transpose"]),
    ("convpad solve 24 --rounding ", ["floor", "ceil"]),
    ("convpad bench 24x8 --backend ", ["jax", "tensorflow", "torch"]),
    ("convpad audit ", []),  # the shell offers files
])  # fmt: skip
def test_values_of_options_are_completed(line: str, words: list[str]) -> None:
    assert complete(line) == words


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("", None), (None, None)])
def test_a_pipe_has_the_width_that_columns_says(
    columns: str | None, width: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    assert output.terminal() == (width, False)


@pytest.mark.parametrize(("name", "size", "shown"), [
    ("small.onnx", 10, False), ("large.onnx", 20_000_001, True), ("program.pt2", 10, True), ("none.onnx", None, False),
])  # fmt: skip
def test_files_that_take_their_time_show_progress(
    name: str, size: int | None, shown: bool, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptions: list[str] = []

    @contextmanager
    def progress(description: str, total: float | None) -> Any:
        descriptions.append(description)
        yield

    monkeypatch.setattr(output, "progress", progress)
    if size is not None:
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    with output.reading(str(tmp_path / name), "other.keras"):
        pass
    assert descriptions == ([f"reading {name} and other.keras"] if shown else [])


def test_progress_without_a_total() -> None:
    with output.progress("reading", None) as (bar, _):
        assert bar.tasks[0].total is None
