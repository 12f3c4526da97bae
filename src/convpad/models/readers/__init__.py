"""Readers of models: Keras models, PyTorch modules, and files of either or of ONNX.

Files are read as data: JSON and protobuf are parsed, nothing in them is imported, unpickled or run, no other file is
opened, and none is written.
"""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from convpad.core.errors import ConvpadError, ModelFileError, refuse
from convpad.core.validation import listed
from convpad.models.readers.walk import checked_shape
from convpad.models.windows import ModelWindows, Shape

__all__ = ["FILES", "line_of", "printable", "read"]

_READERS = {".keras": "keras", ".h5": "keras", ".hdf5": "keras", ".pt2": "torch", ".onnx": "onnx"}
"""By the suffix of a file, the module here that reads it: `read_file(path, shapes) -> ModelWindows`.

`shapes` are those of the inputs that the caller gives, or None. The file is read as data; what it raises about the
bytes becomes a refusal that names the file.
"""

FILES = " or ".join(", ".join(_READERS).rsplit(", ", 1))
"""The suffixes of the files that are read, in the words of refusals."""

_OBJECTS = (
    ("keras", "Layer", "keras", "read_model"),  # first: on PyTorch a layer is a module too
    ("torch.nn", "Module", "torch", "read_module"),
    ("torch.export", "ExportedProgram", "torch", "read_program"),
    ("onnx", "ModelProto", "onnx", "read_model"),
)
"""(module, class) of an object, and the module here and the function that read it."""

_TORCH_PICKLE = "It is a pickle, which can run code when it is read: save torch.export.export(module, inputs) as .pt2."
_UNREADABLE = {
    ".pt": _TORCH_PICKLE,
    ".pth": _TORCH_PICKLE,
    ".pkl": "A pickle can run code when it is read: save the model in one of these formats.",
    ".pb": "Load it with TensorFlow and save it as .keras, or convert it with tf2onnx.",
    ".safetensors": "It holds weights alone.",
}


def read(model: Any, input_shape: Any = None) -> ModelWindows:
    """Read the windows of a model or of a file, as `convpad.audit` takes them."""
    shapes = _shapes(input_shape)
    if isinstance(model, (str, os.PathLike)):
        return _read_file(Path(os.fspath(model)), shapes)
    for module, name, reader, function in _OBJECTS:
        framework = sys.modules.get(module)  # not imported: without it there is no such object
        if framework is not None and isinstance(model, getattr(framework, name)):
            return getattr(import_module(f"{__name__}.{reader}"), function)(model, shapes)
    allowed = f"be a Keras model, a torch.nn.Module, an ONNX model, or the path of a file ({FILES})"
    raise refuse("model", allowed, type(model))


def _shapes(input_shape: Any) -> list[Shape] | None:
    entries = listed(input_shape)
    if input_shape is None:
        return None
    if entries is None or not entries:
        raise refuse("input_shape", "be a shape with its batch axis, or a list of shapes", input_shape)
    several = all(listed(entry) is not None for entry in entries)
    return [checked_shape("input_shape", tuple(shape)) for shape in (entries if several else [entries])]


def _read_file(path: Path, shapes: list[Shape] | None) -> ModelWindows:
    """Read a file, or refuse it in one clear line: whatever its bytes do to the parsers ends here."""
    suffix = path.suffix.lower()
    if path.is_dir():
        raise ModelFileError(f"{path} is a folder. Give a file that ends in {FILES}.")
    if suffix not in _READERS:
        raise ModelFileError(f"{path} must end in {FILES}. {_UNREADABLE.get(suffix, '')}".rstrip())
    try:
        return import_module(f"{__name__}.{_READERS[suffix]}").read_file(path, shapes)
    except ModuleNotFoundError as error:
        raise ModelFileError(f"To read {path.name}, install {error.name}: pip install {error.name}") from None
    except ConvpadError as error:
        # Without an input shape from the caller, whatever does not fit is the file's fault.
        kind = ModelFileError if shapes is None else type(error)
        raise kind(f"{path.name}: {error}") from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or line_of(error)}.") from None
    except Exception as error:  # what a parser says to bytes that someone else chose is not known beforehand
        raise ModelFileError(f"{path.name} is not a {suffix} file that can be read: {line_of(error)}.") from None


def line_of(error: BaseException) -> str:
    """Return the beginning of an error on one line, of printable characters."""
    message = printable(str(error), 400).rstrip(".")
    return f"{type(error).__name__}{': ' if message else ''}{message}"


def printable(text: str, limit: int) -> str:
    """Return a text on one line, of printable characters; of a long one the words that fit the limit, and `[...]`."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)  # Keras's errors come in bold type
    line = "".join(c if c.isprintable() else "?" for c in " ".join(plain.split()))
    return line if len(line) <= limit else f"{line[: limit + 1].rpartition(' ')[0] or line[:limit]} [...]"
