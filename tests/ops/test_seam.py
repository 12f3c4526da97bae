"""`convpad.seam`: numbers by hand, conventions, arrays of every framework, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from frameworks import CHOSEN, framework

import convpad

only_numpy = pytest.mark.skipif("numpy" not in CHOSEN, reason="needs no framework, so once is enough")


def test_a_ramp_by_hand() -> None:
    ramp = np.tile([0.0, 2.0, 4.0, 6.0], (3, 1))
    assert convpad.seam(ramp, 1) == convpad.seam(ramp, -1) == 3.0
    assert convpad.seam(ramp, 0) == 1.0  # nothing differs, inside or across


@only_numpy
def test_means_are_taken_over_all_other_axes() -> None:
    image = np.random.default_rng(0).normal(size=(2, 5, 6, 3))
    across = np.abs(image[:, :, 0] - image[:, :, -1]).mean()
    inside = np.abs(np.diff(image, axis=2)).mean()
    assert convpad.seam(image, 2) == pytest.approx(across / inside)
    assert convpad.seam(np.moveaxis(image, -1, 1), 3) == pytest.approx(convpad.seam(image, 2))


@only_numpy
def test_unsigned_ints_do_not_wrap_around_and_booleans_count() -> None:
    ramp = np.array([0, 100, 200, 250], "uint8")
    assert convpad.seam(ramp, 0) == pytest.approx(250 / (250 / 3))
    assert convpad.seam([True, False, True], 0) == 0.0


@only_numpy
def test_noise_is_seamless_and_its_resized_edges_tell_modes_apart() -> None:
    noise = np.random.default_rng(0).uniform(size=(1, 64, 64, 1))
    assert convpad.seam(noise, 1) == pytest.approx(1, abs=0.2)
    circular = convpad.resize(noise, scale=4, padding_mode="circular")
    assert convpad.seam(circular, 1) == pytest.approx(1, abs=0.2)
    assert convpad.seam(convpad.resize(noise, scale=4), 1) > 3


@pytest.mark.parametrize("name", CHOSEN)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_arrays_of_every_framework(name: str, dtype: str) -> None:
    if name == "numpy" and dtype == "bfloat16":
        pytest.skip("NumPy has no bfloat16")
    x = framework(name).tensor([[0.0, 1.0, 2.0, 8.0]], dtype)
    if name == "torch":
        x.requires_grad_()
    value = convpad.seam(x, 1)
    assert type(value) is float
    assert value == 3.0


REFUSALS: tuple[tuple[Any, Any, str], ...] = (
    (np.zeros((4, 4)), 2, "from -2 to 1. Received: 2"),
    (np.zeros((4, 4)), -3, "from -2 to 1"),
    (np.zeros((4, 4)), (0, 1), "Call it once for each axis"),
    (np.zeros((4, 4)), True, "must be one int"),
    (np.zeros((4, 2)), 1, "at least 3 values"),
    (np.zeros((4, 0)), 0, "at least 3 values along its axis, and one"),
    (3.0, 0, "a number has not"),
    (np.array([1.0, np.nan, 2.0]), 0, "finite"),
    (np.array([1j, 0, 2]), 0, "real numbers"),
    (["a", "b", "c"], 0, "real numbers"),
    (None, 0, "real numbers"),
)


@only_numpy
@pytest.mark.parametrize(("image", "axis", "message"), REFUSALS, ids=str)
def test_refusals(image: Any, axis: Any, message: str) -> None:
    with pytest.raises(convpad.PaddingError, match=message):
        convpad.seam(image, axis)
