"""Are the weights in a Keras file whole, in that file, and no larger than it? A process of its own looks.

The HDF5 library runs forever on some damaged files, or breaks off the process that it is in (HDF5 1.14, in h5py 3.14);
and a file of it may name other files to be read. What is run here is run with nothing else of convpad.
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

_SWELLS = 16
_ANYWAY = 64 * 2**20
"""Contents may be so many times, and so many bytes, larger than their file: Keras does not compress."""

_PATIENCE = 60.0
_BYTES_A_SECOND = 10 * 2**20
"""Seconds that the library is given, and how slowly it may read."""

_MOST_ENTRIES = 1_000_000


def refuse_weights(path: Path) -> None:
    """Refuses a `.keras` or `.h5` file whose weights the HDF5 library cannot read, or must not.

    Raises:
        PaddingError: it says what is the matter with them.
    """
    from convpad.core.errors import PaddingError
    from convpad.models.readers import printable

    seconds = _PATIENCE + path.stat().st_size / _BYTES_A_SECOND
    # -P: the files beside this one are no modules of their own.
    command = [sys.executable, "-P", __file__, str(path.absolute())]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise PaddingError(f"{path.name}: Its weights are damaged: the HDF5 library does not come to an end.") from None
    if done.returncode or done.stdout.strip():
        said = printable(done.stdout, 200) or "Its weights are damaged: the HDF5 library breaks off."
        raise PaddingError(f"{path.name}: {said}")


def fault(path: Path) -> str:
    """What is the matter with the weights of a file; empty where nothing is."""
    import h5py  # Keras brings it

    most = _ANYWAY + _SWELLS * path.stat().st_size
    swollen = f"Its contents must be of at most {most:,} bytes, for a file of its size."
    try:
        if path.suffix == ".keras":
            with ZipFile(path) as archive:
                if WEIGHTS not in archive.namelist():
                    return f"There is no {WEIGHTS} in it, which every .keras file has."
                if sum(info.file_size for info in archive.infolist()) > most:
                    return swollen
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
                    if size > most:
                        return swollen
                    entry[()]
    except Exception as error:  # whatever the library says of bytes that someone else chose
        return f"Its weights cannot be read: {type(error).__name__}: {error}"
    return ""


def _entries(file: Any) -> Iterator[tuple[str, Any]]:
    """Everything in an HDF5 file once, and links to elsewhere as None."""
    import h5py

    waiting, seen = [("/", file["/"])], set[Any]()
    while waiting:
        name, entry = waiting.pop()
        if entry in seen:
            continue
        seen.add(entry)
        if len(seen) > _MOST_ENTRIES:
            raise ValueError(f"more than {_MOST_ENTRIES:,} entries")
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
