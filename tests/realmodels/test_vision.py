"""Networks of torchvision, segmentation-models-pytorch and MONAI: every mode, a step of training, folding."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from real_models import difference, draw, image, package, state
from torch import nn

import convpad

torchvision = package("torchvision.models")
smp = package("segmentation_models_pytorch")
monai = package("monai.networks.nets")

pytestmark = [pytest.mark.needs("torch"), pytest.mark.filterwarnings("ignore::FutureWarning")]

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)

MODELS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "smp's Unet": (
        lambda: smp.Unet("resnet18", encoder_weights=None, decoder_channels=(32, 16, 16, 8, 8)),
        (1, 3, 64, 64),
    ),
    "ResNet-50": (lambda: torchvision.resnet50(num_classes=10), (2, 3, 40, 37)),
    "ConvNeXt": (lambda: torchvision.convnext_tiny(num_classes=10), (1, 3, 96, 96)),
    "MobileNetV3": (lambda: torchvision.mobilenet_v3_small(num_classes=10), (2, 3, 65, 70)),
    "MONAI's 3-D UNet": (
        lambda: monai.UNet(
            spatial_dims=3, in_channels=1, out_channels=2, channels=(4, 8, 16), strides=(2, 2), num_res_units=1
        ),
        (2, 1, 12, 16, 20),
    ),
}
# torch.nn's own modes are judges; reflect only where every map is larger than its padding.
NATIVE = {"ConvNeXt": ("circular", "replicate")}


def in_torch(model: nn.Module, mode: str) -> nn.Module:
    """A copy whose convolutions pad with torch.nn's own mode."""
    judge = copy.deepcopy(model)
    for module in judge.modules():
        if isinstance(module, CONVOLUTIONS):
            module.padding_mode = mode
    return judge


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_every_mode(name: str) -> None:
    """torch.nn's modes with torch.nn's numbers; every mode keeps the size, changes the output, and is undone."""
    make, shape = MODELS[name]
    model, x = draw(make()), image(*shape)
    wanted = {mode: in_torch(model, mode)(x) for mode in NATIVE.get(name, ("circular", "replicate", "reflect"))}
    before, want = state(model), model(x)
    for mode, theirs in wanted.items():
        with convpad.torch.repad_(model, mode, where=CONVOLUTIONS):
            assert difference(model(x), theirs) < 1e-5, mode
    with convpad.torch.repad_(model, "zeros"):
        assert difference(model(x), want) < 1e-5
    for mode in (*(mode for mode in convpad.MODES if mode not in ("zeros", "constant")), convpad.Constant(0.5)):
        with convpad.torch.repad_(model, mode):
            result = model(x)
            assert list(model.state_dict()) == before["keys"]
        assert result.shape == want.shape
        assert torch.isfinite(result).all()
        assert difference(result, want) > 1e-4, mode
    assert state(model) == before
    assert torch.equal(model(x), want)


@pytest.mark.parametrize("name", MODELS)
def test_a_step_of_training(name: str) -> None:
    """The gradients are those of torch.nn's own mode; the step stays when the padding is undone."""
    make, shape = MODELS[name]
    model, x = draw(make()).double(), image(*shape, dtype=torch.float64)
    judge = in_torch(model, "circular")
    handle = convpad.torch.repad_(model, "circular", where=CONVOLUTIONS)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for network in (model, judge):
        out = network(x)
        (out * image(*out.shape, seed=1)).sum().backward()  # a norm at the end fixes the mean of the squares
    for (parameter_name, got), want in zip(model.named_parameters(), judge.parameters(), strict=True):
        scale = max(float(want.grad.abs().max()), 1e-6)  # a bias before a norm has no gradient but rounding
        assert float((got.grad - want.grad).abs().max()) < 1e-6 * scale, parameter_name
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer.step()
    handle.remove()
    changed = [not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)]
    assert sum(changed) > 0.7 * len(changed)


@pytest.mark.parametrize("name", ["ResNet-50", "MONAI's 3-D UNet"])
def test_a_trained_padding_is_a_parameter(name: str) -> None:
    """`Learned`: state_dict gains keys, the gradient reaches them, and the report says so."""
    make, shape = MODELS[name]
    model, x = draw(make()), image(*shape)
    known = set(model.state_dict())
    with convpad.torch.repad_(model, convpad.Learned(), where=CONVOLUTIONS) as handle:
        gained = {key: value for key, value in model.named_parameters() if key not in known}
        assert set(model.state_dict()) - known == set(gained)
        assert all(any(key.rpartition(".")[2] in row.reason for row in handle.changes.rows) for key in gained)
        model(x).square().mean().backward()
        assert gained
        assert all(value.grad is not None and value.grad.any() for value in gained.values())
    assert set(model.state_dict()) == known


@torch.no_grad()
def test_a_unet_wraps_with_its_pools() -> None:
    """A mode with the amount reaches the pool of the stem as well, and rolling commutes with the whole network."""
    make, _ = MODELS["smp's Unet"]
    model, x = draw(make()), image(1, 3, 64, 96)
    wanted = model(x).roll(32, -1)
    assert difference(model(x.roll(32, -1)), wanted) > 1e-2
    with (
        convpad.torch.repad_(model, ("zeros", "circular"), where=nn.Conv2d),
        convpad.torch.repad_(model, ("ignore", "circular"), padding=1, where=nn.MaxPool2d),
    ):
        assert difference(model(x.roll(32, -1)), model(x).roll(32, -1)) < 1e-5
    assert torch.equal(model(x).roll(32, -1), wanted)


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_folding_and_a_new_tree(name: str) -> None:
    """Nothing to fold: equal numbers. `repad` gives a new tree with the numbers of `repad_`, of the same parameters."""
    make, shape = MODELS[name]
    model, x = draw(make()), image(*shape)
    before, want = state(model), model(x)
    assert difference(convpad.fold(model)(x), want) < 1e-5
    new = convpad.repad(model, "symmetric")
    assert state(model) == before
    assert [id(value) for value in new.parameters()] == [id(value) for value in model.parameters()]
    with convpad.torch.repad_(model, "symmetric"):
        assert torch.equal(new(x), model(x))
