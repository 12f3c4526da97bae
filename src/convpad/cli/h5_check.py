"""Check of the weights in a Keras file, in a process of its own: they must be whole, in that file, and no larger.

The HDF5 library runs forever on some damaged files, or aborts its process (HDF5 1.14, in h5py 3.14), and an HDF5 file
may name other files to be read. The process imports nothing else of convpad.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

WEIGHTS = "model.weights.h5"

_FACTOR = 16
_SPARE_BYTES = 64 * 2**20
"""Factor and bytes by which contents may exceed their file: Keras does not compress."""

PATIENCE = 60.0
_BYTES_A_SECOND = 10 * 2**20
"""Seconds that the library may take, and bytes that it must read in each further second."""


def refuse_weights(path: Path) -> None:
    """Refuse a `.keras` or `.h5` file whose weights the HDF5 library cannot read, or must not."""
    from convpad.core.errors import ModelFileError
    from convpad.models.readers import printable

    seconds = PATIENCE + path.stat().st_size / _BYTES_A_SECOND
    # -P: the files beside this one are not importable as top-level modules.
    command = [sys.executable, "-P", __file__, str(path.absolute())]
    try:
        process = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds)
    except subprocess.TimeoutExpired:
        message = f"{path.name}: Its weights are damaged: the HDF5 library does not come to an end."
        raise ModelFileError(message) from None
    if process.returncode or process.stdout.strip():
        message = printable(process.stdout, 400) or "Its weights are damaged: the HDF5 library breaks off."
        raise ModelFileError(f"{path.name}: {message}")


def fault(path: Path) -> str:
    """Return the fault of the weights of a file; empty where there is none."""
    import h5py  # Keras brings it

    limit = _SPARE_BYTES + _FACTOR * path.stat().st_size
    try:
        source: Any = path
        if path.suffix == ".keras":
            with ZipFile(path) as archive:
                if WEIGHTS not in archive.namelist():
                    return f"There is no {WEIGHTS} in it, which every .keras file has."
                if sum(info.file_size for info in archive.infolist()) > limit:
                    return _too_large(limit)
                source = io.BytesIO(archive.read(WEIGHTS))
        with h5py.File(source, "r") as file:
            return _fault_of_entries(file, limit)
    except Exception as error:  # any: the bytes are not ours
        return f"Its weights cannot be read: {type(error).__name__}: {error}"


def _fault_of_entries(file: Any, limit: int) -> str:
    """Read every entry of an HDF5 file, and return the first fault; empty where there is none."""
    import h5py

    size = 0

    def fault_of(name: str, link: Any) -> str | None:
        nonlocal size
        if not isinstance(link, h5py.HardLink):
            return f"Its weights must be in it, without links. Received: the link /{name}."
        entry = file[name]
        list(entry.attrs.items())
        if isinstance(entry, h5py.Dataset):
            if entry.external or entry.is_virtual:
                return f"Its weights must be in it. Received: /{name}, which is kept in another file."
            size += entry.nbytes
            if size > limit:
                return _too_large(limit)
            entry[()]
        return None

    list(file.attrs.items())
    return file.visititems_links(fault_of) or ""


def _too_large(limit: int) -> str:
    return f"Its contents must be of at most {limit:,} bytes, for a file of its size."


if __name__ == "__main__":
    sys.stdout.write(ascii(fault(Path(sys.argv[1])))[1:-1])
