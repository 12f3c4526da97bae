"""Remembered calls: calls of similar words are told apart, in any order."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from frameworks import CHOSEN, framework
from loadable import modules

import convpad
from convpad.ops import run

on_every_backend = pytest.mark.parametrize("name", CHOSEN)


def memories() -> Iterator[tuple[str, Any]]:
    """Every function of the package that remembers, with its name."""
    for module in modules():
        if module.startswith(("convpad.keras", "convpad.demo", "convpad.cli", "convpad.models")):
            continue
        for name, value in vars(import_module(module)).items():
            if hasattr(value, "cache_info") and value.__module__ == module:
                yield f"{module}.{name}", value


def forget() -> None:
    for _, remembered in memories():
        remembered.cache_clear()


def outcome(call: Callable[[], Any]) -> tuple[Any, ...]:
    """The values, signs of zeros too, or the words of the refusal."""
    try:
        out = np.asarray(call())
    except convpad.PaddingError as error:
        return ("refused", str(error))
    return ("answered", out.shape, out.tobytes())


def conv(name: str, **options: Any) -> Any:
    x, kernel = np.arange(2.0, 34.0).reshape(1, 4, 4, 2), np.arange(1.0, 19.0).reshape(3, 3, 2, 1)
    tensors = map(framework(name).tensor, (x, kernel))
    return framework(name).numpy(convpad.conv(*tensors, **options))


def pad(name: str, mode: Any) -> Any:
    return framework(name).numpy(convpad.pad(framework(name).tensor(np.ones((1, 2, 1))), 1, mode))


def mode(value: Any) -> Any:
    return {"padding": 1, "padding_mode": value}


# what the calls are of, the arguments that look alike, how many of them are refused
ALIKE: list[tuple[str, list[Callable[[str], Any]], int]] = [
    ("amounts", [lambda n: conv(n, padding=1), lambda n: conv(n, padding=True), lambda n: conv(n, padding=1.0)], 2),
    (
        "amounts of a side",
        [lambda n: conv(n, padding=((0, 1), (1, 0))), lambda n: conv(n, padding=((False, 1), (1, 0)))],
        1,
    ),
    ("strides", [lambda n: conv(n, strides=1), lambda n: conv(n, strides=True), lambda n: conv(n, strides=1.0)], 2),
    ("strides of axes", [lambda n: conv(n, strides=(1, 1)), lambda n: conv(n, strides=(1, True))], 1),
    ("dilation", [lambda n: conv(n, dilation_rate=1), lambda n: conv(n, dilation_rate=True)], 1),
    ("groups", [lambda n: conv(n, groups=1), lambda n: conv(n, groups=True), lambda n: conv(n, groups=1.0)], 2),
    ("routes", [lambda n: conv(n), lambda n: conv(n, route="padded"), lambda n: conv(n, route="PADDED")], 1),
    (
        "constants",
        [
            lambda n: conv(n, **mode(convpad.Constant(1))),
            lambda n: conv(n, **mode(convpad.Constant(1.0))),
            lambda n: conv(n, **mode(convpad.Constant(True))),
            lambda n: conv(n, **mode(1)),
        ],
        1,
    ),
    (
        "constants per channel",
        [lambda n: conv(n, **mode(convpad.Constant((1, 2)))), lambda n: conv(n, **mode(convpad.Constant((True, 2))))],
        1,
    ),
    ("zeros", [lambda n: pad(n, 0.0), lambda n: pad(n, -0.0), lambda n: pad(n, "zeros")], 0),
    ("signs", [lambda n: pad(n, convpad.Constant(0.0)), lambda n: pad(n, convpad.Constant(-0.0))], 0),
]


@on_every_backend
@pytest.mark.parametrize(("what", "calls", "refused"), ALIKE, ids=[row[0] for row in ALIKE])
def test_calls_that_look_alike_are_told_apart_in_every_order(
    name: str, what: str, calls: list[Callable[[str], Any]], refused: int
) -> None:
    fresh = []
    for call in calls:
        forget()
        fresh.append(outcome(lambda call=call: call(name)))
    assert sum(found[0] == "refused" for found in fresh) == refused
    for order in permutations(range(len(calls))):
        forget()
        for _ in range(2):
            for place in order:
                assert outcome(lambda place=place: calls[place](name)) == fresh[place], (what, order, place)


# The same, spelled in two ways
SPELLED = [
    ({"padding": [[1, 2], [0, 1]]}, {"padding": ((1, 2), (0, 1))}),
    ({"padding": ["same", [1, 0]]}, {"padding": ("same", (1, 0))}),
    ({"strides": [1, 2]}, {"strides": (1, 2)}),
    ({"dilation_rate": [1, 1]}, {"dilation_rate": (1, 1)}),
    ({"strides": np.int64(2)}, {"strides": 2}),
    ({"padding": np.int32(1)}, {"padding": 1}),
    ({"padding": 1, "padding_mode": ["reflect", ["circular", 2]]}, mode(("reflect", ("circular", 2)))),
    (mode(convpad.Constant([1, 2])), mode(convpad.Constant((1, 2)))),
    (mode(convpad.Constant(np.array([1.0, 2.0]))), mode(convpad.Constant((1.0, 2.0)))),
]


@on_every_backend
@pytest.mark.parametrize(("one", "other"), SPELLED, ids=str)
def test_lists_and_numpys_integers_are_tuples_and_ints(name: str, one: Any, other: Any) -> None:
    for first, second in ((one, other), (other, one)):
        forget()
        np.testing.assert_array_equal(conv(name, **first), conv(name, **second))
    assert outcome(lambda: conv(name, **one))[0] == "answered"


@on_every_backend
def test_a_list_that_changes_afterwards_changes_nothing(name: str) -> None:
    forget()
    strides = [1, 2]
    first = conv(name, strides=strides)
    strides[1] = 1
    assert conv(name, strides=strides).shape != first.shape
    np.testing.assert_array_equal(conv(name, strides=[1, 2]), first)


@on_every_backend
def test_a_call_like_an_earlier_one_is_looked_up(name: str) -> None:
    forget()
    for calls in range(3):
        conv(name, padding=1, padding_mode="reflect", strides=(1, 2))
        assert (run._prepared.cache_info().misses, run._prepared.cache_info().hits) == (1, calls)
    conv(name, padding=1, padding_mode="reflect", strides=(2, 2))
    assert run._prepared.cache_info().misses == 2


def test_no_memory_grows_without_end() -> None:
    found = dict(memories())
    assert {"convpad.ops.run._prepared", "convpad.ops.halo.halo"} <= set(found)
    assert [name for name, remembered in found.items() if remembered.cache_info().maxsize is None] == []


def test_a_memory_without_end_would_be_seen() -> None:
    assert functools.cache(forget).cache_info().maxsize is None


SPELLINGS = [
    3,
    "same",
    None,
    True,
    (),
    -0.0,
    float("inf"),
    0.1,
    ((1, 2), ("same", 0)),
    ("reflect", (1.5, "zeros")),
    convpad.Padding.parse("same", ("reflect", -0.0), rank=2),
    convpad.Padding.parse("same", ("reflect", 0.0), rank=2),
    convpad.Constant((1.0, 2)),
    (convpad.Constant(-0.0), "reflect"),
]


@pytest.mark.parametrize("spelled", SPELLINGS, ids=repr)
def test_words_are_equal_by_value_and_type(spelled: Any) -> None:
    words = run.CallKey((spelled,))
    assert words == run.CallKey((copy.deepcopy(spelled),))
    assert hash(words) == hash(run.CallKey((copy.deepcopy(spelled),)))
    others = [other for other in SPELLINGS if repr(other) != repr(spelled)]
    assert words not in [run.CallKey((other,)) for other in others]


def test_an_argument_that_is_no_word_is_not_remembered() -> None:
    for entry in (
        np.int64(3),
        object(),
        np.ones(2),
        convpad.Constant(np.ones(2)[:0].sum().reshape(())),
        convpad.Learned(),
    ):
        if not isinstance(entry, convpad.Constant) or hasattr(entry.value, "shape"):
            with pytest.raises(TypeError):
                run.CallKey((entry,))
