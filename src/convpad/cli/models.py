"""Keras models in files: read without running code from them, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import nullcontext, suppress
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from convpad.changes import Changes
from convpad.cli.h5_check import refuse_weights
from convpad.cli.output import one_line, progress, refuse_to_write, whole_file
from convpad.core.errors import ModelFileError, PaddingError
from convpad.models.readers import read
from convpad.models.readers.keras_safety import refuse_code

_BACKENDS = ("jax", "tensorflow", "torch")
_LEGACY = (".h5", ".hdf5")
_CONFIG = "config.json"
_SPARE = 1_000_000
"""Weights that a model may have beyond the bytes of its file."""


def rewrite(source: Path, target: Path, change: Callable[..., Any], *, force: bool) -> Changes:
    """Change the model of a file with `change(model, report=...)`, write it into another, and return the report.

    Raises:
        ModelFileError: the model cannot be read or written.
        PaddingError: the model cannot be changed so, or there is no such backend.
    """
    refuse_models(source, target, force=force)
    reports: list[Changes] = []
    with progress(f"reading {source.name}", total=3) as (_, step):
        model = load(source)
        step("changing its layers")
        changed = change(model, report=reports.append)
        step(f"writing {target.name}")
        with whole_file(target) as part:
            changed.save(part)
    return reports[0]


def refuse_models(source: Path, target: Path, *, force: bool) -> None:
    """Refuse, before Keras is imported, a file that cannot be read or must not be written; choose Keras's backend."""
    if not source.is_file():
        raise ModelFileError(f"There is no file {source}.")
    if source.suffix not in (".keras", *_LEGACY):
        raise ModelFileError(f"MODEL must be a .keras or .h5 file. Received: {source}.")
    if target.suffix != ".keras":
        raise ModelFileError(f"OUT must end in .keras. Received: {target}.")
    if target.exists() and target.samefile(source):
        raise ModelFileError(f"OUT must be another file than MODEL. Received: {target}.")
    refuse_to_write("OUT", target, force=force)
    backend = os.environ.setdefault("KERAS_BACKEND", "jax")
    if backend not in _BACKENDS:
        raise PaddingError(f"KERAS_BACKEND must be one of {', '.join(_BACKENDS)}. Received: {backend}.")
    for package in ("keras", backend):
        if find_spec(package) is None:
            raise ModelFileError(f"To read {source.name}, install {package}: pip install {package}")


def load(path: Path) -> Any:
    """Return the Keras model of a file. Files that `convpad.audit` refuses are refused here, with the same words."""
    read(path)
    refuse_weights(path)
    import keras

    import convpad.keras  # noqa: F401 - registers convpad's layers, which a file may hold

    with one_line(f"{path.name} is no model that Keras can load"):
        compiled = refuse_sizes(path)
        model = keras.saving.load_model(path, safe_mode=True, compile=False)
        if not isinstance(model, keras.Model):
            raise ModelFileError(f"{path.name} holds no model. Received: {type(model).__name__}.")
        with suppress(Exception):  # a loss that has no name that Keras knows stays behind
            refuse_code(compiled)
            if compiled:
                model.compile_from_config(compiled)
        return model


def refuse_sizes(path: Path) -> Any:
    """Refuse a file whose model needs far more memory than the file has bytes; return its compile config.

    Keras makes the model without its weights. It compares the weights of an `.h5` file with the model while it reads.
    """
    import keras

    compiled = None
    # On PyTorch a layer that asks for a property of its weights makes them, but for a device that keeps shapes alone.
    shapes_alone = keras.device("meta") if keras.config.backend() == "torch" else nullcontext()
    with keras.StatelessScope(initialize_variables=False), shapes_alone:
        if path.suffix in _LEGACY:  # Keras 3.15.1 writes its compile config, and does not read it
            keras.saving.load_model(path, safe_mode=True, compile=False)
        else:
            with ZipFile(path) as archive:
                config = json.loads(archive.read(_CONFIG))
            compiled = config.pop("compile_config", None)
            model: Any = keras.saving.deserialize_keras_object(config, safe_mode=True)
            weights, size = sum(prod(w.shape) for w in getattr(model, "weights", [])), path.stat().st_size
            if weights > size + _SPARE:  # less than a byte for each number
                raise ModelFileError(f"{path.name} asks for {weights:,} weights and is of {size:,} bytes.")
    keras.backend.clear_session()
    return compiled
