"""Malformed calls, refused before any backend is asked, in equal words on each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from frameworks import CHOSEN, ENGINES, framework
from refusals import REFUSALS, pad_with

import convpad


def _name(row: tuple[Callable[..., Any], dict[str, Any], str]) -> str:
    function, options, _ = row
    return f"{function.__name__}-{'-'.join(f'{option}={value!r}' for option, value in options.items())}"


def _refused(name: str, row: tuple[Callable[..., Any], dict[str, Any], str]) -> None:
    function, options, text = row
    with pytest.raises(convpad.PaddingError) as refusal:
        function(framework(name).tensor, **options)
    assert str(refusal.value) == text


@pytest.mark.parametrize("row", REFUSALS, ids=_name)
@pytest.mark.parametrize("name", CHOSEN)
def test_refused(name: str, row: tuple[Callable[..., Any], dict[str, Any], str]) -> None:
    _refused(name, row)


@pytest.mark.parametrize("name", CHOSEN)
def test_without_the_options_the_same_calls_are_accepted(name: str) -> None:
    # So it is the options that are refused. What has no right default is left out.
    functions = {function for function, _, _ in REFUSALS}
    for function in sorted(functions, key=lambda function: function.__name__):
        if function.__name__ not in ("conv_of", "pad_of", "pad_with", "constant", "learned"):
            function(framework(name).tensor)


@pytest.mark.parametrize("name", ENGINES)
def test_a_tensor_of_fractions_is_refused_among_integers(name: str) -> None:
    # Its values are not looked at: they may be traced. (Those of a NumPy array are.)
    text = (
        "A constant must be a value of the input's dtype, int32. Received: a tensor of float64. Give numbers, or cast "
        "the input."
    )
    _refused(name, (pad_with, {"values": [0.5, 1.0, 2.0], "dtype": "int32"}, text))


def test_every_row_is_another_call() -> None:
    names = [_name(row) for row in REFUSALS]
    assert len(names) == len(set(names)) >= 170


@pytest.mark.parametrize("row", REFUSALS, ids=_name)
def test_a_refusal_says_what_must_be_and_what_was_received(row: tuple[Callable[..., Any], dict[str, Any], str]) -> None:
    text = row[2]
    assert "Received: " in text
    assert text.endswith(".")
    assert "  " not in text


def test_the_helper_can_fail() -> None:
    function, options, text = REFUSALS[0]
    with pytest.raises(AssertionError):
        _refused("numpy", (function, options, text + "!"))
    with pytest.raises(pytest.fail.Exception):
        _refused("numpy", (function, {}, text))
