"""The oracle against SciPy's convolutions and filters."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

import convpad

pytestmark = pytest.mark.needs("numpy")

NDIMAGE: dict[Any, dict[str, Any]] = {
    "zeros": {"mode": "constant"},
    -2.5: {"mode": "constant", "cval": -2.5},
    "reflect": {"mode": "mirror"},
    "symmetric": {"mode": "reflect"},
    "replicate": {"mode": "nearest"},
    "circular": {"mode": "grid-wrap"},
}
SHAPES = [
    ((9,), (3,)),
    ((6,), (4,)),
    ((1,), (5,)),
    ((2,), (7,)),
    ((7, 6), (3, 4)),
    ((3, 8), (5, 1)),
    ((4, 3, 5), (2, 3, 3)),
]


def _arrays(size: tuple[int, ...], window: tuple[int, ...]) -> tuple[Any, Any]:
    rng = np.random.default_rng(sum(size) + 10 * sum(window))
    return rng.normal(size=size), rng.normal(size=window)


def _holed(kernel: Any, dilation: int) -> Any:
    """The kernel with zeros between its taps."""
    holed = np.zeros([(size - 1) * dilation + 1 for size in kernel.shape])
    holed[tuple(slice(None, None, dilation) for _ in kernel.shape)] = kernel
    return holed


def _centred(span: int) -> tuple[int, int]:
    """ndimage puts the middle of a window, span // 2, on each value."""
    return span // 2, span - 1 - span // 2


def _conv(x: Any, kernel: Any, **options: Any) -> Any:
    return convpad.conv(x[None, ..., None], kernel[..., None, None], **options)[0, ..., 0]


def _every(strides: int, rank: int) -> tuple[slice, ...]:
    return (slice(None, None, strides),) * rank


@pytest.mark.parametrize(("size", "window"), SHAPES)
@pytest.mark.parametrize(
    ("word", "mode"), [("full", "full"), ("valid", "valid"), ("same", "same"), ("same_lower", "same")]
)
def test_words_are_those_of_signal_correlate(
    word: str, mode: str, size: tuple[int, ...], window: tuple[int, ...]
) -> None:
    x, kernel = _arrays(size, window)
    if word == "valid" and any(k > n for k, n in zip(window, size, strict=True)):
        with pytest.raises(convpad.ShapeError):
            _conv(x, kernel, padding=word)
        return
    want = scipy.signal.correlate(x, kernel, mode, method="direct")
    if word == "same":
        # SciPy has the odd one before; ours is the mirror image.
        want = np.flip(scipy.signal.correlate(np.flip(x), np.flip(kernel), mode, method="direct"))
    np.testing.assert_allclose(_conv(x, kernel, padding=word), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("size", "window"), SHAPES)
@pytest.mark.parametrize("mode", NDIMAGE)
def test_modes_are_those_of_ndimage_correlate(mode: Any, size: tuple[int, ...], window: tuple[int, ...]) -> None:
    x, kernel = _arrays(size, window)
    for dilation, strides in product((1, 2), (1, 2, 3)):
        holed = _holed(kernel, dilation)
        padding = tuple(map(_centred, holed.shape))
        got = _conv(x, kernel, padding=padding, padding_mode=mode, dilation_rate=dilation, strides=strides)
        want = scipy.ndimage.correlate(x, holed, **NDIMAGE[mode])[_every(strides, x.ndim)]
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_modes_may_differ_from_axis_to_axis() -> None:
    x, _ = _arrays((7, 6), (3, 4))
    rows, columns = np.arange(1.0, 4), np.arange(2.0, 6)
    want = scipy.ndimage.correlate1d(x, rows, axis=0, mode="mirror")
    want = scipy.ndimage.correlate1d(want, columns, axis=1, mode="grid-wrap")
    got = _conv(x, np.outer(rows, columns), padding=((1, 1), (2, 1)), padding_mode=("reflect", "circular"))
    np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("mode", NDIMAGE)
@pytest.mark.parametrize(("size", "window"), SHAPES)
def test_pools_are_ndimages_filters(mode: Any, size: tuple[int, ...], window: tuple[int, ...]) -> None:
    x, _ = _arrays(size, window)
    padding = tuple(map(_centred, window))
    for strides in (1, 2):
        options = {"strides": strides, "padding": padding, "padding_mode": mode}
        got = convpad.max_pool(x[None, ..., None], window, **options)[0, ..., 0]
        want = scipy.ndimage.maximum_filter(x, window, **NDIMAGE[mode])[_every(strides, x.ndim)]
        np.testing.assert_array_equal(got, want)
        got = convpad.average_pool(x[None, ..., None], window, **options)[0, ..., 0]
        want = scipy.ndimage.uniform_filter(x, window, **NDIMAGE[mode])[_every(strides, x.ndim)]
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


def test_a_maximum_without_padding_is_one_with_the_lowest() -> None:
    x, _ = _arrays((7, 6), (3, 3))
    got = convpad.max_pool(x[None, ..., None], 3, strides=1, padding=1)[0, ..., 0]
    np.testing.assert_array_equal(got, scipy.ndimage.maximum_filter(x, 3, mode="constant", cval=-np.inf))


@pytest.mark.parametrize(("size", "window"), SHAPES)
def test_ignore_is_normalised_convolution(size: tuple[int, ...], window: tuple[int, ...]) -> None:
    # Knutsson & Westin's normalised convolution, of a map that is certain inside and uncertain outside.
    x, kernel = _arrays(size, window)
    padding = tuple(map(_centred, window))
    certain = scipy.ndimage.correlate(np.ones(size), np.ones(window), mode="constant")
    want = scipy.ndimage.correlate(x, kernel, mode="constant") * kernel.size / certain
    got = _conv(x, kernel, padding=padding, padding_mode="ignore")
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
    pooled = convpad.average_pool(x[None, ..., None], window, strides=1, padding=padding)[0, ..., 0]
    want = scipy.ndimage.correlate(x, np.ones(window), mode="constant") / certain
    np.testing.assert_allclose(pooled, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("size", "window"), SHAPES)
def test_a_transposed_convolution_is_a_full_one_of_the_spread_input(
    size: tuple[int, ...], window: tuple[int, ...]
) -> None:
    y, kernel = _arrays(size, window)
    for strides in (1, 2, 3):
        got = convpad.conv_transpose(y[None, ..., None], kernel[..., None, None], strides=strides, output_padding=0)
        want = scipy.signal.convolve(_holed(y, strides), kernel, "full", method="direct")
        np.testing.assert_allclose(got[0, ..., 0], want, rtol=1e-12, atol=1e-12)


def test_groups_and_channels_are_sums_of_single_ones() -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 7, 6, 4)), rng.normal(size=(3, 2, 2, 6))
    got = convpad.conv(x, kernel, groups=2, padding="same", padding_mode="reflect")
    for n, f in product(range(2), range(6)):
        group = f // 3
        want = sum(
            scipy.ndimage.correlate(x[n, ..., 2 * group + c], kernel[..., c, f], mode="mirror", origin=(0, -1))
            for c in range(2)
        )
        np.testing.assert_allclose(got[n, ..., f], want, rtol=1e-12, atol=1e-12)
    depth = rng.normal(size=(3, 2, 4, 2))
    got = convpad.depthwise_conv(x, depth, padding="same", padding_mode="circular")
    for n, c, m in product(range(2), range(4), range(2)):
        want = scipy.ndimage.correlate(x[n, ..., c], depth[..., c, m], mode="grid-wrap", origin=(0, -1))
        np.testing.assert_allclose(got[n, ..., 2 * c + m], want, rtol=1e-12, atol=1e-12)
    point = rng.normal(size=(1, 1, 8, 3))
    both = convpad.separable_conv(x, depth, point, padding="same", padding_mode="circular")
    np.testing.assert_allclose(both, got @ point[0, 0], rtol=1e-12, atol=1e-12)


def test_holes_and_centres_are_what_they_say() -> None:
    assert _holed(np.array([1.0, 2.0, 3.0]), 2).tolist() == [1, 0, 2, 0, 3]
    assert _centred(4) == (2, 1)
    assert _centred(5) == (2, 2)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(
            _conv(np.ones(3), np.ones(3), padding=1), scipy.ndimage.correlate(np.ones(3), np.ones(3))
        )
