"""Computations of the layers, without their arrays: frozen, compared and hashed as static fields of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from convpad.backends.jax.tensors import shape
from convpad.core.amounts import Amount, explicit
from convpad.core.operation import Operation
from convpad.core.padding import Padding
from convpad.ops.extension import Values
from convpad.ops.plan import Plan, Route
from convpad.ops.run import plan_of, run


@dataclass(frozen=True, slots=True, weakref_slot=True)  # JAX keeps what it caches no longer than these
class Computation:
    """The computation of a layer without its arrays: `computation(x, *parameters, *trained values)` for a batch.

    Args:
        operation: the parsed operation.
        trained: the number of the trained value for each side of each axis, None where there is none.
    """

    operation: Operation
    trained: tuple[tuple[int | None, ...], ...]

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return self.operation.rank

    def __call__(self, x: jax.Array, *arrays: jax.Array) -> jax.Array:
        """Return the outputs for a batch of inputs, channels second."""
        raise NotImplementedError

    def plan(self, input_shape: tuple[int | None, ...], *arrays: jax.Array) -> Plan:
        """Return the plan for a batch of inputs of that shape."""
        raise NotImplementedError

    def values(self, arrays: Sequence[jax.Array], dtype: Any) -> Values:
        """Return the constants of the padding, the trained ones as arrays of the inputs' dtype."""
        declared = self.operation.padding.values
        tensors = [array.astype(dtype) for array in arrays]
        return tuple(
            (before if first is None else tensors[first], after if last is None else tensors[last])
            for (before, after), (first, last) in zip(declared, self.trained, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Convolution(Computation):
    """The computation of a convolution: `(x, weight, bias, *trained values)`, without bias where none is used.

    Args:
        groups: of the channels.
        use_bias: whether there is a bias.
    """

    groups: int
    use_bias: bool

    def __call__(self, x: jax.Array, *arrays: jax.Array) -> jax.Array:
        """Return the outputs for a batch of inputs, channels second."""
        weight, *others = arrays
        bias = others.pop(0) if self.use_bias else None
        out = self._by_xla(x, weight) if self.operation.op == "conv_transpose" else None
        if out is None:
            out = run(self.operation, self.values(others, x.dtype), (x, self.kernel(weight)))
        return out if bias is None else out + bias

    def _by_xla(self, x: jax.Array, weight: jax.Array) -> jax.Array | None:
        """Return the transposed convolution that XLA computes as it is, its weight not reversed; None for another."""
        plan = self.plan(shape(x), weight)
        problem = plan.problem
        rows = list(zip(problem.windows, problem.pads, problem.leftovers, strict=True))
        pads = [(it.span - 1 - before, it.span - 1 - after + beyond) for it, (before, after), beyond in rows]
        # Negative pads are wrong under jit (openxla/xla#48715).
        if (plan.route, plan.kernel) != (Route.NATIVE, "framework") or min(map(min, pads)) < 0:
            return None
        return jax.lax.conv_general_dilated(
            x,
            weight,
            (1,) * self.rank,
            pads,
            lhs_dilation=problem.strides,
            rhs_dilation=problem.dilation,
            feature_group_count=self.groups,
        )

    def plan(self, input_shape: tuple[int | None, ...], *arrays: jax.Array) -> Plan:
        """Return the plan for a batch of inputs of that shape."""
        kernel = jax.eval_shape(self.kernel, arrays[0])
        return plan_of(self.operation, "jax", input_shape, kernel.shape, dtype=kernel.dtype.name)

    def kernel(self, weight: jax.Array) -> jax.Array:
        """Return a weight of Equinox as the kernel of the operation."""
        rank = self.rank
        if self.operation.op == "conv":
            return jnp.moveaxis(weight, (0, 1), (rank + 1, rank))
        filters, channels, *taps = weight.shape
        if self.operation.op == "depthwise_conv":
            grouped = weight.reshape(self.groups, filters // self.groups, *taps)
            return jnp.moveaxis(grouped, (0, 1), (rank, rank + 1))
        # Equinox's weight is that of the convolution that computes the adjoint: in the adjoint it is reversed.
        grouped = jnp.flip(weight, range(2, 2 + rank)).reshape(self.groups, filters // self.groups, channels, *taps)
        kernel = jnp.moveaxis(grouped, (0, 1, 2), (rank + 1, rank, rank + 2))
        return kernel.reshape(*taps, filters // self.groups, self.groups * channels)


@dataclass(frozen=True, slots=True)
class Pooling(Computation):
    """The computation of a pool: `(x,)`.

    Args:
        use_ceil: whether the number of outputs is rounded up, with more padding after each axis that needs it.
    """

    use_ceil: bool

    def __call__(self, x: jax.Array, *arrays: jax.Array) -> jax.Array:
        """Return the outputs for a batch of inputs, channels second."""
        return run(self._for_sizes(x.shape[2:]), self.operation.padding.values, (x,))

    def plan(self, input_shape: tuple[int | None, ...], *arrays: jax.Array) -> Plan:
        """Return the plan for a batch of inputs of that shape."""
        return plan_of(self._for_sizes(input_shape[2:]), "jax", input_shape)

    def _for_sizes(self, sizes: Sequence[Any]) -> Operation:
        """Return the operation for inputs of these sizes, with as much padding as complete windows need."""
        operation, amounts = self.operation, list[Amount]()
        if not self.use_ceil:
            return operation
        rows = zip(sizes, operation.padding.amounts, operation.pool_size, operation.strides, strict=True)
        for size, amount, taps, stride in rows:
            before, after = amount.pair_for(size, taps, stride)
            amounts.append(explicit(before, after + -(size + before + after - taps) % stride))
        padding = operation.padding
        return replace(operation, padding=Padding(tuple(amounts), padding.modes, padding.values))
