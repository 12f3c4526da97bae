"""Modules of convpad that the frameworks of this test process are enough to import."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from frameworks import CHOSEN

KERAS_MODELS = ("keras_fold", "keras_repad", "layer_graph", "layer_map", "rebuild")
KERAS_DEMO = ("border", "networks", "story")
NEEDS_KERAS = (
    "convpad.keras",
    *(f"convpad.demo.{name}" for name in KERAS_DEMO),
    *(f"convpad.models.{name}" for name in KERAS_MODELS),
    "convpad.models.readers.keras_live",
    "convpad.models.readers.keras_trace",
)
HOMES = ("convpad.backends", "convpad.benchmark.runners")
FRAMEWORKS = {f"{home}.{name}": name for home in HOMES for name in ("jax", "tensorflow", "torch")}
FRAMEWORKS |= {"convpad.torch": "torch", "convpad.equinox": "jax", "convpad.flax": "jax"}


def loadable(module: str) -> bool:
    """Whether the frameworks of this process are enough to import a module."""
    if module in FRAMEWORKS:
        return FRAMEWORKS[module] in CHOSEN
    if module.startswith("convpad.models.torch_"):
        return "torch" in CHOSEN
    return not module.startswith(NEEDS_KERAS) or CHOSEN != ["numpy"]


def modules(package: str = "convpad") -> Iterator[str]:
    """Every module in a package that this process can import. A package of another framework is not looked into."""
    for found in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        if loadable(found.name):
            yield found.name
            if found.ispkg:
                yield from modules(found.name)
