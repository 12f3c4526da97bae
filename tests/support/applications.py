"""Real networks for the tools: every architecture of `keras.applications`, small inputs, no download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras_layers import keras


@dataclass(frozen=True)
class Application:
    """One architecture.

    Args:
        size: the smallest input that it takes, in pixels.
        folded: padding layers that can be melted.
        left: padding layers that cannot.
        usual: whether every run of the suite takes it: the smallest of its family. The rest runs with
            `CONVPAD_EVERY_APPLICATION=1`.
    """

    name: str
    size: int = 32
    folded: int = 0
    left: int = 0
    usual: bool = False


APPLICATIONS = (
    Application("VGG16", usual=True),
    Application("VGG19"),
    Application("ResNet50", folded=2, usual=True),
    Application("ResNet101", folded=2),
    Application("ResNet152", folded=2),
    Application("ResNet50V2", folded=18, usual=True),
    Application("ResNet101V2", folded=35),
    Application("ResNet152V2", folded=52),
    Application("DenseNet121", folded=2, usual=True),
    Application("DenseNet169", folded=2),
    Application("DenseNet201", folded=2),
    Application("MobileNet", folded=4, usual=True),
    Application("MobileNetV2", folded=4, usual=True),
    Application("MobileNetV3Small", folded=4, usual=True),
    Application("MobileNetV3Large", folded=4),
    Application("EfficientNetB0", folded=5, usual=True),
    *(Application(f"EfficientNetB{number}", folded=5) for number in range(1, 8)),
    Application("EfficientNetV2B0", usual=True),
    *(Application(f"EfficientNetV2{size}") for size in ("B1", "B2", "B3", "S", "M", "L")),
    Application("ConvNeXtTiny", usual=True),
    *(Application(f"ConvNeXt{size}") for size in ("Small", "Base", "Large", "XLarge")),
    Application("Xception", 71, usual=True),
    Application("InceptionV3", 75, usual=True),
    Application("InceptionResNetV2", 75, usual=True),
    Application("NASNetMobile", folded=20, left=4, usual=True),
    Application("NASNetLarge", folded=20, left=4),
)


def made(application: Application, seed: int = 0) -> Any:
    """The network with random weights, and statistics of batches as if it had seen some."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    shape = (application.size, application.size, 3)
    make = getattr(keras.applications, application.name)
    model = make(weights=None, include_top=False, pooling="avg", input_shape=shape)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if type(layer).__name__ in ("BatchNormalization", "Normalization", "LayerScale"):
            layer.set_weights([_statistics(weight, rng) for weight in layer.weights])
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()
    return model


def _statistics(weight: Any, rng: Any) -> Any:
    if weight.name in ("gamma", "moving_variance", "variance"):
        return rng.uniform(0.5, 1.5, weight.shape)
    return rng.normal(0, 0.2, weight.shape) if "int" not in str(weight.dtype) else np.ones(weight.shape)


def images(application: Application, count: int = 2) -> Any:
    rng = np.random.default_rng(1)
    return rng.uniform(0, 255, (count, application.size, application.size, 3)).astype("float32")
