"""Who answers? From the arguments of a public function to a problem, a plan, and the backend of its tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from convpad import reference
from convpad.errors import ShapeError, refuse
from convpad.ops._backends import backend_named, backend_of
from convpad.ops.plan import Plan, Route, choose, route_named
from convpad.problem import OPS, Problem, Shape, pose, pose_pad, rank_of
from convpad.spec import Learned, Padding

__all__ = ["answer", "plan"]

MAX_RANK = 3
"""Backends convolve along up to three axes; the oracle along any number."""


def answer(
    op: str,
    run: Callable[..., Any],
    arrays: tuple[Any, ...],
    padding: Any,
    padding_mode: Any,
    *,
    route: str | None = None,
    **options: Any,
) -> Any:
    """Poses the problem, plans it, and has the backend of the arrays (or the oracle) run the plan."""
    name, backend = backend_of(*arrays)
    x = arrays[0]
    shapes = [tuple(a.shape) if backend is None or not backend.owns(a) else backend.shape(a) for a in arrays]
    spec = Padding.parse(padding, padding_mode, rank=rank_of(shapes[0]))
    problem = _posed(op, shapes, spec, options)
    dtypes = [a.dtype.name if backend is None or not backend.owns(a) else backend.dtype(a) for a in arrays]
    _check_dtypes(op, dtypes)
    _check_values(spec, dtypes[0])
    chosen = _chosen(problem, name, route_named(route))
    if backend is None:
        return reference.solve(problem, spec.values, *arrays)
    like = next(a for a in arrays if backend.owns(a))
    tensors = [a if backend.owns(a) else backend.tensor(a, like) for a in (x, *arrays[1:])]
    return run(backend, chosen, spec.values, *tensors)


def _posed(op: str, shapes: list[Shape], spec: Padding, options: dict[str, Any]) -> Problem:
    if op == "pad":
        return pose_pad(shapes[0], spec, **options)
    if spec.rank > MAX_RANK:
        raise ShapeError(
            f"A window moves along one, two or three spatial axes. Received: an input with {spec.rank}. "
            "Fold the others into the batch."
        )
    if op in ("max_pool", "average_pool"):
        return pose(op, shapes[0], options.pop("pool_size"), spec, **options)
    _, kernel, *pointwise = shapes
    return pose(op, shapes[0], kernel, spec, pointwise_shape=pointwise[0] if pointwise else (), **options)  # pyright: ignore


@lru_cache(maxsize=4096)
def _chosen(problem: Problem, name: str, route: Route | None) -> Plan:
    if name == "numpy":
        return choose(problem, name, lambda problem, ignored: "NumPy arrays go to the oracle, which pads", route)
    return choose(problem, name, backend_named(name).native, route)


def _is_floating(dtype: str) -> bool:
    return "float" in dtype


def _check_dtypes(op: str, dtypes: list[str]) -> None:
    if op == "pad":
        return
    if op == "max_pool":
        if dtypes[0] == "bool" or "complex" in dtypes[0]:
            raise ShapeError(f"A maximum needs values in order. Received: dtype {dtypes[0]}. Cast it first.")
    elif not all(map(_is_floating, dtypes)):
        raise ShapeError(f"{op} computes in floating point. Received: {', '.join(dtypes)}. Cast to a float dtype first.")
    if len(set(dtypes)) > 1:
        raise ShapeError(f"The input and its kernels must be of one dtype. Received: {', '.join(dtypes)}. Cast them.")


def _check_values(spec: Padding, dtype: str) -> None:
    """Constants must be values of the input's dtype: 0.5 among integers would quietly become 0."""
    for value in (value for pair in spec.values for value in pair):
        if isinstance(value, Learned):
            raise refuse("padding_mode", "carry its value here", value, "Learned needs a layer: give Constant(tensor).")
        numbers = value if isinstance(value, tuple) else (value,) if isinstance(value, (int, float)) else ()  # pyright: ignore
        if _is_floating(dtype) or "complex" in dtype:
            continue
        low, high = (0, 1) if dtype == "bool" else _integer_range(dtype)
        for number in numbers:  # pyright: ignore
            if number != number or not low <= number <= high or number != int(number):  # pyright: ignore
                raise ShapeError(f"A constant must be a value of the input's dtype, {dtype}. Received: {number!r}.")


def _integer_range(dtype: str) -> tuple[int, int]:
    bits = int(dtype.lstrip("uint"))
    return (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def plan(
    x: Any,
    kernel: Any,
    *,
    op: str = "conv",
    padding: Any = "valid",
    padding_mode: Any = None,
    backend: str | None = None,
    route: str | None = None,
    **options: Any,
) -> Plan:
    """Says how an operation would be computed, and why, from shapes alone.

    Example:

    >>> import convpad
    >>> print(convpad.plan((1, 32, 32, 3), (3, 3, 3, 8), padding="same", padding_mode="reflect", backend="jax"))
    padded on jax: no backend pads with reflect itself
    >>> convpad.plan((1, 32, 32, 3), 2, op="max_pool", strides=2, backend="jax").output_shape
    (1, 16, 16, 3)

    Args:
        x: the input's shape, None for what is unknown; or the input.
        kernel: the kernel's shape; or the kernel. For pools, the pool's size. For `separable_conv` a pair: the
            depthwise and the pointwise kernel.
        op: `"conv"`, `"depthwise_conv"`, `"separable_conv"`, `"conv_transpose"`, `"max_pool"` or `"average_pool"`.
        padding, padding_mode: as the operation takes them.
        backend: `"jax"`, `"tensorflow"`, `"torch"` or `"numpy"`; None is the backend of `x` where `x` is a tensor,
            and else NumPy.
        route: the route to take, or None for the best.
        options: the operation's other arguments (`strides`, `dilation_rate`, `groups`, `data_format`,
            `output_padding`).

    Raises:
        PaddingError: what the operation would raise for such arguments.
    """
    if op not in OPS:
        raise refuse("op", f"be one of {', '.join(map(repr, OPS))}", op)
    pooled = op in ("max_pool", "average_pool")
    name = backend
    if name is None:
        name = backend_of(x)[0] if hasattr(x, "dtype") else "numpy"
    kernels = kernel if op == "separable_conv" else (kernel,)
    shapes = [tuple(getattr(a, "shape", a)) for a in ((x,) if pooled else (x, *kernels))]
    spec = Padding.parse(
        padding, ("ignore" if pooled else "zeros") if padding_mode is None else padding_mode, rank=rank_of(shapes[0])
    )
    if pooled:
        options["pool_size"] = kernel
        options["strides"] = kernel if options.get("strides") is None else options["strides"]
    return _chosen(_posed(op, shapes, spec, options), name, route_named(route))
