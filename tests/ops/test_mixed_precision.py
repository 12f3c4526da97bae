"""Mixed precision by hand: under `torch.autocast` as PyTorch's own operations; elsewhere refused, as by the framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compare import assert_close
from frameworks import CHOSEN, framework
from keras_layers import keras

import convpad

# Keras 3.15.1's own variables, asked for their values by NumPy 2.
pytestmark = [
    pytest.mark.needs("jax", "tensorflow", "torch"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

on_torch = pytest.mark.skipif("torch" not in CHOSEN, reason="of torch.autocast")

DTYPES = ("float32", "bfloat16", "float16", "float64")
FIRST = {"data_format": "channels_first"}
ALL_MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "ignore")


def tensors(rank: int, dtype: str = "float32", size: int = 8) -> tuple[Any, Any]:
    """An image, channels first, of a dtype, and a kernel of float32 in convpad's order; both are differentiated."""
    import torch

    generator = torch.Generator().manual_seed(rank)
    x = torch.randn(2, 4, *(size,) * rank, generator=generator).to(getattr(torch, dtype))
    return x.requires_grad_(), torch.randn(*(3,) * rank, 4, 6, generator=generator).requires_grad_()


def ours_and_theirs(op: str, rank: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operation of convpad, and PyTorch's, on the same arrays."""
    import torch.nn.functional as F  # noqa: N812 (its usual name)

    def in_order(kernel: Any) -> Any:
        return kernel.permute(-1, -2, *range(rank))

    def crop(y: Any) -> Any:
        return y[(..., *(slice(1, -1),) * rank)]

    pads = (1, 1) * rank
    return {
        "conv": (
            lambda x, k: convpad.conv(x, k, padding=1, **FIRST),
            lambda x, k: getattr(F, f"conv{rank}d")(x, in_order(k), padding=1),
        ),
        "depthwise_conv": (
            lambda x, k: convpad.depthwise_conv(x, k[..., :1], padding=1, **FIRST),
            lambda x, k: getattr(F, f"conv{rank}d")(x, in_order(k[..., :1]).transpose(0, 1), padding=1, groups=4),
        ),
        "conv_transpose": (
            lambda x, k: convpad.conv_transpose(x, k.transpose(-1, -2), padding=1, **FIRST),
            lambda x, k: crop(getattr(F, f"conv_transpose{rank}d")(x, in_order(k).transpose(0, 1))),
        ),
        "max_pool": (
            lambda x, _: convpad.max_pool(x, 2, **FIRST),
            lambda x, _: getattr(F, f"max_pool{rank}d")(x, 2),
        ),
        "average_pool": (
            lambda x, _: convpad.average_pool(x, 2, **FIRST),
            lambda x, _: getattr(F, f"avg_pool{rank}d")(x, 2),
        ),
        "pad": (lambda x, _: convpad.pad(x, 1, "circular", **FIRST), lambda x, _: F.pad(x, pads, mode="circular")),
    }[op]


def results(operation: Callable[..., Any], *arrays: Any) -> tuple[Any, list[Any]]:
    """The output under autocast to bfloat16, and the gradients of the arrays."""
    import torch

    with torch.autocast("cpu", torch.bfloat16):
        out = operation(*arrays)
    wanted = [array for array in arrays if array is not None]
    return out, [*torch.autograd.grad(out.float().square().sum(), wanted, allow_unused=True)]


def assert_alike(ours: Any, theirs: Any, dtype: str) -> None:
    if ours is None or theirs is None:
        assert ours is theirs
        return
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert_close(ours.detach().double().numpy(), theirs.detach().double().numpy(), dtype)


@on_torch
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("op", ["conv", "depthwise_conv", "conv_transpose", "max_pool", "average_pool", "pad"])
def test_autocast_casts_as_pytorch(op: str, rank: int, compiled: bool) -> None:
    import torch

    ours, theirs = ours_and_theirs(op, rank)
    if compiled:
        torch.compiler.reset()  # the programs of other cases count against the limit of recompilations
        ours = torch.compile(ours, fullgraph=True, backend="aot_eager")
    for dtype in DTYPES[:3]:
        if op not in ("conv", "depthwise_conv", "conv_transpose") and (dtype != "float32" and rank == 3):
            continue  # PyTorch's CPU casts these to float32, its GPU does not; ours follow their input
        x, kernel = tensors(rank, dtype)
        (out, gradients), (want, wanted) = results(ours, x, kernel), results(theirs, x, kernel)
        assert_alike(out, want, "bfloat16")
        for gradient, one in zip(gradients, wanted, strict=True):
            assert_alike(gradient, one, "bfloat16")


@on_torch
@pytest.mark.parametrize("mode", ALL_MODES)
def test_a_layer_reads_what_the_one_before_gave(mode: str) -> None:
    import torch

    x, kernel = tensors(2)
    second = torch.randn(3, 3, 6, 5).requires_grad_()
    options = {"padding": ((1, 2), (0, 3)), "padding_mode": mode, **FIRST}

    def network(x: Any, *kernels: Any) -> Any:
        hidden = convpad.conv(x, kernels[0], **options)
        pool = {"strides": 1, "padding": 1, "padding_mode": mode, **FIRST}
        hidden = convpad.average_pool(convpad.max_pool(hidden, 3, **pool), 3, **pool)
        return convpad.conv(convpad.pad(hidden, 1, "zeros" if mode == "ignore" else mode, **FIRST), kernels[1], **FIRST)

    out, gradients = results(network, x, kernel, second)
    assert out.dtype == torch.bfloat16
    assert [gradient.dtype for gradient in gradients] == [torch.float32] * 3
    exact = network(x, kernel, second)
    assert exact.dtype == torch.float32
    error = (out.float() - exact).abs().max() / exact.abs().max()
    assert error < 0.05


@on_torch
@pytest.mark.parametrize("route", ["padded", "correction"])
def test_every_route_has_the_same_dtype(route: str) -> None:
    import torch

    x, kernel = tensors(2, size=24)
    value = torch.arange(4.0)
    for mode in ("reflect", "replicate", convpad.Constant(value)):
        out, _ = results(
            lambda x, k, m=mode: convpad.conv(x, k, padding=1, padding_mode=m, route=route, **FIRST), x, kernel
        )
        want = convpad.conv(x.bfloat16(), kernel.bfloat16(), padding=1, padding_mode=mode, route=route, **FIRST)
        assert_alike(out, want, "bfloat16")
        pooled, _ = results(
            lambda x, m=mode: convpad.average_pool(x, 3, strides=1, padding=1, padding_mode=m, **FIRST), x
        )
        assert pooled.dtype == torch.float32


@on_torch
def test_autocast_leaves_double_precision_and_off_is_off() -> None:
    import torch

    x, kernel = tensors(2, "float64")
    out, _ = results(lambda x, k: convpad.conv(x, k, **FIRST), x, kernel.detach().double().requires_grad_())
    assert out.dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16), torch.autocast("cpu", enabled=False):
        assert convpad.conv(x.float(), kernel, **FIRST).dtype == torch.float32
    with pytest.raises(convpad.ShapeError, match="All must be of one dtype"):
        convpad.conv(x.bfloat16(), kernel, **FIRST)


@on_torch
def test_arrays_of_numpy_are_cast_too() -> None:
    import torch

    x, kernel = tensors(2)
    with torch.autocast("cpu", torch.bfloat16):
        outs = convpad.conv(x, kernel.detach().numpy(), **FIRST), convpad.conv(x.detach().numpy(), kernel, **FIRST)
    assert [out.dtype for out in outs] == [torch.bfloat16] * 2


@on_torch
@pytest.mark.parametrize("name", ["Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"])
def test_keras_layers_cast_as_keras(name: str) -> None:
    import torch

    options = {"kernel_size": 3, "padding": "same"} | ({} if name == "DepthwiseConv2D" else {"filters": 5})
    ours, theirs = getattr(convpad.keras, name)(**options), getattr(keras.layers, name)(**options)
    x = torch.randn(2, 8, 8, 4)
    ours.build(x.shape), theirs.build(x.shape)
    ours.set_weights(theirs.get_weights())
    with torch.autocast("cpu", torch.bfloat16):
        hidden = ours(x), theirs(x)
    assert_alike(*hidden, "bfloat16")


@pytest.mark.parametrize("name", [name for name in CHOSEN if name != "numpy"])
def test_without_autocast_mixed_dtypes_are_refused_as_the_framework_refuses_them(name: str) -> None:
    x = framework(name).tensor(np.ones((1, 4, 4, 2)), "bfloat16")
    kernel = framework(name).tensor(np.ones((3, 3, 2, 3)), "float32")

    if name == "jax":
        import jax

        with pytest.raises(TypeError):
            jax.lax.conv(x.transpose(0, 3, 1, 2), kernel.transpose(3, 2, 0, 1), (1, 1), "VALID")
    elif name == "tensorflow":
        import tensorflow as tf

        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.nn.conv2d(x, kernel, 1, "VALID")
    else:
        import torch

        with pytest.raises(RuntimeError):
            torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1))
    with pytest.raises(convpad.ShapeError, match=r"x of bfloat16, kernel of float32\. Cast them to the same\."):
        convpad.conv(x, kernel)
