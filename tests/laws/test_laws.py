"""The laws of the design, on every mode, rank and backend: each law once, forward and gradient."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from cases import NUMPY, OPS, Case, cases, modes
from compare import assert_close, assert_forward, assert_gradients, oracle
from frameworks import CHOSEN, ENGINES, framework
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import convpad
from convpad.core.modes import MODES
from convpad.ops.plan import Route

# XLA compiles every new shape, which costs a quarter of a second; the others run at once.
EXAMPLES = {"numpy": 100, "jax": 30, "tensorflow": 80, "torch": 120}
WIDE = os.environ.get("HYPOTHESIS_PROFILE") == "wide"

on_every_backend = pytest.mark.parametrize("name", CHOSEN)
on_every_engine = pytest.mark.parametrize("name", ENGINES)


def tried(name: str, law: Any, *strategies: Any, share: float = 1.0) -> None:
    """Holds a law against so many examples as the backend has time for."""
    count = 500 if WIDE else max(10, int(EXAMPLES[name] * share))
    settings(max_examples=count)(given(*strategies)(law))()


# Law 1: every route equals the oracle, forward and gradient


@on_every_engine
@pytest.mark.parametrize("op", OPS)
def test_the_chosen_route_is_the_oracles_answer(name: str, op: str) -> None:
    def law(case: Case) -> None:
        assert_forward(name, case)
        assert_gradients(name, case)

    tried(name, law, cases(op))


@on_every_engine
@pytest.mark.parametrize("op", OPS)
def test_every_route_that_applies_is_the_oracles_answer(name: str, op: str) -> None:
    taken: set[str] = set()

    def law(case: Case) -> None:
        for route in Route:
            try:
                assert_forward(name, case, one_program=True, route=route)
            except convpad.PaddingError as error:
                assert "`route` must be able to do what is asked" in str(error)
                assert route != "padded", "the padded route can always be taken"
                continue
            taken.add(str(route))
            assert_gradients(name, case, route=route)

    plain = {"padding": "same", "strides": 1, "data_format": "channels_last"}
    window = {"pool_size": (3,)} if "pool" in op else {}
    kernels = {"max_pool": (), "average_pool": (), "separable_conv": ((3, 1, 1), (1, 1, 1))}.get(op, ((3, 1, 1),))
    arrays = tuple(np.random.default_rng(0).normal(size=shape) for shape in ((1, 5, 1), *kernels))
    for mode in ("zeros", "ignore"):  # so that every route is met, whatever the draw
        law(Case(op, arrays, {**plain, **window, "padding_mode": mode}))
    tried(name, law, cases(op), share=0.4)
    assert taken >= {"native", "padded"} if op != "average_pool" else "padded" in taken


@on_every_engine
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_narrow_dtypes_stay_near_the_oracle_and_come_back_as_they_were(name: str, op: str, dtype: str) -> None:
    def law(case: Case) -> None:
        assert_forward(name, case, dtype, one_program=True)

    tried(name, law, cases(op), share=0.25)


@on_every_engine
def test_native_is_padded_to_the_bit_where_the_backend_computes_alike(name: str) -> None:
    """Zero padding by the backend and by hand, in small integers: no rounding can hide a difference."""

    def law(case: Case) -> None:
        tensors = [framework(name).tensor(np.round(array * 8)) for array in case.arrays]
        answers = [case.call(*tensors, padding_mode="zeros", route=route) for route in (None, "padded")]
        one, other = map(framework(name).numpy, answers)
        np.testing.assert_array_equal(one, other)

    tried(name, law, cases("conv"), share=0.5)


@on_every_engine
@pytest.mark.parametrize("op", ["pad", "conv", "depthwise_conv", "average_pool", "max_pool"])
@pytest.mark.parametrize("per_channel", [True, False], ids=["per channel", "one number"])
def test_gradients_reach_the_constants(name: str, op: str, per_channel: bool) -> None:
    rng = np.random.default_rng(3)
    constant = rng.normal(size=(2,)) if per_channel else rng.normal(size=())
    arrays = {"conv": [(3, 2, 2, 4)], "depthwise_conv": [(3, 2, 2, 2)]}.get(op, [])
    case_arrays = [rng.normal(size=shape) for shape in ((2, 4, 5, 2), *arrays)]

    def call(value: Any, *tensors: Any) -> Any:
        mode = ((convpad.Constant(value), "circular"), (convpad.Constant(value), "reflect"))
        if op == "pad":
            return convpad.pad(*tensors, ((1, 2), (2, 1)), mode)
        window = {"pool_size": (3, 2), "strides": 1} if "pool" in op else {}
        return getattr(convpad, op)(*tensors, padding=((1, 2), (2, 1)), padding_mode=mode, **window)

    backend = framework(name)
    cotangent = rng.normal(size=call(constant, *case_arrays).shape)
    got = backend.gradients(call, [constant, *case_arrays], cotangent)[0]
    step = 1e-6
    want = np.zeros_like(constant)
    for index in np.ndindex(constant.shape):
        moved = constant.copy()
        moved[index] += step
        want[index] = ((call(moved, *case_arrays) - call(constant, *case_arrays)) * cotangent).sum() / step
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


# Law 2: pad equals numpy.pad

NUMPY_WORDS: dict[str, dict[str, Any]] = {"zeros": {"mode": "constant"}, **NUMPY}


@on_every_backend
@pytest.mark.parametrize("mode", NUMPY_WORDS)
def test_pad_is_numpys_pad(name: str, mode: str) -> None:
    sizes = st.lists(st.integers(1, 4), min_size=1, max_size=3)
    amount = st.tuples(st.integers(0, 9), st.integers(0, 9))

    def law(data: Any) -> None:
        shape = data.draw(sizes)
        pairs = tuple(data.draw(amount) for _ in shape)
        dtype = data.draw(st.sampled_from(["float64", "int32", "float32"]))
        x = np.arange(np.prod(shape) * 4).reshape(2, *shape, 2) ** 2 % 17
        got = convpad.pad(framework(name).tensor(x.astype(dtype)), pairs, mode)
        want = np.pad(x.astype(dtype), ((0, 0), *pairs, (0, 0)), **NUMPY_WORDS[mode])
        np.testing.assert_array_equal(framework(name).numpy(got), want)
        assert dtype in str(got.dtype)

    tried(name, law, st.data(), share=0.7)


@on_every_engine
def test_pad_takes_every_mode_on_every_side_and_gives_its_gradient(name: str) -> None:
    def law(data: Any) -> None:
        rank = data.draw(st.integers(1, 3))
        x = np.random.default_rng(0).normal(size=(2, *data.draw(st.tuples(*[st.integers(1, 4)] * rank)), 2))
        pairs = tuple(data.draw(st.tuples(st.integers(0, 6), st.integers(0, 6))) for _ in range(rank))
        mode = data.draw(modes(rank, 2).filter(lambda mode: "ignore" not in repr(mode)))
        want = convpad.pad(x, pairs, mode)
        assert_close(framework(name).numpy(convpad.pad(framework(name).tensor(x), pairs, mode)), want)
        # pad is affine: <pad(x) - pad(0), y> = <x, gradient(y)>
        y = np.random.default_rng(1).normal(size=want.shape)
        [gradient] = framework(name).gradients(lambda x: convpad.pad(x, pairs, mode), [x], y)
        assert_close((gradient * x).sum(), ((want - convpad.pad(0 * x, pairs, mode)) * y).sum())

    tried(name, law, st.data(), share=0.7)


# Law 3: the interior of a padded convolution is the valid convolution


@on_every_backend
@pytest.mark.parametrize("op", ["conv", "depthwise_conv", "max_pool", "average_pool"])
def test_the_interior_is_the_valid_answer(name: str, op: str) -> None:
    def law(case: Case) -> None:
        windows = case.problem().windows
        assume(all(window.size is not None and window.size >= window.span for window in windows))
        # Cut at the first window that starts inside; from there on the valid answer has its windows.
        first = [-(-(window.before or 0) // window.stride) for window in windows]
        shift = [start * window.stride - (window.before or 0) for start, window in zip(first, windows, strict=True)]
        assume(all(by + w.span <= (w.size or 0) for by, w in zip(shift, windows, strict=True)))
        space = slice(1, -1) if case.options["data_format"] == "channels_last" else slice(2, None)
        tensors = list(map(framework(name).tensor, case.arrays))
        padded = framework(name).numpy(case.call(*tensors))
        cut: list[Any] = [slice(None)] * padded.ndim
        cut[space] = [slice(by, None) for by in shift]
        valid = framework(name).numpy(case.call(tensors[0][tuple(cut)], *tensors[1:], padding="valid"))
        counts = valid.shape[space]
        cut[space] = [slice(start, start + count) for start, count in zip(first, counts, strict=True)]
        assert_close(padded[tuple(cut)], valid, where=f"{name} {case}")

    tried(name, law, cases(op), share=0.3)


# Law 4: circular commutes with rolling, reflect and symmetric with flipping


@on_every_backend
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_rolling_the_input_of_a_circular_convolution_rolls_its_output(name: str, rank: int) -> None:
    rng = np.random.default_rng(rank)
    x, kernel = rng.normal(size=(2, *(5, 4, 6)[:rank], 2)), rng.normal(size=(*(3, 2, 4)[:rank], 2, 3))
    axes = tuple(range(1, 1 + rank))

    def convolved(x: Any) -> Any:
        tensors = map(framework(name).tensor, (x, kernel))
        return framework(name).numpy(convpad.conv(*tensors, padding="same", padding_mode="circular"))

    for by in (1, 3):
        assert_close(convolved(np.roll(x, (by,) * rank, axes)), np.roll(convolved(x), (by,) * rank, axes))


@on_every_backend
@pytest.mark.parametrize("mode", ["zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "ignore"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_flipping_the_input_flips_the_output_of_the_flipped_kernel(name: str, rank: int, mode: str) -> None:
    rng = np.random.default_rng(rank)
    x, kernel = rng.normal(size=(2, *(5, 4, 6)[:rank], 2)), rng.normal(size=(*(3, 5, 3)[:rank], 2, 3))
    axes = tuple(range(1, 1 + rank))

    def convolved(x: Any, kernel: Any) -> Any:
        tensors = map(framework(name).tensor, (x.copy(), kernel.copy()))
        return framework(name).numpy(convpad.conv(*tensors, padding="same", padding_mode=mode))

    flipped = convolved(np.flip(x, axes), np.flip(kernel, tuple(range(rank))))
    assert_close(flipped, np.flip(convolved(x, kernel), axes))


# Law 5: the transposed convolution is the adjoint


@on_every_backend
def test_the_transposed_convolution_is_the_adjoint(name: str) -> None:
    def law(case: Case) -> None:
        backend = framework(name)
        y, kernel = case.arrays
        options = {k: v for k, v in case.options.items() if k != "output_padding"}
        transposed = backend.numpy(case.call(*map(backend.tensor, case.arrays)))
        x = np.random.default_rng(0).normal(size=transposed.shape)
        # Only the amounts themselves are sure to fit: `same` may pad the larger sizes otherwise.
        options["padding"] = tuple((w.before, w.after) for w in case.problem().windows)
        forward = Case("conv", (x, kernel), options)
        out = backend.numpy(forward.call(*map(backend.tensor, (x, kernel))))
        out = out - backend.numpy(forward.call(*map(backend.tensor, (0 * x, kernel))))  # without its constants
        assert_close((out * y).sum(), (x * transposed).sum(), where=f"{name} {case}")

    tried(name, law, cases("conv_transpose"))


# Law 6: constants


@on_every_backend
@pytest.mark.parametrize("op", ["conv", "depthwise_conv", "separable_conv", "max_pool", "average_pool"])
def test_the_constant_0_is_zeros(name: str, op: str) -> None:
    def law(case: Case) -> None:
        tensors = list(map(framework(name).tensor, case.arrays))
        zeros, constant = (framework(name).numpy(case.call(*tensors, padding_mode=mode)) for mode in ("zeros", 0.0))
        assert_close(constant, zeros)

    tried(name, law, cases(op), share=0.2)


@on_every_backend
@pytest.mark.parametrize("mode", [mode.name for mode in MODES.values() if mode.copies_input or not mode.is_counted])
def test_a_constant_input_gives_a_constant_output(name: str, mode: str) -> None:
    def law(case: Case) -> None:
        windows = case.problem().windows
        # A window that covers nothing at all has nothing to renormalise.
        assume(all((w.before or 0) < w.kernel and (w.after or 0) < w.kernel for w in windows))
        assume(mode != "ignore" or all(w.dilation == 1 for w in windows))
        # Left out taps leave their weights out too: under `ignore` the taps of the kernel must weigh alike.
        kernels = [np.ones_like(k) if mode == "ignore" else k for k in case.arrays[1:]]
        ones = [np.ones_like(case.arrays[0]), *kernels]
        out = framework(name).numpy(case.call(*map(framework(name).tensor, ones), padding_mode=mode))
        axis = -1 if case.options["data_format"] == "channels_last" else 1
        out = np.moveaxis(out, axis, -1).reshape(-1, out.shape[axis])
        assert_close(out, np.broadcast_to(out[:1], out.shape), where=f"{name} {case}")

    tried(name, law, st.one_of(cases("conv"), cases("average_pool")), share=0.5)


# Law 9: output shapes


@on_every_backend
@pytest.mark.parametrize("op", OPS)
def test_the_planned_shape_is_the_shape(name: str, op: str) -> None:
    def law(case: Case) -> None:
        out = case.call(*map(framework(name).tensor, case.arrays))
        kernel = case.options.get("pool_size", case.shapes[-1] if op != "separable_conv" else case.shapes[1:])
        options = {k: v for k, v in case.options.items() if k != "pool_size"}
        if op in ("conv", "depthwise_conv", "conv_transpose"):
            kernel = case.shapes[1]
        plan = convpad.plan(case.shapes[0], kernel, op=op, backend=name, **options)
        assert plan.output_shape == tuple(out.shape) == oracle(case).shape
        # With sizes unknown, what is known agrees.
        hidden = (None, *(None if axis in plan.problem.axes else n for axis, n in list(enumerate(case.shapes[0]))[1:]))
        unknown = convpad.plan(hidden, kernel, op=op, backend=name, **options).output_shape
        assert all(one in (None, other) for one, other in zip(unknown, out.shape, strict=True))
        assert unknown[plan.problem.channel_axis] == out.shape[plan.problem.channel_axis]

    tried(name, law, cases(op), share=0.2)


# Nasty corners, by name


@on_every_backend
@pytest.mark.parametrize("mode", [name for name, mode in MODES.items() if not mode.takes_value])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_an_axis_of_length_one_and_amounts_beyond_it(name: str, mode: str, rank: int) -> None:
    rng = np.random.default_rng(0)
    case = Case(
        "conv",
        (rng.normal(size=(1, *(1,) * rank, 2)), rng.normal(size=(*(3,) * rank, 2, 2))),
        {"padding": ((5, 3),) * rank, "padding_mode": mode, "strides": 2},
    )
    assert_forward(name, case)


@on_every_backend
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_four_axes_are_padded(name: str, mode: str) -> None:
    x = np.random.default_rng(0).normal(size=(1, 3, 2, 3, 4, 2))
    padded = convpad.pad(framework(name).tensor(x), 1, mode)
    assert_close(framework(name).numpy(padded), np.pad(x, [(0, 0), *[(1, 1)] * 4, (0, 0)], **NUMPY[mode]))


@on_every_backend
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", ["zeros", "reflect", "ignore"])
def test_an_empty_batch_gives_an_empty_batch(name: str, op: str, mode: str) -> None:
    kernels = {"max_pool": (), "average_pool": (), "separable_conv": ((3, 3, 2, 1), (1, 1, 2, 2))}
    arrays = [np.zeros(shape) for shape in ((0, 5, 4, 2), *kernels.get(op, ((3, 3, 2, 2),)))]
    window = {"pool_size": 3, "strides": 1} if "pool" in op else {}
    out = getattr(convpad, op)(*map(framework(name).tensor, arrays), padding="same", padding_mode=mode, **window)
    assert tuple(out.shape)[:3] == (0, 5, 4)


@on_every_backend
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "int8", "bool"])
def test_integers_are_padded_and_their_maximum_taken_exactly(name: str, dtype: str) -> None:
    x = (np.arange(24).reshape(1, 4, 3, 2) % 5).astype(dtype)
    tensor = framework(name).tensor(x)
    padded = convpad.pad(tensor, ((1, 2), (0, 1)), ("circular", 1))
    want = np.pad(
        np.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0)), mode="wrap"), ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=1
    )
    np.testing.assert_array_equal(framework(name).numpy(padded), want)
    if dtype == "bool":
        return
    odd = np.pad(x, ((0, 0), (1, 2), (3, 1), (0, 0)), mode="reflect", reflect_type="odd")
    got = convpad.pad(tensor, ((1, 2), (3, 1)), "reflect_odd")
    np.testing.assert_array_equal(framework(name).numpy(got), odd)
    for padding, mode in (("same", "ignore"), ((2, 1), "zeros"), ("half", "reflect")):
        got = convpad.max_pool(tensor, 2, strides=1, padding=padding, padding_mode=mode)
        assert dtype in str(got.dtype)
        want = convpad.max_pool(x, 2, strides=1, padding=padding, padding_mode=mode)
        np.testing.assert_array_equal(framework(name).numpy(got), want)
