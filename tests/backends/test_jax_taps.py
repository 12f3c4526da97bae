"""JAX's sum over taps on a CPU, in both layouts: values, every derivative, batches, and what is not finite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from cases import Case
from compare import assert_close, assert_forward, assert_gradients
from frameworks import framework

import convpad
from convpad import tuning

pytestmark = pytest.mark.needs("jax")

jax = framework("jax").jax
jnp = jax.numpy

LAYOUTS = ("channels_last", "channels_first")


@dataclass(frozen=True)
class Taps:
    """A depthwise convolution, its sizes channels last."""

    name: str
    sizes: tuple[int, ...]
    window: tuple[int, ...]
    strides: Any = 1
    dilation: Any = 1
    padding: Any = "same"
    mode: Any = "zeros"
    channels: int = 3
    multiplier: int = 1
    batch: int = 2

    def __str__(self) -> str:
        return self.name

    def case(self, layout: str) -> Case:
        rng = np.random.default_rng(0)
        space = (*self.sizes, self.channels) if layout == "channels_last" else (self.channels, *self.sizes)
        arrays = rng.normal(size=(self.batch, *space)), rng.normal(size=(*self.window, self.channels, self.multiplier))
        options = {"strides": self.strides, "dilation_rate": self.dilation, "padding": self.padding}
        return Case("depthwise_conv", arrays, {**options, "padding_mode": self.mode, "data_format": layout})


CASES = [
    Taps("image", (7, 6), (3, 3)),
    Taps("tall", (9, 2), (3, 2)),
    Taps("multiplier", (5, 6), (3, 3), multiplier=2),
    Taps("one channel", (5, 6), (3, 3), channels=1, multiplier=3),
    Taps("large window", (9, 8), (5, 7)),
    Taps("strides", (7, 8), (3, 3), strides=2, multiplier=2),
    Taps("uneven strides", (8, 7), (5, 3), strides=(3, 1)),
    Taps("strides beyond the window", (9, 8), (2, 2), strides=3, padding="valid"),
    Taps("dilation", (9, 8), (3, 2), dilation=(2, 3)),
    Taps("even", (6, 6), (2, 4)),
    Taps("beyond the axis", (2, 3), (3, 3), padding=5),
    Taps("axes of 1", (1, 1), (3, 1)),
    Taps("sequence", (9,), (4,), padding="causal", dilation=2),
    Taps("volume", (4, 5, 3), (3, 2, 3), strides=(1, 2, 1)),
    Taps("no images", (5, 6), (3, 3), batch=0),
    Taps("reflect", (7, 6), (5, 3), mode="reflect"),
    Taps("constant and circular", (7, 6), (3, 3), strides=2, mode=(0.5, "circular")),
    Taps("ignore", (5, 7), (3, 3), mode="ignore"),
]

each = pytest.mark.parametrize("taps", CASES, ids=str)
in_each_layout = pytest.mark.parametrize("layout", LAYOUTS)


@in_each_layout
@each
def test_values_and_gradients_are_the_oracles(taps: Taps, layout: str) -> None:
    case = taps.case(layout)
    assert convpad.plan(*case.shapes, op=case.op, backend="jax", **case.options).kernel == "sum of taps"
    assert_forward("jax", case, one_program=True)
    assert_gradients("jax", case)


@in_each_layout
@pytest.mark.parametrize("route", ["correction", "padded"])
@pytest.mark.parametrize("mode", ["reflect", "circular", ("replicate", 1.5)], ids=str)
def test_every_route_has_every_layout(mode: Any, route: str, layout: str) -> None:
    case = Taps("", (6, 7), (3, 4), strides=(1, 2), mode=mode, multiplier=2).case(layout)
    assert_forward("jax", case, one_program=True, route=route)
    assert_gradients("jax", case, route=route)


@in_each_layout
@pytest.mark.parametrize("rows", [1, 3, 5])
def test_rows_at_once_change_no_number(rows: int, layout: str) -> None:
    with tuning.replace(jax_rows_at_once=rows):
        jax.clear_caches()
        assert_gradients("jax", Taps("", (6, 5), (3, 3)).case(layout))
    jax.clear_caches()


@in_each_layout
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_half_precision_is_summed_wide(dtype: str, layout: str) -> None:
    case = Taps("", (40, 40), (7, 7), channels=2).case(layout)
    assert_forward("jax", case, dtype, one_program=True)
    x, kernel = (jnp.asarray(array, dtype) for array in case.arrays)
    gradient = jax.jit(jax.grad(lambda kernel: case.call(x, kernel).astype("float32").sum()))(kernel)
    want = jax.jit(jax.grad(lambda kernel: case.call(x.astype("float64"), kernel).sum()))(kernel.astype("float64"))
    assert gradient.dtype == kernel.dtype
    assert_close(np.asarray(gradient, np.float64), np.asarray(want), dtype)


def derivatives(call: Any, x: Any, kernel: Any) -> list[Any]:
    """Return derivatives of the first and second order, forward and backward."""

    def energy(x: Any, kernel: Any) -> Any:
        return (call(x, kernel) ** 3).sum()

    slopes = jax.grad(energy, (0, 1))
    moved = jax.jvp(slopes, (x, kernel), (x + 1, kernel - 1))
    both = jax.grad(lambda *arrays: sum((slope**2).sum() for slope in slopes(*arrays)), (0, 1))(x, kernel)
    return jax.tree.leaves((moved, both, jax.jvp(call, (x, kernel), (kernel.sum() + x, x.sum() + kernel))))


@in_each_layout
@pytest.mark.parametrize("strides", [1, 2])
def test_derivatives_of_every_order_are_those_of_xlas_convolution(strides: int, layout: str) -> None:
    case = Taps("", (5, 6), (3, 3), strides=strides, multiplier=2).case(layout)
    arrays = [jnp.asarray(array) for array in case.arrays]
    got = jax.jit(lambda *arrays: derivatives(case.call, *arrays))(*arrays)
    with tuning.replace(cpu_kernels=False):
        want = jax.jit(lambda *arrays: derivatives(lambda *a: case.call(*a), *arrays))(*arrays)
    for one, other in zip(got, want, strict=True):
        assert_close(np.asarray(one), np.asarray(other))


MAPPED = {"inputs": (0, None), "kernels": (None, 0), "both": (1, 2)}


@in_each_layout
@pytest.mark.parametrize("mapped", MAPPED)
def test_mapped_as_one_by_one(mapped: str, layout: str) -> None:
    case = Taps("", (5, 4), (3, 3), strides=(1, 2), multiplier=2).case(layout)
    axes = MAPPED[mapped]
    arrays = [
        jnp.asarray(array)
        if axis is None
        else jnp.stack([jnp.asarray(array) * factor for factor in (1, -2, 0.5)], axis)
        for array, axis in zip(case.arrays, axes, strict=True)
    ]

    def all_of(x: Any, kernel: Any) -> Any:
        out, back = jax.vjp(case.call, x, kernel)
        return out, *back(out**2)

    got = jax.jit(jax.vmap(all_of, axes))(*arrays)
    for number in range(3):
        one = [a if axis is None else jnp.take(a, number, axis) for a, axis in zip(arrays, axes, strict=True)]
        for mine, alone in zip(got, jax.jit(all_of)(*one), strict=True):
            assert_close(np.asarray(mine[number]), np.asarray(alone))


@in_each_layout
def test_what_is_not_finite_stays_where_it_is_read(layout: str) -> None:
    case = Taps("", (6, 7), (3, 3), batch=1).case(layout)
    x, kernel = np.array(case.arrays[0]), case.arrays[1]
    last = layout == "channels_last"
    x[(0, 2, 3, 1) if last else (0, 1, 2, 3)] = np.nan

    def back(x: Any, kernel: Any, cotangent: Any) -> Any:
        return jax.vjp(case.call, x, kernel)[1](cotangent)

    ones = jnp.ones_like(x)
    out = np.asarray(jax.jit(case.call)(jnp.asarray(x), jnp.asarray(kernel)))
    of_x, of_kernel = map(np.asarray, jax.jit(back)(jnp.asarray(x), jnp.asarray(kernel), ones))
    spread = np.isnan(out if last else np.moveaxis(out, 1, -1))
    assert spread[0, 1:4, 2:5, 1].all()
    assert spread.sum() == 9
    assert np.isfinite(of_x).all()
    assert np.isnan(of_kernel[..., 1, :]).all()
    assert np.isfinite(np.delete(of_kernel, 1, 2)).all()
