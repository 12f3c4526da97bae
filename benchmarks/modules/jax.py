"""JAX: our `Conv` for Flax and our `Conv2d` for Equinox, theirs, and theirs behind a pad, all under `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.modules import Contestant, Group, arrays
from benchmarks.modules.rows import AGAIN, OURS, ModuleRow

__all__ = ["forget", "groups"]

Call = Callable[[Any, Any, Any], Any]
"""`(x, weight, bias) -> output`."""


def _contestant(call: Call, tensors: tuple[Any, ...]) -> Contestant:
    x, weight, bias, cotangent = tensors

    def differentiated(x: Any, weight: Any, bias: Any, cotangent: Any) -> tuple[Any, ...]:
        output, pullback = jax.vjp(call, x, weight, bias)
        return (output, *pullback(cotangent))

    forward, gradient = jax.jit(call), jax.jit(differentiated)
    return Contestant(
        lambda: jax.block_until_ready(forward(x, weight, bias)),
        lambda: jax.block_until_ready(gradient(x, weight, bias, cotangent)),
        np.asarray,
    )


def _wrapped(x: Any, row: ModuleRow, axis: int) -> Any:
    """Pad one axis around, as it is written by hand."""
    pairs = [(0, 0)] * x.ndim
    pairs[axis] = (row.window // 2,) * 2
    return jnp.pad(x, pairs, mode="wrap")


def _flax_call(kind: Any, row: ModuleRow, *, wrapped: bool = False, **options: Any) -> Call:
    """Return the call of a module that gets weight and bias from outside: channels last."""
    from flax import nnx

    window, sides = (row.window,) * 2, (row.channels, row.filters)
    with jax.ensure_compile_time_eval():
        layer = kind(*sides, window, strides=row.stride, feature_group_count=row.groups, rngs=nnx.Rngs(0), **options)
    graph, state = nnx.split(layer)

    def call(x: Any, weight: Any, bias: Any) -> Any:
        leaves = {weight.shape: weight, bias.shape: bias}
        own = jax.tree.map(lambda leaf: leaves[leaf.shape], state)
        return nnx.merge(graph, own)(_wrapped(x, row, 2) if wrapped else x)

    return call


def _flax(row: ModuleRow, mode: str) -> dict[str, Call]:
    from flax import nnx

    import convpad.flax as convpad_flax

    half = row.window // 2
    match mode:
        case "zeros" | "same":
            # Flax pads an amount in numbers as it is told; "SAME" is TensorFlow's.
            padding: Any = ((half, half),) * 2 if mode == "zeros" else "SAME"
            theirs = {"flax": _flax_call(nnx.Conv, row, padding=padding)}
            theirs[AGAIN] = _flax_call(nnx.Conv, row, padding=padding)
            ours = _flax_call(convpad_flax.Conv, row, padding=padding)
        case "zeros x circular":
            theirs = {"jnp.pad": _flax_call(nnx.Conv, row, padding=((half, half), (0, 0)), wrapped=True)}
            ours = _flax_call(convpad_flax.Conv, row, padding=((half, half),) * 2, padding_mode=row.spelled(mode))
        case _:
            theirs = {"flax": _flax_call(nnx.Conv, row, padding=mode.upper())}
            ours = _flax_call(convpad_flax.Conv, row, padding=mode.upper())
    return {**theirs, OURS: ours}


def _equinox_call(kind: Any, row: ModuleRow, *, wrapped: bool = False, **options: Any) -> Call:
    """Return the call of a module that gets weight and bias from outside: channels first, mapped over the batch."""
    import equinox

    sides = (row.channels, row.filters, row.window)
    layer = kind(*sides, stride=row.stride, groups=row.groups, key=jax.random.PRNGKey(0), **options)

    def call(x: Any, weight: Any, bias: Any) -> Any:
        own = equinox.tree_at(lambda one: (one.weight, one.bias), layer, (weight, bias))
        return jax.vmap(lambda image: own(_wrapped(image, row, 2) if wrapped else image))(x)

    return call


def _equinox(row: ModuleRow, mode: str) -> dict[str, Call]:
    from equinox import nn

    import convpad.equinox as convpad_equinox

    half = row.window // 2
    match mode:
        case "zeros" | "same":
            padding: Any = half if mode == "zeros" else "SAME"
            theirs = {"equinox": _equinox_call(nn.Conv2d, row, padding=padding)}
            theirs[AGAIN] = _equinox_call(nn.Conv2d, row, padding=padding)
            ours = _equinox_call(convpad_equinox.Conv2d, row, padding=padding)
        case "zeros x circular":
            theirs = {"jnp.pad": _equinox_call(nn.Conv2d, row, padding=((half, half), (0, 0)), wrapped=True)}
            ours = _equinox_call(convpad_equinox.Conv2d, row, padding=half, padding_mode=row.spelled(mode))
        case _:
            theirs = {"equinox": _equinox_call(nn.Conv2d, row, padding=half, padding_mode=mode.upper())}
            ours = _equinox_call(convpad_equinox.Conv2d, row, padding=half, padding_mode=mode)
    return {**theirs, OURS: ours}


def _flax_tensors(row: ModuleRow) -> tuple[Any, ...]:
    x, weight, bias, cotangent = arrays(row)
    return tuple(
        jnp.asarray(array)
        for array in (np.moveaxis(x, 1, -1), np.transpose(weight, (2, 3, 1, 0)), bias, np.moveaxis(cotangent, 1, -1))
    )


def _equinox_tensors(row: ModuleRow) -> tuple[Any, ...]:
    x, weight, bias, cotangent = arrays(row)
    return tuple(jnp.asarray(array) for array in (x, weight, bias[:, None, None], cotangent))


HOSTS: dict[str, tuple[Callable[[ModuleRow, str], dict[str, Call]], Callable[[ModuleRow], tuple[Any, ...]]]] = {
    "flax": (_flax, _flax_tensors),
    "equinox": (_equinox, _equinox_tensors),
}


def groups(row: ModuleRow, mode: str) -> Iterator[Group]:
    """Yield the contestants on Flax and on Equinox."""
    for host, (calls, tensors_of) in HOSTS.items():
        tensors = tensors_of(row)
        yield Group(host, {name: _contestant(call, tensors) for name, call in calls(row, mode).items()})


def forget() -> None:
    """Forget compiled programs."""
    jax.clear_caches()
