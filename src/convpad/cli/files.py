"""Files that commands write: whole or not at all, and over another file only with `--force`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from convpad.core.errors import ModelFileError

__all__ = ["refuse_to_write", "write"]


def refuse_to_write(option: str, path: Path | None, *, force: bool) -> None:
    """Refuse, before any work is done, a file that must not or cannot be written.

    Args:
        option: the option that names the file.
        path: the file; None for none.
        force: whether to replace a file.

    Raises:
        ModelFileError: the path is a folder, its folder does not exist, or it exists and `force` is False.
    """
    if path is None:
        return
    if path.is_dir():
        raise ModelFileError(f"{option} must be a file. Received: the folder {path}.")
    if path.exists() and not force:
        raise ModelFileError(f"{path} exists. Add --force to replace it, or name another file with {option}.")
    if not path.absolute().parent.is_dir():
        raise ModelFileError(f"There is no folder {path.absolute().parent} to write {path.name} into.")


def write(path: Path, text: str) -> None:
    """Write a text file, which appears only once it is complete.

    Example:

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from convpad.cli.files import write
    >>> with TemporaryDirectory() as folder:
    ...     write(Path(folder) / "a.txt", "whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'

    Raises:
        ModelFileError: the system refuses.
    """
    try:
        with TemporaryDirectory(dir=path.absolute().parent) as folder:
            part = Path(folder) / path.name
            part.write_text(text, encoding="utf-8")
            part.replace(path)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be written: {error.strerror}.") from None
