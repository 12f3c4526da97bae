"""Random Keras models: an audit that reports nothing as unread must agree with a judge that runs the model.

`CONVPAD_GENERATED_KERAS` is the number of models, `CONVPAD_GENERATED_SEED` the first seed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from generated_keras import CHANNELS, Generated, Shape, generated, keras, layers, pads, silent_error

from convpad.core.errors import ModelFileError
from convpad.models.readers import keras_ops, read
from convpad.models.readers.keras import _Walk  # pyright: ignore[reportPrivateUsage]

pytestmark = [
    pytest.mark.needs("jax", "torch"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*build.. was called on layer"),
    pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`"),
]

# JAX compiles every operation of every model.
COUNT = int(os.environ.get("CONVPAD_GENERATED_KERAS", "20" if keras.config.backend() == "jax" else "150"))
SEED = int(os.environ.get("CONVPAD_GENERATED_SEED", "0"))


def cases(count: int) -> Iterator[Generated]:
    for seed in range(SEED, SEED + count):
        case = generated(seed)
        if case is not None:
            yield case


def test_no_silent_error() -> None:
    errors = [(str(case), error) for case in cases(COUNT) if (error := silent_error(case, read(case.model)))]
    assert errors == []


def test_no_silent_error_in_files(tmp_path: Path) -> None:
    errors: list[tuple[str, str]] = []
    for case in cases(COUNT // 4):
        path = tmp_path / "m.keras"
        with suppress(NotImplementedError, ValueError, TypeError):  # code that Keras cannot write down
            case.model.save(path)
            with suppress(ModelFileError):  # code that the file has no more than the name of
                error = silent_error(case, read(path))
                errors += [(str(case), error)] * bool(error)
        path.unlink(missing_ok=True)
    assert errors == []


def _overlooked(*_: Any) -> None:
    return None


@pytest.mark.parametrize(("holder", "name", "broken"), [
    (keras_ops, "PAD_MODES", dict.fromkeys(keras_ops.PAD_MODES, "zeros")),
    (keras_ops, "by_hand", _overlooked),
    (_Walk, "_pad", lambda self, kind, name, config, tensor: tensor),
    (_Walk, "_traced", lambda self, number, kind, name, tensors, hint, call: tensors),
])  # fmt: skip
def test_the_judge_notices_a_broken_reader(
    holder: Any, name: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, name, broken)
    assert any(silent_error(case, read(case.model)) for case in cases(max(COUNT, 60)))


@pytest.mark.parametrize(("padding", "expected"), [("valid", False), ("same", True)])
def test_the_judge_sees_padding(padding: str, expected: bool) -> None:
    image = keras.Input((8, CHANNELS))
    model = keras.Model(image, layers.Conv1D(CHANNELS, 3, strides=2, padding=padding, kernel_initializer="ones")(image))
    assert pads(Generated(model, Shape(1, (8,), None), (8,), is_timed=False)) is expected  # pyright: ignore
