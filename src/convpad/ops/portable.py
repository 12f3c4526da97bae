"""Blocks that change how padding is computed: for runtimes that lack pads, and for machines that lack memory."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from convpad.tuning import entered


@contextmanager
def portable_pads() -> Generator[None]:
    """Trace padding that copies as slices and concatenations within a `with` block, for export.

    A program that is traced for another runtime is always written with the framework's own operations: a pad for
    `reflect` where the framework has one. Some runtimes lack those pads, or read them as another mode. Within this
    block no such pad is written; only padding with a constant stays a pad. The values are equal, bit by bit. Where the
    size of an axis is left open, the padding is gathered by computed positions instead, right for every size.

    What was compiled before the block keeps its form: trace or export within it.

    Example:

    >>> import convpad, numpy as np
    >>> with convpad.portable_pads():  # around torch.onnx.export, jax.export or model.export
    ...     convpad.pad(np.arange(3.0).reshape(1, 3, 1), 1, "reflect").ravel()
    array([1., 0., 1., 2., 1.])

    Source: docs/exports.md says which runtime knows which pad.
    """
    with entered("portable_pads"):
        yield


@contextmanager
def low_memory() -> Generator[None]:
    """Keep no padded tensor for a gradient within a `with` block: each is made again when the gradient needs it.

    PyTorch keeps what a convolution read until its gradient is computed, and that is the padded tensor. Large ones
    whose convolution takes much longer than a copy are always made again; within this block all are, at up to half of
    the time more where the convolution is a depthwise one. JAX always makes them again. On TensorFlow, and in programs
    of `torch.compile`, whose compiler decides itself what to keep, the block changes nothing.

    Example:

    >>> import convpad, torch
    >>> shapes = (8, 112, 112, 48), (3, 3, 48, 1)
    >>> options = dict(op="depthwise_conv", padding="same", padding_mode="reflect", backend="torch")
    >>> convpad.plan(*shapes, **options).remakes_padded
    False
    >>> with convpad.low_memory():  # around the steps of training
    ...     convpad.plan(*shapes, **options).remakes_padded
    True
    """
    with entered("low_memory"):
        yield
