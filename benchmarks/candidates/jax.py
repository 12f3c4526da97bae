"""JAX: everything runs under `jax.jit`; the peers are Flax's `nnx.Conv` and Equinox's `Conv`."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import Any

import jax
from jax import lax

from benchmarks.candidates import Case, Entry, Framework, MeasuredSteps, layouts
from convpad.benchmark.runners import Steps
from convpad.benchmark.runners import jax as runner

__all__ = ["RUNNER"]


class Jax(runner.Jax, Framework):
    """See `Framework`."""

    def limit(self, case: Case) -> Entry:
        row = case.row
        if not row.transposed:
            convolution = partial(runner.convolve, layer=row.layer(), pairs=row.pairs)
            return Entry("limit", convolution, row.pairs, case.zeros)

        def transposed(y: Any, kernel: Any) -> Any:
            options = {"dimension_numbers": runner.dimension_numbers(row.rank), "transpose_kernel": True}
            return lax.conv_transpose(y, kernel, (row.stride,) * row.rank, "SAME", **options)

        return Entry("limit", transposed, row.pairs, case.zeros)

    def peers(self, case: Case) -> list[Entry]:
        if case.row.transposed or len(set(case.modes)) > 1:
            return []
        return [
            *(_flax(case) if find_spec("flax") else ()),
            *(_equinox(case) if find_spec("equinox") else ()),
        ]

    def steps(self, function: Any, x: Any, kernel: Any, cotangent: Any) -> MeasuredSteps:
        steps = super().steps(function, x, kernel, cotangent)

        def temporary_bytes(step: str) -> int:
            if step == "forward":
                lowered = jax.jit(function).lower(x, kernel)
            else:
                lowered = jax.jit(runner.backward_of(function)).lower(x, kernel, cotangent)
            return lowered.compile().memory_analysis().temp_size_in_bytes  # pyright: ignore

        return MeasuredSteps(steps.forward, steps.backward, temporary_bytes)

    def compiled(self, entry: Entry, case: Case) -> tuple[Steps, Any]:
        arrays = case.arrays if entry.layout == "last" else layouts.first_arrays(case.arrays, case.row)
        function = entry.function
        if entry.layer is not None:
            function = self.bind(entry.layer, lambda x: entry.function(x, None))
        steps = self.steps(function, *(self.tensor(array, case.dtype) for array in arrays))
        return steps, lambda tensors: layouts.read(self.arrays(tensors), entry.layout, case.row)


def _flax(case: Case) -> list[Entry]:
    """Flax wraps and reflects by half the window, and pads with zeros as it is told."""
    from flax import nnx

    row, mode = case.row, case.modes[0]
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
            feature_group_count=row.channels if row.depthwise else row.groups,
            use_bias=False,
            dtype=case.dtype,
            param_dtype=case.dtype,
            rngs=nnx.Rngs(0),
        )
    graph, state = nnx.split(layer)

    def run(x: Any, kernel: Any) -> Any:
        given = jax.tree.map(lambda leaf: kernel.reshape(leaf.shape), state)  # its kernel is all there is
        return nnx.merge(graph, given)(x)

    return [Entry("flax", run, row.pairs if mode == "zeros" else row.even_pairs, case.modes)]


def _equinox(case: Case) -> list[Entry]:
    """Equinox computes channels first and one sample at a time, which `jax.vmap` makes a batch again."""
    import equinox

    row, mode = case.row, case.modes[0]
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
        groups=row.channels if row.depthwise else row.groups,
        use_bias=False,
        padding_mode=mode.upper(),
        key=jax.random.PRNGKey(0),
    )

    def run(x: Any, kernel: Any) -> Any:
        return jax.vmap(equinox.tree_at(lambda conv: conv.weight, layer, kernel))(x)

    return [Entry("equinox", run, row.pairs, case.modes, layout="first")]


RUNNER = Jax()
