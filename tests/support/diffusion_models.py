"""Small models of diffusers with random weights, each with the tensor along which it is rolled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from real_models import draw, image, package
from torch import nn

Forward = Callable[[torch.Tensor], torch.Tensor]


@dataclass
class Rolled:
    """A model with its input.

    Args:
        model: the model.
        forward: runs it on the input, or a part of it: the decoder.
        x: the input, rolled along its last axis.
        factor: how many columns of the output stand for one of the input.
        step: the number of columns of the input that become one where the maps are smallest.
    """

    model: nn.Module
    forward: Forward
    x: torch.Tensor
    factor: float
    step: int = 1


def _autoencoder_kl(seed: int = 0) -> Rolled:
    model = package("diffusers").AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 8, 16),
        norm_num_groups=4,
    )
    return Rolled(draw(model, seed), lambda x: model.decode(x).sample, image(1, 4, 6, 12, seed=seed), 4)


def _autoencoder_tiny(seed: int = 0) -> Rolled:
    model = package("diffusers").AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8),
        decoder_block_out_channels=(8, 8, 8),
        num_encoder_blocks=(1, 1, 1),
        num_decoder_blocks=(1, 1, 1),
    )
    return Rolled(draw(model, seed), lambda x: model.decode(x).sample, image(1, 4, 6, 12, seed=seed), 4)


def _unet(seed: int = 0) -> Rolled:
    model = package("diffusers").UNet2DModel(
        sample_size=16,
        block_out_channels=(8, 16, 16),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    )
    return Rolled(draw(model, seed), lambda x: model(x, 5).sample, image(1, 3, 8, 24, seed=seed), 1, 4)


def _unet_condition(seed: int = 0) -> Rolled:
    model = package("diffusers").UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        cross_attention_dim=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )
    words = image(1, 5, 8, seed=seed)
    return Rolled(draw(model, seed), lambda x: model(x, 5, words).sample, image(1, 4, 8, 24, seed=seed), 1, 2)


def _video_cog(seed: int = 0) -> Rolled:
    model = package("diffusers").AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 2,
        up_block_types=("CogVideoXUpBlock3D",) * 2,
        block_out_channels=(8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=4,
        temporal_compression_ratio=2,
    )
    return Rolled(draw(model, seed), lambda x: model.decode(x).sample, image(1, 4, 2, 6, 12, seed=seed), 2)


def _video_ltx(seed: int = 0) -> Rolled:
    model = package("diffusers").AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        down_block_types=("LTXVideoDownBlock3D",) * 2,
        layers_per_block=(1, 1, 1),
        decoder_layers_per_block=(1, 1, 1),
        spatio_temporal_scaling=(True, False),
        decoder_spatio_temporal_scaling=(True, False),
        decoder_inject_noise=(False, False, False),
        downsample_type=("conv", "conv"),
        upsample_residual=(False, False),
        upsample_factor=(1, 1),
        patch_size=1,
        decoder_causal=True,
    )
    return Rolled(draw(model, seed), lambda x: model.decode(x).sample, image(1, 8, 2, 6, 12, seed=seed), 2)


def _video_wan(seed: int = 0) -> Rolled:
    model = package("diffusers").AutoencoderKLWan(
        base_dim=4,
        z_dim=4,
        dim_mult=[1, 2],
        num_res_blocks=1,
        temperal_downsample=[True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
        scale_factor_temporal=2,
        scale_factor_spatial=2,
    )
    return Rolled(draw(model, seed), lambda x: model.decode(x).sample, image(1, 4, 2, 6, 12, seed=seed), 2)


MODELS: dict[str, Callable[..., Rolled]] = {
    "AutoencoderKL": _autoencoder_kl,
    "AutoencoderTiny": _autoencoder_tiny,
    "UNet2DModel": _unet,
    "UNet2DConditionModel": _unet_condition,
    "AutoencoderKLCogVideoX": _video_cog,
    "AutoencoderKLLTXVideo": _video_ltx,
    "AutoencoderKLWan": _video_wan,
}
DECODERS = tuple(name for name in MODELS if name.startswith("Autoencoder"))


def smooth(x: torch.Tensor) -> torch.Tensor:
    """Noise that changes slowly along x and wraps, as a latent of a seamless image does."""
    return sum((x.roll(shift, -1) for shift in range(-1, 2)), torch.zeros_like(x))
