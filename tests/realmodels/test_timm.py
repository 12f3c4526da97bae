"""timm's networks with TensorFlow's `same`: `repad_` makes it convpad's, with the numbers, and undoes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from real_models import ALL, difference, draw, image, package, state

import convpad

timm = package("timm")
maxxvit = package("timm.models.maxxvit")
layers = package("timm.layers")

pytestmark = [pytest.mark.needs("torch"), pytest.mark.filterwarnings("ignore::FutureWarning")]

# The attention of MaxViT and CoAtNet fixes its maps: all of these become 2 x 2 after five halvings.
SIZES = ((64, 64), (63, 61), (62, 64))


def _maxxvit(*blocks: str) -> Any:
    """MaxViT (blocks M) or CoAtNet (C and T), small, with the settings of the weights that come from TensorFlow."""
    config = maxxvit.MaxxVitCfg(
        embed_dim=(32, 32, 32, 32),
        depths=(1, 1, 1, 1),
        block_type=blocks,
        stem_width=8,
        stem_bias=True,
        head_hidden_size=32,
        **maxxvit._tf_cfg(),
    )
    return maxxvit.MaxxVit(config, img_size=64, num_classes=10)


def _bit() -> Any:
    """BiT with one block a stage: standardised weights, and a stem that pads with a module."""
    return package("timm.models.resnetv2").ResNetV2(
        layers=(1, 1, 1, 1),
        channels=(32, 32, 64, 64),
        num_classes=10,
        stem_chs=32,
        stem_type="fixed",
        conv_layer=layers.StdConv2d,
        norm_layer=partial(layers.GroupNormAct, num_groups=8),
    )


def _named(name: str) -> Callable[[], Any]:
    # The windows of MaxViT are as large as the last map, which must be 2 x 2 here.
    options = {"img_size": 64} if name.startswith("maxvit") else {}
    return lambda: timm.create_model(name, **options)


SMALL: dict[str, Callable[[], Any]] = {
    "maxvit, small": lambda: _maxxvit("M", "M", "M", "M"),
    "coatnet, small": lambda: _maxxvit("C", "C", "T", "T"),
    "nasnet, small": lambda: timm.create_model(
        "nasnetalarge", num_classes=10, stem_size=8, num_features=384, channel_multiplier=2
    ),
    "bit, small": _bit,
    **{
        name: _named(name)
        for name in (
            "tf_mobilenetv3_small_minimal_100",
            "tf_efficientnet_b0",
            "tf_efficientnet_cc_b0_4e",
            "tf_mixnet_s",
            "tf_efficientnetv2_b0",
            "vit_tiny_r_s16_p8_224",
        )
    },
}
EVERY = sorted(
    {*timm.list_models("tf_*"), *timm.list_models("maxvit_*_tf_*"), *timm.list_models("coatnet*_tf_*")}
    | {*timm.list_models("*_bit"), "nasnetalarge", "pnasnet5large", "dm_nfnet_f0", "vit_small_r26_s32_224"}
)
MODELS = {**SMALL, **{name: _named(name) for name in EVERY}} if ALL else SMALL
SAME = ("Conv2dSame", "MaxPool2dSame", "AvgPool2dSame", "StdConv2dSame", "ScaledStdConv2dSame")


def dynamic(model: Any) -> list[str]:
    """The names of the modules that compute TensorFlow's `same` anew on each call; for one tap it is no padding."""
    return [
        name
        for name, module in model.named_modules()
        if type(module).__name__ in SAME and getattr(module, "same_pad", True) and module.kernel_size != (1, 1)
    ]


def sizes(model: Any) -> tuple[tuple[int, int], ...]:
    """Three sizes that a model takes."""
    return ((224, 224),) if hasattr(model, "patch_embed") else SIZES


@pytest.mark.parametrize("name", MODELS)
def test_same_becomes_ours_with_the_numbers_and_is_undone(name: str) -> None:
    # The rounding of float32 alone grows to 1e-5 in the deep ones with random weights, and to 4e-2 in NFNet.
    dtype, tolerance = (torch.float32, 1e-5) if name in SMALL else (torch.float64, 1e-8)
    model = draw(MODELS[name]()).to(dtype)
    before, theirs = state(model), dynamic(model)
    with torch.inference_mode():
        images = [image(2, 3, *size, dtype=dtype) for size in sizes(model)]
        wanted = [model(x) for x in images]
        with convpad.torch.repad_(model) as handle:
            assert set(theirs) <= set(handle.changes.modules("replaced"))
            assert list(model.state_dict()) == before["keys"]
            for x, want in zip(images, wanted, strict=True):
                assert difference(model(x), want) < tolerance
        assert state(model) == before
        assert torch.equal(model(images[-1]), wanted[-1])


def test_the_numbers_depend_on_the_padding() -> None:
    """So that equal numbers say something: the odd one before, instead of after, gives others."""
    model = draw(MODELS["tf_mobilenetv3_small_minimal_100"]())
    x = image(2, 3, 64, 64)
    with torch.inference_mode():
        want = model(x)
        with convpad.torch.repad_(model, padding="same_lower"):
            assert difference(model(x), want) > 1e-3


# Their attention fixes the size of the maps, with any padding.
FIXED = ("maxvit", "coatnet", "vit_")
EXPORTED = [name for name in MODELS if not name.startswith(FIXED)] if ALL else ["tf_mobilenetv3_small_minimal_100"]


@pytest.mark.parametrize("name", EXPORTED)
def test_exports_with_open_sizes(name: str) -> None:
    model = draw(MODELS[name]())
    x, other = image(1, 3, 96, 96), image(1, 3, 75, 112)
    automatic = torch.export.Dim.AUTO
    with torch.no_grad(), convpad.torch.repad_(model):
        program = torch.export.export(model, (x,), dynamic_shapes=({2: automatic, 3: automatic},))
        assert difference(program.module()(other), model(other)) < 1e-5


SAMES: dict[str, Callable[[], Any]] = {
    "Conv2dSame": lambda: layers.create_conv2d(4, 6, 3, stride=2, padding="same", bias=True),
    "Conv2dSame, even": lambda: layers.create_conv2d(4, 6, (4, 2), stride=1, padding="same"),
    "Conv2dSame, depthwise": lambda: layers.create_conv2d(4, 4, 5, stride=2, padding="same", depthwise=True),
    "Conv2dSame, dilated": lambda: layers.Conv2dSame(4, 6, 3, stride=(2, 1), dilation=2),
    "MixedConv2d": lambda: layers.create_conv2d(4, 6, [3, 5], stride=2, padding="same"),
    "StdConv2dSame": lambda: layers.StdConv2dSame(4, 6, 3, stride=2),
    "ScaledStdConv2dSame": lambda: layers.ScaledStdConv2dSame(4, 6, 3, stride=2),
    "MaxPool2dSame": lambda: layers.create_pool2d("max", 3, 2, padding="same"),
    "AvgPool2dSame": lambda: layers.create_pool2d("avg", 3, 2, padding="same"),
    "AvgPool2dSame, its zeros count nevertheless": lambda: layers.create_pool2d(
        "avg", 3, 2, padding="same", count_include_pad=False
    ),
}


@pytest.mark.parametrize("name", SAMES)
def test_every_same_layer_at_every_size(name: str) -> None:
    model = draw(SAMES[name]())
    xs = [image(2, 4, height, height % 3 + 5) - 3 for height in range(1, 12)]  # negative: zeros would win in a max pool
    wanted = [model(x) for x in xs]
    convpad.torch.repad_(model)
    for x, want in zip(xs, wanted, strict=True):
        assert difference(model(x), want) < 1e-6


@pytest.mark.parametrize("name", ["StdConv2dSame", "ScaledStdConv2dSame", "Conv2dSame"])
def test_a_mode_reaches_layers_that_transform_their_weight(name: str) -> None:
    """Circular: rolling the input rolls the output; and the gradient reaches the weight through the transformation."""
    model = draw(SAMES[name]())
    x = image(2, 4, 8, 10)
    with convpad.torch.repad_(model, "circular"):
        assert difference(model(x.roll(2, -1)), model(x).roll(1, -1)) < 1e-6
        model(x).square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


efficientnet = package("efficientnet_pytorch")


@pytest.mark.parametrize("image_size", [None, 64, (70, 45)])
def test_efficientnet_pytorch(image_size: Any) -> None:
    """Its dynamic layers, and the static ones, whose amounts stay those of the size for which they were made."""
    model = draw(efficientnet.EfficientNet.from_name("efficientnet-b0", image_size=image_size, num_classes=10))
    before = state(model)
    with torch.inference_mode():
        images = [image(2, 3, *size) for size in SIZES]
        wanted = [model(x) for x in images]
        with convpad.torch.repad_(model) as handle:
            assert len(handle.changes.modules("replaced")) > 4
            for x, want in zip(images, wanted, strict=True):
                assert difference(model(x), want) < 1e-5
        assert state(model) == before
        assert torch.equal(model(images[-1]), wanted[-1])


def test_static_layers_become_same_at_every_size() -> None:
    """With `padding="same"` EfficientNet-PyTorch's static layers give the numbers of its dynamic ones at every size."""
    static = draw(efficientnet.EfficientNet.from_name("efficientnet-b0", image_size=64, num_classes=10))
    dynamic_ones = efficientnet.EfficientNet.from_name("efficientnet-b0", image_size=None, num_classes=10).eval()
    dynamic_ones.load_state_dict(static.state_dict())
    convpad.torch.repad_(static, padding="same")
    with torch.inference_mode():
        for size in SIZES:
            assert difference(static(image(2, 3, *size)), dynamic_ones(image(2, 3, *size))) < 1e-5


FOLDED: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "BiT's stem: zeros before a max pool": (SMALL["bit, small"], ("stem.pad",)),
    "EfficientNet-PyTorch's static layers": (
        lambda: efficientnet.EfficientNet.from_name("efficientnet-b0", image_size=64, num_classes=10),
        (),
    ),
    "NASNet's shift: it cuts on one side": (SMALL["nasnet, small"], ()),
}


@pytest.mark.parametrize("name", FOLDED)
@torch.no_grad()
def test_folding(name: str) -> None:
    """Pad modules before convolutions and pools go, the output stays, and the model is not changed."""
    make, gone = FOLDED[name]
    model, reports = draw(make()), []
    x, before = image(2, 3, 64, 57), state(model)
    new = convpad.fold(model, report=reports.append)
    assert difference(new(x), model(x)) < 1e-5
    assert state(model) == before
    assert list(new.state_dict()) == before["keys"]
    assert set(gone) <= set(reports[0].layers("folded"))
