"""The photograph of the demo, and its crop.

The crop is what the layers see. Its surroundings are known too, and that is what makes an artefact measurable:
no padding mode is better than the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib.cbook
import matplotlib.image
import numpy as np
import numpy.typing as npt

__all__ = ["MARGIN", "STRIDE", "Crop", "cropped"]

Array = npt.NDArray[Any]

STRIDE = 4
"""Pixels from one output of the demo's layers to the next."""

MARGIN = 16
"""Pixels of surroundings that decide the outputs at the border of the crop, at least: padding reaches 3 of them in,
so 12 pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A square of a photograph, and the photograph.

    Args:
        photograph: `(height, width, 3)`, float32 from 0 to 255.
        top, left: where the crop begins.
        size: its edge in pixels.
    """

    photograph: Array
    top: int
    left: int
    size: int

    def grown(self, margin: int) -> Array:
        """The crop with `margin` pixels of what truly surrounds it."""
        top, left, edge = self.top - margin, self.left - margin, self.size + 2 * margin
        return self.photograph[top : top + edge, left : left + edge]

    @property
    def shown(self) -> int:
        """Pixels of padding that a picture shows."""
        return self.size // 6


def cropped(size: int) -> Crop:
    """Rear Admiral Grace Hopper, a public domain photograph that ships inside matplotlib, cropped to her face.

    The photograph is first made smaller by a whole factor, each pixel the mean of a block, so that a small crop
    shows the whole face too.
    """
    path = str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    full = np.asarray(matplotlib.image.imread(path), np.float32)
    height, width, _ = full.shape
    around = max(MARGIN, size // 6)
    factor = max(1, width // (size + 2 * around))
    height, width = height // factor, width // factor
    small = full[: height * factor, : width * factor].reshape(height, factor, width, factor, 3).mean((1, 3))
    # The face is in the upper half.
    top = min(max(around, round(0.36 * height) - size // 2), height - around - size)
    return Crop(small, top, (width - size) // 2, size)
