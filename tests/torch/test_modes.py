"""Every mode and amount of the modules: the oracle's numbers, and the gradients of the padded tensor by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

import convpad

ours = convpad.torch

pytestmark = pytest.mark.needs("torch")

SIZES = {1: (11,), 2: (6, 9), 3: (4, 5, 6)}
MODES = ["zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", "ignore", 1.5]
PER_CHANNEL = convpad.Constant([1.0, -2.0, 0.5, 3.0])
TABLE: list[tuple[int, dict[str, Any]]] = [
    *((rank, {"padding": 1, "padding_mode": mode}) for rank in SIZES for mode in MODES),
    *((2, {"padding": "same", "stride": 2, "padding_mode": mode}) for mode in MODES),
    *((1, {"padding": word, "padding_mode": "replicate"}) for word in ("causal", "half", "full", "same_lower")),
    (1, {"padding": (2, 1), "padding_mode": ("reflect", "circular")}),
    (1, {"padding": (3, 0)}),
    (2, {"padding": 1, "padding_mode": ("zeros", "circular")}),
    (2, {"padding": 1, "padding_mode": ("circular", "zeros"), "stride": 2}),
    (2, {"padding": 1, "padding_mode": ("zeros", 2.0)}),
    (2, {"padding": 1, "padding_mode": (2.0, "zeros")}),
    (2, {"padding": (2, 1), "padding_mode": ("replicate", "circular"), "dilation": 2}),
    (2, {"padding": 1, "padding_mode": (("reflect", "zeros"), ("circular", 1.0))}),
    (2, {"padding": ((0, 1), (2, 0))}),
    (2, {"padding": ((0, 1), (2, 0)), "padding_mode": "reflect"}),
    (2, {"padding": "same_lower", "stride": 2}),
    (2, {"padding": "same", "groups": 2, "padding_mode": "circular"}),
    (2, {"padding": "same", "groups": 4, "padding_mode": "reflect", "stride": 3}),
    (2, {"padding": 1, "padding_mode": PER_CHANNEL}),
    (2, {"padding": 9, "padding_mode": "reflect"}),
    (2, {"padding": 13, "padding_mode": "circular"}),
    (2, {"padding": "full", "padding_mode": ("symmetric", "replicate")}),
    (3, {"padding": ("causal", 1, 1), "padding_mode": ("replicate", "zeros", "circular")}),
    (3, {"padding": ((1, 2), (0, 1), 1), "padding_mode": "symmetric"}),
]


def said(row: Any) -> str:
    return f"{row[0]}d-" + ",".join(f"{key}={value}" for key, value in row[1].items())


def module_of(rank: int, options: dict[str, Any], kind: str = "Conv", **more: Any) -> Any:
    torch.manual_seed(1)
    return getattr(ours, f"{kind}{rank}d")(4, 8, 3, dtype=torch.float64, **options, **more)


def channels_last(array: Any) -> np.ndarray:
    return np.moveaxis(np.asarray(array), 1, -1)


def oracle(op: str, module: Any, x: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    """The right answer for a module's input, channels first."""
    weight = module.weight.detach().numpy()
    kernel = np.moveaxis(weight, (1, 0), (-2, -1))
    keywords = {
        "padding": options.get("padding", "valid"),
        "padding_mode": options.get("padding_mode", "zeros"),
        "strides": options.get("stride", 1),
        "dilation_rate": options.get("dilation", 1),
        "groups": options.get("groups", 1),
    }
    out = getattr(convpad, op)(channels_last(x), kernel, **keywords)
    bias = 0 if module.bias is None else module.bias.detach().numpy()
    return np.moveaxis(out + bias, -1, 1)


@pytest.mark.parametrize(("rank", "options"), TABLE, ids=[said(row) for row in TABLE])
def test_convolution(rank: int, options: dict[str, Any]) -> None:
    module = module_of(rank, options)
    x = torch.randn(2, 4, *SIZES[rank], dtype=torch.float64)
    expected = oracle("conv", module, x.numpy(), options)
    with torch.no_grad():
        np.testing.assert_allclose(module(x).numpy(), expected, rtol=1e-9, atol=1e-9)
    x.requires_grad_()
    out = module(x)
    assert out.is_contiguous()
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(module(x[0]).detach().numpy(), expected[0], rtol=1e-9, atol=1e-9)
    cotangent = torch.randn_like(out)
    gradients = torch.autograd.grad(out, [x, module.weight, module.bias], cotangent)
    # A padded convolution is linear in the input but for its constants, and in the weight and the bias: three numbers
    # that must agree, for any tangents.
    tangents = [torch.randn_like(each) for each in (x, module.weight, module.bias)]
    with torch.no_grad():
        at = oracle("conv", module, (x + tangents[0]).numpy(), options) - expected
        moved = float((torch.from_numpy(at) * cotangent).sum())
        np.testing.assert_allclose(float((gradients[0] * tangents[0]).sum()), moved, rtol=1e-8)
        module.weight += tangents[1]
        at = oracle("conv", module, x.numpy(), options) - expected
        moved = float((torch.from_numpy(at) * cotangent).sum())
        np.testing.assert_allclose(float((gradients[1] * tangents[1]).sum()), moved, rtol=1e-8)
        moved = float((cotangent.sum([0, *range(2, 2 + rank)]) * tangents[2]).sum())
        np.testing.assert_allclose(float((gradients[2] * tangents[2]).sum()), moved, rtol=1e-8)


TRANSPOSED: list[tuple[int, dict[str, Any]]] = [
    *((rank, {"padding": 1, "padding_mode": mode, "stride": 2}) for rank in SIZES for mode in MODES),
    *((2, {"padding": word, "stride": 2}) for word in ("same", "same_lower", "half", "full", "causal")),
    (2, {"padding": "same", "stride": 2, "padding_mode": "circular", "groups": 2}),
    (2, {"padding": ((0, 1), (2, 0))}),
    (1, {"padding": (0, 2), "padding_mode": "reflect"}),
    (2, {"padding": 1, "padding_mode": ("zeros", "circular"), "dilation": 2}),
]


@pytest.mark.parametrize(("rank", "options"), TRANSPOSED, ids=[said(row) for row in TRANSPOSED])
def test_transposed_convolution(rank: int, options: dict[str, Any]) -> None:
    module = module_of(rank, options, "ConvTranspose")
    x = torch.randn(2, 4, *SIZES[rank], dtype=torch.float64, requires_grad=True)
    expected = oracle("conv_transpose", module, x.detach().numpy(), options)
    out = module(x)
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(module(x[1]).detach().numpy(), expected[1], rtol=1e-9, atol=1e-9)
    cotangent, tangent = torch.randn_like(out), torch.randn_like(x)
    to_x, to_bias = torch.autograd.grad(out, [x, module.bias], cotangent)
    with torch.no_grad():
        moved = float(((module(x + tangent) - out) * cotangent).sum())
    np.testing.assert_allclose(float((to_x * tangent).sum()), moved, rtol=1e-8)
    torch.testing.assert_close(to_bias, cotangent.sum([0, *range(2, 2 + rank)]))


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_output_size_of_other_paddings(mode: str, extra: int) -> None:
    """The module is the adjoint of the convolution of an input of the output's size."""
    transposed = ours.ConvTranspose2d(4, 3, 3, stride=2, padding="same", padding_mode=mode, bias=False)
    forward = ours.Conv2d(3, 4, 3, stride=2, padding="same", padding_mode=mode, bias=False)
    forward.weight = transposed.weight
    sizes = (11 + extra, 15 + extra)
    x, y = torch.randn(1, 3, *sizes), torch.randn(1, 4, 6, 8)
    out = transposed(y, output_size=sizes)
    assert out.shape == x.shape
    torch.testing.assert_close((forward(x) * y).sum(), (x * out).sum(), rtol=1e-4, atol=1e-4)


POOLS: list[tuple[str, dict[str, Any]]] = [
    *((op, {"padding": 1, "padding_mode": mode, "stride": 2}) for op in ("max_pool", "average_pool") for mode in MODES),
    *((op, {"padding": "same", "stride": 2}) for op in ("max_pool", "average_pool")),
    ("max_pool", {"padding": ((0, 1), (2, 2)), "padding_mode": ("ignore", "circular"), "stride": 1}),
    ("max_pool", {"padding": 2, "dilation": 2, "stride": 1}),
    ("max_pool", {"padding": ((0, 1), (1, 0)), "ceil_mode": True, "stride": 2}),
    ("average_pool", {"padding": ((0, 1), (1, 0)), "ceil_mode": True, "stride": 2}),
    ("average_pool", {"padding": 2, "padding_mode": "ignore", "stride": 1}),
    ("average_pool", {"padding": 1, "padding_mode": PER_CHANNEL, "stride": 1}),
]


@pytest.mark.parametrize(("op", "options"), POOLS, ids=str)
def test_pool(op: str, options: dict[str, Any]) -> None:
    maximum = op == "max_pool"
    module = (ours.MaxPool2d if maximum else ours.AvgPool2d)(3, **options)
    mode = options.get("padding_mode", "ignore" if maximum else "zeros")
    keywords = {"padding": options["padding"], "padding_mode": mode, "strides": options["stride"]}
    keywords |= {"dilation_rate": options.get("dilation", 1), "ceil_mode": options.get("ceil_mode", False)}
    x = torch.randn(2, 4, 7, 8, dtype=torch.float64)
    expected = np.moveaxis(getattr(convpad, op)(channels_last(x), 3, **keywords), -1, 1)
    np.testing.assert_allclose(module(x).numpy(), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(module(x[0]).numpy(), expected[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("mode", "pad"), [("zeros", "constant"), ("ignore", "constant"), ("reflect", "reflect")])
def test_the_divisor_of_an_average(mode: str, pad: str) -> None:
    x = torch.randn(1, 2, 6, 7)
    module = ours.AvgPool2d(3, 1, ((0, 1), (2, 1)), divisor_override=4, padding_mode=mode)
    expected = F.avg_pool2d(F.pad(x, (2, 1, 0, 1), pad), 3, 1, divisor_override=4)
    torch.testing.assert_close(module(x), expected)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "ignore"], ids=str)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_pad(rank: int, mode: Any) -> None:
    padding = [(2, 1), ((1, 2), 3), (1, (0, 2), (2, 1))][rank - 1]
    x = torch.randn(2, 3, *SIZES[rank])
    expected = np.moveaxis(convpad.pad(channels_last(x), padding, mode), -1, 1)
    module = getattr(ours, f"Pad{rank}d")(padding, mode)
    np.testing.assert_allclose(module(x).numpy(), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(module(x[1]).numpy(), expected[1], rtol=1e-6, atol=1e-6)


def test_an_axis_shorter_than_the_pad_falls_back() -> None:
    """The kept choice is one of sizes: a short axis continues the mirror, a long one is PyTorch's."""
    module = ours.Conv2d(2, 2, 5, padding=4, padding_mode="reflect", bias=False)
    for size in (3, 9, 4, 5):
        x = torch.randn(1, 2, size, size)
        padded = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (4, 4), (4, 4)), "reflect"))
        torch.testing.assert_close(module(x), F.conv2d(padded, module.weight))


@pytest.mark.parametrize("size", [8, 80], ids=["small", "large"])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular", ("zeros", "circular"), "symmetric", 2.0], ids=str)
def test_memory_formats(mode: Any, memory: torch.memory_format, size: int) -> None:
    module = ours.Conv2d(16, 16, 3, padding=1, padding_mode=mode).to(memory_format=memory)
    plain = torch.nn.Conv2d(16, 16, 3, padding=1).to(memory_format=memory)
    x = torch.randn(1, 16, size, size).to(memory_format=memory)
    with torch.no_grad():
        assert module(x).is_contiguous(memory_format=memory) == plain(x).is_contiguous(memory_format=memory)
    x.requires_grad_()
    out = module(x)
    assert out.is_contiguous(memory_format=memory) == plain(x).is_contiguous(memory_format=memory)
    out.sum().backward()
    theirs = torch.ones(1, 1, size, size, dtype=torch.float64)
    kernel = module.weight.detach().double().sum(0, keepdim=True)
    like = ours.Conv2d(16, 1, 3, padding=1, padding_mode=mode, bias=False, dtype=torch.float64)
    like.weight = torch.nn.Parameter(kernel)
    again = x.detach().double().requires_grad_()
    (like(again) * theirs).sum().backward()
    torch.testing.assert_close(x.grad.double(), again.grad, rtol=1e-4, atol=1e-4)
