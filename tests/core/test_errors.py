"""Errors of imports: Keras, or the backend that it is set to run on, is missing."""

from __future__ import annotations

import sys

import pytest

from convpad.core.errors import closest, without_keras

pytestmark = pytest.mark.needs("numpy")


def test_keras_is_missing() -> None:
    error = without_keras("convpad.fold", ModuleNotFoundError(name="keras"))
    said = (
        "convpad.fold needs Keras 3, which is not installed. Install it, and one of the backends that it runs on, with: "
        "pip install keras jax"
    )
    assert (str(error), error.name) == (said, "keras")


@pytest.mark.parametrize("missing", ["jax", "torch.nn", "tensorflow"])
@pytest.mark.parametrize("installed", [("jax", "tensorflow"), ("torch",), ()])
def test_the_backend_of_keras_is_missing(
    missing: str, installed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("jax", "torch", "tensorflow"):
        module = type(sys)(name)
        module.__spec__ = object()  # type: ignore[assignment]
        monkeypatch.setitem(sys.modules, name, module if name in installed else None)
    error = without_keras("convpad.keras", ModuleNotFoundError(name=missing))
    name = missing.partition(".")[0]
    mend = (
        f"KERAS_BACKEND={installed[0]}" if installed else "KERAS_BACKEND=jax (none is installed yet: pip install jax)"
    )
    assert error.name == name
    assert str(error) == (
        f"convpad.keras needs Keras, which is set to run on {name} (its default is tensorflow), and {name} is not "
        f"installed. Before Keras is imported, set another backend in the environment: {mend}"
    )


@pytest.mark.parametrize("name", ["h5py", None])
def test_an_error_about_another_module_is_left_alone(name: str | None) -> None:
    error = ModuleNotFoundError(name=name)
    assert without_keras("convpad.fold", error) is error


def test_the_closest_word_is_the_first() -> None:
    assert closest("Reflect", ["reflect_odd", "reflect"]) == closest("reflect", ["reflect", "reflect_odd"])
