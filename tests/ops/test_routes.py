"""Equality of the routes: to the bit where nothing is rounded, with infinities, and twice the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import Case
from compare import assert_close, assert_gradients, oracle
from frameworks import CHOSEN, ENGINES, framework
from route_cases import (
    CONSTANTS,
    KERNELS,
    ROUTES,
    asked,
    on_every_engine,
    on_every_route,
    program,
    slopes,
)

import convpad
from convpad import reference, tuning

pytestmark = pytest.mark.usefixtures("nothing_is_too_small")

INF, NAN = float("inf"), float("nan")


def exact(case: Case, *arrays: Any) -> Any:
    """The oracle's answer, without NumPy's warnings of infinities that cancel."""
    with np.errstate(invalid="ignore"):
        return oracle(case, *arrays)


def answer(name: str, case: Case, arrays: Any, **changed: Any) -> Any:
    called = program(name, lambda *given: case.call(*given, **changed))
    return framework(name).numpy(called(*map(framework(name).tensor, arrays)))


# `correction` is `padded` to the bit

# rank, strides, dilation, padding. TensorFlow knows no dilation without a padded copy, and JAX, which is slow to
# compile, gets what is left.
WINDOWS = [(1, 3, 1, 5), (1, 2, 2, 4), (2, (2, 1), 1, "full"), (2, (1, 3), (2, 1), 3)]
TRIED = {"tensorflow": WINDOWS[::2], "jax": WINDOWS[1::2], "torch": WINDOWS}


@on_every_engine
@pytest.mark.parametrize("op", KERNELS)
@pytest.mark.parametrize("mode", ["reflect", "circular", "replicate", "symmetric_odd"])
def test_correction_is_the_padded_route_to_the_bit(name: str, op: str, mode: str) -> None:
    """In small integers, in which no rounding can hide a difference.

    No backend is bit-exact on floats in general: all choose the order of their sums by the shapes, and the strips
    have others. (On JAX about one 2-D convolution in two differs, on PyTorch and TensorFlow about one in four.)
    """
    for rank, strides, dilation, padding in TRIED[name]:
        options = {"strides": strides, "dilation_rate": dilation, "padding": padding}
        case = asked(op, mode, (2, *(8, 7)[:rank], 3), (*(3, 4)[:rank], 3, 2), **options)
        arrays = [np.round(array * 4).astype("float32") for array in case.arrays]
        one, other = (answer(name, case, arrays, route=route) for route in ("correction", "padded"))
        np.testing.assert_array_equal(one, other, str(case))
        np.testing.assert_array_equal(one, oracle(case, *arrays), str(case))


# With constants, `correction` rounds no more than `padded`


@on_every_engine
@pytest.mark.parametrize("op", KERNELS)
@pytest.mark.parametrize("mode", [convpad.Constant((0.3, -1.1, 1e3, 2.0)), CONSTANTS], ids=str)
def test_correction_rounds_as_the_padded_route_does(name: str, op: str, mode: Any) -> None:
    case = asked(op, mode, strides=(1, 2))
    arrays = [array.astype("float32") for array in case.arrays]
    want = oracle(case, *arrays)
    unit = np.spacing(np.abs(want).max().astype("float32"))
    worst = {
        route: np.abs(answer(name, case, arrays, route=route) - want).max() / unit for route in ("correction", "padded")
    }
    assert worst["correction"] <= worst["padded"] + 4, worst
    assert worst["correction"] > 0, "float32 rounds: the test could not fail"


# Twice the same


@on_every_engine
@on_every_route
def test_gradients_are_the_same_every_time(name: str, op: str, route: str, mode: Any) -> None:
    case = asked(op, mode)
    arrays = [array.astype("float32") for array in case.arrays]
    cotangent = np.random.default_rng(1).normal(size=oracle(case).shape).astype("float32")
    called = program(name, lambda *given: case.call(*given, route=route))
    one, other = (framework(name).gradients(called, arrays, cotangent) for _ in range(2))
    for first, second in zip(one, other, strict=True):
        assert np.abs(first).max() > 0
        np.testing.assert_array_equal(first, second)


# Infinities and NaN


def assert_alike(got: Any, want: Any) -> None:
    """Equal, NaN in the same places."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    assert_close(np.nan_to_num(got, nan=0, posinf=INF, neginf=-INF), np.where(np.isnan(want), 0, want))


@on_every_engine
@pytest.mark.parametrize("op", KERNELS)
@pytest.mark.parametrize("constant", [-INF, NAN, convpad.Constant((INF, 0.0, -INF, 1.0))], ids=str)
def test_constants_that_are_not_finite(name: str, op: str, constant: Any) -> None:
    case = asked(op, constant)
    want = exact(case)
    assert not np.isfinite(want).all()
    assert np.isfinite(want[:, 2:-2, 2:-2]).all()
    for route in ("correction", "padded"):
        assert_alike(answer(name, case, case.arrays, route=route), want)


@on_every_engine
@on_every_route
def test_values_that_are_not_finite(name: str, op: str, route: str, mode: Any) -> None:
    case = asked(op, mode)
    x = case.arrays[0].copy()
    x[0, 4, 4, 1], x[1, 3, 5, 2], x[1, 0, 8, 0] = INF, NAN, -INF
    want = exact(case, x, case.arrays[1])
    assert np.isinf(want).any()
    assert np.isnan(want).any()
    # XLA's own depthwise convolution may be one of all channels, with zeros in the kernel: infinity times 0 is NaN. A sum
    # of taps, which is taken on a CPU, has no such zeros.
    assert_alike(answer(name, case, (x, case.arrays[1]), route=route), want)


def test_the_helper_can_fail() -> None:
    for one, other in (([NAN, 1.0], [1.0, NAN]), ([INF], [NAN]), ([INF], [-INF]), ([INF], [1e308]), ([1.0], [2.0])):
        with pytest.raises(AssertionError):
            assert_alike(np.array(one), np.array(other))
    assert_alike(np.array([NAN, INF, 1.0]), np.array([NAN, INF, 1.0]))


# Batches, formats, groups

FIRST = {"shape": (2, 4, 8, 9), "data_format": "channels_first"}
VARIANTS: dict[str, dict[str, Any]] = {
    "batch of 1": {"shape": (1, 8, 9, 4), "strides": 2},
    "channels first": FIRST,
    "groups": {**FIRST, "kernel": (3, 2, 2, 4), "groups": 2},
}


@on_every_engine
@on_every_route
def test_batches_formats_and_groups(name: str, op: str, route: str, mode: Any) -> None:
    for variant, options in VARIANTS.items():
        # XLA compiles every one for a second.
        if variant == ("groups" if op == "conv" else "channels first") or (variant == "batch of 1" and name != "jax"):
            case = asked(op, mode, **options)
            assert_close(answer(name, case, case.arrays, route=route), oracle(case), where=f"{name} {variant}")
            cotangent = np.random.default_rng(1).normal(size=oracle(case).shape)
            want, _ = reference.gradients(case.problem(), case.padding().values, cotangent, *case.arrays)
            found = slopes(name, case, case.arrays, cotangent, route=route)
            for one, other in zip(found, want, strict=True):
                assert_close(one, other, where=f"{name} {variant} {route}")


@on_every_engine
@on_every_route
def test_an_empty_batch(name: str, op: str, route: str, mode: Any) -> None:
    case = asked(op, mode, (0, 8, 9, 4))
    want = oracle(case)
    assert answer(name, case, case.arrays, route=route).shape == want.shape
    found = slopes(name, case, case.arrays, want, route=route)
    assert [gradient.shape for gradient in found] == list(case.shapes)
    assert (found[1] == 0).all()


@on_every_engine
@pytest.mark.parametrize(
    ("op", "route", "per_channel"),
    [
        ("conv", "correction", True),
        ("conv", "correction", False),
        ("conv", "padded", False),
        ("depthwise_conv", "correction", True),
    ],
)
def test_a_constant_that_is_a_tensor_has_its_gradient(name: str, op: str, route: str, per_channel: bool) -> None:
    case = asked(op, 0.0)
    constant = np.random.default_rng(2).normal(size=(4,) if per_channel else ())

    def filled(constant: Any, *arrays: Any, **changed: Any) -> Any:
        value = convpad.Constant(constant)
        return case.call(*arrays, padding_mode=((value, "zeros"), (value, value)), **changed)

    cotangent = np.random.default_rng(3).normal(size=oracle(case).shape)
    backend = framework(name)
    routed = program(name, lambda *arrays: filled(*arrays, route=route))
    got = backend.gradients(routed, [constant, *case.arrays], cotangent)
    # The answer is affine in the constant.
    base = filled(np.zeros_like(constant), *case.arrays)
    steps = np.eye(4) if per_channel else np.ones((1,))
    want = [((filled(step, *case.arrays) - base) * cotangent).sum() for step in steps]
    assert_close(got[0], np.reshape(want, constant.shape))
    given = map(backend.tensor, (constant, *case.arrays))
    assert_close(backend.numpy(routed(*given)), filled(constant, *case.arrays))


def test_every_process_knows_what_it_tests() -> None:
    assert {route for _, route, _ in ROUTES} == {"correction", "rescale", "padded"}
    assert set(CHOSEN) - {"numpy"} == set(ENGINES)


# Kernels whose rows lie a power of two apart


@pytest.mark.skipif("torch" not in CHOSEN, reason="needs torch")
@pytest.mark.parametrize(("op", "kernel"), [("conv", (3, 2, 4, 256)), ("conv_transpose", (3, 2, 256, 4))])
@pytest.mark.parametrize("filters", [256, 255])
def test_kernels_that_torch_reorders(op: str, kernel: tuple[int, ...], filters: int) -> None:
    case = asked(op, "zeros", kernel=tuple(filters if size == 256 else size for size in kernel))
    with tuning.replace(torch_reorder_kernel_values=0):
        assert_close(answer("torch", case, case.arrays), oracle(case), "float64", str(case))
        assert_gradients("torch", case)


@pytest.mark.skipif("torch" not in CHOSEN, reason="needs torch")
@pytest.mark.parametrize(
    ("options", "taken"),
    [
        ({"padding": "same"}, True),
        ({"padding": "same", "padding_mode": "reflect"}, True),
        ({"padding": "valid", "dilation_rate": (1, 3)}, True),
        ({"padding": "full"}, True),
        ({"padding": 1, "data_format": "channels_first"}, True),
        ({"padding": ((0, 2), (1, 1))}, False),
        ({"padding": 3}, False),
        ({"padding": 1, "strides": (1, 2)}, False),
        ({"padding": 1, "groups": 2}, False),
    ],
    ids=str,
)
def test_large_kernels_are_reversed_on_torch(options: dict[str, Any], taken: bool) -> None:
    torch = framework("torch").torch
    rng = np.random.default_rng(3)
    shape = (2, 4, 9, 8) if "data_format" in options else (2, 9, 8, 4)
    x, kernel = rng.normal(size=shape), rng.normal(size=(3, 3, 4 // options.get("groups", 1), 6))
    with tuning.replace(torch_reorder_kernel_values=0):
        got = convpad.conv(*(torch.as_tensor(array).float() for array in (x, kernel)), **options)
        plan = convpad.plan(x.shape, kernel.shape, backend="torch", **options)
    assert_close(got.numpy(), convpad.conv(x, kernel, **options), "float32", str(options))
    assert (plan.kernel == "adjoint") == taken
