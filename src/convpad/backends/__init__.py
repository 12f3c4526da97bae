"""Backends: finds the framework that a tensor belongs to. Only the packages beside this file import a framework.

A package is named after the module of its framework, holds its `BACKEND`, and is loaded once that module is: a
framework that the program has not imported cannot have made a tensor of the program.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from convpad.backends.base import Backend
from convpad.backends.plain import Plain
from convpad.core.errors import PaddingError, refuse
from convpad.core.imports import when_imported

__all__ = ["NAMES", "backend_named", "plain_backend", "register", "tensors_of"]

NAMES = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)

_LOADED: dict[str, Backend] = {}

_PLAIN: dict[tuple[str, bool], Plain] = {}
"""The plain forms of the loaded backends, made with them: torch.compile cannot trace how."""

_OWNERS: dict[type, Backend] = {}
"""The backends of the types of tensors met so far."""


def register(backend: Backend) -> None:
    """Make a backend known that is defined elsewhere; its name must be free.

    Raises:
        PaddingError: a backend of that name is there already.
    """
    if backend.name in (*NAMES, *_LOADED, "numpy"):
        raise refuse("backend", "have a name of its own", backend.name)
    _load_backend(backend)


def _load_backend(backend: Backend) -> None:
    _LOADED[backend.name] = backend
    for sliced_pads in (False, True):
        _PLAIN[backend.name, sliced_pads] = Plain(backend, sliced_pads=sliced_pads)


def plain_backend(name: str, *, sliced_pads: bool) -> Plain:
    """Return the plain form of a backend, for programs that something else runs."""
    backend_named(name)
    return _PLAIN[name, sliced_pads]


def backend_named(name: str) -> Backend:
    """Return the backend of that name; this imports its framework.

    Raises:
        PaddingError: there is no such backend, or its framework is not installed.
    """
    if name in _LOADED:
        return _LOADED[name]
    if name not in NAMES:
        raise refuse("backend", f"be 'numpy' or one of {', '.join(map(repr, NAMES))}", name)
    try:
        _load_backend(import_module(f"{__name__}.{name}").BACKEND)
    except ModuleNotFoundError as error:
        raise PaddingError(
            f"The backend {name!r} needs {error.name}, which is not installed. Install it with: pip install {name}"
        ) from error
    return _LOADED[name]


def _owner(x: object) -> Backend | None:
    """Return the backend that a tensor belongs to."""
    # Those that are loaded first, by themselves: torch.compile cannot trace an import, and what it makes of a look into
    # sys.modules checks each of its names before every call.
    for backend in _LOADED.values():
        if backend.owns(x):
            if not backend.is_compiling():
                _OWNERS[type(x)] = backend
            return backend
    for name in NAMES:
        if name not in _LOADED and name in sys.modules and backend_named(name).owns(x):
            return backend_named(name)
    return None


def _value_of(argument: str, x: Any) -> Any:
    """Return the tensor or array that a variable holds, of Keras or of Flax, or refuse the argument."""
    mend, value = "numpy.asarray makes an array of nested lists.", None
    if type(x).__name__ == "KerasTensor":
        mend = "A KerasTensor has no values: take a layer of convpad.keras, or call the function within a layer."
    else:
        value = x.__jax_array__() if hasattr(x, "__jax_array__") else getattr(x, "value", None)
    if isinstance(value, np.ndarray) or _owner(value):
        return value
    allowed = f"be a NumPy array, or a tensor of {', '.join(NAMES[:-1])} or {NAMES[-1]}"
    raise refuse(argument, allowed, type(x), mend)


def tensors_of(names: Sequence[str], arrays: Sequence[Any]) -> tuple[Backend | None, Sequence[Any]]:
    """Return the backend that the tensors among some arrays belong to, None where all are NumPy's; and the arrays.

    The variables of Keras and Flax are replaced by the tensors that they hold, and arrays among tensors by tensors.

    Args:
        names: the arguments that the arrays were given by.

    Raises:
        PaddingError: an array belongs to no backend, or to another one than those before it.
    """
    backend: Backend | None = None
    of_numpy: list[int] = []
    for index, (argument, x) in enumerate(zip(names, arrays, strict=True)):
        owner = _OWNERS.get(type(x))
        if owner is None:
            if isinstance(x, (np.ndarray, np.generic)):
                of_numpy.append(index)
                continue
            owner = _owner(x)
        if owner is None:
            value = _value_of(argument, x)
            arrays = [*arrays[:index], value, *arrays[index + 1 :]]
            if isinstance(value, np.ndarray):
                of_numpy.append(index)
                continue
            owner = _owner(value)
        if backend is not None and owner is not backend:
            raise refuse(argument, f"be a tensor of {backend.name}, like the others", type(x))
        backend = owner
    if of_numpy and backend is not None:
        like = next(x for index, x in enumerate(arrays) if index not in of_numpy)
        arrays = [backend.tensor(x, like) if index in of_numpy else x for index, x in enumerate(arrays)]
    return backend, arrays


def _load(name: str) -> None:
    if f"{__name__}.{name}" not in sys.modules:  # else it imports its framework just now
        backend_named(name)


# Each is loaded with its framework: torch.compile cannot trace an import.
for _name in NAMES:
    when_imported(_name, partial(_load, _name))
