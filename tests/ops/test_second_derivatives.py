"""Second derivatives of every route."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compare import assert_close
from frameworks import CHOSEN, ENGINES, framework
from route_cases import ROUTES, asked, slopes

import convpad

on_every_route = pytest.mark.parametrize(("op", "route", "mode"), ROUTES, ids=str)


pytestmark = pytest.mark.usefixtures("nothing_is_too_small")


def along(name: str, energy: Any, arrays: list[Any], directions: list[Any]) -> list[Any]:
    """The second derivative of a number along a direction: the gradient's change to each array."""
    backend = framework(name)
    if name == "jax":
        jax = backend.jax
        places = tuple(range(len(arrays)))
        given = [tuple(map(backend.tensor, each)) for each in (arrays, directions)]
        return [
            np.asarray(found) for found in jax.jit(lambda *given: jax.jvp(jax.grad(energy, places), *given)[1])(*given)
        ]
    if name == "torch":
        return list(
            map(
                backend.numpy,
                backend.torch.autograd.functional.vhp(
                    energy, tuple(map(backend.tensor, arrays)), tuple(map(backend.tensor, directions))
                )[1],
            )
        )
    tf = backend.tf

    @tf.function
    def second(*variables: Any) -> Any:
        with tf.GradientTape() as outer:
            outer.watch(variables)
            with tf.GradientTape() as inner:
                inner.watch(variables)
                total = energy(*variables)
            found = inner.gradient(total, variables)
            moved = tf.add_n([tf.reduce_sum(one * other) for one, other in zip(found, directions, strict=True)])
        return outer.gradient(moved, variables)

    return [gradient.numpy() for gradient in second(*map(tf.constant, arrays))]


def cubed(name: str, out: Any) -> Any:
    return framework(name).tf.reduce_sum(out**3) if name == "tensorflow" else (out**3).sum()


@pytest.mark.parametrize("name", ENGINES)
@on_every_route
def test_the_second_derivative_is_how_the_first_changes(name: str, op: str, route: str, mode: Any) -> None:
    case = asked(op, mode, (1, 5, 4, 2), (3, 2, 2, 2), padding=1)
    rng = np.random.default_rng(4)
    arrays, directions = list(case.arrays), [rng.normal(size=shape) for shape in case.shapes]

    def gradient(step: float) -> list[Any]:
        moved = [array + step * by for array, by in zip(arrays, directions, strict=True)]
        cotangent = 3 * case.call(*moved) ** 2
        return slopes(name, case, moved, cotangent, route=route)

    found = along(name, lambda *given: cubed(name, case.call(*given, route=route)), arrays, directions)
    for one, after, before in zip(found, gradient(1e-4), gradient(-1e-4), strict=True):
        want = (after - before) / 2e-4
        scale = np.abs(want).max()
        assert scale > 1
        assert_close(one / scale, want / scale, "float32", f"{name} {route} {case}")


# PyTorch's own transforms use what it has deprecated itself.
its_own = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")


@its_own
@pytest.mark.skipif("torch" not in CHOSEN, reason="needs torch")
@on_every_route
def test_torch_checks_every_second_derivative(op: str, route: str, mode: Any) -> None:
    torch = framework("torch").torch
    case = asked(op, mode, (1, 3, 2, 2), (2, 2, 2, 1), padding=1)
    tensors = [torch.as_tensor(array).requires_grad_() for array in case.arrays]
    forward_too = {"fast_mode": True, "check_forward_ad": True}
    assert torch.autograd.gradcheck(lambda *given: case.call(*given, route=route), tensors, **forward_too)
    assert torch.autograd.gradgradcheck(lambda *given: case.call(*given, route=route), tensors, fast_mode=True)


@its_own
@pytest.mark.skipif("torch" not in CHOSEN, reason="needs torch")
@on_every_route
def test_torch_func_agrees_in_either_mode(op: str, route: str, mode: Any) -> None:
    torch = framework("torch").torch
    case = asked(op, mode, (1, 3, 2, 2), (2, 2, 2, 1), padding=1)
    x, *rest = map(torch.as_tensor, case.arrays)

    def energy(x: Any) -> Any:
        return (case.call(x, *rest, route=route) ** 3).sum()

    func, want = torch.func, torch.autograd.functional.hessian(energy, x)
    for found in (func.hessian(energy), func.jacrev(func.jacrev(energy)), func.jacfwd(func.jacfwd(energy))):
        torch.testing.assert_close(found(x), want)
    each = func.vmap(func.grad(energy))(torch.stack([x, 2 * x]))
    torch.testing.assert_close(each[1], func.grad(energy)(2 * x))


@its_own
@pytest.mark.skipif("torch" not in CHOSEN, reason="needs torch")
def test_torch_func_goes_through_uneven_zeros() -> None:
    torch = framework("torch").torch
    x, kernel = torch.rand(1, 7, 7, 1, dtype=torch.float64), torch.rand(2, 2, 1, 2, dtype=torch.float64)

    def energy(x: Any, kernel: Any) -> Any:
        return (convpad.conv(x, kernel, padding="same") ** 3).sum()

    assert convpad.plan(x.shape, kernel.shape, padding="same", backend="torch").route == "native"
    for place in (0, 1):
        found = torch.func.hessian(energy, place)(x, kernel)
        torch.testing.assert_close(found, torch.func.jacrev(torch.func.jacrev(energy, place), place)(x, kernel))
    tensors = [x.requires_grad_(), kernel.requires_grad_()]
    assert torch.autograd.gradcheck(energy, tensors, fast_mode=True, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(energy, tensors, fast_mode=True)
