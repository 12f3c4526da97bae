"""Frameworks of the models that `repad` and `fold` change: Keras and PyTorch."""

from __future__ import annotations

import sys
from typing import Any, Literal

from convpad.core.errors import refuse


def framework_of(model: Any) -> Literal["keras", "torch"]:
    """Return the framework of a model, or refuse anything else. No framework is imported to find out."""
    keras, nn = sys.modules.get("keras"), sys.modules.get("torch.nn")
    is_layer = isinstance(model, getattr(keras, "Layer", ()))  # on PyTorch a layer of Keras is a module, too
    if is_layer and isinstance(model, getattr(keras, "Model", ())):
        return "keras"
    if not is_layer and isinstance(model, getattr(nn, "Module", ())):
        return "torch"
    mend = "Load a file with keras.saving.load_model first."
    if "Program" in type(model).__name__:
        mend = "An exported program is a graph: change its module, and export it again."
    received = model if isinstance(model, (str, int, float, type(None))) else type(model)
    raise refuse("model", "be a Keras model or a torch.nn.Module", received, mend)
