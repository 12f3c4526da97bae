"""diffusers' autoencoders and U-Nets made to wrap along x: they commute with rolling, and no seam is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import torch
from real_models import ALL, difference, package, roll_error, state
from torch import nn

import convpad

diffusers = package("diffusers")
peft = package("peft")

from diffusion_models import DECODERS, MODELS, Rolled, smooth

pytestmark = [pytest.mark.needs("torch"), pytest.mark.filterwarnings("ignore::FutureWarning")]


@contextmanager
def wrapped(model: nn.Module) -> Iterator[list[Any]]:
    """A model whose convolutions wrap along x; those over frames, rows and columns have a mode more."""
    with ExitStack() as stack:
        handles = []
        for rank, kind in ((2, nn.Conv2d), (3, nn.Conv3d)):
            if any(isinstance(module, kind) for module in model.modules()):
                mode = (*["zeros"] * (rank - 1), "circular")
                handles.append(stack.enter_context(convpad.torch.repad_(model, mode, where=kind)))
        yield handles


def error_of_rolling(rolled: Rolled) -> float:
    """The difference between the result of the rolled input and the rolled result."""
    return roll_error(rolled.forward, rolled.x, rolled.step, rolled.factor)


def without_caches(model: nn.Module) -> dict[str, Any]:
    """All that a user may hold of a model, but its own attributes: those for video keep the last frames there."""
    everything = state(model)
    del everything["attributes"][""]
    return everything


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_wrapping_commutes_with_rolling_and_is_undone(name: str) -> None:
    rolled = MODELS[name]()
    want = rolled.forward(rolled.x)
    before = without_caches(rolled.model)
    assert error_of_rolling(rolled) > 0.05
    with wrapped(rolled.model):
        assert error_of_rolling(rolled) < 1e-5
        assert difference(rolled.forward(rolled.x), want) > 0.05
    assert without_caches(rolled.model) == before
    assert torch.equal(rolled.forward(rolled.x), want)


SEEDS = range(10) if ALL else range(4)


# LTX decodes a pixel from channels of its own, so that neighbours of random weights are unlike, with a seam or without.
SEAMS = [name for name in DECODERS if name != "AutoencoderKLLTXVideo"]


@pytest.mark.parametrize("name", SEAMS)
@torch.no_grad()
def test_no_seam_is_left(name: str) -> None:
    """The seam of the wrapped image is one among those that rolling puts in its place; before, it was well above.

    Columns differ more where a latent pixel ends than within it, so that the places of all latent pixels are compared.
    """
    before, after, inside = [], [], []
    for seed in SEEDS:
        rolled = MODELS[name](seed)
        x = smooth(rolled.x)
        step = round(rolled.step * rolled.factor)
        before.append(convpad.seam(rolled.forward(x), axis=-1))
        with wrapped(rolled.model):
            result = rolled.forward(x)
        after.append(convpad.seam(result, axis=-1))
        inside += [convpad.seam(result.roll(shift, -1), axis=-1) for shift in range(step, result.shape[-1], step)]
    seams = [torch.tensor(values) for values in (before, after, inside)]
    was, now, others = (float(values.mean()) for values in seams)
    noise = float(seams[2].std()) / len(SEEDS) ** 0.5
    assert abs(now - others) < 3 * noise
    assert 0.8 < others < 1.2
    assert was > 1.4
    assert was > others + 4 * noise


@torch.no_grad()
def test_tiled_decoding_is_named() -> None:
    """Tiles have edges of their own: the wrapped decoder has a seam again, and the report says why."""
    rolled = MODELS["AutoencoderKL"]()
    rolled.model.enable_tiling()
    rolled.model.tile_latent_min_size, rolled.model.tile_sample_min_size = 6, 24
    with convpad.torch.repad_(rolled.model, ("zeros", "circular")) as handle:
        assert error_of_rolling(rolled) > 0.05
        assert "use_tiling" in next(row.reason for row in handle.changes.rows if row.module == "")


def test_padding_in_a_forward_is_named() -> None:
    """The encoder's `Downsample2D` calls `F.pad` before a convolution without padding."""
    rolled = MODELS["AutoencoderKL"]()
    with convpad.torch.repad_(rolled.model, ("zeros", "circular")) as handle:
        reasons = {row.module: row.reason for row in handle.changes.rows if row.done == "left"}
    for block in (0, 1):
        assert "F.pad" in reasons[f"encoder.down_blocks.{block}.downsamplers.0"]


LORA = {
    "AutoencoderKL": r".*(conv1|conv2|conv_in|conv_out)",
    "UNet2DConditionModel": r".*(conv1|conv2|conv_in|conv_out|upsamplers\.0\.conv)",
    "AutoencoderKLCogVideoX": r".*(conv1|conv2)\.conv",
}


def add_adapters(model: nn.Module, name: str, **options: Any) -> None:
    """LoRA on the convolutions, with weights that change the output."""
    torch.manual_seed(0)
    config = peft.LoraConfig(r=2, target_modules=LORA[name], init_lora_weights=False, **options)
    peft.inject_adapter_in_model(config, model)


@pytest.mark.parametrize("name", LORA)
@torch.no_grad()
def test_lora_before(name: str) -> None:
    """Adapters that are there: they pad as the convolution does that they adapt; merged, the numbers stay."""
    rolled = MODELS[name]()
    plain = rolled.forward(rolled.x)
    add_adapters(rolled.model, name)
    before, want = state(rolled.model), rolled.forward(rolled.x)
    assert difference(want, plain) > 0.05
    with wrapped(rolled.model):
        assert error_of_rolling(rolled) < 1e-5
        adapted = rolled.forward(rolled.x)
        assert difference(adapted, want) > 0.05
        wrappers = [module for module in rolled.model.modules() if hasattr(module, "base_layer")]
        assert len(wrappers) > 3
        for module in wrappers:
            module.merge()
        assert difference(rolled.forward(rolled.x), adapted) < 1e-4
        for module in wrappers:
            module.unmerge()
    assert [*state(rolled.model)["parameters"].values()] == [*before["parameters"].values()]
    assert state(rolled.model)["modules"] == before["modules"]
    assert difference(rolled.forward(rolled.x), want) < 1e-4


@torch.no_grad()
def test_lora_after() -> None:
    """peft makes the adapters' convolutions of the class of the base and without its mode: `repad_` is called again."""
    rolled = MODELS["UNet2DConditionModel"]()
    convpad.torch.repad_(rolled.model, ("zeros", "circular"))
    add_adapters(rolled.model, "UNet2DConditionModel")
    convpad.torch.repad_(rolled.model, ("zeros", "circular"))
    assert error_of_rolling(rolled) < 1e-5


@torch.no_grad()
def test_dora() -> None:
    """DoRA scales the wrapped convolution's output, but in training with a dropout convolves anew: that is named."""
    rolled = MODELS["UNet2DConditionModel"]()
    before = rolled.forward(rolled.x)
    add_adapters(rolled.model, "UNet2DConditionModel", use_dora=True, lora_dropout=0.5)
    rolled.model.eval()
    assert difference(rolled.forward(rolled.x), before) > 0.05
    with wrapped(rolled.model) as (handle,):
        assert error_of_rolling(rolled) < 1e-5
        left = {row.module: row.reason for row in handle.changes.rows if row.done == "left"}
    own = [name for name, module in rolled.model.named_modules() if type(module).__name__ == "DoraConv2dLayer"]
    assert len(own) > 3
    assert {left[name] for name in own} == {"its forward calls F.conv2d, with a padding of its own"}


def test_training_an_adapter() -> None:
    """The gradient reaches the adapters of the wrapped network, and a step changes its output."""
    rolled = MODELS["UNet2DConditionModel"]()
    add_adapters(rolled.model, "UNet2DConditionModel")
    with wrapped(rolled.model):
        trained = [value for name, value in rolled.model.named_parameters() if "lora_" in name]
        optimizer = torch.optim.SGD(trained, lr=1e-3)
        before = rolled.forward(rolled.x)
        before.square().mean().backward()
        assert all(value.grad is not None and torch.isfinite(value.grad).all() for value in trained)
        optimizer.step()
        assert not torch.equal(rolled.forward(rolled.x), before)
        assert error_of_rolling(rolled) < 1e-5


@torch.no_grad()
def test_every_mode_in_every_model() -> None:
    """Any mode along every axis: finite, of the same size, and undone."""
    for name in ("AutoencoderTiny", "UNet2DModel", "AutoencoderKLLTXVideo"):
        rolled = MODELS[name]()
        want = rolled.forward(rolled.x)
        for mode in convpad.MODES:
            if mode in ("zeros", "constant"):
                continue
            with convpad.torch.repad_(rolled.model, mode):
                result = rolled.forward(rolled.x)
            assert result.shape == want.shape
            assert torch.isfinite(result).all()
            assert difference(result, want) > 1e-3, mode
        assert torch.equal(rolled.forward(rolled.x), want)
