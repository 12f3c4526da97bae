"""`convpad.torch.Upsample`: torch.nn's numbers with torch.nn's arguments, other edges, and torch.nn's manners."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import convpad

Upsample = convpad.torch.Upsample

pytestmark = pytest.mark.needs("torch")

SIZES = {
    "linear": (7,),
    "bilinear": (5, 4),
    "bicubic": (5, 4),
    "trilinear": (3, 4, 2),
    "nearest": (5, 4),
    "area": (5, 4),
}

ARGUMENTS: list[dict[str, Any]] = [
    {"scale_factor": 2},
    {"scale_factor": 3},
    {"scale_factor": 1.5},
    {"scale_factor": 1.3, "recompute_scale_factor": True},
    {"scale_factor": 0.7},
    {"size": 9},
    {"scale_factor": 2, "align_corners": True},
]


def tensor(*shape: int, seed: int = 0) -> Any:
    return torch.as_tensor(np.random.default_rng(seed).normal(size=shape))


@pytest.mark.parametrize("mode", SIZES)
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_torch_nns_arguments_give_torch_nns_numbers(mode: str, arguments: dict[str, Any]) -> None:
    if mode in ("nearest", "area") and "align_corners" in arguments:
        return
    x = tensor(2, 3, *SIZES[mode])
    own = nn.Upsample(mode=mode, **arguments)
    modes: list[Any] = ["replicate", ("replicate",) * len(SIZES[mode])]
    for padding_mode in modes:
        module = Upsample(mode=mode, padding_mode=padding_mode, **arguments)
        assert isinstance(module, nn.Upsample)
        assert module.extra_repr() == own.extra_repr()
        assert torch.equal(module(x), own(x))


def test_the_constructor_is_torch_nns_and_a_keyword() -> None:
    own, module = (inspect.signature(kind).parameters for kind in (nn.Upsample, Upsample))
    assert list(module) == [*own, "padding_mode"]
    assert [module[name].default for name in own] == [own[name].default for name in own]
    assert module["padding_mode"].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("mode", ["linear", "bilinear", "bicubic", "trilinear"])
@pytest.mark.parametrize("arguments", [row for row in ARGUMENTS if "align_corners" not in row], ids=str)
def test_another_mode_is_torch_nns_upsampling_of_the_padded_input(mode: str, arguments: dict[str, Any]) -> None:
    sizes = SIZES[mode]
    x = tensor(2, 3, *sizes)
    out = Upsample(mode=mode, padding_mode="circular", **arguments)(x)
    own = nn.Upsample(mode=mode, **arguments)(x)
    assert out.shape == own.shape
    if "size" in arguments or "recompute_scale_factor" in arguments:
        # A whole turn before and after, so that it is a whole number of outputs.
        whole = nn.functional.interpolate(
            convpad.pad(x, [(size, size) for size in sizes], "circular", data_format="channels_first"),
            tuple(3 * size for size in own.shape[2:]),
            mode=mode,
        )
        first = list(own.shape[2:])
    else:
        scale, margin = arguments["scale_factor"], 10  # 10 values are a whole number of outputs
        padded = convpad.pad(x, margin, "circular", data_format="channels_first")
        whole = nn.functional.interpolate(padded, scale_factor=float(scale), mode=mode)
        first = [round(margin * scale)] * len(sizes)
    cuts = tuple(slice(start, start + size) for start, size in zip(first, own.shape[2:], strict=True))
    torch.testing.assert_close(out, whole[(slice(None), slice(None), *cuts)], rtol=0, atol=1e-9)


def test_sizes_are_torch_nns_where_a_product_of_floats_is_a_hair_less() -> None:
    scale, size = 0.57, 100
    assert math.floor(size * scale) == 56
    x = tensor(1, 1, size)
    module = Upsample(scale_factor=scale, mode="linear", padding_mode="circular")
    own = nn.Upsample(scale_factor=scale, mode="linear")
    assert module(x).shape == own(x).shape == (1, 1, 56)
    torch.testing.assert_close(module(x)[..., 1:-1], own(x)[..., 1:-1])


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_gradients_and_float32(mode: str) -> None:
    x = tensor(1, 2, 4, 5).requires_grad_()
    module = Upsample(scale_factor=2, mode=mode, padding_mode=("reflect", "circular"))
    assert torch.autograd.gradcheck(module, (x,))
    low = module(x.float())
    assert low.dtype == torch.float32
    torch.testing.assert_close(low.double(), module(x), rtol=0, atol=1e-6)


def test_rolling_commutes_and_the_seam_is_gone() -> None:
    x = tensor(1, 1, 16, 16)
    module = Upsample(scale_factor=4, mode="bicubic", padding_mode=("zeros", "circular"))
    torch.testing.assert_close(module(x.roll(3, -1)), module(x).roll(12, -1))
    assert convpad.seam(module(x), -1) == pytest.approx(1, abs=0.4)
    assert convpad.seam(nn.Upsample(scale_factor=4, mode="bicubic")(x), -1) > 2


def test_the_line_copies_pickles_and_attributes() -> None:
    module = Upsample(scale_factor=2, mode="bilinear", padding_mode=("circular", convpad.Constant([1.0, 2.0])))
    shown = "padding_mode=('circular', Constant(value=(1.0, 2.0)))"
    assert repr(module) == f"Upsample(scale_factor=2.0, mode='bilinear', {shown})"
    x = tensor(1, 2, 4, 4)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(x), module(x))
    module.scale_factor = 3.0  # changed in place, as torch.nn's may be
    assert module(x).shape == (1, 2, 12, 12)


def test_a_live_module_becomes_one_and_goes_back() -> None:
    module: Any = nn.Upsample(scale_factor=2, mode="bilinear")
    x = tensor(1, 2, 4, 4)
    before = module(x)
    module.__class__ = Upsample
    assert torch.equal(module(x), before)
    module._set_padding("circular")
    assert not torch.equal(module(x), before)
    module.__class__ = nn.Upsample
    assert torch.equal(module(x), before)


def test_constants_of_tensors_are_the_modules_own() -> None:
    value = torch.tensor([1.0, 2.0])
    module = Upsample(scale_factor=2, mode="bilinear", padding_mode=convpad.Constant(value))
    value.zero_()
    assert module.padding_mode == convpad.Constant((1.0, 2.0))


def test_autocast_gives_torch_nns_dtype() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        for x in (tensor(1, 2, 4, 4).float(), tensor(1, 2, 4, 4).bfloat16()):
            module = Upsample(scale_factor=2, mode="bilinear", padding_mode="circular")
            assert module(x).dtype == nn.Upsample(scale_factor=2, mode="bilinear")(x).dtype


def test_memory_stays_channels_last() -> None:
    x = tensor(1, 4, 5, 6).contiguous(memory_format=torch.channels_last)
    out = Upsample(scale_factor=2, mode="bilinear", padding_mode="circular")(x)
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("arguments", [ARGUMENTS[0], ARGUMENTS[2]], ids=str)
def test_compiled_is_eager(arguments: dict[str, Any]) -> None:
    module = Upsample(mode="bicubic", padding_mode="circular", **arguments)
    x = tensor(2, 3, 6, 5)
    torch.compiler.reset()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), module(x))


@pytest.mark.parametrize("arguments", [ARGUMENTS[0], ARGUMENTS[2]], ids=str)
def test_an_export_holds_for_other_sizes(arguments: dict[str, Any]) -> None:
    module = Upsample(mode="bilinear", padding_mode="circular", **arguments)
    sizes = {0: torch.export.Dim("b"), 2: torch.export.Dim("h", min=2), 3: torch.export.Dim("w", min=2)}
    program = torch.export.export(module, (tensor(2, 3, 6, 8),), dynamic_shapes={"input": sizes}).module()
    for shape in ((3, 3, 6, 8), (1, 3, 9, 4)):
        torch.testing.assert_close(program(tensor(*shape)), module(tensor(*shape)))


def test_open_sizes_cannot_be_recomputed() -> None:
    module = Upsample(scale_factor=1.5, mode="bilinear", padding_mode="circular", recompute_scale_factor=True)
    sizes = {2: torch.export.Dim("h", min=2)}
    with pytest.raises(Exception, match="must not be True where sizes are unknown"):
        torch.export.export(module, (tensor(2, 3, 6, 8),), dynamic_shapes={"input": sizes})


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"mode": "bilinear", "padding_mode": "wrap"}, "'wrap' is 'circular' here"),
    ({"mode": "nearest", "padding_mode": "wrap"}, "'wrap' is 'circular' here"),
    ({"mode": "bilinear", "padding_mode": ("zeros", "circular", "zeros")}, "one entry for each of the 2 spatial axes"),
    ({"mode": "bilinear", "padding_mode": "circular", "align_corners": True}, "corners stand on the edge"),
    ({"mode": "bilinear", "padding_mode": convpad.Learned()}, "call convpad.resize with Constant"),
    ({"mode": "linear", "padding_mode": "circular", "scale_factor": -2.0}, "finite number above 0"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSALS, ids=str)
def test_refusals_of_the_constructor(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(convpad.PaddingError, match=message):
        Upsample(**{"scale_factor": 2, **arguments})


def test_torch_nns_own_errors_stay() -> None:
    module = Upsample(scale_factor=2, mode="bilinear", padding_mode="circular")
    with pytest.raises(NotImplementedError, match="Got 3D input, but bilinear mode needs 4D input"):
        module(tensor(1, 2, 4))
    with pytest.raises(ValueError, match="either size or scale_factor should be defined"):
        Upsample(mode="bilinear", padding_mode="circular")(tensor(1, 2, 4, 4))
