"""The errors of convpad, and the wording of refusals.

Refusing an argument raises a `PaddingError`: it names the argument, what is allowed, what was received, and how to
mend it, always in that order. It is raised before any backend is called, so all backends refuse the same arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from importlib.util import find_spec


class ConvpadError(Exception):
    """The base class of convpad's errors.

    Example:

    >>> import convpad
    >>> try:
    ...     convpad.audit("model.pkl")
    ... except convpad.ConvpadError as error:
    ...     print(type(error).__name__)
    ModelFileError
    """


class PaddingError(ConvpadError, ValueError):
    """An argument that no padded window can be made of.

    It is a `ValueError`, so code that already guards Keras's layers guards these too.

    Example:

    >>> import convpad
    >>> convpad.Padding.parse((0, -1), rank=1)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    convpad.core.errors.PaddingError: `padding` must be an int of at least 0. Received: -1. ...
    """


class ShapeError(PaddingError):
    """Arguments that are fine by themselves and do not fit the shapes, dtypes or sizes they meet.

    Example:

    >>> import convpad, numpy as np
    >>> convpad.conv(np.zeros((1, 4, 3)), np.zeros((5, 3, 8)))
    Traceback (most recent call last):
    convpad.core.errors.ShapeError: The window must fit into the padded axis. Received: spatial axis 0 of size 4, \
padded by (0, 0), with a window that spans 5. Pad more, or use a smaller window.
    """


class ModelFileError(ConvpadError, ValueError):
    """A file that cannot be read as a model: missing, damaged, of another kind; or a file that must not be written.

    Example:

    >>> import convpad
    >>> convpad.audit("model.txt")
    Traceback (most recent call last):
    convpad.core.errors.ModelFileError: model.txt must end in .keras, .h5, .hdf5, .pt2 or .onnx.
    """


class DisagreementError(ConvpadError):
    """Two implementations that `convpad.bench` would time compute different numbers.

    Example:

    >>> import convpad
    >>> issubclass(convpad.DisagreementError, convpad.ConvpadError)
    True
    """


def refuse(argument: str, allowed: str, received: object, mend: str = "") -> PaddingError:
    """Return the refusal of one argument: ``raise refuse("strides", "be a positive int", 0)``."""
    return PaddingError(f"`{argument}` must {allowed}. Received: {received!r}." + (f" {mend}" if mend else ""))


def closest(word: str, words: Iterable[str]) -> str:
    """Return the question whether the closest of some words was meant; nothing where none is close."""
    close = get_close_matches(word.lower(), [*words], n=1, cutoff=0.7)
    return f"Did you mean {close[0]!r}?" if close else ""


def not_installed(what: str, framework: str, package: str) -> ModuleNotFoundError:
    """Return the error of an import with the line that mends it, where the framework of a front end is missing.

    `what` is the part that was imported, `"convpad.torch"`; `package` is installed by pip under that name.
    """
    return ModuleNotFoundError(
        f"{what} needs {framework}, which is not installed. Install it with: pip install {package}", name=what
    )


_NO_BACKEND = "KERAS_BACKEND=jax (none is installed yet: pip install jax)"


def without_keras(what: str, error: ModuleNotFoundError) -> ModuleNotFoundError:
    """Return the error of an import with the line that mends it, where Keras or the backend that it runs on is missing.

    An error about another module is returned as it is. `what` is the part that was imported, `"convpad.fold"`.
    """
    if error.name == "keras":
        return ModuleNotFoundError(
            f"{what} needs Keras 3, which is not installed. Install it, and one of the backends that it runs on, with: "
            "pip install keras jax",
            name="keras",
        )
    backends, missing = ("jax", "torch", "tensorflow"), (error.name or "").split(".")[0]
    if missing not in backends:
        return error
    mend = next((f"KERAS_BACKEND={name}" for name in backends if find_spec(name)), _NO_BACKEND)
    return ModuleNotFoundError(
        f"{what} needs Keras, which is set to run on {missing} (its default is tensorflow), and {missing} is not "
        f"installed. Before Keras is imported, set another backend in the environment: {mend}",
        name=missing,
    )
