"""Flax's layers beside ours: the same arguments, the same first values, in one program."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from compare import assert_close
from flax import nnx

from convpad.core.problem import parse_problem


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def made(kind: Any, *arguments: Any, seed: int = 0, **options: Any) -> Any:
    """A layer with a kernel and a bias of NumPy's: JAX would compile a program for each shape."""
    init = lambda key, shape, dtype: jnp.asarray(numbers(*shape, seed=seed), dtype)  # noqa: E731
    return kind(*arguments, **{"kernel_init": init, "bias_init": init, "rngs": nnx.Rngs(seed), **options})


def outputs_and_gradients(layers: list[Any], x: Any) -> list[tuple[Any, Any, Any]]:
    """The outputs of each layer, and the gradients of their weighted sum to its parameters and the input."""
    parts = [nnx.split(layer, nnx.Param, ...) for layer in layers]

    def run(part: Any, params: Any, x: Any) -> tuple[Any, Any]:
        graph, _, rest = part
        out = nnx.merge(graph, params, rest)(x)
        weights = jnp.cos(jnp.arange(out.size, dtype="float32")).reshape(out.shape)
        return (out.astype("float32") * weights).sum(), out

    @jax.jit
    def program(x: Any) -> list[Any]:
        answers: list[Any] = []
        for part in parts:
            step = jax.value_and_grad(run, argnums=(1, 2), has_aux=True)
            (_, out), (params, dx) = step(part, part[1], x)
            answers.append((out, nnx.to_pure_dict(params), dx))
        return answers

    return program(jnp.asarray(x))


def assert_equal_layers(ours: Any, theirs: Any, x: Any, where: str = "", dtype: str = "float32") -> None:
    """Equal parameters, outputs and gradients."""
    mine, flaxs = nnx.to_pure_dict(nnx.state(ours, nnx.Param)), nnx.to_pure_dict(nnx.state(theirs, nnx.Param))
    assert mine.keys() == flaxs.keys(), where
    for name, value in mine.items():
        assert value.dtype == flaxs[name].dtype, where
        np.testing.assert_array_equal(np.asarray(value, "float32"), np.asarray(flaxs[name], "float32"))
    (out, params, dx), (want, want_params, want_dx) = outputs_and_gradients([ours, theirs], x)
    assert out.dtype == want.dtype, where
    assert_close(out, want, dtype, f"{where}: outputs")
    assert_close(dx, want_dx, dtype, f"{where}: gradient of the inputs")
    for name, value in params.items():
        assert_close(value, want_params[name], dtype, f"{where}: gradient of {name}")


def problem_of(layer: Any, x: Any) -> Any:
    """The problem that the oracle is asked, posed from what the layer was made of."""
    operation, kernel = layer._operation, tuple(layer.kernel_shape)
    options: dict[str, Any] = {"strides": operation.strides, "dilation_rate": operation.dilation}
    if operation.op == "conv_transpose":
        kernel = (*layer.kernel_size, layer.out_features, layer.in_features)
    elif operation.op == "depthwise_conv":
        kernel = (*layer.kernel_size, layer.in_features, layer.out_features // layer.in_features)
    if operation.op != "depthwise_conv":
        options["groups"] = operation.groups
    return parse_problem(operation.op, x.shape, kernel, operation.padding, **options)


def kernel_of(layer: Any, problem: Any) -> Any:
    """The kernel as the oracle has it."""
    kernel = np.asarray(layer.kernel[...], "float64")
    if problem.op == "conv_transpose" and not layer.transpose_kernel:
        return np.flip(kernel, tuple(range(layer.rank))).swapaxes(-1, -2)
    return kernel.reshape(problem.kernel_shape)
