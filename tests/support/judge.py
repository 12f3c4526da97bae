"""A judge of readings: it runs a model, and says whether the windows that a reader found give what the model gives.

It knows no reader and no padding rule of convpad: NumPy pads, and windows are sums written out here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from cases import NUMPY

from convpad.models.windows import ModelWindows, PaddedWindow

Run = Callable[[Any], Any]
"""A model: an array, batch and channels first, to an array."""

HOLE = np.nan
"""What stands where nothing counts."""
UNKNOWN = 1e30
"""What stands for a constant that a reader does not know."""


def extended(x: Any, axis: int, sides: Sequence[tuple[int, tuple[str, Any]]]) -> Any:
    """An axis with (amount, fill) before and after it, both made of what is inside."""
    outside = []
    for side, (amount, (mode, value)) in enumerate(sides):
        widths = [(0, 0)] * x.ndim
        widths[axis] = (amount, 0) if side == 0 else (0, amount)
        if mode in NUMPY:
            padded = np.pad(x, widths, **NUMPY[mode])
        elif isinstance(value, tuple):  # a number for each channel, of which `x` may be the first alone
            shape = [size + sum(width) for size, width in zip(x.shape, widths, strict=True)]
            padded = np.broadcast_to(np.reshape(value[: x.shape[1]], (1, -1, *[1] * (x.ndim - 2))), shape)
        else:
            constant = {"zeros": 0.0, "ignore": HOLE}.get(mode, value)
            padded = np.pad(x, widths, constant_values=UNKNOWN if constant is None else constant)
        size = padded.shape[axis]
        outside.append(np.take(padded, range(amount) if side == 0 else range(size - amount, size), axis))
    return np.concatenate([outside[0], x, outside[1]], axis)


def padded(window: PaddedWindow, x: Any) -> Any:
    """The input of a window with the padding of the layers ahead of it."""
    for pad in window.pads:
        for axis, (amounts, fills) in enumerate(zip(pad.pairs, pad.fills, strict=True)):
            x = extended(x, 2 + axis, list(zip(amounts, fills, strict=True)))
    return x


def expected(window: PaddedWindow, x: Any, weight: Any = None) -> Any:
    """What a window gives on an input that nothing has padded, by what a reader says of it.

    Args:
        weight: of a convolution, in PyTorch's order.
    """
    x = padded(window, x)
    if None in window.problem.input_shape[2:]:  # on sizes that its model does not tell
        window = replace(window, problem=window.config.problem(x.shape))
    if window.op == "conv_transpose":
        return _transposed(window, x, weight)
    own = [window.problem.windows[axis] for axis in range(len(window.kernel))]
    for axis, (place, (before, after)) in enumerate(zip(own, window.problem.modes, strict=True)):
        fills = [(mode.name, value) for mode, value in zip((before, after), window.padding.values[axis], strict=True)]
        x = extended(x, 2 + axis, [(place.before or 0, fills[0]), (place.after or 0, fills[1])])
    for axis, place in enumerate(own):  # beyond all padding there is nothing
        if place.ceil:
            hang = max(((place.output or 1) - 1) * place.stride + place.span - x.shape[2 + axis], 0)
            x = extended(x, 2 + axis, [(0, ("zeros", None)), (hang, ("ignore", None))])
    spans = [range(0, k * d, d) for k, d in zip(window.kernel, window.dilation, strict=True)]
    counts = [
        (size - (k - 1) * d - 1) // s + 1
        for size, k, d, s in zip(x.shape[2:], window.kernel, window.dilation, window.strides, strict=True)
    ]
    taps = []
    for tap in product(*spans):
        cut = [slice(t, t + (n - 1) * s + 1, s) for t, n, s in zip(tap, counts, window.strides, strict=True)]
        taps.append(x[(slice(None), slice(None), *cut)])
    stack = np.stack(taps, -1)
    if window.op == "max_pool":
        return np.nanmax(stack, -1)
    if window.op == "average_pool":
        return np.nanmean(stack, -1)
    groups = window.problem.groups if window.op == "conv" else x.shape[1]
    parts = stack.reshape(stack.shape[0], groups, -1, *stack.shape[2:])
    kernel = weight.reshape(groups, weight.shape[0] // groups, weight.shape[1], -1)
    result = np.einsum("ngc...t,gfct->ngf...", np.nan_to_num(parts), kernel)
    # What is left out is made up for by what is there.
    covered = (~np.isnan(stack)).any(1, keepdims=True).sum(-1)
    scale = np.where(covered, stack.shape[-1] / np.maximum(covered, 1), 0)
    return result.reshape(x.shape[0], weight.shape[0], *counts) * scale


def _transposed(window: PaddedWindow, x: Any, weight: Any) -> Any:
    groups = window.problem.groups
    sizes = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in
             zip(x.shape[2:], window.strides, window.kernel, window.dilation, strict=True)]  # fmt: skip
    outputs = [size or 0 for size in window.output]
    crops = [axis.before or 0 for axis in window.problem.windows]
    whole = np.zeros(
        (x.shape[0], weight.shape[1] * groups, *(max(a, b + c) for a, b, c in zip(sizes, outputs, crops, strict=True)))
    )
    parts = x.reshape(x.shape[0], groups, -1, *x.shape[2:])
    kernel = weight.reshape(groups, -1, *weight.shape[1:])
    for tap in product(*(range(k) for k in window.kernel)):
        values = np.einsum("ngc...,gcf->ngf...", parts, kernel[(slice(None), slice(None), slice(None), *tap)])
        values = values.reshape(x.shape[0], -1, *x.shape[2:])
        cut = [slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in
               zip(tap, window.dilation, x.shape[2:], window.strides, strict=True)]  # fmt: skip
        whole[(slice(None), slice(None), *cut)] += values
    modes = zip(window.problem.modes, window.padding.values, strict=True)
    for axis, (size, crop, (names, values)) in enumerate(zip(outputs, crops, modes, strict=True)):
        whole = _taken_back(whole, 2 + axis, size, crop, [(m.name, v) for m, v in zip(names, values, strict=True)])
    return whole


def _taken_back(whole: Any, axis: int, size: int, before: int, fills: Any) -> Any:
    """The adjoint of the padding of an axis: what stands outside is added to the values that it would copy."""
    after = max(whole.shape[axis] - size - before, 0)
    copies = [fill if fill[0] in NUMPY else ("zeros", None) for fill in fills]
    unit = np.eye(size).reshape(size, 1, size)
    copied = extended(unit, 2, [(before, copies[0]), (after, copies[1])])[:, 0]
    part = np.take(whole, range(before + size + after), axis)
    return np.moveaxis(np.tensordot(part, copied, (axis, 1)), -1, axis)


def parts_of(x: Any, sizes: Sequence[int | None]) -> Iterable[Any]:
    """Every even part of an input that has these sizes: what is taken away ahead of a window is no padding."""
    choices = []
    for size, want in zip(x.shape[2:], sizes, strict=True):
        runs = [range(size)] if want is None else [
            range(start, start + (want - 1) * step + 1, step)
            for step in range(1, size + 1)
            for start in range(size - (want - 1) * step if want > 1 or step == 1 else 0)
        ]  # fmt: skip
        choices.append([run for run in runs if len(run) == (want or size)])
    for runs in product(*choices):
        part = x
        for axis, run in enumerate(runs):
            part = np.take(part, run, 2 + axis)
        yield part


def single_error(run: Run, reading: ModelWindows, x: Any, weight: Any = None) -> str:
    """What is silently wrong in the reading of a model of one window; "" if nothing is.

    An entry of what is unread is a reading that is not silent.
    """
    if reading.unsupported:
        return ""
    loose = [pad for pad in reading.unattached if any(map(any, pad.pairs))]
    if len(reading.windows) != 1 or loose:
        return f"{len(reading.windows)} windows, {len(loose)} layers that pad ahead of none"
    (window,), y = reading.windows, run(x)
    if len(window.input) != x.ndim - 2:
        x, y, weight = _with_axes(window, x, y, weight)
    for part in parts_of(x, window.input):
        found = expected(window, part, weight)
        if found.shape == y.shape:
            known = np.abs(found) < UNKNOWN / 1e10
            if np.allclose(found[known], y[known], rtol=1e-4, atol=1e-4):
                return ""
    return f"other outputs than {window.amounts} of {window.fills}"


def _with_axes(window: PaddedWindow, x: Any, y: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Arrays with the axes of one value that a framework has put ahead of its window."""
    extra = len(window.input) - (x.ndim - 2)
    wide = [None if array is None else array.reshape(*array.shape[:2], *(1,) * max(extra, 0), *array.shape[2:])
            for array in (x, y, weight)]  # fmt: skip
    return wide[0], wide[1], wide[2]


def places_read(run: Run, shape: Sequence[int], seed: int = 0) -> Any:
    """Which places of the input each place of the output reads: (outputs, inputs), found by changing the input."""
    rng, read = np.random.default_rng(seed), None
    spatial = shape[2:]
    for change in (1e3, -1e3, 0.7):
        x = rng.normal(size=shape)
        y = run(x)
        moved = np.zeros((int(np.prod(y.shape[2:])), int(np.prod(spatial))), bool)
        for index, place in enumerate(product(*map(range, spatial))):
            other = x.copy()
            other[(slice(None), slice(None), *place)] += change
            far = np.abs(run(other) - y) > 1e-4
            moved[:, index] = far.any((0, 1)).ravel()
        read = moved if read is None else read | moved
    return read


def places_said(reading: ModelWindows, spatial: Sequence[int]) -> Any:
    """The same by what a reader says, of windows that follow each other; None where sizes do not follow."""
    read, sizes = np.eye(int(np.prod(spatial)), dtype=bool), tuple(spatial)
    for window in reading.windows:
        if window.input != sizes:
            return None
        # A positive kernel on one-hot inputs: what is not 0 has been read.
        basis = read.T.reshape(-1, 1, *sizes).astype(float)
        flat = basis.reshape(basis.shape[0], -1)
        generic = np.random.default_rng(1).uniform(0.5, 1.5, size=flat.shape)
        x = (flat * generic).reshape(basis.shape)
        weight = np.random.default_rng(2).uniform(0.5, 1.5, size=(1, 1, *window.kernel))
        y = _of_one_channel(window, x, weight) - _of_one_channel(window, 0 * x, weight)
        sizes = y.shape[2:]
        read = (np.abs(y.reshape(y.shape[0], -1)) > 1e-9).T
    return read


def _of_one_channel(window: PaddedWindow, x: Any, weight: Any) -> Any:
    """A window on one channel; a maximum as a mean, which reads every place."""
    op = {"max_pool": "average_pool", "depthwise_conv": "conv"}.get(window.op, window.op)
    config, problem = replace(window.config, op=op), replace(window.problem, groups=1, op=op)
    return expected(replace(window, config=config, problem=problem), x, weight)


def composite_error(run: Run, reading: ModelWindows, shape: Sequence[int]) -> str:
    """What is silently wrong in the reading of windows that follow each other; "" if nothing is."""
    if reading.unsupported or reading.unattached:
        return ""
    said = places_said(reading, shape[2:])
    if said is None:
        return ""
    read = places_read(run, shape)
    if said.shape != read.shape:
        return f"{said.shape[0]} places of the output, not {read.shape[0]}"
    return "" if (said == read).all() else f"{int((said != read).sum())} places read otherwise"
