"""Flax's own layers and ours, with Flax's arguments: the same parameters, numbers and gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compare import assert_close
from flax import nnx
from flax_layers import assert_equal_layers, made, numbers

import convpad

pytestmark = pytest.mark.needs("jax")

CONV: list[tuple[int, dict[str, Any]]] = [
    # (kernel size, options); channels follow from the groups
    (1, {"strides": None, "kernel_dilation": None}),
    (1, {"padding": "VALID", "strides": 2}),
    (1, {"padding": "CAUSAL"}),
    (1, {"padding": "CAUSAL", "kernel_dilation": 2, "strides": (2,)}),
    (1, {"padding": "CIRCULAR", "strides": 3}),
    (1, {"padding": "REFLECT", "kernel_dilation": (2,)}),
    (1, {"padding": 2, "feature_group_count": 4}),
    (1, {"padding": [(2, 1)], "use_bias": False}),
    (2, {"strides": 2}),
    (2, {"strides": (1, 3), "feature_group_count": 2}),
    (2, {"feature_group_count": 4}),
    (2, {"feature_group_count": 4, "strides": 2, "padding": "VALID"}),
    (2, {"feature_group_count": 4, "kernel_dilation": (1, 2), "padding": "CIRCULAR"}),
    (2, {"padding": "REFLECT", "strides": 2}),
    (2, {"padding": "CIRCULAR", "kernel_dilation": 2, "feature_group_count": 2}),
    (2, {"padding": (2, 0)}),
    (2, {"padding": [(1, 2), 3]}),
    (2, {"padding": -1}),
    (2, {"padding": "SAME_LOWER", "strides": 2}),
    (2, {"input_dilation": 2, "padding": 1}),
    (2, {"input_dilation": (1, 2), "padding": [1, (0, 2)], "strides": 2}),
    (3, {}),
    (3, {"padding": "CIRCULAR", "strides": (1, 2, 1)}),
    (4, {"padding": "VALID"}),
]
SIZES = {1: (9,), 2: (7, 6), 3: (4, 5, 4), 4: (3, 4, 3, 3)}


@pytest.mark.parametrize(("rank", "options"), CONV, ids=str)
def test_conv(rank: int, options: dict[str, Any]) -> None:
    arguments = (4, 8, (3, 2, 2, 2)[:rank])
    layers = [made(kind, *arguments, **options) for kind in (convpad.flax.Conv, nnx.Conv)]
    assert_equal_layers(*layers, numbers(2, *SIZES[rank], 4), str(options))


TRANSPOSED: list[tuple[int, dict[str, Any]]] = [
    (1, {}),
    (1, {"strides": (2,), "padding": "VALID", "kernel_dilation": (2,)}),
    (1, {"padding": "CIRCULAR", "strides": 3}),
    (2, {"strides": 2, "transpose_kernel": True}),
    (2, {"padding": "CIRCULAR", "strides": (2, 1), "transpose_kernel": True}),
    (2, {"padding": ((1, 2), (5, 0)), "strides": 2}),
    (2, {"padding": 1, "use_bias": False}),
    (3, {"padding": [1, (0, 2), 0], "strides": 2}),
]


@pytest.mark.parametrize(("rank", "options"), TRANSPOSED, ids=str)
def test_conv_transpose(rank: int, options: dict[str, Any]) -> None:
    arguments = (4, 3, (3, 4, 2)[:rank])
    layers = [made(kind, *arguments, **options) for kind in (convpad.flax.ConvTranspose, nnx.ConvTranspose)]
    assert_equal_layers(*layers, numbers(2, *SIZES[rank], 4), str(options))


TYPES: list[tuple[str, dict[str, Any], str]] = [
    # (dtype of the inputs, options, dtype of the answer's precision)
    ("float32", {"dtype": jnp.bfloat16}, "bfloat16"),
    ("bfloat16", {}, "float32"),
    ("bfloat16", {"param_dtype": jnp.bfloat16}, "bfloat16"),
    ("float16", {"param_dtype": jnp.float16, "feature_group_count": 4}, "float16"),
    ("float32", {"precision": "highest", "padding": "REFLECT"}, "float32"),
    ("bfloat16", {"dtype": jnp.bfloat16, "preferred_element_type": jnp.float32}, "bfloat16"),
    ("float32", {"mask": numbers(3, 2, 4, 8) > 0}, "float32"),
    ("float32", {"mask": numbers(3, 2, 1, 8) > 0, "feature_group_count": 4}, "float32"),
    ("float32", {"promote_dtype": lambda arrays, dtype=None: arrays}, "float32"),
]


@pytest.mark.parametrize(("dtype", "options", "precision"), TYPES)
@pytest.mark.parametrize("name", ["Conv", "ConvTranspose"])
def test_dtypes_masks_and_precision(name: str, dtype: str, options: dict[str, Any], precision: str) -> None:
    if name == "ConvTranspose" and ("feature_group_count" in options or options.get("padding") == "REFLECT"):
        pytest.skip("Flax has none")
    layers = [made(getattr(module, name), 4, 8, (3, 2), **options) for module in (convpad.flax, nnx)]
    assert_equal_layers(*layers, jnp.asarray(numbers(2, 6, 5, 4), dtype), str(options), precision)


@pytest.mark.parametrize("shape", [(6, 5, 4), (2, 3, 6, 5, 4), (0, 6, 5, 4)])
@pytest.mark.parametrize("name", ["Conv", "ConvTranspose"])
def test_batch_axes(name: str, shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    want = np.asarray(made(getattr(nnx, name), 4, 8, (3, 3))(x)) if 0 not in shape else np.zeros((0, 6, 5, 8))
    assert_close(made(getattr(convpad.flax, name), 4, 8, (3, 3))(x), want, "float32")
    ours = made(getattr(convpad.flax, name), 4, 8, (3, 3), padding="same", padding_mode="circular")
    flat = ours(x.reshape(-1, *shape[-3:])) if x.size else np.zeros((0, 6, 5, 8))
    assert_close(ours(x), np.asarray(flat).reshape(*shape[:-3], 6, 5, 8), "float32")


def test_a_convolution_function_of_the_user() -> None:
    calls: list[Any] = []

    def convolve(*arguments: Any, **options: Any) -> Any:
        calls.append((arguments[0].shape, arguments[3]))
        return jax.lax.conv_general_dilated(*arguments, **options)

    x = numbers(1, 5, 2)
    layers = [made(kind, 2, 3, 3, conv_general_dilated=convolve) for kind in (convpad.flax.Conv, nnx.Conv)]
    np.testing.assert_array_equal(*(np.asarray(layer(x)) for layer in layers))
    ours = made(convpad.flax.Conv, 2, 3, 3, padding_mode=("replicate", 1.5), conv_general_dilated=convolve)
    without = made(convpad.flax.Conv, 2, 3, 3, padding_mode=("replicate", 1.5))
    assert_close(ours(x), without(x), "float32")
    assert calls == [((1, 5, 2), "SAME"), ((1, 5, 2), "SAME"), ((1, 7, 2), "VALID")]


def test_complex_numbers_are_flaxs() -> None:
    options: dict[str, Any] = {"param_dtype": jnp.complex64}
    x = numbers(1, 5, 2) + 1j
    layers = [made(kind, 2, 3, 3, **options) for kind in (convpad.flax.Conv, nnx.Conv)]
    np.testing.assert_array_equal(*(np.asarray(layer(x)) for layer in layers))


@pytest.mark.parametrize("name", ["max_pool", "avg_pool", "min_pool"])
@pytest.mark.parametrize("padding", ["VALID", "SAME", ((1, 1), (0, 1))])
@pytest.mark.parametrize("strides", [None, (2, 1)])
def test_pools(name: str, padding: Any, strides: Any) -> None:
    x = numbers(2, 6, 5, 3)
    ours, theirs = getattr(convpad.flax, name), getattr(nnx, name)
    np.testing.assert_array_equal(ours(x, (2, 3), strides, padding), theirs(x, (2, 3), strides, padding))
    words = {"VALID": "valid", "SAME": "same"}.get(padding, padding) if isinstance(padding, str) else padding
    mode = "zeros" if name == "avg_pool" else "ignore"
    computed = ours(x, (2, 3), strides, words, padding_mode=mode)
    assert_close(computed, theirs(x, (2, 3), strides, padding), "float32")


def test_averages_that_do_not_count_padding() -> None:
    x = numbers(6, 5, 3)
    want = nnx.avg_pool(x[None], (3, 3), None, "SAME", count_include_pad=False)[0]
    for options in ({"count_include_pad": False}, {"padding_mode": "ignore"}):
        assert_close(convpad.flax.avg_pool(x, (3, 3), None, "same", **options), want, "float32")
    assert_close(convpad.flax.avg_pool(x, (3, 3), None, "half", False), want, "float32")


def test_the_constructor_shows_flaxs_arguments() -> None:
    import inspect

    for name in ("Conv", "ConvTranspose"):
        flaxs = [*inspect.signature(getattr(nnx, name).__init__).parameters][1:]
        ours = [*inspect.signature(getattr(convpad.flax, name)).parameters]
        ours.remove("padding_mode")
        assert ours == flaxs
