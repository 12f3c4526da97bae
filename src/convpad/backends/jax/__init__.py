"""JAX: tensors are `jax.Array`, tracers too."""

from __future__ import annotations

from convpad.backends.base import Backend
from convpad.backends.jax import convolutions, padding, plain, programs, tensors


class JaxBackend(Backend):
    """The functions of the files of this folder, as methods."""

    name = "jax"


BACKEND = JaxBackend(convolutions, padding, programs, tensors, plain=plain)
