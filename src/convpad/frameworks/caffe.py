"""Caffe: layers of a prototxt (https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto).

One number for both sides of an axis, zeros alone. Its pools round up and then drop a window that starts in the padding
(src/caffe/layers/pooling_layer.cpp; `round_mode: FLOOR` since 2018), leave the padding out of a maximum, and count it
in an average, but not what a window has beyond it. Its im2col convolutions take any number of axes, its pools two.
It has no layer that pads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import per_axis
from convpad.core.window import Window
from convpad.frameworks.code import as_padding, default_mode, require, unless_zero
from convpad.frameworks.query import OpQuery, pads_within_kernel

PADS = ()

_DEFAULTS = {"pad": 0, "stride": 1, "dilation": 1}
_SIZE_UNKNOWN = "Caffe has no word for an amount that depends on the size."
_UNEVEN = "Caffe pads both sides of an axis equally, and has no layer that pads."


def check(query: OpQuery) -> None:
    require(query.rank == 2 or not query.is_pool, "Caffe pools two axes.")
    require(not (query.is_pool and query.dilation), "Caffe's pools have no dilation.")


def arguments(query: OpQuery) -> dict[str, Any]:
    return _pool(query) if query.is_pool else _conv(query)


def _conv(query: OpQuery) -> dict[str, Any]:
    require(query.has_default_mode, "Caffe pads with zeros, and has no layer that pads otherwise.")
    query.known_pairs(_SIZE_UNKNOWN)
    pads = [before for before, _ in query.reach]
    pairs = [(pad, pad) for pad in pads]
    require(query.reach == pairs if query.is_transposed else query.is_equivalent(pairs), _UNEVEN)
    return unless_zero("pad", pads)


def _pool(query: OpQuery) -> dict[str, Any]:
    if query.op == "average_pool":
        require(query.only_modes("zeros"), "Caffe's average pools count the padding as zeros.")
    else:
        require(query.has_default_mode, "Caffe's padding never wins in a maximum.")
    pads = [before for before, _ in query.known_pairs(_SIZE_UNKNOWN)]
    pairs = [(pad, pad) for pad in pads]
    pads_within_kernel(query, pairs, "Caffe's")
    rounds_down, rounds_up = query.is_equivalent(pairs), _rounds_up(query, pads)
    if query.op == "average_pool" and not rounds_down:
        rounds_up = False  # what an average has beyond the padding, Caffe leaves out of its count
    require(rounds_down or rounds_up, _UNEVEN)
    return {**unless_zero("pad", pads), **({} if rounds_up else {"round_mode": "FLOOR"})}


def _rounds_up(query: OpQuery, pads: Sequence[int]) -> bool:
    """Return whether Caffe's own rounding gives the pool's outputs, and its last windows hold a value."""
    windows = query.problem.windows
    outputs = _pool_outputs(windows, pads)
    # Where Caffe does not pad, its last window may stand behind the axis and hold no value.
    rows = zip(windows, outputs, pads, strict=True)
    blank = any(w.size and count and (count - 1) * w.stride >= w.size + pad for w, count, pad in rows)
    return not blank and outputs == [window.output for window in windows]


def _pool_outputs(windows: Sequence[Window], pads: Sequence[int]) -> list[int | None]:
    """Count the outputs as PoolingLayer::Reshape does, which drops a window that starts in the padding."""
    counts: list[int | None] = []
    for w, pad in zip(windows, pads, strict=True):
        if w.size is None:
            counts.append(None)
            continue
        outputs = -((w.span - w.size - 2 * pad) // w.stride) + 1
        counts.append(outputs - (any(pads) and (outputs - 1) * w.stride >= w.size + pad))
    return counts


def code(query: OpQuery, arguments: dict[str, Any]) -> str:
    pads = per_axis("pad", arguments.get("pad", 0), query.rank, 0)
    fields = {"pad": pads, "kernel_size": query.kernel, "stride": query.problem.strides}
    if query.is_pool:
        kind, param = "Pooling", "pooling_param"
        text = f" pool: {'AVE' if query.op == 'average_pool' else 'MAX'}  {_fields(fields, split=True)}"
        text += "  round_mode: FLOOR" if "round_mode" in arguments else ""
    else:
        kind, param = "Deconvolution" if query.is_transposed else "Convolution", "convolution_param"
        groups = f"  group: {query.groups}" if query.groups else ""
        text = f" num_output: {query.features}{groups}  {_fields({**fields, 'dilation': query.problem.dilation})}"
    return f'layer {{\n  name: "y"  type: "{kind}"  bottom: "x"  top: "y"\n  {param} {{{text} }}\n}}'


def _fields(fields: Mapping[str, Sequence[int]], *, split: bool = False) -> str:
    """Write fields that come once for all axes, or else once for each: `split` as _h and _w."""
    texts: list[str] = []
    for name, values in fields.items():
        if len(set(values)) == 1:
            texts += [f"{name}: {values[0]}"] if values[0] != _DEFAULTS.get(name) else []
        elif split:
            short = "kernel" if name == "kernel_size" else name
            texts += [f"{short}_h: {values[0]}", f"{short}_w: {values[1]}"]
        else:
            texts += [f"{name}: {value}" for value in values]
    return "  ".join(texts)


def parse(windows: tuple[Window, ...], op: str, pad: Any = 0, round_mode: str = "CEIL") -> Padding:
    if round_mode not in ("CEIL", "FLOOR"):
        raise refuse("round_mode", "be 'CEIL' or 'FLOOR'", round_mode)
    pads = per_axis("pad", pad, len(windows), 0)
    pairs: list[tuple[int, int] | None] = [(number, number) for number in pads]
    if "pool" in op and round_mode == "CEIL":
        rows = zip(windows, pads, _pool_outputs(windows, pads), strict=True)
        pairs = [
            None if o is None else (p, max((o - 1) * w.stride + w.span - (w.size or 0) - p, 0)) for w, p, o in rows
        ]
    return as_padding(pairs, default_mode(op, counts=True))
