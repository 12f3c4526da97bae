"""Layers in models: symbolic sizes, training, mixed precision, LoRA, Keras's config."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from compare import assert_close
from keras_layers import (
    ALL,
    BACKEND,
    KNOWN_WARNINGS,
    TRANSPOSED,
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
from convpad import Constant, Learned

pytestmark = [pytest.mark.needs("jax", "tensorflow", "torch"), KNOWN_WARNINGS]


def images(count: int = 8, size: int = 9) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, size, size + 2, 3)).astype("float32"), rng.normal(size=(count, 2)).astype("float32")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name", ALL)
def test_unknown_sizes_are_filled_in_when_it_runs(name: str, data_format: str) -> None:
    rank = rank_of(name)
    if (data_format == "channels_first" and rank != 2) or (rank == 3 and name not in ("Conv3D", "MaxPooling3D")):
        pytest.skip("nothing that two axes do not show")
    for padding in (2,) if "Padding" in name else ("same",) if rank == 3 or "first" in data_format else ("same", 2):
        more = {} if name in ZERO_PADDINGS else {"padding_mode": "symmetric"}
        more |= {} if "Padding" in name else {"strides": 2}
        layer = ours(name)(**minimal(name), padding=padding, data_format=data_format, **more)
        shape = (*[None] * rank, 4) if data_format == "channels_last" else (4, *[None] * rank)
        inputs = keras.Input(shape)
        outputs = layer(inputs)
        channels = 4 * (2 if name.startswith("Depthwise") else 1)
        assert outputs.shape == (
            (None, *[None] * rank, channels) if data_format == "channels_last" else (None, channels, *[None] * rank)
        )
        weights = fill_weights(layer)
        model = keras.Model(inputs, outputs)
        axis = 1 if data_format == "channels_last" else 2
        for x in (inputs_of(name, data_format), inputs_of(name, data_format)[:1].repeat(2, axis)):
            got = model(x)
            assert tuple(got.shape) == layer.compute_output_shape(x.shape)
            assert_close(array(got), oracle(name, layer, x, weights=weights), "float32", f"{name} {padding}")


@pytest.mark.parametrize("name", [name for name in ALL if name not in TRANSPOSED])
def test_predict_with_unknown_sizes(name: str) -> None:
    if name in ZERO_PADDINGS or rank_of(name) == 3:
        pytest.skip("nothing that the others do not show")
    layer = ours(name)(**minimal(name), padding=1, padding_mode=(Constant([1, 2, 3, 4]), "circular")[: rank_of(name)])
    inputs = keras.Input((*[None] * rank_of(name), 4))
    model = keras.Model(inputs, layer(inputs))
    fill_weights(layer)
    for x in (inputs_of(name), inputs_of(name).repeat(2, 1)):
        got = model.predict(x, verbose=0)
        assert_close(got, oracle(name, layer, x), "float32", name)


def small_model(**options: Any) -> Any:
    layers = convpad.keras
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Padding2D(1, (Learned("ones"), "circular")),
            layers.Conv2D(4, 3, padding="half", padding_mode=Learned(), activation="relu", **options),
            layers.DepthwiseConv2D(3, strides=2, padding="same", padding_mode="replicate", **options),
            layers.MaxPooling2D(2, 1, padding=1, padding_mode=Learned("ones")),
            layers.Conv2DTranspose(4, 3, strides=2, padding="same", padding_mode="circular", **options),
            layers.SeparableConv2D(4, 3, padding="same", padding_mode=("reflect", 0.5), **options),
            layers.AveragePooling2D(2, padding="half", padding_mode="symmetric_odd"),
            layers.Conv2D(4, 3, padding="same", padding_mode="ignore", **options),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, dtype="float32"),
        ]
    )


def test_a_model_of_unknown_sizes_trains_on_two_sizes() -> None:
    keras.utils.set_random_seed(0)
    model = small_model()
    model.compile("adam", "mse")
    before = {weight.path: np.array(value) for weight, value in zip(model.weights, model.get_weights(), strict=True)}
    for size in (9, 12):
        x, y = images(size=size)
        history = model.fit(x, y, batch_size=4, epochs=2, verbose=0)
        assert np.isfinite(history.history["loss"]).all()
    moved = [weight.path for weight in model.weights if (before[weight.path] != array(weight)).any()]
    assert moved == [weight.path for weight in model.weights]
    assert sum("padding_value" in path for path in moved) == 3


def test_the_loss_goes_down() -> None:
    keras.utils.set_random_seed(0)
    model = small_model()
    model.compile(keras.optimizers.Adam(0.01), "mse")
    losses = model.fit(*images(16), batch_size=16, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.95 * losses[0]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy: str) -> None:
    dtype = policy.removeprefix("mixed_")
    if (BACKEND, dtype) == ("numpy", "bfloat16"):
        pytest.skip("NumPy itself has no bfloat16")
    for name in ALL:
        if name in ZERO_PADDINGS:
            continue
        mode = "circular" if name in TRANSPOSED else Learned("ones")
        layer = ours(name)(**minimal(name), padding=1, padding_mode=mode, dtype=policy)
        x = inputs_of(name)
        layer.build(x.shape)
        weights = fill_weights(layer)
        out = layer(x)
        assert {weight.dtype for weight in layer.weights} <= {"float32"}
        assert keras.backend.standardize_dtype(out.dtype) == dtype
        filled = mode if name in TRANSPOSED else Constant(weights[-1])
        assert_close(array(out), oracle(name, layer, x, filled, weights), dtype, f"{name} {policy}")


def test_a_mixed_precision_model_trains() -> None:
    model = small_model(dtype="mixed_bfloat16")
    model.compile("sgd", "mse")
    history = model.fit(*images(), batch_size=4, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize("mode", ["reflect", Learned("ones")])
def test_lora(mode: Any) -> None:
    x = inputs_of("Conv2D")
    for layer in (
        convpad.keras.Conv2D(4, 3, padding=1, padding_mode=mode, lora_rank=2),
        convpad.keras.Conv2D(4, 3, padding=1, padding_mode=mode),
    ):
        layer.build(x.shape)
        if not layer.lora_enabled:
            layer.enable_lora(2, lora_alpha=4)
        learned = ["padding_value"] if isinstance(mode, Learned) else []
        trainable = sorted(weight.name for weight in layer.trainable_weights)
        assert trainable == sorted(["bias", "lora_kernel_a", "lora_kernel_b", *learned])
        layer.lora_kernel_b.assign(numbers(2, 4))
        weights = [array(layer.kernel), array(layer.bias)]
        filled = Constant([1.0] * 4) if learned else mode
        assert_close(array(layer(x)), oracle("Conv2D", layer, x, filled, weights), "float32", "LoRA")
        assert all(np.abs(found).max() > 0 for found in gradients(layer, x, np.ones(layer(x).shape, "float32"))[1:])


def test_lora_outlives_a_refused_build() -> None:
    layer = convpad.keras.Conv2D(4, 3, lora_rank=2)
    with pytest.raises(convpad.ShapeError):
        layer.build((None, 2, 2, 3))
    layer.build((None, 8, 8, 3))
    assert layer.lora_enabled


def test_regularizers_constraints_and_freezing_are_keras_ones() -> None:
    layer = convpad.keras.Conv2D(
        4,
        3,
        padding=1,
        padding_mode=Learned(),
        kernel_regularizer="l2",
        bias_regularizer="l1",
        activity_regularizer="l2",
        kernel_constraint="non_neg",
        name="named",
    )
    out = layer(inputs_of("Conv2D"))
    assert len(layer.losses) == 3
    assert all(array(loss) >= 0 for loss in layer.losses)
    assert sum(array(loss) for loss in layer.losses) > 0
    assert layer.kernel.constraint is not None
    assert layer.name == "named"
    layer.trainable = False
    assert layer.trainable_weights == []
    assert tuple(out.shape) == (2, 7, 6, 4)
    frozen = convpad.keras.MaxPooling2D(2, padding=1, padding_mode=Learned(), trainable=False)
    frozen.build((None, 8, 8, 3))
    assert [weight.name for weight in frozen.non_trainable_weights] == ["padding_value"]


def test_another_convolution_op_is_used() -> None:
    class Halved(convpad.keras.Conv1D):
        def convolution_op(self, inputs: Any, kernel: Any) -> Any:
            return super().convolution_op(inputs, keras.ops.multiply(kernel, 0.5))

    x = inputs_of("Conv1D")
    layer, plain = (kind(4, 3, padding="causal", padding_mode="circular") for kind in (Halved, convpad.keras.Conv1D))
    layer.build(x.shape)
    plain.build(x.shape)
    fill_weights(layer)
    fill_weights(plain)
    bias = array(plain.bias)
    assert_close(array(layer(x)) - bias, (array(plain(x)) - bias) / 2, "float32")


def test_what_another_convolution_op_gives_is_not_overwritten() -> None:
    class Kept(convpad.keras.Conv2D):
        def convolution_op(self, inputs: Any, kernel: Any) -> Any:
            return inputs

    layer, x = Kept(2, 1, bias_initializer="ones"), keras.ops.zeros((1, 3, 3, 2))
    layer.build(x.shape)
    out = layer(x)
    assert (array(x) == 0).all()
    assert (array(out) == 1).all()


@pytest.fixture
def channels_first() -> Iterator[None]:
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(before)


@pytest.mark.usefixtures("channels_first")
@pytest.mark.parametrize("name", ALL)
def test_the_data_format_is_keras_own(name: str) -> None:
    layer = ours(name)(**minimal(name), padding=1)
    assert layer.data_format == "channels_first"
    x = inputs_of(name, "channels_first")
    assert tuple(layer(x).shape) == layer.compute_output_shape(x.shape)
    assert layer.get_config()["data_format"] == "channels_first"


@pytest.mark.usefixtures("channels_first")
def test_functions_follow_keras_data_format() -> None:
    x = np.zeros((1, 2, 3, 4))
    assert convpad.keras.spatial_2d_padding(x).shape == (1, 2, 5, 6)
    assert convpad.keras.spatial_2d_padding(x, data_format="channels_last").shape == (1, 4, 5, 4)
    assert convpad.keras.spatial_3d_padding(x[..., None]).shape == (1, 2, 5, 6, 3)
    assert convpad.keras.temporal_padding(x[0]).shape == (2, 5, 4)
    assert convpad.keras.temporal_padding(x[0], data_format=None).shape == (2, 3, 6)


FUNCTIONS = {
    "temporal_padding": (1, (2, 1)),
    "spatial_2d_padding": (2, ((1, 0), (2, 2))),
    "spatial_3d_padding": (3, ((1, 0), (2, 2), (0, 1))),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_tensors_arrays_variables_and_symbols(name: str) -> None:
    function, (rank, padding) = getattr(convpad.keras, name), FUNCTIONS[name]
    x = np.arange(2 * 3**rank * 2, dtype="int32").reshape(2, *[3] * rank, 2)
    default = convpad.pad(x, 1)
    want = convpad.pad(x, padding, "circular")
    assert (function(x) == default).all()
    for value in (x, keras.ops.convert_to_tensor(x), keras.Variable(x, dtype="int32", trainable=False)):
        out = function(value, padding, padding_mode="circular")
        assert keras.backend.standardize_dtype(out.dtype) == "int32"
        assert (array(out) == want).all()
    symbol = keras.Input((*[None] * rank, 2), dtype="int32")
    out = function(symbol, padding, padding_mode="circular")
    assert (out.shape, out.dtype) == ((None, *[None] * rank, 2), "int32")
    assert (array(keras.Model(symbol, out)(x)) == want).all()


def test_functions_keep_the_dtype_of_a_symbol() -> None:
    for dtype in ("float64", "float16", "uint8", "bool"):
        symbol = keras.Input((4, 2), dtype=dtype)
        assert convpad.keras.temporal_padding(symbol).dtype == dtype


def test_another_frameworks_tensor_is_padded_by_its_own() -> None:
    torch = pytest.importorskip("torch") if BACKEND != "torch" else pytest.skip("Keras's own")
    out = convpad.keras.spatial_2d_padding(torch.ones(1, 2, 2, 1), padding_mode="reflect")
    assert isinstance(out, torch.Tensor)
    assert tuple(out.shape) == (1, 4, 4, 1)


def test_editors_and_help_show_keras_s_arguments_and_the_mode() -> None:
    theirs = list(inspect.signature(keras.layers.Conv2D).parameters)
    assert list(inspect.signature(convpad.keras.Conv2D).parameters) == [*theirs[:-1], "padding_mode", theirs[-1]]
    assert inspect.signature(convpad.keras.MaxPooling1D).parameters["padding_mode"].default == "ignore"

    class Own(convpad.keras.Conv2D):
        def __init__(self, filters: int) -> None:
            super().__init__(filters, 3, padding="same", padding_mode="circular")

    assert list(inspect.signature(Own).parameters) == ["filters"]
    assert Own(4).compute_output_shape((None, 8, 8, 3)) == (None, 8, 8, 4)


@pytest.mark.skipif(BACKEND != "torch", reason="kernels of other backends are for every dtype")
def test_a_layer_plans_for_its_dtype() -> None:
    for dtype, kernel in (("float32", "adjoint"), ("float64", "framework")):
        assert ours("Conv2D")(256, 3, padding="same", dtype=dtype).plan((2, 14, 14, 256)).kernel == kernel


def test_an_audit_of_a_real_network_is_short_where_it_is_not_asked_for() -> None:
    audit = convpad.audit(keras.applications.MobileNetV2(weights=None))
    assert len(repr(audit)) < 250
    assert len(str(audit)) < 5_000
    page = audit._repr_html_()
    assert len(page) < 20_000
    assert page.index("<details><summary>18 rows</summary>") < page.index("expanded_conv_depthwise")
