"""What kind of model is this, and who reads it? A Keras model, a PyTorch module, or a file of either or of ONNX.

Files are read as data: JSON and protobuf are parsed, nothing in them is imported, unpickled or run, no other file is
opened, and none is written.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from convpad.core.errors import PaddingError, refuse
from convpad.core.validation import listed
from convpad.models.tensor_info import Shape, checked_shape
from convpad.models.windows import Reading

__all__ = ["line_of", "printable", "read"]

_FILES = ".keras, .h5, .pt2 or .onnx"
_OTHERS = {
    ".pt": "It is a pickle, which can run code when it is read: save torch.export.export(module, inputs) as .pt2.",
    ".pth": "It is a pickle, which can run code when it is read: save torch.export.export(module, inputs) as .pt2.",
    ".pkl": "A pickle can run code when it is read: save the model in one of these formats.",
    ".pb": "Load it with TensorFlow and save it as .keras, or convert it with tf2onnx.",
    ".safetensors": "It holds weights alone.",
}


def read(model: Any, input_shape: Any = None) -> Reading:
    """The windows of a model of any kind.

    Args:
        model: a Keras model, a PyTorch module, a loaded ONNX model or exported program, or the path of a file that
            ends in .keras, .h5, .pt2 or .onnx.
        input_shape: of the model's input, its batch axis first; for several inputs a list of shapes.

    Raises:
        PaddingError: it is none of these, or the file is not what it should be.
    """
    shapes = _shapes(input_shape)
    if isinstance(model, (str, os.PathLike)):
        return _file(Path(os.fspath(model)), shapes)
    if _is("torch.nn", "Module", model) and not _is("keras", "Layer", model):
        from convpad.models.readers import torch

        return torch.read_module(model, shapes)
    if _is("torch.export", "ExportedProgram", model):
        from convpad.models.readers import torch

        return torch.read_program(model, shapes)
    if _is("keras", "Layer", model):
        from convpad.models.readers import keras

        return keras.read_model(model, shapes)
    if _is("onnx", "ModelProto", model):
        from convpad.models.readers import onnx

        return onnx.read_model(model, "ONNX model", shapes)
    allowed = f"be a Keras model, a torch.nn.Module, an ONNX model, or the path of a file ({_FILES})"
    raise refuse("model", allowed, type(model))


def _is(module: str, name: str, value: Any) -> bool:
    """Whether it is of a framework's class, without importing the framework."""
    home = sys.modules.get(module)
    return home is not None and isinstance(value, getattr(home, name))


def _shapes(input_shape: Any) -> list[Shape] | None:
    entries = listed(input_shape)
    if input_shape is None:
        return None
    if entries is None or not entries:
        raise refuse("input_shape", "be a shape with its batch axis, or a list of shapes", input_shape)
    several = all(listed(entry) is not None for entry in entries)
    return [checked_shape("input_shape", tuple(shape)) for shape in (entries if several else [entries])]


def _file(path: Path, shapes: list[Shape] | None) -> Reading:
    """A file, or one clear line: whatever its bytes do to the parsers ends here."""
    suffix = path.suffix.lower()
    if path.is_dir():
        raise PaddingError(f"{path} is a folder. Give a file that ends in {_FILES}.")
    if suffix not in (".keras", ".h5", ".hdf5", ".pt2", ".onnx"):
        raise PaddingError(f"{path} must end in {_FILES}. {_OTHERS.get(suffix, '')}".rstrip())
    try:
        if suffix == ".onnx":
            from convpad.models.readers import onnx

            return onnx.read_file(path, shapes)
        if suffix == ".pt2":
            from convpad.models.readers import torch

            return torch.read_file(path, shapes)
        from convpad.models.readers import keras

        return keras.read_file(path, shapes)
    except ModuleNotFoundError as error:
        package = "convpad[onnx]" if error.name == "onnx" else f"{error.name}"
        raise PaddingError(f"To read {path.name}, install {error.name}: pip install '{package}'") from None
    except PaddingError as error:
        raise PaddingError(f"{path.name}: {error}") from None
    except OSError as error:
        raise PaddingError(f"{path} cannot be read: {error.strerror or line_of(error)}.") from None
    except Exception as error:  # what a parser says to bytes that someone else chose is not known beforehand
        raise PaddingError(f"{path.name} is not a {suffix} file that can be read: {line_of(error)}.") from None


def line_of(error: BaseException) -> str:
    """The beginning of what an error says, on one line, of signs that can be printed."""
    said = printable(str(error), 160).rstrip(".")
    return f"{type(error).__name__}{': ' if said else ''}{said}"


def printable(text: str, longest: int) -> str:
    """The beginning of a text, on one line, of signs that can be printed."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)  # Keras's errors come in bold type
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(plain.split()))[:longest]
