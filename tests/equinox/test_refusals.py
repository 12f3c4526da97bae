"""Refusals of the layers: in the constructor, before an array is made, and for inputs that do not fit."""

from __future__ import annotations

from typing import Any

import pytest
from frameworks import framework

framework("jax")

import jax
import jax.numpy as jnp
from jax import random

import convpad.equinox as layers
from convpad import Constant, Learned, PaddingError, ShapeError

pytestmark = pytest.mark.needs("jax")

KEY = jax.random.key(0)
CONV: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    ((2, 3, 3), {"padding": "smae"}, "`padding` must be one of 'valid'"),
    ((2, 3, 3), {"padding": -1}, "`padding` must be an int of at least 0. Received: -1."),
    ((2, 3, 3), {"padding": (1, 2, 3)}, "`padding` must have one entry for each of the 2 spatial axes."),
    ((2, 3, 3), {"padding": 1, "padding_mode": "edge"}, "NumPy's 'edge' is 'replicate' here."),
    ((2, 3, 3), {"padding": 1, "padding_mode": Constant([1, 2, 3])}, "Received: 3 for 2 channels."),
    ((2, 3, 3), {"padding": 1, "padding_mode": Learned("he")}, "`Learned(initializer)` must be one of 'zeros', 'ones'"),
    ((2, 3, 3), {"groups": 2}, "`out_channels` must be divisible by the groups, 2. Received: 3."),
    ((3, 2, 3), {"groups": 2}, "`in_channels` must be divisible by the groups, 2. Received: 3."),
    ((2, 3, 0), {}, "`kernel_size` must be a positive int. Received: 0."),
    ((2, 3, 3), {"stride": (1, 2, 3)}, "`stride` must be an int, or one for each of the 2 spatial axes."),
    ((2, 3, 3), {"dilation": 1.5}, "`dilation` must be a positive int. Received: 1.5."),
]


@pytest.mark.parametrize(("arguments", "options", "text"), CONV)
@pytest.mark.parametrize("name", ["Conv2d", "ConvTranspose2d"])
def test_constructors(
    name: str, arguments: Any, options: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "Transpose" in name and isinstance(options.get("padding_mode"), Constant):
        # The convolution that is transposed pads as many channels as there are outputs.
        options, text = {**options, "padding_mode": Constant([1, 2])}, "Received: 2 for 3 channels."
    monkeypatch.setattr(random, "split", lambda *_: pytest.fail("an array is made"))
    with pytest.raises(PaddingError) as refusal:
        getattr(layers, name)(*arguments, **options, key=KEY)
    assert text in str(refusal.value)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.Conv(4, 1, 1, 3, key=KEY), "A window moves along one, two or three spatial axes."),
        (lambda: layers.ConvTranspose1d(1, 1, 3, 2, 2, key=KEY), "`output_padding` must be less than the stride, 2."),
        (lambda: layers.ConvTranspose1d(1, 1, 3, padding_mode=Learned(), key=KEY), "must be without Learned(...)"),
        (lambda: layers.MaxPool2d(3, padding_mode=Learned()), "must be without Learned(...)"),
        (lambda: layers.AvgPool2d(3, use_ceil=1), "`use_ceil` must be True or False. Received: 1."),  # pyright: ignore
        (lambda: layers.AvgPool2d((3, 3, 3)), "`kernel_size` must be an int, or one for each of the 2 spatial axes."),
        (
            lambda: jax.jit(lambda value: layers.Conv1d(1, 1, 3, padding_mode=Constant(value), key=KEY).weight)(1.0),
            "`padding_mode` must be known when the layer is made.",
        ),
    ],
)
def test_other_constructors(make: Any, text: str) -> None:
    with pytest.raises(PaddingError) as refusal:
        make()
    assert text in str(refusal.value)


def test_inputs() -> None:
    layer = layers.Conv2d(2, 3, 3, key=KEY)
    for x, text in [
        (jnp.zeros((1, 2, 5, 5)), "must have 3 axes: channels and 2 spatial. Received: shape (1, 2, 5, 5)."),
        (jnp.zeros((3, 5, 5)), "for an input of 3 channels."),
        (jnp.zeros((2, 2, 5)), "The window must fit into the padded axis."),
        (jnp.zeros((2, 5, 5), jnp.bfloat16), "All must be of one dtype."),
    ]:
        with pytest.raises(ShapeError) as refusal:
            layer(x)
        assert text in str(refusal.value)
    with pytest.raises(ShapeError, match="must have 3 axes"):
        layer.plan((5, 5))
