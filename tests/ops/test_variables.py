"""Variables of Keras and Flax as arguments: a function takes the tensors that they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compare import assert_close
from frameworks import CHOSEN
from keras_layers import keras

import convpad

pytestmark = [
    pytest.mark.needs("jax", "tensorflow", "torch"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

X, KERNEL = np.ones((1, 5, 5, 2), "float32"), np.ones((3, 3, 2, 3), "float32")
WANT = convpad.conv(X, KERNEL, padding="same", padding_mode="reflect")


def answer(x: Any, kernel: Any) -> Any:
    return keras.ops.convert_to_numpy(convpad.conv(x, kernel, padding="same", padding_mode="reflect"))


def test_keras_variables_are_taken() -> None:
    x, kernel = keras.ops.convert_to_tensor(X), keras.Variable(KERNEL)
    for arguments in ((x, kernel), (keras.Variable(X), kernel), (X, kernel), (x, keras.ops.convert_to_tensor(kernel))):
        assert_close(answer(*arguments), WANT, "float32")


def test_a_layer_of_ones_own_may_hand_its_weight_over() -> None:
    class Mine(keras.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(shape=(3, 3, input_shape[-1], 3), initializer="ones")

        def call(self, x: Any) -> Any:
            return convpad.conv(x, self.kernel, padding="same", padding_mode="reflect")

    image = keras.Input((5, 5, 2))
    model = keras.Model(image, Mine()(image))
    assert_close(model.predict(X, verbose=0), WANT, "float32")
    model.compile("sgd", "mse")
    before = keras.ops.convert_to_numpy(model.weights[0])
    model.fit(X, WANT + 1, verbose=0)
    assert np.abs(keras.ops.convert_to_numpy(model.weights[0]) - before).max() > 0


def test_tensors_without_values_are_refused_with_a_mend() -> None:
    with pytest.raises(
        convpad.PaddingError, match="take a layer of convpad.keras, or call the function within a layer"
    ):
        convpad.conv(keras.Input((5, 5, 2)), KERNEL)


@pytest.mark.skipif("jax" not in CHOSEN, reason="needs jax")
def test_flax_parameters_are_taken() -> None:
    nnx = pytest.importorskip("flax.nnx")
    import jax

    kernel = nnx.Param(jax.numpy.asarray(KERNEL))
    assert_close(answer(jax.numpy.asarray(X), kernel), WANT, "float32")
    gradient = jax.grad(lambda kernel: convpad.conv(X, kernel).sum())(kernel)
    assert np.asarray(gradient[...]).shape == KERNEL.shape


def test_what_holds_no_tensor_is_refused() -> None:
    class Held:
        value = "text"

    with pytest.raises(convpad.PaddingError, match="`kernel` must be a NumPy array"):
        convpad.conv(X, Held())
