"""Who answers? From the arguments of a public function to a problem, a plan, and the backend of its tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from convpad import reference
from convpad.errors import ShapeError, refuse
from convpad.ops._backends import backend_named, backend_of
from convpad.ops.dtypes import check_dtypes, check_values
from convpad.ops.plan import Plan, Route, choose, route_named
from convpad.problem import OPS, POOLS, Problem, known_shape, pose, pose_pad, rank_of
from convpad.spec import Padding

__all__ = ["answer", "plan"]

MAX_RANK = 3
"""Backends convolve along up to three axes; the oracle along any number."""


def answer(
    op: str,
    run: Callable[..., Any],
    arrays: dict[str, Any],
    padding: Any,
    padding_mode: Any,
    *,
    route: str | None = None,
    **options: Any,
) -> Any:
    """Poses the problem, plans it, and has the backend of the arrays (or the oracle) run the plan."""
    name, backend = backend_of(arrays)
    foreign = {key: backend is None or not backend.owns(array) for key, array in arrays.items()}
    shapes = {key: a.shape if foreign[key] or backend is None else backend.shape(a) for key, a in arrays.items()}
    dtypes = {key: a.dtype.name if foreign[key] or backend is None else backend.dtype(a) for key, a in arrays.items()}
    spec, problem = _posed(op, shapes, padding, padding_mode, options)
    check_dtypes(problem, dtypes)
    check_values(spec, dtypes["x"])
    asked = problem, name, route_named(route)
    chosen = _planned(*asked) if backend is None else backend.settled(_planned, *asked)
    if backend is None:
        return reference.solve(problem, spec.values, *arrays.values())
    like = next(array for key, array in arrays.items() if not foreign[key])
    tensors = [backend.tensor(array, like) if foreign[key] else array for key, array in arrays.items()]
    return run(backend, chosen, spec.values, *tensors)


def _posed(
    op: str, shapes: dict[str, Any], padding: Any, padding_mode: Any, options: dict[str, Any]
) -> tuple[Padding, Problem]:
    """The parsed padding and the problem. `shapes` has the input's first, then its kernels' or its pool's size."""
    shape, *kernels = shapes.values()
    rank = rank_of(known_shape("x", shape))
    if op == "pad":
        spec = Padding.parse(padding, padding_mode, rank=rank, argument="amount", words=False)
        return spec, pose_pad(shape, spec, **options)
    if rank > MAX_RANK:
        raise ShapeError(
            f"A window moves along one, two or three spatial axes. Received: an input with {rank}. "
            "Fold the others into the batch."
        )
    spec = Padding.parse(padding, padding_mode, rank=rank)
    if op in POOLS:
        kernels = [options.pop("pool_size")]
    return spec, pose(op, shape, kernels[0], spec, pointwise_shape=(*kernels, ())[1], **options)


def _oracle(problem: Problem, ignored: bool) -> str:
    return "NumPy arrays go to the oracle, which pads"


@lru_cache(maxsize=4096)
def _planned(problem: Problem, name: str, route: Route | None) -> Plan:
    return choose(problem, name, _oracle if name == "numpy" else backend_named(name).native, route)


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
    if op not in list(OPS):
        raise refuse("op", f"be one of {', '.join(map(repr, OPS))}", op)
    for option in options:
        if option not in OPS[op]:
            raise refuse(option, f"not be given to {op}, which takes {', '.join(OPS[op])}", options[option])
    name = backend
    if name is None:
        name = backend_of({"x": x})[0] if hasattr(x, "dtype") else "numpy"
    shapes = {"x": getattr(x, "shape", x)}
    if op in POOLS:
        options = {"pool_size": kernel, "strides": None, **options}
    elif op == "separable_conv":
        pair = list(cast("tuple[Any, ...]", kernel)) if isinstance(kernel, (tuple, list)) else []
        if len(pair) != 2:
            allowed = "be a pair for separable_conv: the depthwise and the pointwise kernel"
            raise refuse("kernel", allowed, cast("object", kernel))
        shapes["depthwise_kernel"], shapes["pointwise_kernel"] = (getattr(one, "shape", one) for one in pair)
    else:
        shapes["kernel"] = getattr(kernel, "shape", kernel)
    mode = padding_mode if padding_mode is not None else "ignore" if op in POOLS else "zeros"
    return _planned(_posed(op, shapes, padding, mode, options)[1], name, route_named(route))
