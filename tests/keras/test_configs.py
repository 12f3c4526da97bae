"""Configs of every layer, which saved models hold: they stay as they are.

`python tests/keras/test_configs.py` writes configs.json again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import convpad

FILE = Path(__file__).with_name("configs.json")
CONFIGS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))

pytestmark = pytest.mark.needs("jax", "tensorflow", "torch")


def config(case: str) -> Any:
    """The config of a layer, as JSON has it. A case is the name of a class and its padding, or its interpolation."""
    from convpad import keras as layers

    name, padding = case.split()
    options: dict[str, Any] = {"padding": int(padding) if padding.isdigit() else padding, "name": "layer"}
    if "UpSampling" in name:
        options = {"interpolation": padding, "name": "layer"}
    if "Zero" not in name:
        options["padding_mode"] = "reflect"
    if "Conv" in name:
        options["kernel_size"] = 3
        options |= {} if "Depthwise" in name else {"filters": 4}
    if "Pool" in name:
        options["pool_size"] = 2
    return json.loads(json.dumps(getattr(layers, name)(**options).get_config(), default=str))


@pytest.mark.parametrize("case", CONFIGS)
def test_configs(case: str) -> None:
    assert config(case) == CONFIGS[case]


def test_every_layer_has_a_config() -> None:
    from convpad import keras as layers

    classes = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    assert {case.split()[0] for case in CONFIGS} == classes


@pytest.mark.parametrize(("layer", "said"), [
    (lambda: convpad.keras.Conv2D(8, 3, padding="same", padding_mode="reflect", name="conv"),
     "<Conv2D name=conv, built=False, padding='same', padding_mode='reflect'>"),
    (lambda: convpad.keras.MaxPooling1D(2, padding=((1, 2)), name="pool"),
     "<MaxPooling1D name=pool, built=True, padding=((1, 2),), padding_mode='ignore'>"),
    (lambda: convpad.keras.ZeroPadding2D(1, name="pad"),
     "<ZeroPadding2D name=pad, built=True, padding=((1, 1), (1, 1)), padding_mode='zeros'>"),
    (lambda: convpad.keras.Padding2D(1, ("reflect", 0.5), name="pad"),
     "<Padding2D name=pad, built=True, padding=((1, 1), (1, 1)), padding_mode=('reflect', 0.5)>"),
    (lambda: convpad.keras.Conv1D(1, 3, padding="full", padding_mode=convpad.Learned(), name="conv"),
     "<Conv1D name=conv, built=False, padding='full', padding_mode=Learned(initializer='zeros')>"),
])  # fmt: skip
def test_a_layer_shows_its_padding(layer: Any, said: str) -> None:
    assert repr(layer()) == str(layer()) == said


def test_a_constant_of_many_channels_is_shown_in_short() -> None:
    layer = convpad.keras.Padding2D(1, convpad.Constant(list(range(512))), name="pad")
    assert len(repr(layer)) < 160
    assert "padding_mode=Constant(" in repr(layer)


if __name__ == "__main__":
    FILE.write_text(json.dumps({case: config(case) for case in CONFIGS}, indent=1, sort_keys=True) + "\n", "utf-8")
