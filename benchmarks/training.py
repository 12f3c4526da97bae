"""Forward pass and training step of a whole network on each backend, as callables that block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

__all__ = ["forward_of", "training_of"]

Array = npt.NDArray[Any]
Run = Callable[[], Any]

RATE = 1e-6
"""So small that the weights hardly change: all steps do equal work."""


def forward_of(backend: str, model: Any, x: Array) -> Run:
    """Return a callable that runs the network on a batch."""
    return {"jax": _jax_forward, "tensorflow": _tensorflow_forward, "torch": _torch_forward}[backend](model, x)


def training_of(backend: str, model: Any, x: Array, target: Array) -> Run:
    """Return a callable that takes one step of gradient descent: the loss is the mean of (output * target)."""
    return {"jax": _jax_step, "tensorflow": _tensorflow_step, "torch": _torch_step}[backend](model, x, target)


def _jax_state(model: Any) -> tuple[list[Any], list[Any]]:
    return [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]


def _jax_forward(model: Any, x: Array) -> Run:
    import jax

    state, batch = _jax_state(model), jax.numpy.asarray(x)
    call = jax.jit(lambda trained, other, x: model.stateless_call(trained, other, x, training=False)[0])
    return lambda: jax.block_until_ready(call(*state, batch))


def _jax_step(model: Any, x: Array, target: Array) -> Run:
    import jax

    def loss(trained: Any, other: Any, x: Any, target: Any) -> Any:
        out, other = model.stateless_call(trained, other, x, training=True)
        return (out * target).mean(), other

    def step(trained: Any, other: Any, x: Any, target: Any) -> Any:
        (value, other), gradients = jax.value_and_grad(loss, has_aux=True)(trained, other, x, target)
        return value, [v - RATE * g for v, g in zip(trained, gradients, strict=True)], other

    state, batch, wanted, step = _jax_state(model), jax.numpy.asarray(x), jax.numpy.asarray(target), jax.jit(step)
    return lambda: jax.block_until_ready(step(*state, batch, wanted))


def _tensorflow_forward(model: Any, x: Array) -> Run:
    import tensorflow as tf

    batch, call = tf.constant(x), tf.function(lambda x: model(x, training=False))
    return lambda: call(batch)


def _tensorflow_step(model: Any, x: Array, target: Array) -> Run:
    import tensorflow as tf

    variables = [v.value for v in model.trainable_variables]

    @tf.function
    def step(x: Any, target: Any) -> Any:
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(model(x, training=True) * target)
        for variable, gradient in zip(variables, tape.gradient(value, variables), strict=True):
            variable.assign_sub(RATE * gradient)
        return value

    batch, wanted = tf.constant(x), tf.constant(target)
    return lambda: step(batch, wanted)


def _torch_forward(model: Any, x: Array) -> Run:
    import torch

    batch = torch.tensor(x)

    def run() -> Any:
        with torch.no_grad():
            return model(batch, training=False)

    return run


def _torch_step(model: Any, x: Array, target: Array) -> Run:
    import torch

    batch, wanted = torch.tensor(x), torch.tensor(target)
    parameters = [v.value for v in model.trainable_variables]

    def run() -> Any:
        value = (model(batch, training=True) * wanted).mean()
        gradients = torch.autograd.grad(value, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=RATE)
        return value

    return run
