"""Modules as PyTorch uses them: followed attributes, copies, files, torch.func, autocast, export, refusals."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import nn

import convpad

ours = convpad.torch

pytestmark = [
    pytest.mark.needs("torch"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated"),  # PyTorch's own, in its first jvp
]

MODES = ["zeros", "reflect", ("zeros", "circular"), "symmetric", "ignore", 2.0]


def module_of(**options: Any) -> Any:
    torch.manual_seed(0)
    return ours.Conv2d(4, 8, 3, **{"padding": 1, "padding_mode": ("zeros", "circular"), **options})


def test_attributes_are_followed() -> None:
    module, theirs, x = module_of(padding_mode="zeros", stride=2), nn.Conv2d(4, 8, 3, 2, 1), torch.randn(1, 4, 9, 9)
    module.load_state_dict(theirs.state_dict())
    for name, value in (("stride", (1, 1)), ("dilation", (2, 2)), ("padding", (2, 2))):
        setattr(module, name, value)
        setattr(theirs, name, value)
        assert torch.equal(module(x), theirs(x))
    module.padding_mode = "circular"
    other = ours.Conv2d(4, 8, 3, padding=2, dilation=2, padding_mode="circular")
    other.load_state_dict(module.state_dict())
    assert torch.equal(module(x), other(x))
    for name, value in (("padding", -1), ("padding_mode", "edge"), ("stride", 0)):
        before = getattr(module, name)
        with pytest.raises(convpad.PaddingError):
            setattr(module, name, value)
        assert getattr(module, name) == before
        assert torch.equal(module(x), other(x))


def test_copies_and_files() -> None:
    mode = (convpad.Learned("ones"), convpad.Constant([1, 2, 3, 4]))
    module, x = module_of(padding_mode=mode), torch.randn(1, 4, 5, 6)
    expected = module(x)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    for other in (copy.copy(module), copy.deepcopy(module), pickle.loads(pickle.dumps(module)), loaded):
        torch.testing.assert_close(other(x), expected)
    assert list(module.state_dict()) == ["weight", "bias", "padding_value"]


def test_learned_padding_is_trained() -> None:
    module = module_of(padding_mode=convpad.Learned("ones"), dtype=torch.float64)
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    constant = module_of(padding_mode=1.0, dtype=torch.float64)
    torch.testing.assert_close(module(x), constant(x))
    (gradient,) = torch.autograd.grad(module(x).sum(), module.padding_value)
    moved = module_of(padding_mode=2.0, dtype=torch.float64)
    torch.testing.assert_close(gradient.sum(), (moved(x) - constant(x)).sum())


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_dtypes_autocast_empty_batches_and_meta(mode: Any) -> None:
    module, x = module_of(padding_mode=mode), torch.randn(2, 4, 6, 7)
    assert module(x[:0]).shape == (0, 8, 6, 7)
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        assert module_of(padding_mode=mode, dtype=dtype)(x.to(dtype)).dtype == dtype
    with torch.autocast("cpu", torch.bfloat16):
        assert module(x).dtype == nn.Conv2d(4, 8, 3)(x).dtype == torch.bfloat16
    meta = module_of(padding_mode=mode, device="meta")
    assert meta(x.to("meta")).shape == module(x).shape
    meta.to_empty(device="cpu").reset_parameters()
    assert meta(x).isfinite().all()


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_torch_func(mode: Any) -> None:
    module, x = module_of(padding_mode=mode), torch.randn(3, 4, 6, 7)
    parameters = dict(module.named_parameters())

    def called(parameters: Any, x: Any) -> Any:
        return torch.func.functional_call(module, parameters, (x,))

    torch.testing.assert_close(torch.vmap(called, (None, 0))(parameters, x), module(x))
    gradient = torch.func.grad(lambda parameters: called(parameters, x).square().sum())(parameters)
    module(x).square().sum().backward()
    torch.testing.assert_close(gradient["weight"], module.weight.grad, rtol=1e-4, atol=1e-4)
    tangent = torch.ones_like(x)
    _, moved = torch.func.jvp(module, (x,), (tangent,))
    torch.testing.assert_close(moved, module(x + tangent) - module(x), rtol=1e-4, atol=1e-4)


def test_batch_norm_is_fused() -> None:
    network = nn.Sequential(module_of(), nn.BatchNorm2d(8)).eval()
    fused = torch.nn.utils.fuse_conv_bn_eval(network[0], network[1])
    x = torch.randn(1, 4, 6, 7)
    assert type(fused) is ours.Conv2d
    torch.testing.assert_close(fused(x), network(x), rtol=1e-4, atol=1e-4)


REFUSED: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Conv2d", (4, 8, (3, 3, 3)), {}),
    ("Conv2d", (4, 8, 0), {}),
    ("Conv2d", (4, 8, 3), {"groups": 3}),
    ("Conv2d", (4, 6, 3), {"groups": 4}),
    ("Conv2d", (4, 8, 3), {"groups": 0}),
    ("Conv2d", (4, 8, 3), {"stride": 0}),
    ("Conv2d", (4, 8, 3), {"dilation": 0}),
    ("Conv2d", (4, 8, 3), {"padding": -1}),
    ("Conv2d", (4, 8, 3), {"padding": "sane"}),
    ("Conv2d", (4, 8, 3), {"padding_mode": "edge"}),
    ("Conv3d", (4, 8, 3), {"padding": (1, 2)}),
    ("Conv2d", (4, 8, 3), {"padding_mode": convpad.Learned("glorot_uniform")}),
    ("ConvTranspose2d", (4, 8, 3), {"stride": 2, "output_padding": 2}),
    ("ConvTranspose2d", (4, 8, 3), {"stride": 2, "padding": "same", "output_padding": 1}),
    ("MaxPool2d", (3,), {"padding": "same", "stride": 2, "return_indices": True}),
    ("MaxPool2d", (3,), {"stride": 0}),
    ("AvgPool2d", (3,), {"count_include_pad": False, "padding_mode": "reflect"}),
    ("AvgPool2d", (3,), {"divisor_override": 0}),
    ("Pad2d", ("same",), {}),
    ("Pad2d", ((1, 1, 1, 1),), {}),
    ("Pad2d", (1, convpad.Learned()), {}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), REFUSED, ids=str)
def test_refusals(name: str, arguments: Any, options: Any) -> None:
    with pytest.raises(convpad.PaddingError):
        getattr(ours, name)(*arguments, **options)


LEARNED: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("Pad2d", (1,), {}, "pad"),
    ("MaxPool2d", (3, 1, 1), {}, "max_pool"),
    ("AvgPool2d", (3, 1, 1), {}, "average_pool"),
    ("Upsample", (), {"scale_factor": 2, "mode": "bilinear"}, "resize"),
]


@pytest.mark.parametrize(("name", "arguments", "options", "function"), LEARNED, ids=lambda row: str(row))
def test_trained_values_without_known_channels(name: str, arguments: Any, options: Any, function: str) -> None:
    """The refusal says what to do instead, and that trains."""
    message = f"must be without Learned here.*call convpad.{function} with Constant\\(tensor\\)"
    with pytest.raises(convpad.PaddingError, match=message):
        getattr(ours, name)(*arguments, **options, padding_mode=convpad.Learned())
    value = torch.ones(3, requires_grad=True)
    with pytest.raises(convpad.PaddingError, match="give a convolution Learned"):
        getattr(ours, name)(*arguments, **options, padding_mode=convpad.Constant(value))
    x, mode = torch.zeros(1, 3, 4, 4), convpad.Constant(value)
    keywords: dict[str, Any] = {"padding_mode": mode, "data_format": "channels_first"}
    if function == "pad":
        out = convpad.pad(x, 1, **keywords)
    elif function == "resize":
        out = convpad.resize(x, scale=2, **keywords)
    else:
        out = getattr(convpad, function)(x, 3, padding=1, strides=1, **keywords)
    out.sum().backward()
    assert value.grad is not None and value.grad.all()
    constant = getattr(ours, name)(*arguments, **options, padding_mode=convpad.Constant([1.0, 1.0, 1.0]))
    torch.testing.assert_close(constant(x), out.detach())
