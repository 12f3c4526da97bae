"""Random ONNX graphs, run by ONNX Runtime: nothing that pads is neither read nor said to be unread.

CONVPAD_GENERATED_MODELS says how many of each kind, CONVPAD_GENERATED_SEED where they begin.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import judge
import numpy as np
import pytest
from graphs import onnx

import convpad
from convpad.models import readers
from convpad.models.readers import moved_paddings

pytestmark = pytest.mark.needs("numpy")
runtime = pytest.importorskip("onnxruntime")

import onnx_models

COUNT = int(os.environ.get("CONVPAD_GENERATED_MODELS", "250"))
SEED = int(os.environ.get("CONVPAD_GENERATED_SEED", "0"))


def verdict(kind: str, seed: int) -> tuple[str, str]:
    """What became of a model, and what is silently wrong in its reading."""
    graph, model, shape = getattr(onnx_models, kind)(seed)
    try:
        session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        run = lambda x: session.run(None, {"x": x.astype("float32")})[0]  # noqa: E731
        x = np.random.default_rng(seed).normal(size=shape)
        if not run(x).size:
            return "empty", ""
    except Exception:  # ONNX Runtime has not all of ONNX, and some of these are no models
        return "does not run", ""
    reading = readers.read(model)
    error = judge.composite_error(run, reading, shape)
    if kind == "single":
        error = judge.single_error(run, reading, x, graph.weight)
    said = "unread" if reading.unsupported else "read"
    return said, error and f"seed {seed}: {' | '.join(graph.recipe)}: {error}"


@pytest.mark.parametrize("kind", ["single", "composite"])
def test_nothing_is_silently_wrong(kind: str) -> None:
    runtime.set_default_logger_severity(4)
    verdicts = [verdict(kind, seed) for seed in range(SEED, SEED + COUNT)]
    assert [error for _, error in verdicts if error] == []
    counts = Counter(said for said, _ in verdicts)
    assert counts["read"] > COUNT // 2, counts  # to say of everything that it is unread is no reading
    assert counts["does not run"] < COUNT // 10, counts


@pytest.mark.parametrize("kind", ["single", "composite"])
def test_the_judge_sees_a_reader_that_overlooks_what_was_moved(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.set_default_logger_severity(4)
    monkeypatch.setattr(moved_paddings, "evenly_taken", lambda places: range(len(places)))
    assert any(verdict(kind, seed)[1] for seed in range(60))


def test_the_judge_sees_a_reader_that_takes_one_mode_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.set_default_logger_severity(4)
    recognise = moved_paddings.recognise

    def wrong(places: Any, preferred: Any = ()) -> Any:
        paddings = recognise(places, preferred)
        sides = [
            tuple((n, ("symmetric", None) if f[0] == "reflect" else f) for n, f in pair)
            for pair in (paddings.sides if paddings else ())
        ]
        return paddings and type(paddings)(paddings.part, tuple(sides))

    monkeypatch.setattr(moved_paddings, "recognise", wrong)
    assert any(verdict("single", seed)[1] for seed in range(120))


def outputs(model: Any, inputs: list[Any]) -> list[Any]:
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [session.run(None, {"x": x.astype("float32")})[0] for x in inputs]


def test_comparisons_differ_where_outputs_do() -> None:
    runtime.set_default_logger_severity(4)
    counts = Counter[tuple[str, bool]]()
    for seed in range(SEED, SEED + COUNT // 2):
        (_, a, shape), (_, b, _) = (onnx_models.variant(seed, which) for which in (0, 1))
        rng = np.random.default_rng(seed)
        inputs = [rng.normal(size=shape) + shift for shift in (0, 0, -3, 3)]
        pairs = list(zip(outputs(a, inputs), outputs(b, inputs), strict=True))
        equal = all(x.shape == y.shape and np.allclose(x, y, rtol=1e-4, atol=1e-4) for x, y in pairs)
        comparison = convpad.compare(a, b)
        unread = comparison.a.unsupported or comparison.b.unsupported
        said = "unread" if unread else "agree" if comparison.agree else "differ"
        counts[said, equal] += 1
        assert (said, equal) not in (("agree", False), ("differ", True)), seed
        assert unread or convpad.compare(a, onnx_models.variant(seed, 0)[1]).agree, seed
    assert min(counts["agree", True], counts["differ", False]) > COUNT // 20, counts


def test_models_are_of_many_kinds() -> None:
    recipes = " ".join(" ".join(onnx_models.single(seed)[0].recipe) for seed in range(200))
    assert [kind for kind in onnx_models.HAND if f"{kind}@" not in recipes] == []
    assert onnx.__name__
