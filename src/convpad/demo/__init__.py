"""`convpad demo` without the terminal: a real network on convpad's tools, and a photograph in every padding.

This file needs the standard library alone: what the demo needs is looked for before any of it is imported, and
Keras reads its backend from the environment when it is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convpad.core.errors import PaddingError

if TYPE_CHECKING:
    from convpad.demo.measure import Outcome
    from convpad.demo.story import Chapter

__all__ = ["LARGEST", "SMALLEST", "Pictured", "prepare", "run", "steps"]

SMALLEST, LARGEST = 32, 256
"""Edges of the crop, in pixels."""

_BACKENDS = ("jax", "tensorflow", "torch")
"""Keras's backends that convpad has; each is the name of its package and of the extra that installs it."""


@dataclass(frozen=True, slots=True)
class Pictured:
    """The last chapter: what each padding leaves at the border.

    Args:
        outcomes: one for each padding, in the order of the table.
        path: where the picture is.
    """

    outcomes: list[Outcome]
    path: Path

    @property
    def wrong(self) -> tuple[str, ...]:
        """A sentence if some are not what the oracle gives."""
        labels = [outcome.case.label for outcome in self.outcomes if not outcome.agrees]
        return (f"Not equal to the oracle: {', '.join(labels)}.",) if labels else ()


def _backend() -> str:
    """Keras's backend, chosen before Keras is imported; exact float32 wherever a GPU would round to TF32."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
    os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return os.environ["KERAS_BACKEND"]


def prepare(*, size: int) -> None:
    """Refuses before the work starts what cannot be done; the picture's file is the command's to look at.

    Args:
        size: the crop's edge, in pixels.

    Example:

    >>> from convpad.demo import prepare
    >>> prepare(size=33)
    Traceback (most recent call last):
    convpad.core.errors.PaddingError: --size must be a multiple of 4 from 32 to 256. Received: 33.

    Raises:
        PaddingError: the size does not go, or a package is missing.
    """
    if size % 4 or not SMALLEST <= size <= LARGEST:
        raise PaddingError(f"--size must be a multiple of 4 from {SMALLEST} to {LARGEST}. Received: {size}.")
    backend = _backend()
    if backend not in _BACKENDS:
        raise PaddingError(f"KERAS_BACKEND must be 'jax', 'tensorflow' or 'torch'. Received: {backend!r}.")
    missing = [name for name in ("keras", backend, "matplotlib") if find_spec(name) is None]
    if missing:
        extras = "keras,plot" if backend == "jax" else f"keras,{backend},plot"  # `keras` brings JAX
        raise PaddingError(
            f"The demo needs {' and '.join(missing)}, not installed here. Install with: pip install 'convpad[{extras}]'"
        )


def steps() -> int:
    """How many steps `run` reports."""
    from convpad.demo import measure, story

    return story.STEPS + measure.STEPS + 1


def run(output: Path, *, size: int, on_step: Callable[[str], None], dpi: int = 110) -> Iterator[Chapter | Pictured]:
    """Tells the demo: each chapter as soon as it is known, the picture last.

    Args:
        output: the PNG to write; it appears only once it is complete.
        size: the crop's edge, in pixels.
        on_step: told what begins, once for each step.
        dpi: pixels for each inch of the picture, which is 16 inches wide.
    """
    import keras

    from convpad.demo.measure import measure
    from convpad.demo.photograph import cropped
    from convpad.demo.picture import draw
    from convpad.demo.report import sentences
    from convpad.demo.story import tell

    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    crop = cropped(size)
    told: list[Any] = []
    for chapter in tell(crop, on_step):
        told.append(chapter)
        yield chapter
    outcomes = measure(crop, on_step)
    on_step(f"drawing {output.name}")
    draw(crop, outcomes, told[-1], sentences(*told), output, dpi=dpi)
    yield Pictured(outcomes, output)
