"""docs/exports.md: its tables, as the exports make them. `python tests/support/export_page.py` writes them again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "exports.md"

COLUMNS = {
    "tf_saved_model": "SavedModel",
    "onnx": "ONNX",
    "litert": "LiteRT",
    "openvino": "OpenVINO",
    "torch": "torch.export",
    "torchscript": "TorchScript",
    "jax": "jax.export",
}
"""The runtimes of the tables, by their columns."""

# What pads, wherever it comes in the name of an operation; beside it only what computes with the padded tensor.
PADS = re.compile(r"pad|gather|slice|concat|^aten[.:]+cat\b|index|xlacall", re.IGNORECASE)
CONSTANT = {"PAD", "PADV2", "Pad constant", "Pad", "PadV2"}


def carriers(operations: list[str]) -> str:
    """What pads in an artefact: its operations on the numbers that can; none is the convolution itself."""
    names = [re.sub(r"^aten[.:]+", "", name) for name in operations if PADS.search(name)]
    return " ".join(f"`{name}`" for name in sorted(set(names))) or "the convolution"


def made(portable: bool) -> dict[str, dict[str, str]]:
    """What pads by way to export and mode, in this process's backend."""
    from export_routes import HERE, run
    from exports import page
    from impossible import impossible
    from runtimes import Runtimes

    runtimes = Runtimes()
    answers: dict[str, dict[str, str]] = {}
    for route in (route for route in HERE if route.runtime in COLUMNS and not route.seldom):
        answers[route.name] = {}
        for cell in page(portable):
            if impossible(route, cell):
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    answers[route.name][cell.mode] = carriers(run(route, cell, Path(folder), runtimes))
                except Exception as error:  # the test of the cell fails, and the page does not have it
                    sys.stderr.write(f"{route.name}: {cell}: {error}\n")
    runtimes.close()
    return answers


def read(portable: bool) -> dict[str, dict[str, set[str]]]:
    """What the page says: by column and mode, the ways in which a padding is written there."""
    text = PAGE.read_text(encoding="utf-8")
    table = re.findall(r"<!-- table -->\n(.*?)<!-- end -->", text, re.DOTALL)[int(portable)]
    heads, _, *rows = [[part.strip() for part in line.strip("| \n").split("|")] for line in table.strip().splitlines()]
    return {head: {row[0]: set(row[place].split(", or ")) for row in rows} for place, head in enumerate(heads) if place}


def table(answers: dict[str, dict[str, str]]) -> str:
    """A table of modes and runtimes."""
    from export_routes import ROUTES
    from exports import MODES

    runtimes = {route.name: route.runtime for route in ROUTES}
    lines = [f"| mode | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for mode in MODES:
        columns = []
        for runtime in COLUMNS:
            words = {made[mode] for name, made in answers.items() if runtimes[name] == runtime and mode in made}
            columns.append(", or ".join(sorted(words)))
        lines.append(f"| {mode} | {' | '.join(columns)} |")
    return "\n".join(lines) + "\n"


def write() -> None:
    """Export, run and write the tables, a process for each backend."""
    processes = []
    for backend in ("tensorflow", "jax", "torch"):
        command, environment = [sys.executable, __file__, "made"], {**os.environ, "KERAS_BACKEND": backend}
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE))
    tables: list[dict[str, dict[str, str]]] = [{}, {}]
    for process in processes:
        said, _ = process.communicate()
        assert process.returncode == 0
        for answers, more in zip(tables, json.loads(said.splitlines()[-1]), strict=True):
            answers.update(more)
    text = PAGE.read_text(encoding="utf-8")
    pieces: Any = iter(map(table, tables))
    text = re.sub(
        r"(<!-- table -->\n).*?(<!-- end -->)", lambda found: found[1] + next(pieces) + found[2], text, flags=re.DOTALL
    )
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if sys.argv[1:] == ["made"]:
        sys.stdout.write("\n" + json.dumps([made(False), made(True)]) + "\n")
    else:
        os.environ.setdefault("KERAS_BACKEND", "jax")
        write()
