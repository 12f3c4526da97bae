"""Folding of a model: its padding layers are merged into the convolutions and pools that follow."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from convpad.changes import Changes
from convpad.models.frameworks import framework_of


def fold(model: Any, *, report: Callable[[Changes], Any] | None = None) -> Any:
    """Return a model with its padding layers merged into the convolutions and pools that follow.

    The output stays equal, and no padded tensor is copied any more. A padding layer goes where every layer that reads
    it is a convolution or a pool that can take the padding over: those become convpad's layers of the same name and
    weights. A padding layer that any other layer reads stays, and the report says why. `model` is not changed.

    Of Keras models `ZeroPadding1D` to `3D` and convpad's padding layers go, in models in models too. A compiled model
    comes back compiled, where Keras can write down its loss; the optimizer starts anew.

    Of PyTorch modules `nn.ZeroPad1d` to `3d`, `ReflectionPad`, `ReplicationPad`, `CircularPad`, `ConstantPad` and
    `convpad.torch.Pad1d` to `Pad3d` go. Their place is taken by `nn.Identity`, so that names, indices and the code of
    every `forward` stay. The new tree has the same parameters and buffers: the same tensors. Which module reads which
    is found by `torch.fx`, which runs each `forward` once on symbols; where one cannot be run so, what is inside
    the modules that it calls is folded all the same.

    Args:
        model: a Keras model or a `torch.nn.Module`.
        report: called once with the `convpad.changes.Changes` made: `report=print` prints them.

    Returns:
        A new model.

    Raises:
        PaddingError: neither a Keras model nor a PyTorch module, or a layer cannot be made from its config, or be
            copied.

    Example:

    >>> import convpad, keras
    >>> layers = keras.layers
    >>> image = keras.Input((32, 32, 3))
    >>> x = layers.Conv2D(8, 7, strides=2, name="conv")(layers.ZeroPadding2D(3, name="pad")(image))
    >>> x = layers.ReLU(name="relu")(layers.ZeroPadding2D(1, name="late")(x))
    >>> model = convpad.fold(keras.Model(image, x), report=print)
    fold: 1 layer replaced, 1 folded, 1 left alone
    <BLANKLINE>
    layer  kind           done      detail
    --------------------------------------------------------------------------------
    pad    ZeroPadding2D  folded    into conv
    conv   Conv2D         replaced  Conv2D, ((3, 3), (3, 3)) with 'zeros'
    late   ZeroPadding2D  left      relu (ReLU) reads it, which is no convolution or
                                    pool
    <BLANKLINE>
    replaced  by a layer of convpad with the same weights
    folded    removed; the layers that read it pad instead
    left      as it was
    >>> [layer.name for layer in model.layers[1:]]
    ['conv', 'late', 'relu']

    Of PyTorch:

    >>> import torch
    >>> from torch import nn
    >>> model = convpad.fold(nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, 8, 7, stride=2)))
    >>> model[0], model[1].padding, model[1].padding_mode
    (Identity(), (3, 3), 'reflect')

    Sources: https://keras.io/api/models/model_saving_apis/, of which it uses `clone_model`, and
    https://docs.pytorch.org/docs/stable/fx.html
    """
    return import_module(f"convpad.models.{framework_of(model)}_fold").fold_model(model, report)
