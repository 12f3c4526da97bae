"""Repadding of a model: the same weights on convpad's layers, with the same padding or another one."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from convpad.models.frameworks import framework_of


def repad(
    model: Any,
    padding_mode: Any = None,
    *,
    padding: Any = None,
    where: Any = None,
    report: Callable[[Any], Any] | None = None,
) -> Any:
    """Return a model on convpad's layers with the same weights, padding as before or with another mode.

    Works for Keras models (functional, Sequential, models in models, wrappers such as `TimeDistributed`, and classes
    of your own that have `get_config`) and for every `torch.nn.Module`. Names stay, and a layer used in several places
    stays one. `model` is not changed.

    Of a Keras model the weights are copied. A compiled model comes back compiled, where Keras can write down its loss;
    the optimizer starts anew. A PyTorch module comes back as a new tree with the same parameters and buffers: the same
    tensors, so that training one trains both, and nothing is held twice. Its hooks go along;
    `convpad.torch.repad_` changes a module in place instead.

    Args:
        model: a Keras model or a `torch.nn.Module`.
        padding_mode: the new mode of every layer that pads, as `convpad.conv` takes it: of convolutions, padding layers
            and bilinear or bicubic upsampling, and in Keras of pools. None: every layer keeps its mode, and the
            outputs of the model stay equal.
        padding: the new amounts of the convolutions and pools that pad, as `convpad.conv` takes them. Padding
            layers keep their amounts.
        where: the layers to replace: a name or a pattern (`"block1_*"`; in another model or layer also
            `"backbone/conv*"`), several of them, or a function of a layer. In PyTorch a name is `"backbone.conv1"`,
            and classes and a function of a name and a module will do as well, as in `convpad.torch.repad_`.
            The rest stays as it is. None: all.
        report: called once with the `convpad.changes.Changes` made, of a PyTorch module the `ModuleChanges`:
            `report=print` prints them.

    Returns:
        A new model.

    Raises:
        PaddingError: no such padding, a chosen layer cannot have it, `where` fits no layer, or a layer cannot
            be made from its config, or be copied.

    Example:

    >>> import convpad, keras
    >>> layers = keras.layers
    >>> image = keras.Input((32, 32, 3))
    >>> x = layers.Conv2D(8, 3, padding="same", name="conv")(layers.ZeroPadding2D(1, name="pad")(image))
    >>> model = convpad.repad(keras.Model(image, x), "reflect", report=print)
    repad: 2 layers replaced, 0 folded, 0 left alone
    <BLANKLINE>
    layer  kind           done      detail
    --------------------------------------------------------------------------
    pad    ZeroPadding2D  replaced  Padding2D, ((1, 1), (1, 1)) with 'reflect'
    conv   Conv2D         replaced  Conv2D, 'same' with 'reflect'
    <BLANKLINE>
    replaced  by a layer of convpad with the same weights
    >>> model.get_layer("conv").padding_mode
    'reflect'

    Of PyTorch:

    >>> import torch
    >>> old = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1))
    >>> new = convpad.repad(old, ("zeros", "circular"))
    >>> new[0].padding_mode, old[0].padding_mode, new[0].weight is old[0].weight
    (('zeros', 'circular'), 'zeros', True)

    Source: https://keras.io/api/models/model_saving_apis/, of which it uses `clone_model`.
    """
    repad_model = import_module(f"convpad.models.{framework_of(model)}_repad").repad_model
    return repad_model(model, padding_mode, padding, where, report)
