"""Tests of `convpad bench` on tiny layers of every kind, on every backend; no test looks at a time."""

from __future__ import annotations

import doctest
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare import assert_close
from frameworks import ENGINES
from typer.testing import CliRunner

import convpad
from convpad import benchmark
from convpad.benchmark import candidates
from convpad.benchmark.candidates import Setup, why_no_keras, workaround
from convpad.benchmark.layer import Layer, make_layer
from convpad.benchmark.runners import runner_of
from convpad.benchmark.timing import time_interleaved
from convpad.cli.commands import app
from convpad.core.padding import Padding

# Keras has one backend in a process.
BACKEND = os.environ.get("KERAS_BACKEND", "numpy")

pytestmark = [
    pytest.mark.skipif(BACKEND not in ENGINES, reason="this process has no framework"),
    # Keras's torch backend calls numpy.array on tensors, whose __array__ has no `copy` (keras 3.15.1, torch 2.13).
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


@dataclass(frozen=True)
class Case:
    """A layer, the modes that it is timed in, and Keras's layer where it takes part."""

    x: tuple[int, ...]
    kernel: tuple[int, ...]
    modes: list[Any]
    keras: str = ""
    options: dict[str, Any] = field(default_factory=dict)


PER_CHANNEL = convpad.Constant([1, -2, 3])
CASES = {
    "2-D": Case((2, 6, 7, 3), (3, 3, 3, 4), ["reflect", 0.5], "Conv2D"),
    "stride": Case((1, 8, 8, 3), (3, 3, 3, 2), [("reflect", "circular")], "Conv2D", {"strides": 2}),
    "both steps": Case((1, 8, 8, 3), (2, 2, 3, 2), ["symmetric"], "", {"strides": 2, "dilation_rate": 2}),
    "1-D": Case((1, 9, 3), (2, 3, 2), ["replicate"], "Conv1D", {"padding": "causal", "dilation_rate": 3}),
    "3-D": Case((1, 4, 5, 4, 2), (3, 3, 3, 2, 2), ["circular"], "Conv3D"),
    "depthwise": Case((1, 6, 6, 3), (3, 3, 3, 2), ["ignore", PER_CHANNEL], "DepthwiseConv2D", {"op": "depthwise_conv"}),
    "depthwise 1-D": Case((1, 8, 3), (3, 3, 1), ["ignore"], "DepthwiseConv1D", {"op": "depthwise_conv"}),
    "transposed": Case(
        (1, 4, 4, 3), (3, 3, 2, 3), ["circular", 2], "Conv2DTranspose", {"op": "conv_transpose", "strides": 2}
    ),
    "sides": Case((1, 6, 6, 3), (3, 3, 3, 2), [(("ignore", "reflect"), 3)], "", {"padding": (1, (2, 0))}),
    "far": Case((1, 3, 4, 3), (3, 3, 3, 2), ["reflect_odd", "circular"], "", {"padding": 7}),
}


def timed(case: Case, **options: Any) -> Any:
    return convpad.bench(
        case.x, case.kernel, padding_modes=case.modes, backend=BACKEND, seconds=0.001, **case.options, **options
    )


@pytest.mark.parametrize("name", CASES)
def test_everyone_is_timed(name: str) -> None:
    case = CASES[name]
    told: list[float] = []
    found = timed(case, on_step=lambda text, done: told.append(done))
    assert told == sorted(told)
    assert (len(told), told[0], told[-1] < 1) == (3 * (1 + len(case.modes)), 0, True)
    shown = list(dict.fromkeys(row.mode for row in found.rows))
    assert (shown[0], len(shown)) == ("zeros", 1 + len(case.modes))
    for mode, said in zip(["zeros", *case.modes], shown, strict=True):
        for step in ("forward", "gradient"):
            rows = [row for row in found.rows if (row.mode, row.step) == (said, step)]
            ours = [row for row in rows if row.candidate == "convpad"]
            assert sorted(row.route for row in ours) == sorted(candidates.routes(found.layer, mode))
            assert [row.chosen for row in ours] == [True, *[False] * (len(ours) - 1)]
            assert [bool(row.reason) for row in ours] == [row.chosen for row in ours]
            if mode == "zeros":  # the backend's own zero padding is what all are divided by
                base = next((row for row in ours if row.route == "native"), ours[0])
                assert (base.ratio, base.low, base.high) == (1, 1, 1)
            others = [row.function for row in rows if row.candidate != "convpad"]
            stock = [f"keras.layers.{case.keras}"] if case.keras else []
            assert others == stock if mode == "zeros" else len(others) == 1
            assert all(row.rounds >= 3 and row.seconds > 0 and row.low <= row.high for row in rows)
    assert bool(found.keras) == (not case.keras)
    assert json.loads(found.to_json())["rows"][0]["mode"] == "zeros"
    assert found.versions[next(name for name in found.versions if name.startswith(BACKEND))]
    assert str(found).startswith(str(found.layer)[:20])


def test_what_is_said_to_be_chosen_is_what_convpad_does() -> None:
    """With more values than PyTorch's and TensorFlow's thresholds; the plan is that of tensors, not of shapes."""
    found = timed(Case((1, 128, 128, 128), (3, 3, 128, 1), ["reflect"]))
    chosen = [row for row in found.rows if row.mode == "reflect" and row.chosen]
    reason = found.layer.plan("reflect").reason
    assert [(row.step, row.route, row.reason) for row in chosen] == [
        (step, "correction", reason) for step in ("forward", "gradient")
    ]


@pytest.mark.skipif(BACKEND != "jax", reason="its example is JAX's")
def test_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "bench.md"
    results = doctest.testfile(str(page), module_relative=False)
    assert (results.failed, results.attempted) == (0, 3)


def layers() -> list[Any]:
    return [
        pytest.param(case, mode, id=f"{name} {mode}") for name, case in CASES.items() for mode in ["zeros", *case.modes]
    ]


def laid(case: Case) -> Layer:
    options = {"op": "conv", "strides": 1, "dilation_rate": 1, "padding": "same"} | case.options
    return make_layer(case.x, case.kernel, backend=BACKEND, **options)


@pytest.mark.parametrize(("case", "mode"), layers())
def test_what_all_are_held_against_is_the_oracle(case: Case, mode: Any) -> None:
    layer = laid(case)
    own = workaround(Setup.of(runner_of(BACKEND), layer), Padding.parse(layer.padding, mode, rank=len(layer.window)))
    x, kernel, _ = (array.astype("float64") for array in layer.arrays)
    oracle = getattr(convpad, layer.op)(x, kernel, padding_mode=mode, **layer.options)
    assert_close(own.answers()[0], oracle, "float32")


OWN = {
    "jax": {"2-D": "jnp.pad, lax.conv_general_dilated", "both steps": "jnp.pad, lax.conv_general_dilated"},
    "tensorflow": {"2-D": "tf.pad, tf.nn.convolution", "both steps": "tf.pad, convpad, valid"},
    "torch": {"2-D": "F.pad, F.conv2d", "both steps": "convpad.pad, F.conv2d"},
}


@pytest.mark.parametrize("name", ["2-D", "both steps", "far", "transposed"])
def test_the_workaround_is_in_the_backends_own_words(name: str) -> None:
    layer, mode = laid(CASES[name]), CASES[name].modes[0]
    own = workaround(Setup.of(runner_of(BACKEND), layer), Padding.parse(layer.padding, mode, rank=2))
    if name in OWN[BACKEND]:
        assert own.function == OWN[BACKEND][name]
    assert (own.function.startswith("convpad.pad")) == (name == "far" or (name, BACKEND) == ("both steps", "torch"))
    assert own.function.startswith("gradient of ") == (name == "transposed")


@pytest.mark.parametrize("who", ["convpad", "workaround", "keras"])
def test_wrong_numbers_are_not_timed(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right: Any = Setup.candidate

    def wrong(self: Any, name: str, label: str, function: Any, kernel: Any = None) -> Any:
        candidate = right(self, name, label, function, kernel)
        if name != who:
            return candidate
        steps = candidates.Steps(lambda: candidate.steps.forward() * 1.01, candidate.steps.backward)
        return replace(candidate, steps=steps)

    def time_others(functions: Any, *arguments: Any, **options: Any) -> Any:
        assert who != "convpad" and who not in functions, "it was timed"
        return time_interleaved(functions, *arguments, **options)

    monkeypatch.setattr(Setup, "candidate", wrong)
    monkeypatch.setattr(benchmark, "time_interleaved", time_others)
    with pytest.raises(convpad.DisagreementError, match=rf"^{who}, .*: the output of the forward pass is 1\.0e-02"):
        timed(CASES["2-D"])
    monkeypatch.setenv("KERAS_BACKEND", BACKEND)  # the command sets it
    said = CliRunner().invoke(app, ["bench", "6x6x3", "--kernel", "3"])
    assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (1, "", 1)


REFUSED = [
    ({"op": "max_pool"}, "`op` must be one of 'conv', 'depthwise_conv', 'conv_transpose'. Received: 'max_pool'."),
    ({"padding_modes": "reflect"}, "`padding_modes` must be a list of padding modes, as in ['reflect', 'circular']. Received: 'refl"),
    ({"padding_modes": []}, "`padding_modes` must be a list of padding modes, as in ['reflect', 'circular']. Received: []."),
    ({"padding_modes": ["edge"]}, "NumPy's 'edge' is 'replicate' here."),
    ({"padding_modes": [float("nan")]}, "`padding_modes` must hold finite numbers, one or one per channel, where they are constant."),
    ({"padding_modes": [convpad.Learned()]}, "A constant costs the same: give one in its place."),
    ({"padding": "valid"}, "Nothing is padded here, so all modes are one. Received: padding='valid', kernel 3x3."),
    ({"padding": "some"}, "`padding` must be one of 'valid', "),
    ({"kernel_shape": (11, 11, 3, 4), "padding": 1}, "The window must fit into the padded axis."),
    ({"kernel_shape": (3, 3, 5, 4)}, "for an input of 3 channels. That kernel reads 5."),
    ({"input_shape": (None, 8, 8, 3)}, "`input_shape` must have sizes that are known, each at least 1. Received: (None, 8, 8, 3)."),
    ({"input_shape": (1, 8, 0, 3)}, "`input_shape` must have sizes that are known, each at least 1. Received: (1, 8, 0, 3)."),
    ({"input_shape": (8, 3)}, "An input must have a batch axis"),
    ({"input_shape": (1, 100_000, 100_000, 3)}, "Input, kernel and output must hold values, and 1024 MiB together at most."),
    ({"seconds": 0}, "`seconds` must be a number above 0. Received: 0."),
    ({"seconds": float("inf")}, "`seconds` must be a number above 0. Received: inf."),
    ({"strides": 0}, "`strides` must "),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "said"), REFUSED, ids=[said[-40:] for _, said in REFUSED])
def test_refusals(changed: dict[str, Any], said: str) -> None:
    options: dict[str, Any] = {
        "input_shape": (1, 8, 8, 3),
        "kernel_shape": (3, 3, 3, 4),
        "backend": BACKEND,
        "seconds": 0.001,
    } | changed
    with pytest.raises(convpad.PaddingError) as refused:
        convpad.bench(**options)
    assert said in str(refused.value)


def test_keras_takes_no_part_on_another_backend() -> None:
    import keras

    other = "torch" if BACKEND == "jax" else "jax"
    layer = laid(CASES["2-D"])
    assert why_no_keras(layer) == ""
    assert why_no_keras(Layer(**{name: getattr(layer, name) for name in layer.__slots__} | {"backend": other})) == (
        f"Keras runs on {keras.config.backend()}"
    )


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["bench", *arguments, "--seconds", "0.001", "--backend", BACKEND])


def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", BACKEND)  # the command sets it
    wide = ["6x7x3", "--kernel", "3x2", "--filters", "4", "--batch", "2"]
    said = run(*wide, "--mode", "reflect", "--mode", "0.5,circular")
    assert said.exit_code == 0, said.output
    assert said.stdout.splitlines()[0] == f"conv 3x2 on 2x6x7x3, 4 filters, padding same; {BACKEND} on cpu"
    assert {"zeros", "reflect", "0.5,circular"} <= set(said.stdout.split())
    found = run("9x4", "--kernel", "3", "--op", "depthwise_conv", "--padding", "causal", "--json")
    assert (json.loads(found.stdout)["layer"]["kernel_shape"], found.exit_code) == ([3, 4, 1], 0)
    rows = json.loads(found.stdout)["rows"]
    assert list(dict.fromkeys(row["mode"] for row in rows)) == ["zeros", "reflect"]
    up = run("4x4x2", "--kernel", "4", "--op", "conv_transpose", "--filters", "3", "--stride", "2", "--json")
    assert json.loads(up.stdout)["layer"]["output_shape"] == [1, 8, 8, 3]
    for wrong in (["8x8x3", "--kernel", "3", "--mode", "edge"], ["8x8x3", "--kernel", "99", "--padding", "1"]):
        said = run(*wrong)
        assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (2, "", 1)


def test_arrays_are_the_same_on_every_backend() -> None:
    one, other = laid(CASES["2-D"]).arrays, laid(CASES["2-D"]).arrays
    assert all(np.array_equal(a, b) and a.dtype == "float32" for a, b in zip(one, other, strict=True))
