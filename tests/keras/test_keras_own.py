"""Keras's own tests of the layers that these extend, as they are installed with Keras, run on these layers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from keras_layers import keras

import convpad

pytestmark = [
    pytest.mark.needs("jax", "tensorflow", "torch"),
    pytest.mark.filterwarnings("default"),  # Keras's own tests are not run with warnings as errors
]

FILES = [
    *(f"convolutional/{name}_test.py" for name in ("conv", "conv_transpose", "depthwise_conv", "separable_conv")),
    *(f"pooling/{name}_pooling_test.py" for name in ("average", "max")),
    *(f"reshaping/zero_padding{rank}d_test.py" for rank in (1, 2, 3)),
]

DIFFERENT = {
    "test_invalid_output_shape_raises": "the message names the axis, its sizes and the mend",
    "test_zero_padding_1d_errors_if_padding_argument_invalid0": "(1,) is the amount of one axis",
}
"""The tests that these layers do not pass, with the reason; exact, as an expected failure that passes is an error."""


class Layers:
    """The module `keras.layers` of a test of Keras's: these layers where there are such, Keras's others."""

    _keras = keras.layers

    def __getattr__(self, name: str) -> Any:
        return getattr(convpad.keras if name in convpad.keras.__all__ else self._keras, name)


def cases() -> Iterator[tuple[str, type]]:
    """The name and class of each test case of Keras's, in modules of their own that make these layers."""
    from keras import src

    folder = Path(src.__file__).parent / "layers"
    for file in FILES:
        name = "own_" + file.rpartition("/")[2].removesuffix(".py")
        spec = spec_from_file_location(name, folder / file)
        module = module_from_spec(spec)
        sys.modules[name] = module
        keras_layers, src.layers = src.layers, Layers()  # while the parameters of its tests are made
        try:
            spec.loader.exec_module(module)
        finally:
            src.layers = keras_layers
        for found in list(vars(module).values()):
            if isinstance(found, type) and found.__module__ == name and hasattr(found, "debug"):
                yield found.__name__, found


for _name, _case in cases():
    for _test, _reason in DIFFERENT.items():
        if hasattr(_case, _test):
            _mark = pytest.mark.xfail(reason=_reason, strict=True)
            setattr(_case, _test, _mark(getattr(_case, _test)))
    globals()[f"Test{_name}"] = _case


def test_every_file_has_cases() -> None:
    assert len([name for name in globals() if name.startswith("Test")]) == 2 * 6 + 3
    cases_here = [value for name, value in globals().items() if name.startswith("Test")]
    assert not [name for name in DIFFERENT if not any(hasattr(case, name) for case in cases_here)]
