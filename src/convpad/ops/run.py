"""Runs an operation on tensors: finds their backend, and the executor for their shapes and dtypes.

What depends on arguments, shapes, dtypes and circumstances alone is decided once and cached, up to the executor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, cast

from convpad import reference, tuning
from convpad.backends import backend_named, plain_backend, tensors_of
from convpad.backends.base import Backend, Context
from convpad.core.errors import refuse
from convpad.core.operation import OPS, POOLS, Operation
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.problem import Problem, known_shape, make_problem, rank_of
from convpad.ops.dtypes import check_dtypes, check_values
from convpad.ops.extension import Values
from convpad.ops.plan import Plan, choose, route_named
from convpad.ops.prepared import permuted, with_bias
from convpad.ops.routes import Executor, prepare

_ARRAYS = {
    "pad": ("x",),
    "conv": ("x", "kernel"),
    "depthwise_conv": ("x", "kernel"),
    "separable_conv": ("x", "depthwise_kernel", "pointwise_kernel"),
    "conv_transpose": ("x", "kernel"),
    "max_pool": ("x",),
    "average_pool": ("x",),
}
"""The arrays of each operation, by the names of the functions' arguments."""

_POOL_SIZE: dict[str, tuple[str, ...]] = dict.fromkeys(POOLS, ("pool_size",))
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    op: ("padding", "padding_mode", *_POOL_SIZE.get(op, ()), *OPS.get(op, ("data_format",))) for op in _ARRAYS
}
"""The other arguments of each operation, in the order in which the functions give them to `call`."""


class Oracle(Backend):
    """NumPy, as a plan sees it: its arrays go to the oracle, which pads."""

    name = "numpy"
    dilated_pools = frozenset(POOLS)

    def why_not_native(self, problem: Problem, *, ignored: bool) -> str:
        return "NumPy arrays go to the oracle, which pads"


_ORACLE = Oracle()


class CallKey:
    """The arguments of a call as they were written, compared by value and type: 1 is not True, and 0.0 is not -0.0."""

    __slots__ = ("_hash", "_key", "arguments")

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        """Freeze the arguments; raise a `TypeError` where one is a tensor, as such a call is not cached."""
        self.arguments = arguments
        self._key = tuple([value if type(value) in _ATOMS else _freeze(value) for value in arguments])
        self._hash = hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CallKey) and self._key == other._key


_ATOMS = (str, int, type(None))


def _freeze(value: Any) -> Any:
    kind = cast("type[Any]", type(value))
    if kind in _ATOMS:
        return value
    if kind is tuple or kind is list:
        return tuple([entry if type(entry) in _ATOMS else _freeze(entry) for entry in value])
    if kind is float:
        return float, value.hex()  # NaN is found again
    if kind is bool:
        return bool, value
    if kind is Constant and isinstance(value.value, (int, float, tuple)):  # pyright: ignore[reportUnknownMemberType]
        return Constant, _freeze(value.value)  # pyright: ignore[reportUnknownMemberType]
    if kind is Padding and not value.has_tensors:
        return Padding, value.amounts, value.modes, _freeze(value.values)
    raise TypeError(f"cannot be compared: {kind}")


def call(op: str, arrays: Sequence[Any], route: Any, *arguments: Any) -> Any:
    """Run an operation on arrays, with arguments as they were written, in the order of `_ARGUMENTS`.

    Every public function does this.
    """
    backend, tensors = tensors_of(_ARRAYS[op], arrays)
    owner = backend or _ORACLE
    context, shapes, dtypes = owner.facts(tensors)
    if context.autocast:
        without_casts, tensors = owner.autocast(tensors)
        with without_casts:
            return call(op, tensors, route, *arguments)
    route = None if route is None else route_named(route)
    try:
        key = CallKey(arguments)
    except TypeError:
        operation, values = _parse(op, shapes[0], dict(zip(_ARGUMENTS[op], arguments, strict=True)))
        facts = (_with_trained_values(context), shapes, dtypes, route, tuning.STATE.version)
        return owner.call_cached(_executor, operation, owner.name, *facts)(values, *tensors)
    facts = (context, shapes, dtypes, route, tuning.STATE.version)
    prepared, values = owner.call_cached(_prepared, op, key, owner.name, *facts)
    return prepared(values, *tensors)


def run(operation: Operation, values: Values, arrays: Sequence[Any], *bias: Any) -> Any:
    """Run a parsed operation, with tensors in the place of trained values. Every layer does this.

    `bias`, a tensor or None, is given where kernels are in PyTorch's order, and added to the output.
    """
    backend, tensors = tensors_of(_ARRAYS[operation.op], arrays)
    owner = backend or _ORACLE
    context, shapes, dtypes = owner.facts(tensors)
    if context.autocast:
        without_casts, tensors = owner.autocast(tensors)
        if bias and bias[0] is not None:
            bias = (bias[0].to(tensors[0].dtype),)
        with without_casts:
            return run(operation, values, tensors, *bias)
    if operation.padding.has_tensors:
        context = _with_trained_values(context)
    facts = (context, shapes, dtypes, None, tuning.STATE.version)
    return owner.call_cached(_executor, operation, owner.name, *facts)(values, *tensors, *bias)


def executor_of(operation: Operation, tensors: Sequence[Any]) -> Executor:
    """Return the executor of an operation on tensors like these, outside of autocast and of compilers.

    A module keeps it under their shapes, dtypes, device and want of a gradient, and `tuning.STATE.version`.
    """
    backend, tensors = tensors_of(_ARRAYS[operation.op], tensors)
    owner = backend or _ORACLE
    context, shapes, dtypes = owner.facts(tensors)
    return _executor(operation, owner.name, context, shapes, dtypes, None, tuning.STATE.version)


def _with_trained_values(context: Context) -> Context:
    """Return the context of a call whose constants are tensors: they may be trained, so a gradient is wanted."""
    return replace(context, gradient=True) if context.gradient is None else context


def _parse(op: str, shape: Any, arguments: dict[str, Any]) -> tuple[Operation, Values]:
    """Parse the arguments of a call on an input of that shape."""
    rank = rank_of(shape)
    padding = Padding.parse(arguments["padding"], arguments["padding_mode"], rank=rank, has_window=op != "pad")
    for value in (value for pair in padding.values for value in pair):
        if isinstance(value, Learned):
            raise refuse("padding_mode", "carry its value here", value, "Learned needs a layer: give Constant(tensor).")
    return Operation.parse(op, rank, **{**arguments, "padding": padding, "padding_mode": "zeros"}), padding.values


@lru_cache(maxsize=4096)
def _prepared(
    op: str, key: CallKey, name: str, context: Context, shapes: Any, dtypes: Any, route: Any, version: int
) -> tuple[Executor, Values]:
    operation, values = _parse(op, shapes[0], dict(zip(_ARGUMENTS[op], key.arguments, strict=True)))
    return _executor.__wrapped__(operation, name, context, shapes, dtypes, route, version, values), values


@lru_cache(maxsize=4096)
def _executor(
    operation: Operation,
    name: str,
    context: Context,
    shapes: Any,
    dtypes: Any,
    route: Any,
    version: int,
    values: Values | None = None,
) -> Executor:
    """Return the executor of an operation on tensors of these shapes and dtypes.

    `version` is part of the key alone: a replaced threshold makes a new entry.
    """
    problem = make_problem(operation, *shapes)
    check_dtypes(problem, dict(zip(_ARRAYS[operation.op], dtypes, strict=True)))
    check_values(operation.padding.values if values is None else values, dtypes[0])
    if name == "numpy":
        choose(problem, name, _ORACLE, context, route=route)
        return partial(reference.solve, problem)
    backend = backend_named(name)
    if context.traced or tuning.STATE.portable_pads:
        context = replace(context, traced=True)
        backend = plain_backend(name, sliced_pads=tuning.STATE.portable_pads > 0)
    executor = prepare(backend, choose(problem, name, backend, context, route=route, dtype=dtypes[0]))
    if operation.filters_first:
        return with_bias(backend, executor, problem, context, operation.padding.values)
    if operation.op in ("conv", "depthwise_conv") and not context.traced:
        executor = permuted(backend, executor, problem, context, operation.padding.values)
    return backend.compiled(executor, operation.padding.values)


def plan_of(
    operation: Operation,
    backend: str,
    *shapes: Any,
    route: Any = None,
    context: Context | None = None,
    dtype: str = "float32",
) -> Plan:
    """Return the plan of an operation on shapes, the input's first, then the kernels', and on one dtype."""
    problem, planner = make_problem(operation, *shapes), _ORACLE if backend == "numpy" else backend_named(backend)
    return choose(problem, backend, planner, context or planner.context(), route=route_named(route), dtype=dtype)


def plan(
    input_shape: Any,
    kernel_shape: Any,
    *,
    op: str = "conv",
    padding: Any = "valid",
    padding_mode: Any = None,
    backend: str | None = None,
    route: str | None = None,
    **options: Any,
) -> Plan:
    """Say how an operation would be computed, and why, from shapes alone.

    Example:

    >>> import convpad
    >>> print(convpad.plan((1, 7, 7, 3), (3, 3, 3, 8), padding="same", padding_mode="reflect", backend="jax"))
    padded on jax: no backend's operation pads with reflect, and correction was not found faster here
    >>> convpad.plan((1, 32, 32, 3), 2, op="max_pool", strides=2, backend="jax").output_shape
    (1, 16, 16, 3)

    Args:
        input_shape: None for what is unknown.
        kernel_shape: the shape of the kernel. For pools, the pool's size. For `separable_conv` a pair: the shapes of
            the depthwise and the pointwise kernel.
        op: `"conv"`, `"depthwise_conv"`, `"separable_conv"`, `"conv_transpose"`, `"max_pool"` or `"average_pool"`.
        padding, padding_mode: as the operation takes them.
        backend: `"jax"`, `"tensorflow"`, `"torch"` or `"numpy"`; None is NumPy.
        route: the route to take, or None for the best.
        options: the operation's other arguments (`strides`, `dilation_rate`, `groups`, `data_format`,
            `output_padding`, `ceil_mode`).

    Raises:
        PaddingError: what the operation would raise for such arguments.
    """
    if op not in list(OPS):
        raise refuse("op", f"be one of {', '.join(map(repr, OPS))}", op)
    for option in options:
        if option not in OPS[op]:
            raise refuse(option, f"not be given to {op}, which takes {', '.join(OPS[op])}", options[option])
    kernels: list[Any] = [kernel_shape]
    if op in POOLS:
        options, kernels = {"pool_size": kernel_shape, "strides": None, **options}, []
    elif op == "separable_conv":
        kernels = list(cast("tuple[Any, ...]", kernel_shape)) if isinstance(kernel_shape, (tuple, list)) else []
        if len(kernels) != 2:
            allowed = "be a pair for separable_conv: the depthwise and the pointwise kernel's shape"
            raise refuse("kernel_shape", allowed, cast("object", kernel_shape))
    shape = known_shape("input_shape", input_shape)
    mode = padding_mode if padding_mode is not None else "ignore" if op in POOLS else "zeros"
    operation = Operation.parse(op, rank_of(shape), padding=padding, padding_mode=mode, **options)
    return plan_of(operation, backend or "numpy", shape, *kernels, route=route)
