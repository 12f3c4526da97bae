"""JAX: everything under `jax.jit`; the peers are Flax's `nnx.Conv` and Equinox's `Conv`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax

from benchmarks.contestants import Contestant, Entry, Task, layouts
from benchmarks.rows import VALUE, Pairs, Row

__all__ = ["ENGINE"]

WORDS = {"zeros": "constant", "ignore": "constant", "constant": "constant"}
WORDS |= {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _layout(rank: int) -> tuple[str, str, str]:
    space = "DHW"[3 - rank :]
    return (f"N{space}C", f"{space}IO", f"N{space}C")


def _convolved(row: Row, x: Any, kernel: Any, pairs: Pairs) -> Any:
    groups = x.shape[-1] if row.depthwise else 1
    if row.depthwise:
        kernel = kernel.reshape(*row.window, 1, -1)
    ones = (1,) * row.rank
    strides, dilation = (tuple(step * one for one in ones) for step in (row.stride, row.dilation))
    options = {"dimension_numbers": _layout(row.rank), "feature_group_count": groups}
    return lax.conv_general_dilated(x, kernel, strides, pairs, rhs_dilation=dilation, **options)


class Jax:
    """See `Engine`."""

    name = "jax"

    def pad(self, x: Any, pairs: Pairs, modes: tuple[str, ...]) -> Any:
        if len(set(modes)) == 1:
            values = {"constant_values": VALUE} if modes[0] == "constant" else {}
            return jnp.pad(x, ((0, 0), *pairs, (0, 0)), WORDS[modes[0]], **values)
        for axis, mode in enumerate(modes):
            alone = tuple(pair if place == axis else (0, 0) for place, pair in enumerate(pairs))
            x = self.pad(x, alone, (mode,) * len(modes))
        return x

    def valid(self, row: Row, x: Any, kernel: Any) -> Any:
        return _convolved(row, x, kernel, ((0, 0),) * row.rank)

    def ones(self, shape: tuple[int, ...], like: Any) -> Any:
        return jnp.ones(shape, like.dtype)

    def adjoint(self, function: Callable[[Any, Any], Any], shape: tuple[int, ...]) -> Callable[[Any, Any], Any]:
        def transposed(y: Any, kernel: Any) -> Any:
            _, back = jax.vjp(lambda x: function(x, kernel), jnp.zeros(shape, y.dtype))
            return back(y)[0]

        return transposed

    def limit(self, task: Task) -> Entry:
        row = task.row
        if not row.transposed:
            return Entry("limit", lambda x, kernel: _convolved(row, x, kernel, row.pairs), row.pairs, task.zeros)

        def transposed(y: Any, kernel: Any) -> Any:
            options = {"dimension_numbers": _layout(row.rank), "transpose_kernel": True}
            return lax.conv_transpose(y, kernel, (row.stride,) * row.rank, "SAME", **options)

        return Entry("limit", transposed, row.pairs, task.zeros)

    def peers(self, task: Task) -> list[Entry]:
        if task.row.transposed or len(set(task.modes)) > 1:
            return []
        return [
            *(_flax(task) if find_spec("flax") else ()),
            *(_equinox(task) if find_spec("equinox") else ()),
        ]

    def contestant(self, entry: Entry, task: Task) -> Contestant:
        arrays = list(task.arrays)
        if entry.layout == "first":
            x, kernel, cotangent = arrays
            arrays = [layouts.first(x), layouts.kernel_first(kernel, task.row), layouts.first(cotangent)]
        x, kernel, cotangent = (jnp.asarray(array, task.dtype) for array in arrays)

        def function(x: Any, kernel: Any) -> Any:
            if entry.layer is None:
                return entry.function(x, kernel)
            with keras.StatelessScope([(entry.layer.kernel, kernel)]):
                return entry.function(x, kernel)

        def gradient(x: Any, kernel: Any, cotangent: Any) -> tuple[Any, Any, Any]:
            out, back = jax.vjp(function, x, kernel)
            return (out, *back(cotangent))

        forward, backward = jax.jit(function), jax.jit(gradient)

        def read(tensors: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            out, input_gradient, kernel_gradient = (np.asarray(tensor, "float32") for tensor in tensors)
            if entry.layout == "first":
                out, input_gradient = layouts.last(out), layouts.last(input_gradient)
                kernel_gradient = layouts.kernel_last(kernel_gradient, task.row)
            return out, input_gradient, kernel_gradient

        def temporary(step: str) -> int:
            lowered = forward.lower(x, kernel) if step == "forward" else backward.lower(x, kernel, cotangent)
            return lowered.compile().memory_analysis().temp_size_in_bytes

        return Contestant(
            entry.name,
            lambda: jax.block_until_ready(forward(x, kernel)),
            lambda: jax.block_until_ready(backward(x, kernel, cotangent)),
            read,
            entry.pairs,
            entry.modes,
            temporary,
        )


def _flax(task: Task) -> list[Entry]:
    """Flax wraps and reflects by half the window, and pads with zeros as it is told."""
    from flax import nnx

    row, mode = task.row, task.modes[0]
    if mode not in ("zeros", "circular", "reflect") or (row.padding == "causal" and mode != "zeros"):
        return []
    padding = row.padding.upper() if mode == "zeros" else mode.upper()
    with jax.ensure_compile_time_eval():
        layer = nnx.Conv(
            row.channels,
            row.filters,
            row.window,
            row.stride,
            padding=padding,
            kernel_dilation=row.dilation,
            feature_group_count=row.channels if row.depthwise else 1,
            use_bias=False,
            dtype=task.dtype,
            param_dtype=task.dtype,
            rngs=nnx.Rngs(0),
        )
    graph, state = nnx.split(layer)

    def run(x: Any, kernel: Any) -> Any:
        given = jax.tree.map(lambda leaf: kernel.reshape(leaf.shape), state)  # its kernel is all there is
        return nnx.merge(graph, given)(x)

    return [Entry("flax", run, row.pairs if mode == "zeros" else row.even_pairs, task.modes)]


def _equinox(task: Task) -> list[Entry]:
    """Equinox computes channels first and one sample at a time, which `jax.vmap` makes a batch again."""
    import equinox

    row, mode = task.row, task.modes[0]
    if mode in ("constant", "ignore"):
        return []
    layer = equinox.nn.Conv(
        row.rank,
        row.channels,
        row.filters,
        row.window,
        row.stride,
        padding=row.pairs,
        dilation=row.dilation,
        groups=row.channels if row.depthwise else 1,
        use_bias=False,
        padding_mode=mode.upper(),
        key=jax.random.PRNGKey(0),
    )

    def run(x: Any, kernel: Any) -> Any:
        return jax.vmap(equinox.tree_at(lambda conv: conv.weight, layer, kernel))(x)

    return [Entry("equinox", run, row.pairs, task.modes, layout="first")]


ENGINE = Jax()
