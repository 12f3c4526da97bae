"""Every mode and amount in every layer, mapped over a batch: forward and gradients against the oracle."""

from __future__ import annotations

from typing import Any

import pytest
from frameworks import framework

framework("jax")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from compare import assert_close

import convpad.equinox as layers
from convpad import Constant, Learned, reference
from convpad.core.modes import MODES
from convpad.core.padding import Padding
from convpad.core.problem import parse_problem

pytestmark = pytest.mark.needs("jax")

KEY = jax.random.key(0)
PER_CHANNEL = Constant([1, -2, 3, 0.5])
CONSTANTS = Learned(lambda key, shape, dtype: jnp.asarray([1, -2, 3, 0.5], dtype))
"""A trained value that begins as `PER_CHANNEL`."""
AMOUNTS: dict[int, Any] = {1: (2, 1), 2: ((1, 2), (2, 0)), 3: ((1, 2), (0, 1), (2, 0))}
SIZES = {1: (7,), 2: (6, 5), 3: (4, 5, 4)}
NAMED = [name for name, mode in MODES.items() if not mode.takes_value]
CONVOLUTIONS: list[tuple[int, int, Any, Any, Any]] = [
    *((2, 2 if place % 2 else 4, AMOUNTS[2], mode, 1) for place, mode in enumerate(NAMED)),
    (1, 1, "same_lower", "reflect", 2),
    (1, 4, "half", ("symmetric", 2.5), 1),
    (1, 1, "causal", PER_CHANNEL, 1),
    (2, 4, "same", ("reflect", "circular"), 2),
    (2, 1, "full", 2.5, (1, 2)),
    (2, 1, ("same", (1, 2)), ("circular", ("replicate", CONSTANTS)), 2),
    (2, 4, "half", CONSTANTS, 1),
    (3, 1, AMOUNTS[3], ("circular", ("reflect", PER_CHANNEL), "replicate"), 1),
    (3, 4, "same", "reflect_odd", 2),
]
"""(rank, groups, padding, mode, stride)."""


def outputs_and_gradients(layer: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """The mapped outputs, a cotangent, and its gradients to the arrays of the layer and to the inputs."""
    arrays, static = eqx.partition(layer, eqx.is_array)
    shape = eqx.filter_eval_shape(jax.vmap(layer), x).shape
    cotangent = np.random.default_rng(1).normal(size=shape)

    @jax.jit
    def run(arrays: Any, x: Any) -> Any:
        out, back = jax.vjp(lambda arrays, x: jax.vmap(eqx.combine(arrays, static))(x), arrays, x)
        return out, back(cotangent)

    out, (to_layer, to_x) = run(arrays, x)
    return out, cotangent, to_layer, to_x


def as_numbers(mode: Any) -> Any:
    """A mode with the first numbers of a trained value in its place."""
    if isinstance(mode, tuple):
        return tuple(map(as_numbers, mode))
    return PER_CHANNEL if mode is CONSTANTS else mode


@pytest.mark.parametrize(("rank", "groups", "padding", "mode", "stride"), CONVOLUTIONS)
def test_convolutions(rank: int, groups: int, padding: Any, mode: Any, stride: Any) -> None:
    options = {"stride": stride, "padding": padding, "padding_mode": mode, "groups": groups}
    layer = layers.Conv(rank, 4, 8, 3, **options, key=KEY)
    x = np.random.default_rng(0).normal(size=(2, 4, *SIZES[rank]))
    out, cotangent, to_layer, to_x = outputs_and_gradients(layer, x)

    plain = Padding.parse(padding, as_numbers(mode), rank=rank)
    kernel = np.moveaxis(np.asarray(layer.weight), (1, 0), (rank, rank + 1))
    strides = {"strides": stride, "groups": groups, "data_format": "channels_first"}
    problem = parse_problem("conv", x.shape, kernel.shape, plain, **strides)
    assert_close(out, reference.solve(problem, plain.values, x, kernel) + np.asarray(layer.bias))
    (dx, dkernel), constants = reference.gradients(problem, plain.values, cotangent, x, kernel)
    assert_close(to_x, dx)
    assert_close(np.moveaxis(np.asarray(to_layer.weight), (1, 0), (rank, rank + 1)), dkernel)
    assert_close(to_layer.bias, cotangent.sum((0, *range(2, 2 + rank)))[:, *(None,) * rank])
    trained = "Learned" in repr(mode)
    assert len(to_layer.padding_values) == trained
    if trained:
        rows = zip(plain.values, constants, strict=True)
        sides = [sums for values, pair in rows for value, sums in zip(values, pair, strict=True) if value is not None]
        assert_close(to_layer.padding_values[0], sum(sides))


TRANSPOSED: list[tuple[int, int, Any, Any, int, int]] = [
    (1, 1, (2, 1), "reflect", 2, 1),
    (1, 2, "half", "symmetric_odd", 1, 0),
    (2, 2, AMOUNTS[2], ("replicate", "circular"), 2, 1),
    (2, 1, "same", ("reflect", ("circular", "zeros")), 2, 0),
    (2, 4, "same_lower", 2.5, 2, 1),
    (3, 1, "full", "symmetric", 1, 0),
]
"""(rank, groups, padding, mode, stride, output_padding)."""


@pytest.mark.parametrize(("rank", "groups", "padding", "mode", "stride", "beyond"), TRANSPOSED)
def test_a_transposed_convolution_is_the_adjoint(
    rank: int, groups: int, padding: Any, mode: Any, stride: int, beyond: int
) -> None:
    options = {"stride": stride, "padding": padding, "groups": groups, "use_bias": False, "key": KEY}
    back = layers.ConvTranspose(rank, 8, 4, 3, output_padding=beyond, padding_mode=mode, **options)
    forward = layers.Conv(rank, 4, 8, 3, padding_mode="zeros" if mode == 2.5 else mode, **options)
    weight = np.flip(np.asarray(back.weight), range(2, 2 + rank))  # (out, in / groups, *taps), in groups
    weight = weight.reshape(groups, 4 // groups, 8 // groups, *weight.shape[2:]).swapaxes(1, 2)
    forward = eqx.tree_at(lambda it: it.weight, forward, jnp.asarray(weight.reshape(forward.weight.shape)))
    y = np.random.default_rng(0).normal(size=(2, 8, *SIZES[rank]))
    out, cotangent, _, to_y = outputs_and_gradients(back, y)
    assert_close((to_y * y).sum(), (cotangent * out).sum())
    assert_close(jax.vmap(forward)(cotangent), to_y)


POOLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("MaxPool1d", (3, 2), {"padding": "same", "padding_mode": "reflect"}),
    ("MaxPool2d", (3, 2), {"padding": "same_lower"}),
    ("MaxPool2d", (2,), {"padding": ((1, 3), (0, 2)), "padding_mode": ("circular", ("zeros", 2.5))}),
    ("MaxPool3d", (2, 2), {"padding": 1, "padding_mode": "replicate", "use_ceil": True}),
    ("AvgPool1d", (3, 3), {"padding": (2, 1), "padding_mode": "symmetric_odd", "use_ceil": True}),
    ("AvgPool2d", (3, 2), {"padding": "half", "padding_mode": "ignore"}),
    ("AvgPool2d", ((2, 3), 1), {"padding": AMOUNTS[2], "padding_mode": ("circular", PER_CHANNEL)}),
    ("AvgPool3d", (2, 2), {"padding": "causal", "padding_mode": "reflect"}),
    ("AvgPool1d", (2, 3), {"padding": 3, "use_ceil": True}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), POOLS)
def test_pools(name: str, arguments: Any, options: dict[str, Any]) -> None:
    layer, rank = getattr(layers, name)(*arguments, **options), int(name[-2])
    x = np.random.default_rng(0).normal(size=(2, 4, *SIZES[rank]))
    out, cotangent, _, to_x = outputs_and_gradients(layer, x)
    op, default = ("max_pool", "ignore") if name.startswith("Max") else ("average_pool", "zeros")
    plain = Padding.parse(options["padding"], options.get("padding_mode", default), rank=rank)
    shared = {"strides": layer.stride, "data_format": "channels_first"}
    if layer.use_ceil:  # then more is padded
        rows = zip(plain.amounts, SIZES[rank], layer.kernel_size, layer.stride, strict=True)
        pairs = [
            (before, after + (-(size + before + after - taps)) % stride)
            for (before, after), size, taps, stride in ((a.pair, *rest) for a, *rest in rows)
        ]
        plain = Padding.parse(pairs, options.get("padding_mode", default), rank=rank)
    problem = parse_problem(op, x.shape, layer.kernel_size, plain, **shared)
    assert_close(out, reference.solve(problem, plain.values, x))
    (dx,), _ = reference.gradients(problem, plain.values, cotangent, x)
    assert_close(to_x, dx)
