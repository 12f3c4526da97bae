"""Arguments left unchanged: no route writes into an input, a kernel or the gradient of an output."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import Case
from frameworks import CHOSEN, framework
from route_cases import COPIES, OTHERS, ROUTES, asked

import convpad

pytestmark = pytest.mark.usefixtures("nothing_is_too_small")

MUTABLE = [name for name in CHOSEN if name in ("numpy", "torch")]
"""The tensors of the others cannot be written into."""

POOLS = [("max_pool", mode) for mode in (COPIES, "ignore", "zeros")] + [
    ("average_pool", mode) for mode in (COPIES, OTHERS)
]
TRANSPOSED = [("conv_transpose", mode) for mode in (COPIES, OTHERS, "ignore", "zeros")]


def kernelled(op: str, mode: Any) -> Case:
    if op == "conv_transpose":
        return asked(op, mode, kernel=(3, 2, 2, 4))
    x = np.random.default_rng(3).normal(size=(2, 8, 9, 4))
    return Case(op, (x,), {"pool_size": 4, "strides": 1, "padding": 2, "padding_mode": mode})


def untouched(name: str, case: Case, **changed: Any) -> None:
    """Forward and backward, twice: the answers are the same, and so is all that was given."""
    backend = framework(name)
    given = [backend.tensor(array) for array in case.arrays]
    outs = [backend.numpy(case.call(*given, **changed)) for _ in range(2)]
    np.testing.assert_array_equal(*outs, f"{name} {case}")
    if name == "torch":
        cotangent = backend.tensor(np.random.default_rng(1).normal(size=outs[0].shape))
        kept = cotangent.clone()
        for tensor in given:
            tensor.requires_grad_()
        for _ in range(2):
            backend.torch.autograd.grad(case.call(*given, **changed), given, cotangent)
        np.testing.assert_array_equal(backend.numpy(cotangent), backend.numpy(kept))
    for tensor, array in zip(given, case.arrays, strict=True):
        np.testing.assert_array_equal(backend.numpy(tensor), backend.numpy(backend.tensor(array)), f"{name} {case}")


@pytest.mark.parametrize("name", MUTABLE)
@pytest.mark.parametrize(("op", "route", "mode"), ROUTES, ids=str)
def test_by_every_route(name: str, op: str, route: str, mode: Any) -> None:
    untouched(name, asked(op, mode), route="padded" if name == "numpy" else route)


@pytest.mark.parametrize("name", MUTABLE)
@pytest.mark.parametrize(("op", "mode"), [*TRANSPOSED, *POOLS], ids=str)
def test_by_the_route_that_is_chosen(name: str, op: str, mode: Any) -> None:
    untouched(name, kernelled(op, mode))


@pytest.mark.parametrize("name", MUTABLE)
@pytest.mark.parametrize("mode", [COPIES, "zeros", "circular", 2.0], ids=str)
def test_by_a_pad(name: str, mode: Any) -> None:
    untouched(
        name, Case("pad", (np.random.default_rng(3).normal(size=(1, 4, 5, 2)),), {"padding": 2, "padding_mode": mode})
    )


@pytest.mark.skipif("torch" not in CHOSEN, reason="needs torch")
def test_that_writing_is_noticed(monkeypatch: Any) -> None:
    monkeypatch.setattr(convpad, "max_pool", lambda x, **options: x * (x.detach().mul_(2) > 0))
    with pytest.raises(AssertionError):
        untouched("torch", kernelled("max_pool", "zeros"))
