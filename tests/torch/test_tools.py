"""PyTorch's tools on these modules: replicas, parametrizations, gradgradcheck, traces, fusion, memory, autocast."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn
from torch.nn.utils import parametrizations, parametrize

import convpad
from convpad import Learned

ours = convpad.torch

pytestmark = [
    pytest.mark.needs("torch"),
    pytest.mark.filterwarnings("ignore:`torch.jit"),  # deprecated, and still in use
]

MODES = ["zeros", "reflect", ("zeros", "circular"), "symmetric", 2.0, Learned("ones")]


def module_of(mode: Any, kind: str = "Conv2d", **options: Any) -> Any:
    torch.manual_seed(0)
    return getattr(ours, kind)(4, 8, 3, **{"padding": 1, "padding_mode": mode, **options})


# Replicas and parametrizations


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_data_parallel(mode: Any) -> None:
    """Without devices it calls the module."""
    module, x = module_of(mode), torch.randn(2, 4, 6, 7)
    parallel = nn.DataParallel(module)
    assert torch.equal(parallel(x), module(x))
    assert [*parallel.state_dict()] == [f"module.{name}" for name in module.state_dict()]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_replicas_of_data_parallel(mode: Any) -> None:
    """As `torch.nn.parallel.replicate` makes them for each device: copies of the parameters, no parameters."""
    module, x = module_of(mode), torch.randn(2, 4, 6, 7)
    replica = module._replicate_for_data_parallel()
    for name, parameter in module.named_parameters():
        setattr(replica, name, parameter.clone())
    assert not list(replica.parameters())
    out = replica(x)
    assert torch.equal(out, module(x))
    out.sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize("norm", [parametrizations.weight_norm, parametrizations.spectral_norm])
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_parametrizations(mode: Any, norm: Any) -> None:
    module, x = norm(module_of(mode)).eval(), torch.randn(2, 4, 6, 7)
    plain = module_of(mode)
    with torch.no_grad():
        plain.weight.copy_(2 * module.weight if norm is parametrizations.weight_norm else module.weight)
        if norm is parametrizations.weight_norm:
            module.parametrizations.weight.original0.mul_(2)  # the length of each filter
    assert isinstance(module, ours.Conv2d)
    for each in (module, copy.deepcopy(module)):
        torch.testing.assert_close(each(x), plain(x), rtol=1e-4, atol=1e-5)
    module(x).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in module.parameters())
    parametrize.remove_parametrizations(module, "weight")
    assert type(module) is ours.Conv2d
    torch.testing.assert_close(module(x), plain(x), rtol=1e-4, atol=1e-5)


# Second derivatives

SECOND: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *(("Conv2d", (2, 2, 3), {"padding": 1, "padding_mode": mode}) for mode in (*MODES, "ignore", "reflect_odd")),
    ("Conv1d", (2, 2, 3), {"padding": (2, 1), "padding_mode": ("reflect", "circular")}),
    ("Conv2d", (2, 2, 3), {"padding": "same", "stride": 2, "padding_mode": "circular"}),
    ("Conv2d", (2, 4, 3), {"padding": "same", "stride": 2, "groups": 2, "padding_mode": "replicate"}),
    ("Conv3d", (2, 2, 2), {"padding": "causal", "padding_mode": "replicate"}),
    *(
        ("ConvTranspose2d", (2, 2, 3), {"padding": 1, "stride": 2, "padding_mode": mode})
        for mode in ("zeros", "reflect", ("zeros", "circular"), "ignore")
    ),
    *(("MaxPool2d", (3,), {"padding": "same", "stride": 2, "padding_mode": mode}) for mode in ("ignore", "circular")),
    *(("AvgPool2d", (3,), {"padding": "same", "stride": 2, "padding_mode": mode}) for mode in ("ignore", "reflect")),
    *(("Pad2d", (((1, 2), 1), mode), {}) for mode in ("symmetric", ("zeros", "circular"))),
]


@pytest.mark.parametrize(("name", "arguments", "options"), SECOND, ids=str)
def test_second_derivatives(name: str, arguments: Any, options: Any) -> None:
    torch.manual_seed(0)
    module = getattr(ours, name)(*arguments, **options).double()
    names = [name for name, _ in module.named_parameters()]
    x = torch.randn(1, 2, *(5, 4, 3)[: module.rank], dtype=torch.float64, requires_grad=True)

    def called(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        out = torch.func.functional_call(module, dict(zip(names, parameters, strict=True)), (x,))
        return out.square()  # all of it is linear or close to it

    inputs = (x, *(parameter.detach().clone().requires_grad_() for parameter in module.parameters()))
    assert torch.autograd.gradcheck(called, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(called, inputs, fast_mode=True)


# Tracing and fusion

TRACED: dict[str, Any] = {
    **{f"{mode}": lambda mode=mode: module_of(mode) for mode in MODES},
    "same": lambda: module_of("zeros", padding="same"),
    "same with a stride": lambda: module_of("circular", padding="same", stride=2),
    "several": lambda: nn.Sequential(
        ours.Conv2d(4, 4, 5, 3, "same"), ours.MaxPool2d(3, 2, "same"), ours.Conv2d(4, 4, 3, 2, "same_lower")
    ),
    "transposed": lambda: module_of("circular", "ConvTranspose2d", stride=2),
    "average": lambda: ours.AvgPool2d(3, 2, "same", padding_mode="ignore"),
    "padding alone": lambda: ours.Pad2d(1, "symmetric"),
    "upsampling": lambda: ours.Upsample(scale_factor=2, mode="bilinear", padding_mode="circular"),
}


@pytest.mark.parametrize("name", TRACED)
def test_traced_by_jit(name: str) -> None:
    """The numbers at the size of the trace, and at others."""
    module = TRACED[name]().eval()
    program = torch.jit.trace(module, torch.randn(1, 4, 24, 25))
    for batch, *size in ((1, 24, 25), (3, 31, 16), (2, 10, 47)):
        x = torch.randn(batch, 4, *size)
        torch.testing.assert_close(program(x), module(x), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated")
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_fuse_modules(mode: Any) -> None:
    """It looks classes up by their type, so it must be told of these."""
    from torch.ao.quantization import fuse_modules
    from torch.ao.quantization.fuser_method_mappings import fuse_conv_bn

    norm = nn.BatchNorm2d(8)
    norm(torch.randn(16, 8, 3, 3) + 1)
    network, x = nn.Sequential(module_of(mode), norm).eval(), torch.randn(1, 4, 6, 7)
    methods = {"additional_fuser_method_mapping": {(ours.Conv2d, nn.BatchNorm2d): fuse_conv_bn}}
    fused = fuse_modules(network, ["0", "1"], fuse_custom_config_dict=methods)
    assert [type(module) for module in fused] == [ours.Conv2d, nn.Identity]
    assert not torch.equal(fused[0].weight, network[0].weight)
    torch.testing.assert_close(fused(x), network(x), rtol=1e-4, atol=1e-5)


# Memory and dtypes

KINDS = ("Conv2d", "ConvTranspose2d", "depthwise", "MaxPool2d", "AvgPool2d", "Pad2d", "Upsample")


def pair_of(kind: str, mode: Any, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, nn.Module]:
    """A module, and torch.nn's."""
    if kind in ("MaxPool2d", "AvgPool2d"):
        return getattr(ours, kind)(3, 1, 1, padding_mode=mode), getattr(nn, kind)(3, 1, 1)
    if kind == "Pad2d":
        theirs = {"reflect": nn.ReflectionPad2d, "replicate": nn.ReplicationPad2d, "circular": nn.CircularPad2d}
        return ours.Pad2d(1, mode), theirs.get(mode if isinstance(mode, str) else "", nn.ZeroPad2d)(1)
    if kind == "Upsample":
        return ours.Upsample(scale_factor=2, mode="bilinear", padding_mode=mode), nn.Upsample(
            scale_factor=2, mode="bilinear"
        )
    options: dict[str, Any] = {"padding": 1, "dtype": dtype, "groups": 16 if kind == "depthwise" else 1}
    name = "Conv2d" if kind == "depthwise" else kind
    return getattr(ours, name)(16, 16, 3, padding_mode=mode, **options), getattr(nn, name)(16, 16, 3, **options)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", ("zeros", "circular"), "symmetric", 2.0], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_memory_of_outputs(kind: str, mode: Any) -> None:
    """The output has the memory format of the input, as torch.nn's has, and is no slice."""
    for memory in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(2, 16, 12, 10).to(memory_format=memory)
        for module in pair_of(kind, mode):
            module.to(memory_format=memory)
            with torch.no_grad():
                assert module(x).is_contiguous(memory_format=memory)
            assert module(x.clone().requires_grad_()).is_contiguous(memory_format=memory)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("options", [{"padding_mode": "circular"}, {"padding": ((0, 1), (2, 0))}], ids=str)
def test_memory_of_transposed_convolutions(options: dict[str, Any], bias: bool) -> None:
    x = torch.randn(2, 4, 6, 5)
    for memory in (torch.contiguous_format, torch.channels_last):
        module = module_of("zeros", "ConvTranspose2d", **{"stride": 2, "bias": bias, **options})
        out = module.to(memory_format=memory)(x.to(memory_format=memory))
        assert out.is_contiguous(memory_format=memory)


DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
KEPT = {(dtype, mode) for dtype in DTYPES[2:] for mode in ("reflect", "replicate")}
"""The dtypes that a `Pad2d` keeps, as all pads do but PyTorch's mirror and edge on a CPU, which give float32."""


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular", ("zeros", "circular"), 2.0], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_autocast_gives_the_dtypes_of_torch(kind: str, mode: Any) -> None:
    for dtype, with_gradient in itertools.product(DTYPES, (False, True)):
        x = torch.randn(1, 16, 6, 7, dtype=dtype, requires_grad=with_gradient)
        mine, theirs = pair_of(kind, mode, dtype)
        with torch.autocast("cpu", torch.bfloat16):
            found, expected = mine(x).dtype, theirs(x).dtype
        if kind == "Pad2d" and (dtype, mode) in KEPT:
            assert (found, expected) == (dtype, torch.float32)
        else:
            assert found == expected


def test_a_pad_keeps_the_numbers_of_lower_precision() -> None:
    x = torch.randn(1, 2, 4, 4, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ours.Pad2d(1, "reflect")(x), F.pad(x, (1, 1, 1, 1), "reflect"))
