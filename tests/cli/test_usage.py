"""Arguments of commands that make no sense: one line, and exit status 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from frameworks import CHOSEN
from typer.testing import CliRunner

from convpad import ModelFileError
from convpad.cli.commands import app
from convpad.cli.wording import OPTIONS, in_options

once = pytest.mark.skipif("numpy" not in CHOSEN, reason="once is enough")

COMMANDS: Any = typer.main.get_command(app)


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


@once
@pytest.mark.parametrize("command", sorted(COMMANDS.commands))
def test_an_unknown_option(command: str) -> None:
    done = invoke(command, "--no-such-option")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"convpad {command}: No such option: --no-such-option")
    assert done.stderr.endswith(f". Try: convpad {command} --help\n")
    assert done.stderr.count("\n") == 1


@once
@pytest.mark.parametrize(("arguments", "said"), [
    (("repad",), "convpad repad: Missing argument 'MODEL'. Try: convpad repad --help"),
    (("fold", "a.keras"), "convpad fold: Missing argument 'OUT'. Try: convpad fold --help"),
    (("compare", "a.onnx"), "convpad compare: Missing argument 'SECOND'. Try: convpad compare --help"),
    (("repad", "a.keras", "b.keras", "--mode"),
     "convpad repad: Option '--mode' requires an argument. Try: convpad repad --help"),
    (("nothing",), "convpad: No such command 'nothing'. Try: convpad --help"),
    (("--nothing",), "convpad: No such option: --nothing. Try: convpad --help"),
])  # fmt: skip
def test_what_is_missing_or_unknown(arguments: tuple[str, ...], said: str) -> None:
    done = invoke(*arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", said + "\n")


@once
def test_without_a_command_it_helps() -> None:
    done = invoke()
    assert done.exit_code == 2
    assert all(f"\n  {command} " in done.output for command in COMMANDS.commands)


@once
@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), ("audit", "--help"), ("explain", "6", "--kernel", "3")]
)
def test_what_is_fine_ends_with_0(arguments: tuple[str, ...]) -> None:
    assert (invoke(*arguments).exit_code, invoke(*arguments).stderr) == (0, "")


@once
def test_an_error_of_convpad_s_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convpad.explain", lambda *arguments, **options: 1 / 0)
    assert isinstance(invoke("explain", "6", "--kernel", "3").exception, ZeroDivisionError)


@once
@pytest.mark.parametrize(("table", "said"), [
    (b"\xff\xfe\x00", "`--table` must be text in UTF-8. Received: "),
    (b"5," * 600_000, "`--table` must be a table of at most 1000000 bytes. Received: "),
    (None, "table cannot be read: No such file or directory."),
])  # fmt: skip
def test_tables_that_cannot_be_read_are_model_file_errors(table: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "table"
    if table is not None:
        path.write_bytes(table)
    with pytest.raises(ModelFileError) as caught:
        app(["solve", "--table", str(path)], standalone_mode=False)
    assert said in str(caught.value)
    done = invoke("solve", "--table", str(path))
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"convpad solve: {caught.value}\n")


@once
@pytest.mark.parametrize("command", ["fold", "repad"])
def test_a_missing_package_is_a_model_file_error(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.keras"
    path.touch()
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setitem(sys.modules, "keras", None)
    arguments = [command, str(path), str(tmp_path / "new.keras")]
    with pytest.raises(ModelFileError) as caught:
        app(arguments, standalone_mode=False)
    assert str(caught.value) == "To read model.keras, install keras: pip install keras"
    assert invoke(*arguments).stderr == f"convpad {command}: {caught.value}\n"


@once
def test_as_a_process_it_ends_so_too() -> None:
    call = [sys.executable, "-c", "from convpad.cli import main; main()", "fold"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "convpad fold: Missing argument 'MODEL'. Try: convpad fold --help\n"


@pytest.mark.parametrize("json", [(), ("--json",), ("--all",)])
def test_what_is_impossible_has_a_status_of_its_own(json: tuple[str, ...], tmp_path: Path) -> None:
    arguments = ["solve", "224", "55", "--kernel", "11", "--stride", "4", "--padding", "valid", *json]
    assert CliRunner().invoke(app, arguments).exit_code == 1
    arguments[1] = "227"
    assert CliRunner().invoke(app, arguments).exit_code == 0
    table = tmp_path / "table.csv"
    for size, status in (("224", 1), ("227", 0)):
        table.write_text(f"name,size,kernel,stride,padding\ninput,{size},,,\nconv1,55,11,4,valid\n")
        assert CliRunner().invoke(app, ["solve", "--table", str(table)]).exit_code == status


@pytest.mark.parametrize("mode", ["nan", "inf", "reflect,-inf"])
def test_constants_are_finite(mode: str) -> None:
    done = CliRunner().invoke(app, ["explain", "24x24", "--kernel", "3", "--padding", "1", "--mode", mode])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"convpad explain: `--mode` must be a mode's name or a finite number. Received: {mode.rpartition(',')[2]!r}.\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file of Linux's, which is full")
@pytest.mark.parametrize("json", [(), ("--json",)])
def test_a_full_standard_output_is_said_on_one_line(json: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "convpad", "explain", "24", "--kernel", "3", *json]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    said = "convpad explain: The standard output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_a_pipe_that_nobody_reads_is_no_error_to_tell() -> None:
    command = f"{sys.executable} -m convpad solve 224 112 --json | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (len(done.stdout), done.stderr) == (10, "")


@once
@pytest.mark.parametrize(("arguments", "said"), [
    (["explain", "24", "--kernel", "3", "--mode", "refelct"],
     "`--mode` must be one of 'zeros', 'reflect', 'symmetric', 'replicate', 'circular', 'reflect_odd', "
     "'symmetric_odd', 'ignore' or a number. Received: 'refelct'. Did you mean 'reflect'?"),
    (["explain", "0", "--kernel", "3"], "`SIZE` must be a positive int. Received: 0."),
    (["explain", "8", "--kernel", "3", "--ceil"], "`--ceil` must be left out but for a pool. Received: True."),
    (["solve", "8", "4", "--framework", "pytorch"], "`--framework` must be one of "),
    (["solve", "8", "4", "--rounding", "up"], "`--rounding` must be "),
    (["solve", "8", "0"], "`OUTPUT` must be "),
    (["explain", "8", "--kernel", "3", "--dilation", "0"], "`--dilation` must be "),
    (["explain", "8", "--kernel", "3x3"], "`--kernel` must be "),
])  # fmt: skip
def test_refusals_name_the_options(arguments: list[str], said: str) -> None:
    done = invoke(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"convpad {arguments[0]}: {said}")


@once
def test_words_of_a_model_are_not_taken_for_options() -> None:
    assert in_options("`strides` must be 1", "audit", ["--input-shape"]) == "`strides` must be 1"
    assert in_options("`input_shape` must be 1", "audit", ["--input-shape"]) == "`--input-shape` must be 1"
    assert in_options("Line 2 of the table: `padding` must be 1", "solve", ["--padding"]).endswith(
        "`padding` must be 1"
    )


@once
def test_every_argument_has_an_option_that_a_command_has() -> None:
    spellings = {
        spelling
        for command in COMMANDS.commands.values()
        for parameter in command.params
        for spelling in (*parameter.opts, getattr(parameter, "metavar", None))
    }
    assert {*OPTIONS.values()} <= spellings
