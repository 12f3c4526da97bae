"""Check of the weights in a Keras file, in a process of its own: they must be whole, in that file, and no larger.

The HDF5 library runs forever on some damaged files, or aborts its process (HDF5 1.14, in h5py 3.14), and an HDF5 file
may name other files to be read. The process imports nothing else of convpad.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

__all__ = ["fault", "refuse_weights"]

WEIGHTS = "model.weights.h5"

_FACTOR = 16
_SPARE_BYTES = 64 * 2**20
"""Factor and bytes by which contents may exceed their file: Keras does not compress."""

_PATIENCE = 60.0
_BYTES_A_SECOND = 10 * 2**20
"""Seconds that the library may take, and bytes that it must read in each further second."""

_MAX_ENTRIES = 1_000_000


def refuse_weights(path: Path) -> None:
    """Refuse a `.keras` or `.h5` file whose weights the HDF5 library cannot read, or must not.

    Raises:
        ModelFileError: the fault.
    """
    from convpad.core.errors import ModelFileError
    from convpad.models.readers import printable

    seconds = _PATIENCE + path.stat().st_size / _BYTES_A_SECOND
    # -P: the files beside this one are not importable as top-level modules.
    command = [sys.executable, "-P", __file__, str(path.absolute())]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        message = f"{path.name}: Its weights are damaged: the HDF5 library does not come to an end."
        raise ModelFileError(message) from None
    if done.returncode or done.stdout.strip():
        said = printable(done.stdout, 200) or "Its weights are damaged: the HDF5 library breaks off."
        raise ModelFileError(f"{path.name}: {said}")


def fault(path: Path) -> str:
    """Return the fault of the weights of a file; empty where there is none."""
    import h5py  # Keras brings it

    limit = _SPARE_BYTES + _FACTOR * path.stat().st_size
    too_large = f"Its contents must be of at most {limit:,} bytes, for a file of its size."
    try:
        if path.suffix == ".keras":
            with ZipFile(path) as archive:
                if WEIGHTS not in archive.namelist():
                    return f"There is no {WEIGHTS} in it, which every .keras file has."
                if sum(info.file_size for info in archive.infolist()) > limit:
                    return too_large
                source: Any = io.BytesIO(archive.read(WEIGHTS))
        else:
            source = path
        with h5py.File(source, "r") as file:
            size = 0
            for name, entry in _entries(file):
                if entry is None:
                    return f"Its weights must be in it, without links. Received: the link {name}."
                list(entry.attrs.items())
                if isinstance(entry, h5py.Dataset):
                    if entry.external or entry.is_virtual:
                        return f"Its weights must be in it. Received: {name}, which is kept in another file."
                    size += entry.nbytes
                    if size > limit:
                        return too_large
                    entry[()]
    except Exception as error:  # any: the bytes are not ours
        return f"Its weights cannot be read: {type(error).__name__}: {error}"
    return ""


def _entries(file: Any) -> Iterator[tuple[str, Any]]:
    """Yield every entry of an HDF5 file once, with its name; None for a link to another place."""
    import h5py

    waiting, seen = [("/", file["/"])], set[Any]()
    while waiting:
        name, entry = waiting.pop()
        if entry in seen:
            continue
        seen.add(entry)
        if len(seen) > _MAX_ENTRIES:
            raise ValueError(f"more than {_MAX_ENTRIES:,} entries")
        yield name, entry
        if isinstance(entry, h5py.Group):
            for key in entry:
                inner = f"{name.rstrip('/')}/{key}"
                if isinstance(entry.get(key, getlink=True), h5py.HardLink):
                    waiting.append((inner, entry[key]))
                else:
                    yield inner, None


if __name__ == "__main__":
    sys.stdout.write(ascii(fault(Path(sys.argv[1])))[1:-1])
