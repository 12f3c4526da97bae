"""What does Caffe call it? Layers of a prototxt (https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto).

One number for both sides of an axis, zeros alone. Its pools round up and then drop a window that starts in the padding
(src/caffe/layers/pooling_layer.cpp; `round_mode: FLOOR` since 2018), leave the padding out of a maximum, and count it
in an average, but not what a window has beyond it. Its im2col convolutions take any number of axes, its pools two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import per_axis
from convpad.core.window import Window
from convpad.frameworks.code import Words, as_padding
from convpad.frameworks.query import Asked, warning

__all__ = ["WORDS", "read", "say"]

WORDS = ("pad", "round_mode")


def say(asked: Asked) -> Words:
    found = _pool(asked) if asked.pools else _conv(asked)
    if isinstance(found, str):
        return asked.cannot("caffe", found)
    pad, lines, more = found
    words = ((("pad", pad if len(set(pad)) > 1 else pad[0]),) if any(pad) else ()) + more
    note = warning(asked)
    return Words("caffe", lines, True, note, words)


Found = tuple[list[int], str, tuple[tuple[str, Any], ...]]


def _conv(asked: Asked) -> Found | str:
    if not asked.plain:
        return "Caffe pads with zeros, and has no layer that pads otherwise."
    if asked.pairs is None:
        return "Caffe has no word for an amount that depends on the size."
    pad = [before for before, _ in asked.reach]
    both = [(number, number) for number in pad]
    if not (asked.reach == both if asked.transposed else asked.agrees(both)):
        return "Caffe pads both sides of an axis alike, and has no layer that pads."
    fields = {
        "pad": pad,
        "kernel_size": asked.kernel,
        "stride": asked.problem.strides,
        "dilation": asked.problem.dilation,
    }
    more = f" num_output: {asked.features}" + (f"  group: {asked.groups}" if asked.groups else "")
    kind = "Deconvolution" if asked.transposed else "Convolution"
    return pad, _layer(kind, "convolution_param", f"{more}  {_repeated(fields)}"), ()


def _pool(asked: Asked) -> Found | str:
    if asked.rank != 2:
        return "Caffe pools two axes."
    average = asked.op == "average_pool"
    if not asked.only("zeros" if average else "ignore"):
        return (
            f"Caffe's {'average pools count the padding as zeros' if average else 'padding never wins in a maximum'}."
        )
    if asked.pairs is None:
        return "Caffe has no word for an amount that depends on the size."
    pad = [before for before, _ in asked.pairs]
    if any(number >= size for number, size in zip(pad, asked.kernel, strict=True)):
        return "Caffe's pools pad by less than their size."
    floor = asked.agrees([(number, number) for number in pad])
    ceil = [window.output for window in asked.problem.windows] == _outputs(asked.problem.windows, pad)
    # What an average has beyond the padding, Caffe leaves out of its count.
    if ceil and average and not floor:
        ceil = False
    if not (floor or ceil):
        return "Caffe pads both sides of an axis alike, and has no layer that pads."
    rounded = (("round_mode", "FLOOR"),) if floor and not ceil else ()
    fields = {"pad": pad, "kernel": asked.kernel, "stride": asked.problem.strides}
    lines = f" pool: {'AVE' if average else 'MAX'}  {_in_two(fields)}" + ("  round_mode: FLOOR" if rounded else "")
    return pad, _layer("Pooling", "pooling_param", lines), rounded


def _outputs(windows: Sequence[Window], pad: Sequence[int]) -> list[int | None]:
    """How many outputs Caffe's pools have, as its PoolingLayer::Reshape counts them."""
    found: list[int | None] = []
    for window, number in zip(windows, pad, strict=True):
        if window.size is None:
            found.append(None)
            continue
        outputs = -((window.span - window.size - 2 * number) // window.stride) + 1
        if any(pad):
            outputs -= (outputs - 1) * window.stride >= window.size + number
        found.append(outputs)
    return found


def _layer(kind: str, param: str, said: str) -> str:
    return f'layer {{\n  name: "y"  type: "{kind}"  bottom: "x"  top: "y"\n  {param} {{{said} }}\n}}'


def _repeated(fields: Mapping[str, Sequence[int]]) -> str:
    """Fields that may come once for all axes, or once for each."""
    default = {"pad": 0, "stride": 1, "dilation": 1}
    said: list[str] = []
    for name, values in fields.items():
        if set(values) != {default.get(name)}:
            said += [f"{name}: {value}" for value in (values[:1] if len(set(values)) == 1 else values)]
    return "  ".join(said)


def _in_two(fields: Mapping[str, Sequence[int]]) -> str:
    """Fields that come once for both axes, or as _h and _w."""
    default = {"pad": 0, "stride": 1}
    said: list[str] = []
    for name, (height, width) in fields.items():
        if height != width:
            said += [f"{name}_h: {height}", f"{name}_w: {width}"]
        elif height != default.get(name):
            said.append(f"{'kernel_size' if name == 'kernel' else name}: {height}")
    return "  ".join(said)


def read(windows: tuple[Window, ...], op: str, pad: Any = 0, round_mode: str = "CEIL") -> Padding:
    if round_mode not in ("CEIL", "FLOOR"):
        raise refuse("round_mode", "be 'CEIL' or 'FLOOR'", round_mode)
    pads = per_axis("pad", pad, len(windows), 0)
    pairs: list[tuple[int, int] | None] = [(number, number) for number in pads]
    if "pool" in op and round_mode == "CEIL":
        outputs = _outputs(windows, pads)
        pairs = [_reaching(w, number, o) for w, number, o in zip(windows, pads, outputs, strict=True)]
    return as_padding(pairs, "ignore" if op == "max_pool" else "zeros")


def _reaching(window: Window, pad: int, outputs: int | None) -> tuple[int, int] | None:
    if window.size is None or outputs is None:
        return None
    return pad, max((outputs - 1) * window.stride + window.span - window.size - pad, 0)
