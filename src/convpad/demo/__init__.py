"""Demonstration without the terminal: a real network on convpad's tools, and a photograph in every padding.

This file needs the standard library alone: packages are looked for before any of them is imported, and Keras reads its
backend from the environment when it is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from convpad.core.errors import PaddingError

if TYPE_CHECKING:
    from convpad.demo.story import Chapter

__all__ = ["LARGEST", "SMALLEST", "STEPS", "prepare", "run"]

SMALLEST, LARGEST = 32, 256
"""Edges of the crop, in pixels."""

STEPS = 21
"""The number of steps that `run` reports."""


def prepare(*, size: int) -> None:
    """Choose Keras's backend and exact float32 before the work starts.

    Raises:
        PaddingError: the size of the crop is not possible, or a package is missing.
    """
    if size % 4 or not SMALLEST <= size <= LARGEST:
        raise PaddingError(f"--size must be a multiple of 4 from {SMALLEST} to {LARGEST}. Received: {size}.")
    backend = os.environ.setdefault("KERAS_BACKEND", "jax")
    os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
    os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if backend not in ("jax", "tensorflow", "torch"):
        raise PaddingError(f"KERAS_BACKEND must be 'jax', 'tensorflow' or 'torch'. Received: {backend!r}.")
    missing = [name for name in ("keras", backend, "matplotlib") if find_spec(name) is None]
    if missing:
        raise PaddingError(
            f"The demo needs {' and '.join(missing)}, not installed here. Install with: pip install {' '.join(missing)}"
        )


def run(output: Path, *, size: int, on_step: Callable[[str], None], dpi: int = 110) -> Iterator[Chapter]:
    """Yield each chapter as soon as it is known; before the last one, write the picture, which is 16 inches wide.

    `on_step` is called with each step that begins, `STEPS` times.
    """
    import keras

    from convpad.demo.border import measure
    from convpad.demo.picture import cropped, draw
    from convpad.demo.story import border_chapter, network_chapters

    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    crop = cropped(size)
    chapters: list[Chapter] = []
    for chapter in network_chapters(crop, on_step):
        chapters.append(chapter)
        yield chapter
    outcomes = measure(crop, on_step)
    on_step(f"drawing {output.name}")
    draw(crop, outcomes, [chapter.table for chapter in chapters], output, dpi=dpi)
    yield border_chapter(outcomes, output)
