"""JAX: everything under `jax.jit`; the peers are Flax's `nnx.Conv` and Equinox's `Conv`."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.contestants import Contestant, Entry, Task, layouts
from convpad.benchmark.runners import jax as engine

__all__ = ["ENGINE"]


class Jax(engine.Jax):
    """See `Engine`."""

    def limit(self, task: Task) -> Entry:
        row = task.row
        if not row.transposed:
            convolved = partial(engine.convolved, pairs=row.pairs, **row.moving)
            return Entry("limit", convolved, row.pairs, task.zeros)

        def transposed(y: Any, kernel: Any) -> Any:
            options = {"dimension_numbers": engine.layout(row.rank), "transpose_kernel": True}
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

        function = entry.function
        if entry.layer is not None:
            function = self.bound(entry.layer, lambda x: entry.function(x, None))
        steps = self.steps(function, x, kernel, cotangent)

        def read(tensors: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            out, input_gradient, kernel_gradient = map(self.array, tensors)
            if entry.layout == "first":
                out, input_gradient = layouts.last(out), layouts.last(input_gradient)
                kernel_gradient = layouts.kernel_last(kernel_gradient, task.row)
            return out, input_gradient, kernel_gradient

        def temporary(step: str) -> int:
            forward, backward = jax.jit(function), jax.jit(engine.gradient(function))
            lowered = forward.lower(x, kernel) if step == "forward" else backward.lower(x, kernel, cotangent)
            return lowered.compile().memory_analysis().temp_size_in_bytes

        return Contestant(entry.name, steps.forward, steps.backward, read, entry.pairs, entry.modes, temporary)


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
