"""Resident memory of this process: by how much it grows at most. Linux keeps the mark (`/proc/self/clear_refs`)."""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["MARK", "peak"]

STATUS, MARK = Path("/proc/self/status"), Path("/proc/self/clear_refs")
ATTEMPTS = 3


def _kibibytes(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1])


def _trim() -> None:
    """Have the allocator give back its free memory, so that the process grows again for new tensors."""
    gc.collect()
    library = ctypes.CDLL(ctypes.util.find_library("c"))
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def peak(run: Callable[[], Any]) -> int:
    """Return the bytes by which the process grew at most during a run; the least of a few attempts.

    Raises:
        OSError: this is not Linux.
    """
    grown: list[int] = []
    for _ in range(ATTEMPTS):
        _trim()
        MARK.write_text("5")
        before = _kibibytes("VmRSS")
        run()
        grown.append(max(_kibibytes("VmHWM") - before, 0) * 1024)
    return min(grown)
