"""Who answers? From the arguments of a public function to a problem, a plan, and the backend of its tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, cast

from convpad import reference
from convpad.backends import Backend, backend_named, backend_of
from convpad.core.errors import ShapeError, refuse
from convpad.core.padding import Constant, Padding
from convpad.core.problem import OPS, POOLS, Problem, known_shape, pose, pose_pad, rank_of
from convpad.ops.dtypes import check_dtypes, check_values
from convpad.ops.plan import Plan, choose, route_named

__all__ = ["Way", "answer", "plan"]

Settled = Callable[..., Any]
Way = Callable[..., Any]
"""From the tensors of an operation to its answer: a plan, with all done that needs no tensor."""

MAX_RANK = 3
"""Backends convolve along up to three axes; the oracle along any number."""


def _key(entry: Any) -> Any:
    """What was spelled, to be looked up by: equal only with equal types, as 1 is not True and -0.0 is not 0.0."""
    kind = cast("type[Any]", type(entry))
    if kind is str or kind is int or entry is None:
        return entry
    if kind is tuple or kind is list:
        return tuple([_key(one) for one in entry])
    if kind is float:
        return float, entry.hex()  # NaN is found again
    if kind is bool:
        return bool, entry
    if kind is dict:
        return dict, tuple(entry), tuple([_key(one) for one in entry.values()])
    if kind is Constant and isinstance(entry.value, (int, float, tuple)):
        return Constant, _key(entry.value)  # pyright: ignore[reportUnknownMemberType]
    raise TypeError(f"not a spelling: {kind}")


def _spelled(key: Any) -> Any:
    """What such a key was made of; of a list a tuple."""
    if not isinstance(key, tuple) or key == ():
        return cast("Any", key)
    kind, *rest = cast("tuple[Any, ...]", key)
    if kind is float:
        return float.fromhex(rest[0])
    if kind is bool:
        return rest[0]
    if kind is dict:
        return dict(zip(rest[0], map(_spelled, rest[1]), strict=True))
    if kind is Constant:
        return Constant(_spelled(rest[0]))
    return tuple([_spelled(one) for one in (kind, *rest)])


def answer(
    op: str,
    prepare: Callable[[Backend, Plan, Any], Way],
    arrays: dict[str, Any],
    padding: Any,
    padding_mode: Any,
    *,
    route: str | None = None,
    **options: Any,
) -> Any:
    """Poses the problem, plans it, and has the backend of the arrays (or the oracle) go the way of the plan.

    What depends on shapes and words alone is remembered, up to the way: a call like an earlier one looks it up.
    """
    name, backend = backend_of(arrays)
    given = list(arrays.values())
    if backend is None:
        facts = name, "cpu", op, tuple(arrays), tuple([x.shape for x in given]), tuple([x.dtype.name for x in given])
        return _way(_called, prepare, facts, padding, padding_mode, route, options)(*given)
    owned = [x for x in given if backend.owns(x)]
    if len(owned) < len(given):
        given = [x if backend.owns(x) else backend.tensor(x, owned[0]) for x in given]
    shapes, dtypes = tuple([backend.shape(x) for x in given]), tuple([backend.dtype(x) for x in given])
    facts = name, backend.device(*owned), op, tuple(arrays), shapes, dtypes
    return _way(backend.settled, prepare, facts, padding, padding_mode, route, options)(*given)


def _called(remembered: Callable[..., Any], *arguments: Any) -> Any:
    return remembered(*arguments)


def _way(settled: Settled, prepare: Any, facts: Any, padding: Any, mode: Any, route: Any, options: Any) -> Way:
    """From these tensors to the answer, as the words mean it; without memory of what is no word (a tensor)."""
    try:
        keys = _key(padding), _key(mode), _key(route), _key(options)
    except TypeError:
        return _prepared(prepare, facts, padding, mode, route, options)
    try:
        return settled(_remembered, prepare, facts, keys)
    except ValueError:
        # A refusal says what was received; a key is not quite that.
        return _prepared(prepare, facts, padding, mode, route, options)


@lru_cache(maxsize=4096)
def _remembered(prepare: Any, facts: Any, keys: Any) -> Way:
    return _prepared(prepare, facts, *map(_spelled, keys))


def _prepared(prepare: Any, facts: Any, padding: Any, padding_mode: Any, route: Any, options: Any) -> Way:
    name, device, op, arrays, shapes, dtypes = facts
    spec = _parsed(op, rank_of(shapes[0]), padding, padding_mode)
    chosen = _chosen(
        name, device, op, shapes, dict(zip(arrays, dtypes, strict=True)), spec.without_tensors(), route, options
    )
    check_values(spec, dtypes[0])
    if name == "numpy":
        return partial(reference.solve, chosen.problem, spec.values)
    return prepare(backend_named(name), chosen, spec.values)


def _parsed(op: str, rank: int, padding: Any, padding_mode: Any) -> Padding:
    if op == "pad":
        return Padding.parse(padding, padding_mode, rank=rank, argument="amount", words=False)
    if rank > MAX_RANK:
        raise ShapeError(
            f"A window moves along one, two or three spatial axes. Received: an input with {rank}. "
            "Fold the others into the batch."
        )
    return Padding.parse(padding, padding_mode, rank=rank)


def _chosen(
    name: str, device: str, op: str, shapes: Any, dtypes: dict[str, str], padding: Padding, route: Any, options: Any
) -> Plan:
    problem = _posed(op, shapes, padding, dict(options))
    if dtypes:
        check_dtypes(problem, dtypes)
    native = _oracle if name == "numpy" else backend_named(name).native
    return choose(problem, name, device, native, route_named(route))


def _posed(op: str, shapes: Any, padding: Padding, options: dict[str, Any]) -> Problem:
    """`shapes` has the input's first, then its kernels'."""
    shape, *kernels = shapes
    if op == "pad":
        return pose_pad(shape, padding, **options)
    if op in POOLS:
        kernels = [options.pop("pool_size")]
    return pose(op, shape, kernels[0], padding, pointwise_shape=(*kernels, ())[1], **options)


def _oracle(problem: Problem, ignored: bool) -> str:
    return "NumPy arrays go to the oracle, which pads"


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
    >>> print(convpad.plan((1, 7, 7, 3), (3, 3, 3, 8), padding="same", padding_mode="reflect", backend="jax"))
    padded on jax: no backend pads with reflect itself, and border was not found faster here
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
    shapes: list[Any] = [getattr(x, "shape", x)]
    if op in POOLS:
        options = {"pool_size": kernel, "strides": None, **options}
    elif op == "separable_conv":
        pair = list(cast("tuple[Any, ...]", kernel)) if isinstance(kernel, (tuple, list)) else []
        if len(pair) != 2:
            allowed = "be a pair for separable_conv: the depthwise and the pointwise kernel"
            raise refuse("kernel", allowed, cast("object", kernel))
        shapes += [getattr(one, "shape", one) for one in pair]
    else:
        shapes.append(getattr(kernel, "shape", kernel))
    mode = padding_mode if padding_mode is not None else "ignore" if op in POOLS else "zeros"
    device = (
        "cpu"
        if name == "numpy"
        else backend_named(name).device(*(one for one in (x,) if backend_named(name).owns(one)))
    )
    shapes[0] = known_shape("x", shapes[0])
    spec = _parsed(op, rank_of(shapes[0]), padding, mode)
    return _chosen(name, device, op, shapes, {}, spec, route, options)
