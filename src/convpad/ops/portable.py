"""Portable pads: padding written for runtimes that lack pads other than with a constant."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

from convpad.tuning import STATE

_LOCK = Lock()


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
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def _count(step: int) -> None:
    with _LOCK:  # blocks of several threads may end in any order
        STATE.portable_pads += step
        STATE.version += 1
