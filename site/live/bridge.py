"""The functions that the page calls: convpad's own, from the texts of its fields to what is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import convpad
from convpad.core.errors import ConvpadError
from convpad.core.operation import POOLS
from convpad.core.texts import modes, numbers, padding
from convpad.frameworks import TITLES

_FIELDS = {
    "input_size": "input",
    "output_size": "output",
    "kernel_size": "kernel",
    "strides": "stride",
    "dilation_rate": "dilation",
    "padding": "padding",
    "padding_mode": "mode",
    "output_padding": "output_padding",
    "ceil_mode": "ceil",
    "rounding": "rounding",
    "op": "op",
}
"""The field of the page for each argument of the functions."""


def answer(function: str, argument: str) -> str:
    """Call one of the functions below with JSON, and return JSON: its result, or the refusal and its field."""
    functions: dict[str, Callable[[Any], Any]] = {
        "explain": explain,
        "solve": solve,
        "table": table,
        "audit": audit,
        "compare": compare,
    }
    try:
        return json.dumps({"result": functions[function](json.loads(argument))})
    except ConvpadError as error:
        message = str(error)
        named = re.match(r"`(\w+)`", message)
        return json.dumps({"error": message, "field": _FIELDS.get(named[1], named[1]) if named else ""})


def _explained(state: dict[str, str]) -> convpad.Explanation:
    given = {name: text.strip() or None for name, text in state.items()}
    return convpad.explain(
        numbers("input", given.get("input") or "?"),
        numbers("kernel", given.get("kernel") or "?"),
        strides=numbers("stride", given.get("stride")),
        dilation_rate=numbers("dilation", given.get("dilation") or "1"),
        padding=padding("padding", given.get("padding") or "valid"),
        padding_mode=modes(given.get("mode")),
        op=given.get("op") or "conv",
        output_padding=numbers("output_padding", given.get("output_padding")),
        ceil_mode=given.get("ceil") == "1",
    )


def explain(state: dict[str, str]) -> dict[str, Any]:
    """Return an explanation: its sentences, the data of its drawing, and the words of each framework."""
    explained = _explained(state)
    words = [
        {"title": TITLES[words.framework], "code": words.code, "exact": words.exact, "note": words.note}
        for words in explained.words
    ]
    return {
        "summary": explained.summary,
        "sentences": explained.sentences,
        "window": explained.window_data(),
        "words": words,
    }


def solve(state: dict[str, str]) -> dict[str, Any]:
    """Return the paddings that explain two sizes, each with its reason and the fields that explain it."""
    given = {name: text.strip() or None for name, text in state.items()}
    solutions = convpad.solve(
        numbers("input", given.get("input") or "?"),
        numbers("output", given.get("output") or "?"),
        kernel_size=numbers("kernel", given.get("kernel")),
        strides=numbers("stride", given.get("stride")),
        dilation_rate=numbers("dilation", given.get("dilation")),
        padding=padding("padding", given.get("padding")),
        op=given.get("op") or "conv",
        rounding=given.get("rounding"),
    )
    rows = [_solution(solution) for solution in solutions[:50]]
    nearest = [{"change": near.change, **_solution(near.solution)} for near in solutions.nearest]
    return {"summary": solutions.summary, "rows": rows, "nearest": nearest}


def _solution(solution: convpad.Solution) -> dict[str, Any]:
    axes = "x".join
    pads = axes(f"{before},{after}" for before, after in solution.pads)
    words = solution.words and solution.op != "conv_transpose"
    output = solution.output_padding
    state = {
        "op": solution.op,
        "input": axes(map(str, solution.input)),
        "kernel": axes(map(str, solution.kernel)),
        "stride": axes(map(str, solution.strides)),
        "dilation": axes(map(str, solution.dilation_rate)),
        "padding": solution.words[0] if words else pads,
        "mode": "ignore" if solution.op in POOLS else "zeros",
        "ceil": "1" if solution.rounding == "ceil" else "",
        "output_padding": "" if output is None else str(output).strip("()").replace(", ", "x"),
    }
    code = {TITLES[name]: solution.to_code(name).code for name in ("keras", "torch", "tensorflow")}
    return {"padding": str(solution.padding), "reason": solution.reason, "code": code, "state": state}


def table(text: str) -> dict[str, str]:
    """Return a solved table of sizes, as HTML."""
    chain = convpad.solve_chain(text)
    return {"summary": chain.summary, "html": chain._repr_html_()}


def _read(name: str) -> str:
    """Return the path of a dropped file; refuse those whose readers need compiled packages."""
    suffix = Path(name).suffix.lower()
    if suffix in (".onnx", ".pt2"):
        package = "onnx" if suffix == ".onnx" else "torch"
        raise convpad.ModelFileError(
            f"{name}: files that end in {suffix} are read with the package {package}, which has no build for "
            f"browsers. Run: convpad audit {name}"
        )
    return f"/dropped/{name}"


def audit(name: str) -> dict[str, str]:
    """Return the audit of a dropped file, as HTML."""
    audited = convpad.audit(_read(name))
    return {"summary": audited.summary, "html": audited._repr_html_()}


def compare(names: list[str]) -> dict[str, str]:
    """Return the comparison of two dropped files, as HTML."""
    comparison = convpad.compare(*map(_read, names))
    return {"summary": comparison.summary, "html": comparison._repr_html_()}
