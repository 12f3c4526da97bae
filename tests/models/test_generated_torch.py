"""Random PyTorch modules, run by PyTorch: nothing that pads is neither read nor said to be unread.

CONVPAD_GENERATED_MODELS says how many of each kind, CONVPAD_GENERATED_SEED where they begin.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import judge
import numpy as np
import pytest

import convpad
from convpad.models import readers
from convpad.models.readers import moved_paddings

pytestmark = pytest.mark.needs("torch")

import torch
import torch_models

COUNTS = {"single": 30, "composite": 40}
SEED = int(os.environ.get("CONVPAD_GENERATED_SEED", "0"))


def verdict(kind: str, seed: int) -> tuple[str, str]:
    """What became of a model, and what is silently wrong in its reading."""
    case = getattr(torch_models, kind)(seed)
    module = case.module.double().eval()
    x = np.random.default_rng(seed).normal(size=case.shape)

    def run(x: Any) -> Any:
        with torch.no_grad():
            return module(torch.as_tensor(x)).numpy()

    try:
        if not run(x).size:
            return "empty", ""
    except RuntimeError:
        return "does not run", ""
    reading = readers.read(module, case.shape)
    error = judge.composite_error(run, reading, case.shape)
    if kind == "single":
        weight = None if case.weight is None else case.weight.detach().numpy()
        error = judge.single_error(run, reading, x, weight)
    said = "unread" if reading.unsupported else "read"
    return said, error and f"seed {seed}: {case.recipe}: {error}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", COUNTS)
def test_nothing_is_silently_wrong(kind: str) -> None:
    count = int(os.environ.get("CONVPAD_GENERATED_MODELS", COUNTS[kind]))
    verdicts = [verdict(kind, seed) for seed in range(SEED, SEED + count)]
    assert [error for _, error in verdicts if error] == []
    counts = Counter(said for said, _ in verdicts)
    assert counts["read"] > count // 2, counts  # to say of everything that it is unread is no reading
    assert counts["does not run"] < count // 10, counts


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", COUNTS)
def test_the_judge_sees_a_reader_that_overlooks_what_was_moved(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moved_paddings, "evenly_taken", lambda places: range(len(places)))
    assert any(verdict(kind, seed)[1] for seed in range(60))


@pytest.mark.filterwarnings("ignore")
def test_comparisons_differ_where_outputs_do() -> None:
    count = int(os.environ.get("CONVPAD_GENERATED_MODELS", "20"))
    for seed in range(SEED, SEED + count):
        cases = [torch_models.variant(seed, which) for which in (0, 1)]
        modules = [case.module.double().eval() for case in cases]
        rng = np.random.default_rng(seed)
        equal = True
        for shift in (0, 0, -3, 3):
            x = torch.as_tensor(rng.normal(size=cases[0].shape) + shift)
            a, b = (module(x).detach().numpy() for module in modules)
            equal = equal and a.shape == b.shape and np.allclose(a, b)
        comparison = convpad.compare(*modules, input_shape_a=cases[0].shape, input_shape_b=cases[0].shape)
        unread = comparison.a.unsupported or comparison.b.unsupported
        assert unread or comparison.agree == equal, (seed, cases[0].recipe, cases[1].recipe)
        again = convpad.compare(modules[0], modules[0], input_shape_a=cases[0].shape, input_shape_b=cases[0].shape)
        assert again.agree or again.a.unsupported, (seed, cases[0].recipe)


def test_models_are_of_many_kinds() -> None:
    recipes = " ".join(torch_models.single(seed).recipe for seed in range(300))
    assert [kind for kind in torch_models.HAND if f"{kind}@" not in recipes] == []
