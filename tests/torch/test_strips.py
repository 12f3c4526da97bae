"""Gradients of kernels of large images, which PyTorch's backend sums over strips."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

import numpy as np
import pytest
import torch
from compare import assert_forward, assert_gradients
from route_cases import asked

import convpad
from convpad import tuning
from convpad.backends.processor import vector_bits

pytestmark = pytest.mark.needs("torch")

SHAPES: list[tuple[Any, Any, dict[str, Any]]] = [
    ((2, 8, 9, 4), (3, 2, 4, 2), {}),
    ((1, 9, 7, 3), (3, 3, 3, 5), {"padding": "same", "strides": 2}),
    ((3, 11, 5, 2), (2, 3, 2, 4), {"padding": ((3, 1), (0, 2)), "strides": (3, 1), "dilation_rate": (1, 2)}),
    ((2, 1, 20, 3), (1, 3, 3, 2), {"padding": ((0, 0), (1, 1))}),
    ((2, 5, 5, 2), (2, 2, 2, 3), {"padding": 4, "strides": 7}),
    ((1, 30, 3), (5, 3, 2), {"padding": "causal", "dilation_rate": 3}),
    ((2, 5, 4, 6, 3), (3, 2, 2, 3, 2), {"padding": "half"}),
    ((0, 8, 9, 4), (3, 2, 4, 2), {}),
]


@pytest.fixture(autouse=True)
def small_strips() -> Iterator[None]:
    strips = {"torch_strips_min_values": 1, "torch_strips_min_kernels": 1, "torch_strip_values": 12}
    strips |= {"torch_strips_max_vector_bits": inf}
    with tuning.replace(torch_keep_bytes=0, **strips):
        yield


def gradient_functions(output: torch.Tensor) -> set[str]:
    """The names of the functions that an output's gradient goes through."""
    found, waiting = set[str](), [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None:
            found.add(node.name())
            waiting += [parent for parent, _ in node.next_functions]
    return found


@pytest.mark.parametrize("mode", ["zeros", "circular", 1.5, "ignore"])
@pytest.mark.parametrize(("shape", "kernel", "options"), SHAPES, ids=str)
def test_strips_add_up(shape: Any, kernel: Any, options: Any, mode: Any) -> None:
    case = asked("conv", mode, shape, kernel, **options)
    assert_forward("torch", case)
    assert_gradients("torch", case)


def call(shape: Any = (1, 8, 9, 4), **options: Any) -> torch.Tensor:
    x = torch.randn(shape, requires_grad=True)
    kernel = torch.randn(3, 3, shape[-1] // options.get("groups", 1), 4, requires_grad=True)
    return convpad.conv(x, kernel, padding="same", padding_mode="reflect", **options)


def test_large_images_alone_go_by_strips() -> None:
    assert "WithOwnGradientBackward" in gradient_functions(call())
    for output in (call(groups=2), call((0, 8, 9, 4)), call(data_format="channels_first", shape=(1, 4, 8, 4))):
        assert "WithOwnGradientBackward" not in gradient_functions(output)
    few_or_fast: tuple[dict[str, Any], ...] = (
        {"torch_strips_min_values": 8 * 9 * 100},
        {"torch_strips_min_kernels": 17},
        {"torch_strips_max_vector_bits": 0},
        {"cpu_kernels": False},
    )
    for few in few_or_fast:
        with tuning.replace(**few):
            assert "WithOwnGradientBackward" not in gradient_functions(call())


def test_values_outside_a_strip_do_not_leak() -> None:
    x = torch.ones(1, 8, 9, 4)
    x[0, 0, 0, 0] = float("nan")
    kernel = torch.zeros(3, 3, 4, 2, requires_grad=True)
    output = convpad.conv(x, kernel, padding="same")
    (found,) = torch.autograd.grad(output, kernel, torch.ones_like(output))
    channels = torch.isnan(found).any(-1).any(0).any(0)
    assert channels.tolist() == [True, False, False, False]


def test_derivatives_of_the_gradient() -> None:
    x, kernel = (torch.randn(shape, requires_grad=True) for shape in ((1, 6, 5, 2), (3, 3, 2, 2)))

    def energy(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        return (convpad.conv(x, kernel, padding="same", padding_mode="circular") ** 3).sum()

    by_strips = torch.autograd.functional.hvp(energy, (x, kernel), (x.detach(), kernel.detach()))[1]
    with tuning.replace(torch_strips_min_values=10**9):
        whole = torch.autograd.functional.hvp(energy, (x, kernel), (x.detach(), kernel.detach()))[1]
    for one, other in zip(by_strips, whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * float(other.abs().max()))


def test_batches_of_gradients() -> None:
    x, kernel = torch.randn(1, 6, 5, 2), torch.randn(3, 3, 2, 2, requires_grad=True)
    output = convpad.conv(x, kernel, padding="same")
    cotangents = torch.randn(3, *output.shape)
    (batched,) = torch.autograd.grad(output, kernel, cotangents, is_grads_batched=True, retain_graph=True)
    for one, cotangent in zip(batched, cotangents, strict=True):
        (alone,) = torch.autograd.grad(output, kernel, cotangent, retain_graph=True)
        np.testing.assert_allclose(one, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.torch.jit.script.:DeprecationWarning")  # PyTorch uses what it has deprecated
def test_forward_derivatives() -> None:
    x, kernel = torch.randn(1, 6, 5, 2), torch.randn(3, 3, 2, 2)
    dx, dkernel = torch.randn_like(x), torch.randn_like(kernel)
    with torch.autograd.forward_ad.dual_level():
        duals = [torch.autograd.forward_ad.make_dual(*pair) for pair in ((x, dx), (kernel.requires_grad_(), dkernel))]
        found = torch.autograd.forward_ad.unpack_dual(convpad.conv(*duals, padding="same")).tangent
    want = convpad.conv(dx, kernel, padding="same") + convpad.conv(x, dkernel, padding="same")
    torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-4)


def test_outputs_may_be_changed_in_place() -> None:
    x, kernel = torch.randn(1, 6, 5, 2), torch.randn(3, 3, 2, 2, requires_grad=True)
    output = convpad.conv(x, kernel, padding="same")
    output += 1
    output.relu_()
    (found,) = torch.autograd.grad(output.sum(), kernel)
    (want,) = torch.autograd.grad(torch.relu(convpad.conv(x, kernel, padding="same") + 1).sum(), kernel)
    torch.testing.assert_close(found, want)


def test_a_padded_tensor_is_not_kept_in_low_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.multiprocessing.reductions import StorageWeakRef

    from convpad.backends.torch import padding

    made: list[Any] = []
    pad = padding.F.pad

    def watched(*arguments: Any, **options: Any) -> torch.Tensor:
        padded = pad(*arguments, **options)
        made.append(StorageWeakRef(padded.untyped_storage()))
        return padded

    monkeypatch.setattr(padding.F, "pad", watched)
    with convpad.low_memory():
        output = call()
    assert "WithOwnGradientBackward" in gradient_functions(output)
    assert made
    assert all(storage.expired() for storage in made)


def test_the_vectors_of_this_processor() -> None:
    """PyTorch knows them, too."""
    width = {"AVX2": 256, "AVX512": 512}.get(torch.backends.cpu.get_cpu_capability(), inf)
    assert vector_bits() == width
