"""Configs of every layer, which saved models hold: they stay as they are.

`python tests/keras/test_configs.py` writes configs.json again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).with_name("configs.json")
CONFIGS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))

pytestmark = pytest.mark.needs("jax", "tensorflow", "torch")


def config(case: str) -> Any:
    """The config of a layer, as JSON has it. A case is the name of a class and its padding."""
    from convpad import keras as layers

    name, padding = case.split()
    options: dict[str, Any] = {"padding": int(padding) if padding.isdigit() else padding, "name": "layer"}
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


if __name__ == "__main__":
    FILE.write_text(json.dumps({case: config(case) for case in CONFIGS}, indent=1, sort_keys=True) + "\n", "utf-8")
