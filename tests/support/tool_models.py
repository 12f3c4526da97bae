"""Models for `repad` and `fold`: one for every way in which Keras puts layers together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras_layers import array, keras

layers = keras.layers


def filled(model: Any, seed: int = 0) -> Any:
    """The model with random weights; those of its layers that hold statistics are positive."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = rng.normal(0, 0.3, weight.shape)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.name else values)
    return model


def graph() -> Any:
    image = keras.Input((12, 10, 3), name="image")
    shared = layers.Conv2D(4, 3, padding="same", activation="relu", name="shared")
    x = layers.Conv2D(4, 3, strides=2, name="stem")(layers.ZeroPadding2D(((0, 1), (1, 2)), name="pad")(image))
    x = layers.Add()([shared(shared(x)), layers.SeparableConv2D(4, 3, padding="same", name="separable")(x)])
    x = keras.ops.tanh(x * 2 + 1)
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x))
    x = layers.Conv2DTranspose(3, 4, strides=2, padding="same", name="up")(x)
    return keras.Model(image, [layers.MaxPooling2D(3, 2, "same", name="pool")(x), {"flat": layers.Flatten()(x)}])


def stack() -> Any:
    return keras.Sequential(
        [
            keras.Input((9, 3)),
            layers.ZeroPadding1D((2, 0), name="pad"),
            layers.Conv1D(4, 3, name="conv"),
            layers.Conv1D(4, 3, padding="causal", dilation_rate=2, name="causal"),
            layers.MaxPooling1D(2, padding="same"),
            layers.Dense(2),
        ],
        name="stack",
    )


def nested() -> Any:
    """A layer and a model that are in several models."""
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    small = keras.Input((8, 8, 3))
    block = keras.Model(small, layers.ReLU()(shared(layers.ZeroPadding2D(1)(small))), name="block")
    row = keras.Sequential(
        [keras.Input((10, 10, 3)), layers.ZeroPadding2D(1, name="rim"), layers.MaxPooling2D(3, 1)], name="row"
    )
    image = keras.Input((8, 8, 3))
    x = shared(row(block(image)))
    return keras.Model(image, layers.Concatenate()([x, shared(layers.ZeroPadding2D(1)(image))]))


def wrapped() -> Any:
    conv = layers.Conv2D(3, 3, padding="same", name="frame")
    clip = keras.Input((4, 8, 8, 3))
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.ZeroPadding2D(1, name="pad"), layers.Conv2D(2, 3, name="conv")], name="inner"
    )
    x = layers.TimeDistributed(conv, name="each")(clip)
    x = layers.TimeDistributed(inner, name="again")(layers.TimeDistributed(conv, name="same_conv")(x))
    return keras.Model(clip, layers.Conv3D(2, 3, padding="same", name="last")(x))


@keras.saving.register_keras_serializable(package="tests")
class Holder(keras.Model):
    """A class whose config holds its layers."""

    def __init__(self, body: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = body

    def call(self, inputs: Any) -> Any:
        return self.body(inputs) + 1

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "body": keras.saving.serialize_keras_object(self.body)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(keras.saving.deserialize_keras_object(config.pop("body")), **config)


def holding() -> Any:
    model = Holder(stack(), name="holder")
    model(np.zeros((1, 9, 3), "float32"))
    return model


class Coded(keras.Model):
    """A class whose code makes its layers, and whose config says how many. It is not registered."""

    def __init__(self, filters: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.first = layers.Conv2D(filters, 3, padding="same", name="first")
        self.rest = [layers.Conv2D(filters, 3, padding="same", name=f"rest_{place}") for place in range(2)]
        self.norm = layers.BatchNormalization()

    def call(self, inputs: Any) -> Any:
        x = self.first(inputs)
        for layer in self.rest:
            x = self.norm(layer(x))
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


def coded() -> Any:
    model = Coded(3, name="coded")
    model(np.zeros((1, 7, 6, 2), "float32"))
    return model


MODELS: dict[str, Callable[[], Any]] = {
    function.__name__: function for function in (graph, stack, nested, wrapped, holding, coded)
}
SHAPES = {"holding": (9, 3), "coded": (7, 6, 2)}


def inputs_for(name: str, model: Any, seed: int = 1) -> Any:
    shape = SHAPES[name] if name in SHAPES else model.inputs[0].shape[1:]
    return np.random.default_rng(seed).normal(size=(2, *shape)).astype("float32")


def outputs(model: Any, x: Any) -> list[Any]:
    return [array(tensor) for tensor in keras.tree.flatten(model(x, training=False))]
