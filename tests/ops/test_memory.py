"""Memory kept for the gradient: input, kernel and thin strips, never a padded copy of the input."""

from __future__ import annotations

import gc
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from frameworks import CHOSEN, framework

import convpad
from convpad import tuning

only_jax = pytest.mark.skipif("jax" not in CHOSEN, reason="needs jax")
only_torch = pytest.mark.skipif("torch" not in CHOSEN, reason="needs torch")

# route, mode
KEEPING = [
    ("correction", 1.5),
    ("correction", "reflect"),
    ("correction", (("circular", "replicate"), ("symmetric_odd", 1.5))),
    ("padded", "reflect"),
    ("padded", "symmetric_odd"),
    ("padded", 1.5),
]


# PyTorch: which storages are alive after the forward pass


class Made:
    """Within this, every large storage that PyTorch makes is written down, without keeping it alive."""

    def __init__(self, least: int) -> None:
        from torch.multiprocessing.reductions import StorageWeakRef
        from torch.utils._python_dispatch import TorchDispatchMode

        torch = framework("torch").torch
        self.found: list[Any] = []

        class Watch(TorchDispatchMode):
            def __torch_dispatch__(watch, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: N805
                out = func(*args, **(kwargs or {}))
                for one in out if isinstance(out, (tuple, list)) else [out]:
                    if isinstance(one, torch.Tensor) and one.untyped_storage().nbytes() >= least:
                        self.found.append(StorageWeakRef(one.untyped_storage()))
                return out

        self.watch = Watch()

    def alive(self, *but: Any) -> int:
        """How many of them are still there, without those of these tensors."""
        gc.collect()
        known = {tensor.untyped_storage()._cdata for tensor in but}
        return len({one.cdata for one in self.found if not one.expired()} - known)


def large() -> tuple[Any, Any]:
    """An input of 4 MB and a kernel."""
    torch = framework("torch").torch
    torch.manual_seed(0)
    return torch.randn(8, 64, 64, 32, requires_grad=True), torch.randn(3, 3, 32, 32, requires_grad=True)


@only_torch
@pytest.mark.parametrize(("route", "mode"), KEEPING, ids=str)
def test_torch_keeps_no_padded_copy(route: str, mode: Any) -> None:
    x, kernel = large()
    made = Made(x.nbytes // 2)
    with made.watch, convpad.low_memory():
        out = convpad.conv(x, kernel, padding="same", padding_mode=mode, route=route)
    assert made.found
    assert made.alive(x, kernel, out) == 0
    out.sum().backward()


@only_torch
@pytest.mark.parametrize(("filters", "alive"), [(32, 1), (64, 0)])
def test_torch_keeps_a_padded_copy_where_making_it_again_takes_long(filters: int, alive: int) -> None:
    torch = framework("torch").torch
    x, _ = large()
    kernel = torch.randn(3, 3, 32, filters, requires_grad=True)
    made = Made(x.nbytes // 2)
    with made.watch:
        out = convpad.conv(x, kernel, padding="same", padding_mode="reflect", route="padded")
    assert made.alive(x, kernel, out) == alive
    planned = convpad.plan(x.shape, kernel.shape, padding="same", padding_mode="reflect", backend="torch")
    assert planned.remakes_padded == (alive == 0)


@only_torch
@pytest.mark.parametrize("mode", ["reflect", "circular", "symmetric", ("zeros", "circular"), 1.5], ids=str)
def test_modules_keep_no_padded_copy_in_low_memory(mode: Any) -> None:
    import convpad.torch as convpad_torch

    torch = framework("torch").torch
    module = convpad_torch.Conv2d(8, 8, 3, padding=1, padding_mode=mode)
    x = torch.randn(2, 8, 64, 64, requires_grad=True)
    gradients, alive = [], []
    for block in (nullcontext(), convpad.low_memory()):
        made = Made(x.nbytes // 2)
        with made.watch, block:
            out = module(x)
        alive.append(made.alive(x, out))
        gradients.append(torch.autograd.grad(out.square().sum(), [x, *module.parameters()]))
    assert alive == [1, 0]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@only_torch
def test_a_padded_copy_would_be_seen() -> None:
    x, kernel = large()
    made = Made(x.nbytes // 2)
    with made.watch:
        padded = convpad.pad(x, 1, "reflect")
        out = convpad.conv(padded, kernel)
        del padded
    assert made.alive(x, kernel, out) == 1


@only_torch
@pytest.mark.parametrize(("route", "mode"), KEEPING[:3], ids=str)
def test_torch_saves_the_input_and_the_kernel_themselves(route: str, mode: Any) -> None:
    torch = framework("torch").torch
    x, kernel = large()
    saved: list[Any] = []

    def pack(tensor: Any) -> Any:
        saved.append(tensor.untyped_storage())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), convpad.low_memory():
        out = convpad.conv(x, kernel, padding="same", padding_mode=mode, route=route)
    own = {tensor.untyped_storage().data_ptr() for tensor in (x, kernel, out)}
    assert any(storage.data_ptr() == x.untyped_storage().data_ptr() for storage in saved)
    strips = [storage.nbytes() for storage in saved if storage.data_ptr() not in own]
    # The longest strip: 3 of 66 rows of the padded input, 8 times 66 values of 32 channels wide.
    assert max(strips) <= 8 * 3 * 66 * 32 * 4


@only_torch
@pytest.mark.parametrize(("route", "mode"), KEEPING, ids=str)
def test_torch_refuses_an_input_that_was_modified_in_place(route: str, mode: Any) -> None:
    torch = framework("torch").torch
    x, kernel = large()
    with convpad.low_memory():
        out = convpad.conv(x, kernel, padding="same", padding_mode=mode, route=route)
    with torch.no_grad():
        x += 1
    told = "The input of a padded convolution was modified" if route == "padded" else "modified by an inplace operation"
    with pytest.raises(RuntimeError, match=told):
        out.sum().backward()


@only_torch
@pytest.mark.parametrize("mode", ["reflect", "symmetric_odd", "circular", 1.5], ids=str)
def test_what_is_made_again_gives_the_gradient_of_what_was_kept(mode: Any) -> None:
    x, kernel = large()
    gradients = []
    for kept in (convpad.low_memory(), tuning.replace(torch_keep_bytes=2**40)):
        x.grad = kernel.grad = None
        with kept:
            convpad.conv(x, kernel, padding="same", padding_mode=mode, route="padded").square().sum().backward()
        gradients.append((x.grad.numpy(), kernel.grad.numpy()))
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_array_equal(one, other)


# JAX: what the function that gives the gradient carries with it


@only_jax
@pytest.mark.parametrize(
    ("op", "route", "mode"),
    [
        *(("conv", *row) for row in KEEPING),
        *(("depthwise_conv", *row) for row in KEEPING),
    ],
    ids=str,
)
def test_jax_keeps_no_padded_copy(op: str, route: str, mode: Any) -> None:
    assert max(kept(op, route, mode)) <= 2 * 32 * 32 * 4


@only_jax
def test_jax_would_be_seen_to_keep_one() -> None:
    def convolved(x: Any, kernel: Any) -> Any:
        return convpad.conv(convpad.pad(x, 1, "reflect"), kernel)

    assert max(sizes(convolved)) == 2 * 34 * 34 * 4


def kept(op: str, route: str, mode: Any) -> list[int]:
    options = {"padding": "same", "padding_mode": mode, "route": route}
    return sizes(lambda *given: getattr(convpad, op)(*given, **options))


def sizes(function: Any) -> list[int]:
    """How many values there are in everything that the gradient needs."""
    jax = framework("jax").jax
    x = framework("jax").tensor(np.ones((2, 32, 32, 4)))
    kernel = framework("jax").tensor(np.ones((3, 3, 4, 1)))
    _, back = jax.vjp(function, x, kernel)
    return [leaf.size for leaf in jax.tree.leaves(back)]
