"""The oracle against TensorFlow's own padding and convolutions."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from frameworks import CHOSEN

import convpad

pytestmark = pytest.mark.needs("tensorflow")

if "tensorflow" not in CHOSEN:
    pytest.skip("tensorflow is not among the chosen backends", allow_module_level=True)
tf = pytest.importorskip("tensorflow")

MODES: dict[Any, dict[str, Any]] = {
    "zeros": {"mode": "CONSTANT"},
    2.5: {"mode": "CONSTANT", "constant_values": 2.5},
    "reflect": {"mode": "REFLECT"},
    "symmetric": {"mode": "SYMMETRIC"},
}


def _array(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@pytest.mark.parametrize("mode", MODES)
def test_pad(mode: Any) -> None:
    x = _array(2, 5, 4, 3)
    for pairs in product(((0, 0), (1, 3), (4, 0)), ((0, 0), (2, 1), (3, 3))):
        want = tf.pad(x, ((0, 0), *pairs, (0, 0)), **MODES[mode])
        np.testing.assert_array_equal(convpad.pad(x, pairs, mode), want.numpy())


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (5, 2)])
@pytest.mark.parametrize("window", [(3, 3), (2, 4), (1, 5), (5, 1)])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), (3, 1), ((1, 2), 1), (1, 2)])
@pytest.mark.parametrize("word", ["SAME", "VALID"])
def test_conv2d(size: tuple[int, int], window: tuple[int, int], strides: Any, dilation: int, word: str) -> None:
    x, kernel = _array(2, *size, 3), _array(*window, 3, 4)
    options = {"strides": strides, "dilation_rate": dilation, "padding": word.lower()}
    fits = all((k - 1) * dilation + 1 <= n for k, n in zip(window, size, strict=True))
    if word == "VALID" and not fits:
        with pytest.raises(convpad.ShapeError):
            convpad.conv(x, kernel, **options)
        return
    want = tf.nn.conv2d(x, kernel, strides, word, dilations=dilation)
    np.testing.assert_allclose(convpad.conv(x, kernel, **options), want.numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("pairs", [((1, 2), (0, 3)), ((0, 0), (2, 1))])
def test_conv2d_with_explicit_paddings(pairs: Any) -> None:
    x, kernel = _array(2, 8, 7, 3), _array(3, 2, 3, 4)
    want = tf.nn.conv2d(x, kernel, 2, ((0, 0), *pairs, (0, 0)))
    np.testing.assert_allclose(convpad.conv(x, kernel, strides=2, padding=pairs), want.numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("word", "strides"), list(product(["SAME", "VALID"], [1, 2, 3])))
def test_pools_and_transposed_and_depthwise(word: str, strides: int) -> None:
    x, padding = _array(2, 8, 7, 3), word.lower()
    # A constant, for tf.nn.max_pool2d makes float32 of a NumPy array.
    want = tf.nn.max_pool2d(tf.constant(x), (3, 2), strides, word)
    np.testing.assert_array_equal(convpad.max_pool(x, (3, 2), strides=strides, padding=padding), want.numpy())
    want = tf.nn.avg_pool2d(x, (3, 2), strides, word)
    got = convpad.average_pool(x, (3, 2), strides=strides, padding=padding)
    np.testing.assert_allclose(got, want.numpy(), rtol=1e-11, atol=1e-11)
    depth = _array(3, 2, 3, 2)
    want = tf.nn.depthwise_conv2d(x, depth, (1, strides, strides, 1), word)
    got = convpad.depthwise_conv(x, depth, strides=strides, padding=padding)
    np.testing.assert_allclose(got, want.numpy(), rtol=1e-11, atol=1e-11)
    kernel = _array(3, 2, 4, 3)
    got = convpad.conv_transpose(x, kernel, strides=strides, padding=padding)
    want = tf.nn.conv2d_transpose(x, kernel, got.shape, strides, word)
    np.testing.assert_allclose(got, want.numpy(), rtol=1e-11, atol=1e-11)


def test_the_comparison_can_fail() -> None:
    x = _array(1, 4, 4, 1)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(
            convpad.pad(x, 2, "reflect"), tf.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), "SYMMETRIC").numpy()
        )
