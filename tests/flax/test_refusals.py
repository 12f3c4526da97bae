"""Refusals of the Flax layers and pools, with their words: from the constructor, or where shapes are met."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax_layers import made

import convpad
from convpad import Constant, Learned

pytestmark = pytest.mark.needs("jax")

ALONE = "With a mode, say how much by itself: padding='same', or pairs."
OWN = "`padding` must be Flax's own, without a mode."
IN_NUMBERS = "`padding` must be an int, or one int or pair for each spatial axis, without a mode."
FLAX_PADS = "Flax's own call computes, which pads with zeros."
CONV: list[tuple[dict[str, Any], str]] = [
    (
        {"padding": "sane"},
        "`padding` must be one of 'valid', 'same', 'same_lower', 'half', 'full', 'causal', an int, or a pair (before, "
        "after) for each spatial axis. Received: 'sane'. Did you mean 'same'?",
    ),
    (
        {"padding": "CIRCULAR", "padding_mode": "reflect"},
        f"`padding_mode` must be left out with Flax's 'CIRCULAR', which says with what, too. Received: 'reflect'. {ALONE}",
    ),
    (
        {"padding": "REFLECT", "padding_mode": "zeros"},
        f"`padding_mode` must be left out with Flax's 'REFLECT', which says with what, too. Received: 'zeros'. {ALONE}",
    ),
    (
        {"padding": "CAUSAL"},
        "`padding` must be 'CAUSAL' along one spatial axis alone, as in Flax. Received: 'CAUSAL'. convpad's 'causal' pads "
        "before the first axis; ('causal', 'same') is one word for each axis.",
    ),
    (
        {"padding_mode": Constant([1, 2])},
        "A constant per channel must have one value for each channel that is padded. Received: 2 for 4 channels.",
    ),
    (
        {"padding_mode": Learned("lecun")},
        "`Learned(initializer)` must be one of 'zeros', 'ones', 'normal', 'uniform', 'truncated_normal', or a function of "
        "(key, shape, dtype) here. Received: 'lecun'. jax.nn.initializers has such functions.",
    ),
    ({"input_dilation": 2}, f"{IN_NUMBERS} Received: 'SAME'. With input_dilation=2 {FLAX_PADS}"),
    (
        {"input_dilation": 2, "padding": 1, "padding_mode": 1},
        f"{IN_NUMBERS} Received: 1. With input_dilation=2 {FLAX_PADS}",
    ),
    ({"padding": -1, "padding_mode": "circular"}, f"{OWN} Received: -1. With a negative amount {FLAX_PADS}"),
    ({"padding": -1, "strides": 0}, "`strides` must be a positive int. Received: 0."),
    (
        {"padding_mode": "ignore", "precision": "highest", "preferred_element_type": jnp.float32},
        "`padding_mode` must have values. Received: 'ignore'. With precision and preferred_element_type Flax's own call "
        "convolves what is padded before.",
    ),
    ({"feature_group_count": 3}, "`feature_group_count` must divide in_features, 4. Received: 3."),
    ({"feature_group_count": 0}, "`feature_group_count` must be a positive int. Received: 0."),
    ({"strides": (1, 2, 3)}, "`strides` must be an int, or one for each of the 2 spatial axes. Received: (1, 2, 3)."),
    (
        {"mask": np.ones((3, 3))},
        "`mask` must have the shape of the kernel, (3, 3, 4, 8). Received: a mask of shape (3, 3).",
    ),
]


@pytest.mark.parametrize(("options", "text"), CONV, ids=str)
def test_conv(options: dict[str, Any], text: str) -> None:
    with pytest.raises(convpad.PaddingError) as error:
        made(convpad.flax.Conv, 4, 8, (3, 3), **options)
    assert str(error.value) == text


WORDS = (
    "`padding` must be one of Flax's words here: 'SAME', 'VALID', 'CIRCULAR'. Received: {!r}. convpad's, in lower case, are "
    "'valid', 'same', 'same_lower', 'half', 'full', 'causal'."
)
TRANSPOSED: list[tuple[dict[str, Any], str]] = [
    (
        {"padding": "same", "padding_mode": Learned()},
        "`padding_mode` must be without Learned(...) in a transposed convolution. Received: Learned(initializer='zeros'). A "
        "transposed convolution is an adjoint, which sees no constants, so there is nothing to learn.",
    ),
    (
        {"padding": "CIRCULAR", "padding_mode": "circular"},
        f"`padding_mode` must be left out with Flax's 'CIRCULAR', which says with what, too. Received: 'circular'. {ALONE}",
    ),
    ({"padding": "CAUSAL"}, WORDS.format("CAUSAL")),
    ({"padding": ("SAME_LOWER", 1), "padding_mode": "reflect"}, WORDS.format("SAME_LOWER")),
    (
        {"padding": "same", "precision": "highest"},
        "`padding` must be Flax's own here, without a mode. Received: 'same'. With precision Flax's own call computes, with "
        "its own paddings.",
    ),
    (
        {"padding": 3, "padding_mode": "circular"},
        "`padding` must be at least 0, and before an axis at most 2, the dilated kernel less one. Received: 3. As in Flax it "
        "is counted around the spread input. Words count what the forward convolution pads.",
    ),
    (
        {"padding": (1, (0, 4)), "padding_mode": "circular", "strides": 2},
        "`padding` must go less than the stride, 2, beyond the dilated kernel. Received: (1, (0, 4)). What goes beyond the "
        "kernel tells apart the sizes that one stride makes equal.",
    ),
    (
        {"padding": (1, 1, 1), "padding_mode": "circular"},
        "`padding` must be a word, an int, or one word, int or pair for each of the 2 spatial axes. Received: (1, 1, 1).",
    ),
    (
        {"padding_mode": Constant([1, 2])},
        "A constant per channel must have one value for each channel that is padded. Received: 2 for 8 channels.",
    ),
]


@pytest.mark.parametrize(("options", "text"), TRANSPOSED, ids=str)
def test_conv_transpose(options: dict[str, Any], text: str) -> None:
    with pytest.raises(convpad.PaddingError) as error:
        made(convpad.flax.ConvTranspose, 4, 8, (3, 3), **options)
    assert str(error.value) == text


def test_kernels() -> None:
    for arguments, text in (
        ((4, 8, (3, 0)), "`kernel_size` must be a positive int. Received: 0."),
        ((4, 0, 3), "`out_features` must be a positive int. Received: 0."),
    ):
        with pytest.raises(convpad.PaddingError) as error:
            made(convpad.flax.Conv, *arguments)
        assert str(error.value) == text


X = np.ones((1, 6, 6, 4), "float32")
CALLS: dict[str, tuple[Any, str]] = {
    "few axes": (
        lambda: made(convpad.flax.Conv, 4, 8, (3, 3))(X[0, 0]),
        "The input must have 2 spatial axes, then the channels. Received: shape (6, 4).",
    ),
    "other channels": (
        lambda: made(convpad.flax.Conv, 4, 8, (3, 3))(X[..., :3]),
        "The last axis of the input must hold the channels, in_features=4. Received: shape (1, 6, 6, 3).",
    ),
    "complex": (
        lambda: made(convpad.flax.Conv, 4, 8, (3, 3), padding_mode="reflect")(X + 1j),
        "conv computes with real floating numbers. Received: x of complex64, kernel of complex64. Cast first.",
    ),
    "sharding": (
        lambda: made(convpad.flax.Conv, 4, 8, (3, 3), padding_mode="ignore")(X, out_sharding="rows"),
        "`padding_mode` must have values. Received: 'ignore'. With out_sharding Flax's own call convolves what is padded "
        "before.",
    ),
    "traced constant": (
        lambda: jax.jit(lambda value: made(convpad.flax.Conv, 4, 8, (3, 3), padding_mode=Constant(value))(X))(
            X[0, 0, 0]
        ),
        "`padding_mode` must be known when the layer is made. Received: Constant(value=JitTracer(float32[4])). A value that "
        "is traced or trained is Learned() here: a parameter of the layer.",
    ),
    "no plan": (
        lambda: made(convpad.flax.ConvTranspose, 4, 8, (3, 3)).plan(X.shape),
        "This ConvTranspose is computed by Flax's own call, so convpad has no plan. Received: padding='SAME'.",
    ),
    "learned pool": (
        lambda: convpad.flax.max_pool(X, (2, 2), padding="same", padding_mode=Learned()),
        "`padding_mode` must be without Learned(...). Received: Learned(initializer='zeros'). A function has no parameters: "
        "give Constant([...]), or the array in Constant(array).",
    ),
    "two counts": (
        lambda: convpad.flax.avg_pool(X, (2, 2), padding="SAME", count_include_pad=False, padding_mode="reflect"),
        "`padding_mode` must be left out with count_include_pad=False. Received: 'reflect'. Padding that does not count has "
        "no values: its mode is 'ignore'.",
    ),
    "min and ignore": (
        lambda: convpad.flax.min_pool(X, (2, 2), padding="same", padding_mode=("ignore", "reflect")),
        "`padding_mode` must have values. Received: 'ignore'. It has no values to pad with: use it as the padding_mode of a "
        "convolution or a pool.",
    ),
    "one number for a window": (
        lambda: convpad.flax.max_pool(X, 2),  # pyright: ignore
        "`window_shape` must be a tuple with one int for each spatial axis. Received: 2.",
    ),
    "pool without batch or space": (
        lambda: convpad.flax.max_pool(X[0, 0], (2, 2), padding="half"),
        "The input must have 2 spatial axes, then the channels. Received: shape (6, 4).",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name: str) -> None:
    call, text = CALLS[name]
    with pytest.raises(convpad.PaddingError) as error:
        call()
    assert str(error.value) == text
