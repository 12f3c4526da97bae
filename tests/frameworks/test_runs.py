"""Code for other frameworks, run there: its numbers are the oracle's.

Each test process runs the frameworks that it has: ONNX Runtime and ONNX's own evaluator beside NumPy, Flax beside JAX,
Keras on its backend. Caffe and Theano, which no Python of today runs, are held to their sources in
`test_core_conventions.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from frameworks import CHOSEN
from hypothesis import given, settings
from spoken import OPS, Spoken, spoken

import convpad
from convpad.frameworks import Translation, to_code

Run = Callable[[Spoken, Translation], Any]

# Keras 3.15.1's own variables, asked for their values by NumPy 2.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning"),
]


def channels_first(array: Any) -> Any:
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def on_onnx(case: Spoken, words: Translation) -> Any:
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    x, *kernels = case.arrays()
    kernels = [channels_and_filters_first(case, kernel) for kernel in kernels[:1]]
    inputs = {"x": channels_first(x), **({"kernel": kernels[0]} if kernels else {})}
    declared = ", ".join(f"float[{', '.join(map(str, array.shape))}] {name}" for name, array in inputs.items())
    outputs = ", ".join("abcde"[: case.rank + 2])
    text = f'<ir_version: 10, opset_import: ["" : 19]>\ngiven ({declared}) => (float[{outputs}] y) {{\n{words.code}\n}}'
    model = onnx.parser.parse_model(text)
    onnx.checker.check_model(model, full_check=True)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.moveaxis(session.run(None, inputs)[0], 1, -1)


def channels_and_filters_first(case: Spoken, kernel: Any) -> Any:
    """A kernel of Keras's layout as PyTorch and ONNX have it; a depthwise one as the grouped one that it is."""
    if case.op in ("depthwise_conv", "separable_conv"):
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    return np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))


def on_torch(case: Spoken, words: Translation) -> Any:
    import torch

    x, *kernels = case.arrays()
    tensors = {"x": torch.as_tensor(channels_first(x))}
    if words.code.startswith("convpad."):
        names = dict(zip(("kernel", "pointwise_kernel"), map(torch.as_tensor, kernels), strict=False))
        return np.moveaxis(eval(words.code, {"convpad": convpad, **tensors, **names}).numpy(), 1, -1)
    layer = eval(words.code, {"torch": torch, "channels": 4, "depth_multiplier": 2})
    with torch.no_grad():
        for kernel in kernels[:1]:
            convolution = layer[-1] if isinstance(layer, torch.nn.Sequential) else layer
            convolution.weight.copy_(torch.as_tensor(channels_and_filters_first(case, kernel)))
            convolution.bias.zero_()
        return np.moveaxis(layer(tensors["x"]).numpy(), 1, -1)


def on_tensorflow(case: Spoken, words: Translation) -> Any:
    import tensorflow as tf

    x, *kernels = map(tf.constant, case.arrays())
    names = dict(zip(("kernel", "pointwise_kernel"), kernels, strict=False))
    return eval(words.code, {"tf": tf, "convpad": convpad, "x": x, **names}).numpy()


def on_flax(case: Spoken, words: Translation) -> Any:
    import jax
    from flax import linen as nn

    x, *kernels = map(jax.numpy.asarray, case.arrays())
    names = dict(zip(("kernel", "pointwise_kernel"), kernels, strict=False))
    result = eval(
        words.code, {"jax": jax, "nn": nn, "convpad": convpad, "x": x, "channels": 4, "depth_multiplier": 2, **names}
    )
    if not isinstance(result, nn.Module):
        return np.asarray(result)
    variables = result.init(jax.random.key(0), x)
    kernel = kernels[0].reshape(*kernels[0].shape[:-2], 1, -1) if "_conv" in case.op else kernels[0]

    def filled(path: Any, leaf: Any) -> Any:
        return kernel if "kernel" in str(path[-1]) else leaf

    return np.asarray(result.apply(jax.tree_util.tree_map_with_path(filled, variables), x))


def on_keras(case: Spoken, words: Translation) -> Any:
    import keras

    x, *kernels = case.arrays()
    if re.match(r"convpad\.[a-z_]+\(", words.code):
        tensors = dict(
            zip(("x", "kernel", "pointwise_kernel"), map(keras.ops.convert_to_tensor, [x, *kernels]), strict=False)
        )
        return keras.ops.convert_to_numpy(eval(words.code, {"convpad": convpad, **tensors}))
    layer = eval(words.code, {"keras": keras, "convpad": convpad, "depth_multiplier": 2})
    layer.build(x.shape)
    weights = layer.get_weights()
    layer.set_weights([*kernels, *weights[len(kernels) :]])
    return keras.ops.convert_to_numpy(layer(x))


RUNS: dict[str, tuple[str, Run]] = {
    "onnx": ("numpy", on_onnx),
    "torch": ("torch", on_torch),
    "tensorflow": ("tensorflow", on_tensorflow),
    "flax": ("jax", on_flax),
    "keras": ("jax", on_keras),
}
KERAS = [name for name in ("jax", "tensorflow", "torch") if name in CHOSEN]


def here() -> list[str]:
    """The frameworks of this process; Keras runs on its backend."""
    return [name for name, (backend, _) in RUNS.items() if (KERAS if name == "keras" else backend in CHOSEN)]


TENSORFLOW_LIMITS = (
    "could not create a primitive",  # TensorFlow 2.21's oneDNN, of some transposed convolutions of one value
    "do not yet support dilation rates larger than 1",  # its transposed convolutions on a CPU, which Keras's layers take
    "Size of out_backprop doesn't match computed",  # Keras 3.15.1's output_padding=0 with an even kernel and "same"
)


def off(name: str, case: Spoken) -> float | None:
    """How far the framework's numbers are from the oracle's; None where it has no words."""
    words = to_code(case.problem(), name, case.padding.values)
    if not words.code:
        assert words.note
        return None
    want = case.answer()
    try:
        got = RUNS[name][1](case, words)
    except Exception as error:
        if not any(limit in str(error) for limit in TENSORFLOW_LIMITS):
            raise
        return None
    if case.op == "separable_conv" and name in ("onnx", "torch", "flax") and not words.code.startswith("convpad"):
        pointwise = case.arrays()[2]
        got = got @ pointwise.reshape(pointwise.shape[-2:])
    assert got.shape == want.shape, words.code
    both = np.isfinite(want)
    assert (np.isfinite(got) == both).all(), words.code
    assert (got[~both] == want[~both]).all(), words.code
    return float(np.abs(got[both] - want[both]).max(initial=0) / (1 + np.abs(want[both]).max(initial=0)))


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("name", here())
def test_the_code_gives_the_oracles_numbers(name: str, op: str) -> None:
    if (name, op) == ("keras", "average_pool") and KERAS == ["torch"]:
        pytest.skip("Keras 3.15.1's own average pools on PyTorch differ from its other backends' where pads are uneven")
    comparable: list[bool] = []

    # JAX compiles every call of another shape.
    @settings(max_examples=12 if "jax" in CHOSEN and name in ("flax", "keras") else 60)
    @given(case=spoken((op,)))
    def holds(case: Spoken) -> None:
        difference = off(name, case)
        assert difference is None or difference < 2e-5, to_code(case.problem(), name, case.padding.values)
        comparable.append(difference is not None)

    holds()
    assert sum(comparable) > len(comparable) / 4, "most of them were left out"


def test_other_words_are_noticed() -> None:
    case = Spoken("conv", (6,), (3,), 1, {"strides": 2, "padding": "same"})
    for name in here():
        words = to_code(case.problem(), name)
        other = to_code(Spoken("conv", (6,), (3,), 1, {"strides": 2, "padding": (1, 1)}).problem(), name)
        assert words.code != other.code
        assert np.abs(RUNS[name][1](case, other) - case.answer()).max() > 1e-2, name
