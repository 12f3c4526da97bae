"""Every mode, amount and rank of the Flax layers against the oracle, forward and gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compare import assert_close
from flax import nnx
from flax_layers import kernel_of, made, numbers, outputs_and_gradients, problem_of

import convpad
from convpad import Constant, Learned, reference
from convpad.core.modes import MODES

pytestmark = pytest.mark.needs("jax")

NAMES = [name for name, mode in MODES.items() if not mode.takes_value]
PER_CHANNEL = Constant([1, -2, 3, 0.5])
SIZES = {1: (9,), 2: (6, 5), 3: (4, 3, 4)}

ROWS: list[tuple[int, Any, Any, dict[str, Any]]] = [
    # (rank, padding, padding_mode, options)
    *((2, ((1, 2), (2, 0)), mode, {}) for mode in [*NAMES, 2.5, PER_CHANNEL, Learned("ones")]),
    (1, "same", "reflect", {"strides": 2}),
    (1, (3, 1), ("circular", 1.5), {"kernel_dilation": 2}),
    (1, "causal", "replicate", {"feature_group_count": 4}),
    (1, "SAME", "symmetric", {}),
    (1, "CAUSAL", 2, {"strides": 2}),
    (2, "same_lower", "reflect_odd", {"strides": (2, 3)}),
    (2, "half", ("zeros", "circular"), {"strides": 2, "feature_group_count": 2}),
    (2, "full", ("ignore", ("symmetric", Learned("normal"))), {}),
    (2, ("same", (0, 3)), Learned("normal"), {"feature_group_count": 4}),
    (2, "same", ("reflect", "circular"), {"feature_group_count": 4, "strides": 2}),
    (2, "causal", "circular", {}),
    (3, "same", ("replicate", "zeros", "circular"), {"strides": (1, 2, 1)}),
    (3, 1, Learned(), {}),
]


@pytest.mark.parametrize(("rank", "padding", "padding_mode", "options"), ROWS, ids=str)
def test_conv(rank: int, padding: Any, padding_mode: Any, options: dict[str, Any]) -> None:
    layer = made(convpad.flax.Conv, 4, 8, (3, 2, 2)[:rank], padding=padding, padding_mode=padding_mode, **options)
    check(layer, numbers(2, *SIZES[rank], 4))


TRANSPOSED: list[tuple[int, Any, Any, dict[str, Any]]] = [
    (1, "same", "circular", {"strides": 2}),
    (1, "half", "reflect", {"transpose_kernel": True}),
    (2, "same", ("zeros", "circular"), {"strides": (2, 1), "transpose_kernel": True}),
    (2, "same", "ignore", {}),
    (2, "VALID", "reflect", {}),
    (2, "same_lower", "zeros", {"strides": 2}),
    (2, (1, (0, 2)), "replicate", {"strides": 2}),
    (2, ("same", 1), ("reflect", "symmetric"), {"strides": 2, "transpose_kernel": True}),
    (3, "half", "circular", {"transpose_kernel": True}),
]


@pytest.mark.parametrize(("rank", "padding", "padding_mode", "options"), TRANSPOSED, ids=str)
def test_conv_transpose(rank: int, padding: Any, padding_mode: Any, options: dict[str, Any]) -> None:
    options = {"padding": padding, "padding_mode": padding_mode, **options}
    check(made(convpad.flax.ConvTranspose, 4, 3, (3, 4, 2)[:rank], **options), numbers(2, *SIZES[rank], 4))


def check(layer: Any, x: Any) -> None:
    """The layer's numbers and gradients are the oracle's."""
    ((out, gradients, dx),) = outputs_and_gradients([layer], x)
    problem, kernel = problem_of(layer, x), kernel_of(layer, problem_of(layer, x))
    names = layer._value_names
    values = tuple(
        tuple(
            value if name is None else np.asarray(getattr(layer, name)[...]) for value, name in zip(*row, strict=True)
        )
        for row in zip(layer._operation.padding.values, names or ((None, None),) * layer.rank, strict=True)
    )
    bias, flat = np.asarray(layer.bias[...]), cotangent_of(out).reshape(-1, out.shape[-1])
    assert_close(out, reference.solve(problem, values, x, kernel) + bias, "float32", "outputs")
    cotangent = cotangent_of(out)
    (want_x, want_kernel), constants = reference.gradients(problem, values, cotangent, x, kernel)
    assert_close(dx, want_x, "float32", "gradient of the inputs")
    dkernel = np.asarray(gradients["kernel"])
    if problem.op == "conv_transpose" and not layer.transpose_kernel:
        dkernel = np.flip(dkernel, tuple(range(layer.rank))).swapaxes(-1, -2)
    assert_close(dkernel.reshape(kernel.shape), want_kernel, "float32", "gradient of the kernel")
    assert_close(gradients["bias"], flat.sum(0), "float32", "gradient of the bias")
    for name in {name for pair in names for name in pair if name}:
        rows = [zip(*row, strict=True) for row in zip(constants, names, strict=True)]
        sides = [constant for row in rows for constant, of in row if of == name and constant is not None]
        assert_close(gradients[name], sum(sides), "float32", f"gradient of {name}")


def cotangent_of(out: Any) -> Any:
    return np.cos(np.arange(out.size)).reshape(out.shape)


def test_the_transposed_convolution_is_the_adjoint() -> None:
    options: dict[str, Any] = {"padding": "same", "padding_mode": ("reflect", "circular"), "use_bias": False}
    conv = convpad.flax.Conv(3, 4, (3, 4), strides=2, rngs=nnx.Rngs(0), **options)
    back = convpad.flax.ConvTranspose(4, 3, (3, 4), strides=2, transpose_kernel=True, rngs=nnx.Rngs(0), **options)
    back.kernel[...] = conv.kernel[...]
    x, y = jnp.asarray(numbers(1, 6, 8, 3)), jnp.asarray(numbers(1, 3, 4, 4, seed=1))
    assert_close((conv(x) * y).sum(), (x * back(y)).sum(), "float32")


@pytest.mark.parametrize("options", [{"precision": "highest"}, {"preferred_element_type": jnp.float32}], ids=str)
def test_options_of_flaxs_own_convolution_go_with_modes(options: dict[str, Any]) -> None:
    x = numbers(2, 3, 7, 5, 4)
    more: dict[str, Any] = {"padding": "same", "padding_mode": (Learned("ones"), "circular"), "strides": 2}
    layers = [made(convpad.flax.Conv, 4, 8, (3, 3), **more, **each) for each in ({}, options)]
    assert "dot_general" not in str(jax.make_jaxpr(layers[1])(x))
    assert "conv_general_dilated" in str(jax.make_jaxpr(layers[1])(x))
    assert_close(layers[1](x), layers[0](x), "float32")


@pytest.mark.parametrize("strides", [1, 2])
def test_depthwise_is_a_sum_of_taps(strides: int) -> None:
    for options in ({}, {"padding": "CIRCULAR"}, {"padding": "same", "padding_mode": "reflect"}):
        layer = made(convpad.flax.Conv, 8, 16, (3, 3), strides=strides, feature_group_count=8, **options)
        assert layer.plan((1, 12, 12, 8)).kernel == "sum of taps"
        assert layer.plan((2, 3, 12, 12, 8)).output_shape == (6, 12 // strides, 12 // strides, 16)
        assert "conv_general_dilated" not in str(jax.make_jaxpr(layer)(jnp.zeros((1, 12, 12, 8))))


def test_nothing_is_added_to_a_program_that_flax_would_compile() -> None:
    x = jnp.zeros((2, 8, 8, 3))
    for options in ({}, {"strides": 2}):
        layers = [made(kind, 3, 8, (3, 3), **options) for kind in (convpad.flax.Conv, nnx.Conv)]
        assert layers[0].plan(x.shape).kernel == "framework"
        costs = [jax.jit(layer.__call__).lower(x).compile().cost_analysis() for layer in layers]
        assert costs[0] == costs[1]


POOLS: list[tuple[str, Any, Any]] = [
    *(("max_pool", ((1, 1), (0, 2)), mode) for mode in (*NAMES, 0.25, PER_CHANNEL)),
    *(("avg_pool", "half", mode) for mode in ("ignore", "reflect", "circular", PER_CHANNEL)),
    *(("min_pool", "same_lower", mode) for mode in ("ignore", "replicate", ("circular", "reflect_odd"), PER_CHANNEL)),
]


@pytest.mark.parametrize(("name", "padding", "padding_mode"), POOLS, ids=str)
def test_pools(name: str, padding: Any, padding_mode: Any) -> None:
    x = numbers(2, 6, 5, 4)
    got = getattr(convpad.flax, name)(x, (3, 2), (2, 1), padding, padding_mode=padding_mode)
    options: dict[str, Any] = {"strides": (2, 1), "padding": padding}
    if name == "avg_pool":
        want = convpad.average_pool(x, (3, 2), padding_mode=padding_mode, **options)
    elif name == "max_pool":
        want = convpad.max_pool(x, (3, 2), padding_mode=padding_mode, **options)
    else:
        turned = Constant([-1, 2, -3, -0.5]) if padding_mode is PER_CHANNEL else padding_mode
        want = -convpad.max_pool(-x, (3, 2), padding_mode=turned, **options)
    assert_close(got, want, "float32")
    single = getattr(convpad.flax, name)(x[0], (3, 2), (2, 1), padding, padding_mode=padding_mode)
    assert_close(single, np.asarray(got)[0], "float32")
