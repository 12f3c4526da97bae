"""How does a command read and write Keras models? Without running code from a file; whole, or not at all."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile, ZipFile

from convpad.cli.files import refuse_to_write
from convpad.errors import PaddingError

__all__ = ["load", "refuse_models", "save"]

_BACKENDS = ("jax", "tensorflow", "torch")
_LEGACY = (".h5", ".hdf5")
_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"
_LONGEST = 100_000_000
"""Bytes of the longest config that is read: NASNetLarge's is 2 MB."""


def refuse_models(source: Path, target: Path, *, force: bool) -> None:
    """Refuses, before Keras is started, what cannot be read or must not be written.

    Raises:
        PaddingError: no such model, no such folder, a file that is there already, a missing package.
    """
    if not source.is_file():
        raise PaddingError(f"There is no file {source}.")
    if source.suffix not in (".keras", *_LEGACY):
        raise PaddingError(f"MODEL must be a .keras or .h5 file. Received: {source}.")
    if target.suffix != ".keras":
        raise PaddingError(f"OUT must end in .keras. Received: {target}.")
    if target.exists() and target.samefile(source):
        raise PaddingError(f"OUT must be another file than MODEL. Received: {target}.")
    refuse_to_write("OUT", target, force=force)
    backend = os.environ.setdefault("KERAS_BACKEND", "jax")
    if backend not in _BACKENDS:
        raise PaddingError(f"KERAS_BACKEND must be one of {', '.join(_BACKENDS)}. Received: {backend}.")
    for package, extra in (("keras", "keras"), (backend, backend)):
        if find_spec(package) is None:
            raise PaddingError(f"This needs {package}. Install it with: pip install 'convpad[{extra}]'")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def _one_line(path: Path, says: str) -> Iterator[None]:
    """Whatever is raised about a file becomes one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except PaddingError:
        raise
    except (Exception, RecursionError) as error:
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise PaddingError(f"{path} {says}: {first[:300]}") from None


def load(path: Path) -> Any:
    """The Keras model of a file. Classes and functions come from Keras and convpad alone.

    Raises:
        PaddingError: it is no such model, or it would bring code along.
    """
    import keras

    import convpad.keras  # noqa: F401 - registers convpad's layers, which a file may hold

    with _one_line(path, "is no model that Keras can load"):
        config, stored = _legacy_config(path) if path.suffix in _LEGACY else _config(path)
        _refuse_code(path, config)
        if stored is not None:
            _refuse_sizes(path, config, stored)
        # Keras 3.15.1 writes compiled .h5 files that it does not read: what they were compiled with stays behind.
        model = keras.saving.load_model(path, safe_mode=True, compile=path.suffix not in _LEGACY)
        if not isinstance(model, keras.Model):
            raise PaddingError(f"{path} holds no model. Received: {type(model).__name__}.")
        return model


def _config(path: Path) -> tuple[Any, int]:
    """What the file says of the model, and how many bytes of weights it holds."""
    try:
        with ZipFile(path) as archive:
            if archive.getinfo(_CONFIG).file_size > _LONGEST:
                raise PaddingError(f"{path} has a config of over {_LONGEST:,} bytes.")
            return json.loads(archive.read(_CONFIG)), archive.getinfo(_WEIGHTS).file_size
    except (BadZipFile, KeyError):
        raise PaddingError(f"{path} is not a .keras file.") from None


def _legacy_config(path: Path) -> tuple[Any, None]:
    import h5py  # Keras brings it

    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise PaddingError(f"{path} holds weights alone. Save the whole model: model.save({path.name!r}).")
        return json.loads(str(file.attrs["model_config"])), None


def _refuse_code(path: Path, config: Any) -> None:
    """Keras's safe mode refuses code as well; older versions forget it for .h5 (CVE-2025-9905, before 3.11.3)."""
    if isinstance(config, list):
        for entry in config:
            _refuse_code(path, entry)
    if not isinstance(config, dict):
        return
    name, module = config.get("class_name"), config.get("module")
    if name in ("Lambda", "__lambda__"):
        raise PaddingError(f"{path} holds a Lambda, which is code. Only what needs no code is read.")
    known = module is None or str(module).split(".")[0] in ("keras", "convpad", "builtins")
    if isinstance(name, str) and not known:
        raise PaddingError(f"{path} needs the class {module}.{name}. Only Keras's own and convpad's are read.")
    for entry in config.values():
        _refuse_code(path, entry)


def _refuse_sizes(path: Path, config: Any, stored: int) -> None:
    """Refuses a file that asks for far more memory than the weights it brings."""
    import keras

    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object({**config, "compile_config": None}, safe_mode=True)
        wanted = sum(prod(weight.shape) for weight in getattr(model, "weights", []))
    keras.backend.clear_session()
    if wanted > stored + 1_000_000:  # less than a byte for each number
        raise PaddingError(f"{path} asks for {wanted:,} weights and holds {stored:,} bytes of them.")


def save(model: Any, path: Path) -> None:
    """Writes a `.keras` file, which appears only once it is complete.

    Raises:
        PaddingError: the system does not let it.
    """
    with _one_line(path, "cannot be written"), TemporaryDirectory(dir=path.absolute().parent) as folder:
        part = Path(folder) / path.name
        model.save(part)
        part.replace(path)
