"""A primitive for JAX that runs a layer on one example, or under `jax.vmap` on all examples as one batch.

How a convolution is computed best depends on the size of its batch, and `jax.vmap` would batch every operation of the
way that is best for one example. Where it is differentiated the primitive is replaced by the operations within.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from convpad.equinox.computations import Computation
from convpad.tuning import STATE


def run_layer(computation: Computation, x: Any, *parameters: Any) -> jax.Array:
    """Return the output of a layer for one input, channels first, or for inputs with more axes before."""
    if STATE.portable_pads:
        return _run(x, *parameters, computation=computation)
    return _layer.bind(x, *parameters, computation=computation, version=STATE.version)  # pyright: ignore


def _run(x: jax.Array, *parameters: jax.Array, computation: Computation) -> jax.Array:
    lead = x.shape[: x.ndim - computation.rank - 1]
    if len(lead) == 1:  # whose size may be open
        return computation(x, *parameters)
    out = computation(x.reshape(-1, *x.shape[len(lead) :]) if lead else x[None], *parameters)
    return out.reshape(*lead, *out.shape[1:]) if lead else out[0]


# `version` is that of the thresholds: others may mean another program.
@partial(jax.jit, static_argnames=("computation", "version"), inline=True)
def _compiled(x: jax.Array, *parameters: jax.Array, computation: Computation, version: int) -> jax.Array:
    return _run(x, *parameters, computation=computation)


def _shaped(*arrays: Any, **static: Any) -> Any:
    out = jax.eval_shape(partial(_compiled, **static), *arrays)
    return ShapedArray(out.shape, out.dtype)


def _jvp(primals: Sequence[Any], tangents: Sequence[Any], **static: Any) -> tuple[Any, Any]:
    moving = [place for place, tangent in enumerate(tangents) if not isinstance(tangent, ad.Zero)]

    def function(*moved: Any) -> Any:
        arrays = list(primals)
        for place, array in zip(moving, moved, strict=True):
            arrays[place] = array
        return _compiled(*arrays, **static)

    return jax.jvp(function, [primals[place] for place in moving], [tangents[place] for place in moving])


def _transpose(cotangent: Any, *arrays: Any, **static: Any) -> list[Any]:
    places = [place for place, array in enumerate(arrays) if ad.is_undefined_primal(array)]

    def function(*linear: Any) -> Any:
        filled = list(arrays)
        for place, array in zip(places, linear, strict=True):
            filled[place] = array
        return _compiled(*filled, **static)

    shapes = [jax.ShapeDtypeStruct(arrays[place].aval.shape, arrays[place].aval.dtype) for place in places]
    cotangents = iter(jax.linear_transpose(function, *shapes)(cotangent))
    return [next(cotangents) if place in places else None for place in range(len(arrays))]


def _batched(arrays: Sequence[Any], axes: Sequence[int | None], **static: Any) -> tuple[Any, int]:
    """Batch the primitive: many inputs of one layer are a batch; many layers are computed as JAX batches operations."""
    x, *parameters = arrays
    if any(axis is not None for axis in axes[1:]):
        return jax.vmap(partial(_compiled, **static), tuple(axes))(*arrays), 0
    return _layer.bind(jnp.moveaxis(x, axes[0] or 0, 0), *parameters, **static), 0  # pyright: ignore


# Its name is in the refusals of exporters that do not know it (jax2onnx): it says how to do without.
_layer = Primitive("convpad_layer, absent within convpad.portable_pads()")
_layer.def_impl(_compiled)
_layer.def_abstract_eval(_shaped)
ad.primitive_jvps[_layer] = _jvp
ad.primitive_transposes[_layer] = _transpose
batching.primitive_batchers[_layer] = _batched
mlir.register_lowering(_layer, mlir.lower_fun(_compiled, multiple_results=False))
