"""The oracle's padding against `numpy.pad`: every mode, any amount, any dtype, axis after axis."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from cases import NUMPY as COPIES
from hypothesis import example, given, settings
from hypothesis import strategies as st

import convpad

pytestmark = pytest.mark.needs("numpy")

NUMPY: dict[Any, dict[str, Any]] = {
    "zeros": {"mode": "constant"},
    3: {"mode": "constant", "constant_values": 3},
    **COPIES,
}
DTYPES = ["float64", "float32", "float16", "bfloat16", "complex64", "complex128", "int32", "int8", "uint8", "bool"]


def dtype_named(name: str) -> Any:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def array_of(dtype: str, shape: tuple[int, ...], seed: int) -> Any:
    """Small whole numbers, so that a sum of a few is exact in every dtype."""
    ints = np.random.default_rng(seed).integers(-2, 3, shape)
    return (ints + 1j * ints[::-1] if "complex" in dtype else ints % 5 if dtype == "uint8" else ints).astype(
        dtype_named(dtype)
    )


def numpys(x: Any, axis: int, pair: tuple[int, int], before: Any, after: Any) -> Any:
    """One axis padded by NumPy, each side with its own mode."""

    def side(pair: tuple[int, int], mode: Any) -> Any:
        amounts = [(0, 0)] * x.ndim
        amounts[axis] = pair
        return np.pad(x, amounts, **NUMPY[mode])

    if before == after:
        return side(pair, before)
    ahead = side((pair[0], 0), before)
    behind = np.take(side((0, pair[1]), after), np.arange(x.shape[axis], x.shape[axis] + pair[1]), axis)
    return np.concatenate([ahead, behind], axis)


@st.composite
def paddings(draw: Any, dtype: str) -> tuple[Any, list[tuple[int, int]], list[tuple[Any, Any]], bool]:
    rank = draw(st.integers(1, 3))
    sizes = draw(st.tuples(*[st.integers(1, {1: 6, 2: 4, 3: 3}[rank])] * rank))
    limit = {1: 9, 2: 6, 3: 4}[rank]
    pairs = draw(st.lists(st.tuples(st.integers(0, limit), st.integers(0, limit)), min_size=rank, max_size=rank))
    names = [name for name in NUMPY if dtype != "bool" or name not in (3, "reflect_odd", "symmetric_odd")]
    mode = st.sampled_from(names)
    modes = draw(st.lists(st.one_of(mode.map(lambda m: (m, m)), st.tuples(mode, mode)), min_size=rank, max_size=rank))
    return array_of(dtype, (2, *sizes, 2), draw(st.integers(0, 99))), pairs, modes, draw(st.booleans())


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=120)
@given(data=st.data())
def test_pad_is_numpys(dtype: str, data: st.DataObject) -> None:
    x, pairs, modes, channels_last = data.draw(paddings(dtype))
    want = x
    for axis, (pair, (before, after)) in enumerate(zip(pairs, modes, strict=True)):
        want = numpys(want, 1 + axis, pair, before, after)
    if not channels_last:
        x, want = np.moveaxis(x, -1, 1), np.moveaxis(want, -1, 1)
    data_format = "channels_last" if channels_last else "channels_first"
    rank = len(pairs)
    got = convpad.pad(x, pairs if rank > 1 else pairs[0], modes if rank > 1 else modes[0], data_format=data_format)
    assert got.dtype == x.dtype
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("mode", NUMPY)
@settings(max_examples=60)
@given(size=st.integers(1, 5), before=st.integers(0, 40), after=st.integers(0, 40))
@example(size=1, before=40, after=40)
@example(size=2, before=40, after=39)
@example(size=5, before=0, after=0)
def test_far_beyond_the_axis(mode: Any, size: int, before: int, after: int) -> None:
    x = np.arange(1.0, size + 1) ** 2
    got = convpad.pad(x.reshape(1, size, 1), (before, after), mode).ravel()
    np.testing.assert_array_equal(got, np.pad(x, (before, after), **NUMPY[mode]))


@pytest.mark.parametrize("mode", NUMPY)
def test_several_axes_at_once_are_numpys_too(mode: Any) -> None:
    x = np.arange(24.0).reshape(2, 3, 4) ** 2
    got = convpad.pad(x[None, ..., None], ((1, 2), (4, 0), (0, 5)), mode)[0, ..., 0]
    np.testing.assert_array_equal(got, np.pad(x, ((1, 2), (4, 0), (0, 5)), **NUMPY[mode]))


def test_at_a_corner_the_later_axis_decides() -> None:
    x = np.array([[1, 2], [3, 4]]).reshape(1, 2, 2, 1)
    got = convpad.pad(x, 1, (7, 9))[0, ..., 0]
    assert got.tolist() == [[9, 7, 7, 9], [9, 1, 2, 9], [9, 3, 4, 9], [9, 7, 7, 9]]
    got = convpad.pad(x, 1, (9, "circular"))[0, ..., 0]
    assert got.tolist() == [[9, 9, 9, 9], [2, 1, 2, 1], [4, 3, 4, 3], [9, 9, 9, 9]]


def test_a_constant_per_channel() -> None:
    x = np.arange(4.0).reshape(1, 2, 2)
    got = convpad.pad(x, (1, 2), (convpad.Constant([7, 8]), convpad.Constant([5, 6])))
    assert got[0].tolist() == [[7, 8], [0, 1], [2, 3], [5, 6], [5, 6]]
    first = convpad.pad(np.moveaxis(x, -1, 1), (1, 2), convpad.Constant([7, 8]), data_format="channels_first")
    assert first[0].tolist() == [[7, 0, 2, 7, 7], [8, 1, 3, 8, 8]]


def test_the_comparison_can_fail() -> None:
    x = array_of("float64", (1, 4, 1), 0)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(convpad.pad(x, 2, "reflect"), numpys(x, 1, (2, 2), "symmetric", "symmetric"))
    assert set(np.unique(array_of("int8", (99,), 0))) == {-2, -1, 0, 1, 2}
