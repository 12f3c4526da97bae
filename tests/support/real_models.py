"""Real architectures with random weights: their packages imported, their weights drawn, how they are compared."""

from __future__ import annotations

import importlib
import math
import os
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import nn

# Nothing is downloaded: every model is made from its configuration.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

ALL = os.environ.get("CONVPAD_MODELS", "small") == "all"

# torchvision names these when it is imported. Its compiled part, which defines them, is for another build of PyTorch
# than the one for CPUs: "operator torchvision::nms does not exist". No model here suppresses boxes: signatures do.
_OPERATORS = ("nms", "qnms")
_library = torch.library.Library("torchvision", "FRAGMENT")


def _torchvision() -> Any:
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    for name in _OPERATORS:
        _library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("torchvision")


def package(name: str) -> Any:
    """Import a package of real models; skip the tests of the file where it is not installed."""
    if find_spec(name.partition(".")[0]) is None:
        pytest.skip(f"needs {name.partition('.')[0]}: make test-models", allow_module_level=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages among themselves
        if find_spec("torchvision") is not None:
            _torchvision()
        return importlib.import_module(name)


def draw(model: nn.Module, seed: int = 0) -> nn.Module:
    """Draw weights with which every layer contributes, also those that start at zero; switch to inference."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in model.parameters():
            if value.ndim > 1:
                value.normal_(0.0, math.sqrt(2 / math.prod(value.shape[1:])), generator=generator)
            else:
                value.uniform_(0.5, 1.0, generator=generator)
        for name, value in model.named_buffers():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5, generator=generator)
            elif name.endswith("running_mean"):
                value.normal_(0.0, 0.1, generator=generator)
    return model.eval()


def image(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A tensor of normal noise."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def difference(got: torch.Tensor, want: torch.Tensor) -> float:
    """The largest difference between two tensors, as a part of the scale of the second."""
    assert got.shape == want.shape, (got.shape, want.shape)
    assert torch.isfinite(want).all()
    scale = want.detach().abs().max()
    assert scale > 0
    return float((got - want).detach().abs().max() / scale)


def state(model: nn.Module) -> dict[str, Any]:
    """All that a user may hold of a model: parameters, buffers and modules as objects, classes, attributes, keys."""
    return {
        "parameters": {name: id(value) for name, value in model.named_parameters()},
        "buffers": {name: id(value) for name, value in model.named_buffers()},
        "modules": {name: (id(module), type(module)) for name, module in model.named_modules()},
        "attributes": {
            name: {key: value if isinstance(value, _PLAIN) else id(value) for key, value in vars(module).items()}
            for name, module in model.named_modules()
        },
        "keys": list(model.state_dict()),
        "text": repr(model),
    }


_PLAIN = (bool, int, float, str, tuple, list, type(None))


def roll_error(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, step: int, factor: float) -> float:
    """The difference between a function of the rolled tensor and the rolled result, along the last axis."""
    want = function(x).roll(round(step * factor), -1)
    return difference(function(x.roll(step, -1)), want)
