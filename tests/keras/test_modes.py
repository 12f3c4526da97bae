"""Every mode in every layer, forward and gradients, against the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compare import assert_close
from keras_layers import (
    ALL,
    BACKEND,
    CHANNELS,
    KNOWN_WARNINGS,
    TRANSPOSED,
    WINDOWED,
    ZERO_PADDINGS,
    array,
    fill_weights,
    gradients,
    inputs_of,
    keras,
    minimal,
    numbers,
    oracle,
    ours,
    rank_of,
)

import convpad
from convpad import Constant, Learned, reference
from convpad.core.modes import MODES
from convpad.core.padding import Padding
from convpad.core.problem import pad_problem, parse_problem

pytestmark = [pytest.mark.needs("jax", "tensorflow", "torch"), KNOWN_WARNINGS]

PER_CHANNEL = Constant([1, -2, 3, 0.5])
FILLS = [name for name, mode in MODES.items() if not mode.takes_value] + [2.5, PER_CHANNEL]
AMOUNTS = {1: (2, 1), 2: ((1, 2), (2, 0)), 3: ((1, 2), (0, 1), (2, 0))}
WORDS = ("same_lower", "half", "full", "causal")


def layer_of(name: str, padding_mode: Any, padding: Any = None, **more: Any) -> Any:
    mode = {} if name in ZERO_PADDINGS else {"padding_mode": padding_mode}
    return ours(name)(**minimal(name), **mode, padding=AMOUNTS[rank_of(name)] if padding is None else padding, **more)


def modes_for(name: str) -> list[Any]:
    if name in ZERO_PADDINGS:
        return ["zeros"]
    rank = rank_of(name)
    mixed = ("circular", ("reflect", PER_CHANNEL), "replicate")[:rank] if rank > 1 else (1.5, "symmetric")
    several = [*FILLS, mixed] if rank < 3 else ["circular", "reflect_odd", "ignore", PER_CHANNEL, mixed]
    return [mode for mode in several if "Pooling" in name or "Conv" in name or mode != "ignore"]


@pytest.mark.parametrize("name", ALL)
def test_every_mode_is_the_oracles(name: str) -> None:
    for data_format in ("channels_last", "channels_first"):
        x = inputs_of(name, data_format)
        for mode in modes_for(name) if data_format == "channels_last" else modes_for(name)[-1:]:
            layer = layer_of(name, mode, data_format=data_format)
            layer.build(x.shape)
            weights = fill_weights(layer)
            got = layer(x)
            assert tuple(got.shape) == layer.compute_output_shape(x.shape)
            assert_close(array(got), oracle(name, layer, x, weights=weights), "float32", f"{name} {mode}")


@pytest.mark.parametrize("name", [name for name in WINDOWED if rank_of(name) < 3])
def test_every_word_is_the_oracles(name: str) -> None:
    x = inputs_of(name)
    for word in WORDS:
        layer = layer_of(name, "replicate", word, strides=2)
        layer.build(x.shape)
        weights = fill_weights(layer)
        assert layer.padding == word
        assert_close(array(layer(x)), oracle(name, layer, x, weights=weights), "float32", f"{name} {word}")


def problem_of(name: str, layer: Any, x: Any) -> Any:
    """The problem that an oracle is asked, posed anew from the layer's own words."""
    padding = Padding.parse(layer.padding, layer.padding_mode, rank=layer.rank)
    if "Padding" in name:
        return pad_problem(x.shape, padding)
    options = dict(layer._options())
    kernel, *rest = layer._kernel_shapes(x.shape[-1]) or (options.pop("pool_size"),)
    return parse_problem(layer.op, x.shape, kernel, padding, pointwise_shape=(*rest, ())[0], **options)


@pytest.mark.parametrize("mode", ["learned", "circular", "ignore"])
@pytest.mark.parametrize("name", ["Conv1D", "Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv1D",
                                  "MaxPooling2D", "AveragePooling2D", "Padding2D"])  # fmt: skip
def test_gradients_are_the_oracles(name: str, mode: str) -> None:
    if (mode == "learned" and name in TRANSPOSED) or (mode == "ignore" and "Padding" in name):
        pytest.skip("it has no such mode")
    x = inputs_of(name) + np.linspace(0, 0.5, inputs_of(name).size, dtype="float32").reshape(inputs_of(name).shape)
    layer = layer_of(name, Learned() if mode == "learned" else mode)
    layer.build(x.shape)
    weights = fill_weights(layer)
    if mode == "learned":
        weights[-1] = weights[-1] + 0.25
        layer.set_weights(weights)
    problem = problem_of(name, layer, x)
    cotangent = numbers(*problem.output_shape, seed=5)
    value = weights[-1] if mode == "learned" else None
    values = ((value, value),) * problem.rank
    kernels = weights[: {"Separable": 2}.get(name[:9], 1)] if "Conv" in name else []
    want, constants = reference.gradients(problem, values, cotangent, x, *kernels)
    if "Conv" in name:
        want.append(cotangent.reshape(-1, cotangent.shape[-1]).sum(0))  # the bias
    if mode == "learned":
        want.append(sum(side for axis in constants for side in axis if side is not None))
    for place, (got, wanted) in enumerate(zip(gradients(layer, x, cotangent), want, strict=True)):
        assert_close(got, wanted, "float32", f"{name} {mode}, gradient {place}")


def test_one_learned_is_one_weight_and_each_that_is_written_is_its_own() -> None:
    x = inputs_of("Conv2D")
    table: list[tuple[Any, int]] = [
        (Learned(), 1),
        ((Learned(), "zeros"), 1),
        ((Learned(), Learned()), 2),
        (((Learned("ones"), Learned()), Learned(keras.initializers.Constant(3))), 3),
        (("circular", (Learned(), 5)), 1),
    ]
    for mode, count in table:
        layer = layer_of("Conv2D", mode)
        layer.build(x.shape)
        names = [weight.name for weight in layer.weights[2:]]
        assert names == ["padding_value", "padding_value_1", "padding_value_2"][:count]
        assert all(tuple(weight.shape) == (CHANNELS,) for weight in layer.weights[2:])
        assert layer.padding_mode == mode
        weights = fill_weights(layer)
        values = iter(weights[2:])
        filled = _replaced(mode, values)
        assert_close(array(layer(x)), oracle("Conv2D", layer, x, filled, weights), "float32", str(mode))


def _replaced(mode: Any, values: Any) -> Any:
    if isinstance(mode, tuple):
        return tuple(_replaced(entry, values) for entry in mode)
    return Constant(next(values)) if isinstance(mode, Learned) else mode


def test_the_initializer_is_used() -> None:
    layer = layer_of("Padding1D", (Learned("ones"), Learned(keras.initializers.Constant(3.0))))
    out = array(layer(np.zeros((1, 2, 2), "float32")))
    assert out[0, :, 0].tolist() == [1, 1, 0, 0, 3]


def test_modes_are_kept_in_their_shortest_spelling() -> None:
    layer = layer_of("Conv2D", [["reflect", "reflect"], ("reflect", "reflect")], [1, (2, 2)])
    assert (layer.padding, layer.padding_mode) == (((1, 1), (2, 2)), "reflect")
    assert layer_of("MaxPooling2D", np.float32(2), "Half").padding_mode == 2.0
    for tensor in (keras.ops.ones((4,)), keras.Variable([1.0] * 4), np.ones(4)):
        assert layer_of("Conv1D", Constant(tensor)).padding_mode == Constant([1.0] * 4)
    assert layer_of("Conv1D", Constant(keras.ops.ones(()))).padding_mode == 1.0


def test_a_layer_says_how_it_computes() -> None:
    plan = layer_of("Conv2D", "circular", "same").plan((None, 32, 32, 3))
    assert plan.backend == BACKEND
    assert plan.output_shape == (None, 32, 32, 4)
    kernel = "" if plan.kernel == "framework" else f" ({plan.kernel})"
    assert str(plan).startswith(f"{plan.route} on {BACKEND}{kernel}: ")
    assert layer_of("MaxPooling2D", "ignore", "same").plan((None, 9, 9, 3)).windows[0].output == 3
    with pytest.raises(convpad.ShapeError):
        layer_of("Conv2D", "zeros", "valid").plan((None, 2, 2, 3))


def test_strides_and_dilation_together_where_keras_allows_both() -> None:
    x = inputs_of("DepthwiseConv1D")
    for name in ("DepthwiseConv1D", "SeparableConv1D"):
        layer = layer_of(name, "symmetric", "same", strides=2, dilation_rate=2)
        layer.build(x.shape)
        weights = fill_weights(layer)
        assert_close(array(layer(x)), oracle(name, layer, x, weights=weights), "float32", name)
    with pytest.raises(ValueError, match="dilation_rate"):
        layer_of("Conv1D", "zeros", strides=2, dilation_rate=2)
