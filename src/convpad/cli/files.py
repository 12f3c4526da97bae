"""Files that commands write: whole or not at all, and over another file only with `--force`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from convpad.core.errors import ConvpadError, ModelFileError
from convpad.models.readers import line_of

__all__ = ["one_line", "refuse_to_write", "whole_file", "write"]


def refuse_to_write(option: str, path: Path | None, *, force: bool) -> None:
    """Refuse, before any work is done, the file of an option that must not or cannot be written."""
    if path is None:
        return
    if path.is_dir():
        raise ModelFileError(f"{option} must be a file. Received: the folder {path}.")
    if path.exists() and not force:
        raise ModelFileError(f"{path} exists. Add --force to replace it, or name another file with {option}.")
    if not path.absolute().parent.is_dir():
        raise ModelFileError(f"There is no folder {path.absolute().parent} to write {path.name} into.")


def write(path: Path | None, text: Callable[[], str]) -> None:
    """Write the text that a function returns into a file; nothing without a path."""
    if path is None:
        return
    content = text()
    with whole_file(path) as part:
        part.write_text(content, encoding="utf-8")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` once the file is complete."""
    with one_line(f"{path} cannot be written"), TemporaryDirectory(dir=path.absolute().parent) as folder:
        part = Path(folder) / path.name
        yield part
        part.replace(path)


@contextmanager
def one_line(failure: str) -> Iterator[None]:
    """Turn every error of a block into a `ModelFileError` of one line, after `failure`; show no warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ConvpadError as error:
        raise ModelFileError(str(error)) from None
    except OSError as error:
        raise ModelFileError(f"{failure}: {error.strerror or line_of(error)}.") from None
    except Exception as error:
        raise ModelFileError(f"{failure}: {line_of(error)}.") from None
