"""Random small ONNX graphs that pad in every way that exporters and people pad, for the judge of readings."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 2


@dataclass
class Graph:
    """A graph that grows node by node from `x`; `y` is the name of what is there, `sizes` its spatial axes."""

    r: Random
    rank: int
    sizes: list[int]
    opset: int = 18
    y: str = "x"
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)
    functions: list[Any] = field(default_factory=list)
    weight: Any = None
    recipe: list[str] = field(default_factory=list)

    def name(self) -> str:
        return f"t{len(self.nodes) + len(self.weights)}"

    def constant(self, values: Any, dtype: Any = np.int64) -> str:
        """An initializer, a Constant, or one that is computed."""
        array, name, how = np.asarray(values, dtype), self.name(), self.r.randrange(4)
        if how == 0 or array.size < 2:
            self.weights.append(numpy_helper.from_array(array, name))
            return name
        if how == 1:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
            return name
        if how == 2 or array.ndim > 1:
            first = self.constant(array.ravel()[: array.size // 2], dtype)
            rest = self.constant(array.ravel()[array.size // 2 :], dtype)
            joined = self.node("Concat", [first, rest], axis=0)
            return self.node("Reshape", [joined, self.plain(array.shape)]) if array.ndim > 1 else joined
        return self.node("Add", [self.plain(array - 1, dtype), self.plain([1], dtype)])

    def plain(self, values: Any, dtype: Any = np.int64) -> str:
        name = self.name()
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def node(self, kind: str, inputs: list[str], outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        names = [f"{self.name()}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def model(self, shape: list[Any]) -> Any:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        y = onnx.ValueInfoProto(name=self.y)
        y.type.tensor_type.elem_type = TensorProto.FLOAT
        graph = helper.make_graph(self.nodes, "g", [x], [y], self.weights)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("own", 1)]
        model = helper.make_model(graph, opset_imports=opsets, functions=self.functions)
        model.ir_version = 8
        return model


def cut(g: Graph, x: str, axis: int, start: int, stop: int, step: int = 1) -> str:
    bounds = [g.constant([start]), g.constant([stop]), g.constant([axis]), g.constant([step])]
    return g.node("Slice", [x, *bounds])


def flip(g: Graph, x: str, axis: int) -> str:
    return cut(g, x, axis, -1, -(2**31), -1)


def concat(g: Graph, parts: list[str], axis: int) -> str:
    return g.node("Concat", parts, axis=axis)


def _lists(n: int, a: int, b: int) -> dict[str, list[int]]:
    whole = range(-a, n + b)
    two = max(2 * n - 2, 1)
    return {
        "circular": [i % n for i in whole],
        "replicate": [min(max(i, 0), n - 1) for i in whole],
        "symmetric": [min(i % (2 * n), 2 * n - 1 - i % (2 * n)) for i in whole],
        "reflect": [min(i % two, two - i % two) for i in whole],
    }


def pad_by_hand(g: Graph) -> None:
    """Pads one axis, or moves values along it."""
    r, at = g.r, g.r.randrange(g.rank)
    axis, n, a, b = 2 + at, g.sizes[at], g.r.randrange(3), g.r.randrange(3)
    kind = r.choice(sorted(HAND))
    g.recipe.append(f"{kind}@{axis}({a},{b})")
    sizes = HAND[kind](g, axis, n, a, b)
    g.sizes[at] = n + a + b if sizes is None else sizes


def _pad(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    mode = g.r.choice(["constant", "constant", "reflect", "edge"] + (["wrap"] if g.opset >= 19 else []))
    before, after = [0] * (g.rank + 2), [0] * (g.rank + 2)
    before[axis], after[axis] = a, b
    value = g.r.choice([0.0, 0.0, 1.5])
    if g.opset < 11:
        g.y = g.node("Pad", [g.y], mode=mode, pads=before + after, value=value)
        return
    inputs = [g.y, g.constant(before + after)]
    if g.opset >= 18 and g.r.random() < 0.4:
        inputs = [
            g.y,
            g.constant([a, b]),
            g.constant(value, np.float32),
            g.constant([g.r.choice([axis, axis - g.rank - 2])]),
        ]
    elif g.r.random() < 0.6:
        inputs.append(g.constant(value, np.float32))
    g.y = g.node("Pad", inputs, mode=mode)


def _legacy_pad(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    """The pads of PyTorch's legacy exporter: [last before, last after, ...], reshaped, turned and transposed."""
    rank = g.rank + 2
    flat = [0] * (2 * rank)
    flat[2 * (rank - 1 - axis)], flat[2 * (rank - 1 - axis) + 1] = a, b
    given = g.plain(flat[: 2 * g.rank])
    filled = g.node("ConstantOfShape", [g.plain([2 * rank - 2 * g.rank])], value=helper.make_tensor("v", 7, [1], [0]))
    pads = g.node("Reshape", [g.node("Concat", [given, filled], axis=0), g.plain([-1, 2])])
    turned = g.node("Slice", [pads, g.plain([-1]), g.plain([-(2**31)]), g.plain([0]), g.plain([-1])])
    pads = g.node("Cast", [g.node("Reshape", [g.node("Transpose", [turned], perm=[1, 0]), g.plain([-1])])], to=7)
    g.y = g.node("Pad", [g.y, pads, g.plain(0.0, np.float32)], mode=g.r.choice(["constant", "reflect", "edge"]))


def _crop(g: Graph, axis: int, n: int, a: int, b: int) -> int:
    before, after = [0] * (g.rank + 2), [0] * (g.rank + 2)
    before[axis], after[axis] = -a, b
    g.y = g.node("Pad", [g.y, g.constant(before + after)])
    return n - a + b


def _circular(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    parts = [cut(g, g.y, axis, n - a, n)] * (a > 0) + [g.y] + [cut(g, g.y, axis, 0, b)] * (b > 0)
    g.y = concat(g, parts, g.r.choice([axis, axis - g.rank - 2])) if len(parts) > 1 else g.y


def _mirror(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    edge = g.r.randrange(2)
    before, after = cut(g, g.y, axis, 1 - edge, 1 - edge + a), cut(g, g.y, axis, n - b - 1 + edge, n - 1 + edge)
    parts = [flip(g, before, axis)] * (a > 0) + [g.y] + [flip(g, after, axis)] * (b > 0)
    g.y = concat(g, parts, axis)


def _odd(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    two, first, last = g.constant(2.0, np.float32), cut(g, g.y, axis, 0, 1), cut(g, g.y, axis, n - 1, n)
    before = g.node("Sub", [g.node("Mul", [first, two]), flip(g, cut(g, g.y, axis, 1, 1 + a), axis)])
    after = g.node("Sub", [g.node("Add", [last, last]), flip(g, cut(g, g.y, axis, n - 1 - b, n - 1), axis)])
    g.y = concat(g, [before] * (a > 0) + [g.y] + [after] * (b > 0), axis)


def _gather(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    lists = _lists(n, a, b)
    chosen = lists[g.r.choice(sorted(lists))]
    if g.r.random() < 0.3:
        wide = [1, CHANNELS, *g.sizes]
        wide[axis] = len(chosen)
        view = [1] * len(wide)
        view[axis] = -1
        indices = np.broadcast_to(np.asarray(chosen).reshape(view), wide)
        g.y = g.node("GatherElements", [g.y, g.constant(indices)], axis=axis)
    else:
        g.y = g.node("Gather", [g.y, g.constant(chosen)], axis=axis)


def _computed_gather(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    size = g.node("Gather", [g.node("Shape", [g.y]), g.plain(axis)], axis=0)
    stop = g.node("Add", [size, g.plain(b)])
    run = g.node("Range", [g.plain(-a), stop, g.plain(1)])
    g.y = g.node("Gather", [g.y, g.node("Mod", [run, size])], axis=axis)


def _edges(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    wide = [1, CHANNELS, *g.sizes]
    parts = []
    for amount, part in ((a, cut(g, g.y, axis, 0, 1)), (b, cut(g, g.y, axis, n - 1, n))):
        wide[axis] = amount
        counts = [1] * len(wide)
        counts[axis] = amount
        tiled = g.r.random() < 0.5
        parts.append(
            g.node("Tile", [part, g.constant(counts)]) if tiled else g.node("Expand", [part, g.constant(wide)])
        )
    g.y = concat(g, [parts[0]] * (a > 0) + [g.y] + [parts[1]] * (b > 0), axis)


def _zeros(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    wide, parts, value = [1, CHANNELS, *g.sizes], [], g.r.choice([0.0, 2.0])
    for amount in (a, b):
        wide[axis] = amount
        fill = helper.make_tensor("v", TensorProto.FLOAT, [1], [value])
        parts.append(g.node("ConstantOfShape", [g.constant(wide)], value=fill) if g.r.random() < 0.5 else
                     g.plain(np.full(wide, value), np.float32))  # fmt: skip
    g.y = concat(g, [parts[0]] * (a > 0) + [g.y] + [parts[1]] * (b > 0), axis)


def _learned(g: Graph, axis: int, n: int, a: int, b: int) -> int:
    wide = [1, CHANNELS, *g.sizes]
    wide[axis] = 1
    border = np.random.default_rng(1).normal(size=wide)
    g.y = concat(g, [g.plain(border, np.float32), g.y], axis)
    return n + 1


def _transposed(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    order = list(range(g.rank + 2))
    order[1], order[axis] = order[axis], order[1]
    g.y = g.node("Transpose", [g.y], perm=order)
    _circular(g, 1, n, a, b)
    g.y = g.node("Transpose", [g.y], perm=order)


def _reshaped(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    g.y = g.node("Reshape", [g.y, g.constant([-1, 1, *g.sizes])])
    r = g.r.choice([_circular, _mirror])
    r(g, axis, n, a, b)
    sizes = list(g.sizes)
    sizes[axis - 2] += a + b
    g.y = g.node("Reshape", [g.y, g.constant([1, CHANNELS, *sizes])])


def _stacked(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    parts = (
        g.node("Split", [g.y], outputs=n, axis=axis)
        if g.opset < 18
        else g.node("Split", [g.y], outputs=n, axis=axis, num_outputs=n)
    )
    lists = _lists(n, a, b)
    g.y = concat(g, [parts[i] for i in lists[g.r.choice(sorted(lists))]], axis)


def _rolled(g: Graph, axis: int, n: int, a: int, b: int) -> int:
    g.y = concat(g, [cut(g, g.y, axis, a + 1, n), cut(g, g.y, axis, 0, a + 1)], axis)
    return n


def _flipped(g: Graph, axis: int, n: int, a: int, b: int) -> int:
    g.y = flip(g, g.y, axis)
    return n


def _tiled(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    counts = [1] * (g.rank + 2)
    counts[axis] = 3
    g.y = cut(g, g.node("Tile", [g.y, g.constant(counts)]), axis, n - a, 2 * n + b)


def _masked(g: Graph, axis: int, n: int, a: int, b: int) -> int:
    view = [1] * (g.rank + 2)
    view[axis] = n
    mask = (np.arange(n) >= a).reshape(view)
    if g.r.random() < 0.5:
        g.y = g.node("Mul", [g.y, g.plain(mask, np.float32)])
    else:
        g.y = g.node("Where", [g.plain(mask, bool), g.y, g.plain(0.0, np.float32)])
    return n


def _resized(g: Graph, axis: int, n: int, a: int, b: int) -> int:
    scales = [1.0] * (g.rank + 2)
    scales[axis] = 2.0
    mode = g.r.choice(["nearest", "linear"])
    g.y = g.node("Resize", [g.y, "", g.plain(scales, np.float32)], mode=mode)
    return 2 * n


def _matrix(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    matrix = np.zeros((n, n + a + b))
    matrix[_lists(n, a, b)["circular"], np.arange(n + a + b)] = 1
    order = [i for i in range(g.rank + 2) if i != axis] + [axis]
    turned = g.node("MatMul", [g.node("Transpose", [g.y], perm=order), g.plain(matrix, np.float32)])
    g.y = g.node("Transpose", [turned], perm=np.argsort(order).tolist())


def _function(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    """A function of the model that pads."""
    a, b = max(a, 1), max(b, 1)
    name = f"Around{len(g.functions)}"
    nodes = [
        helper.make_node("Constant", [], ["from"], value_ints=[n - a]),
        helper.make_node("Constant", [], ["to"], value_ints=[n]),
        helper.make_node("Constant", [], ["zero"], value_ints=[0]),
        helper.make_node("Constant", [], ["some"], value_ints=[b]),
        helper.make_node("Constant", [], ["axis"], value_ints=[axis]),
        helper.make_node("Slice", ["a", "from", "to", "axis"], ["before"]),
        helper.make_node("Slice", ["a", "zero", "some", "axis"], ["after"]),
        helper.make_node("Concat", ["before", "a", "after"], ["b"], axis=axis),
    ]
    imports = [helper.make_opsetid("", g.opset)]
    g.functions.append(helper.make_function("own", name, ["a"], ["b"], nodes, imports))
    g.y = g.node(name, [g.y], domain="own")
    g.sizes[axis - 2] = n


def _scattered(g: Graph, axis: int, n: int, a: int, b: int) -> None:
    wide = [1, CHANNELS, *g.sizes]
    wide[axis] += a + b
    view = [1] * len(wide)
    view[axis] = -1
    indices = np.broadcast_to(np.arange(a, a + n).reshape(view), [1, CHANNELS, *g.sizes])
    g.y = g.node("ScatterElements", [g.plain(np.zeros(wide), np.float32), g.constant(indices), g.y], axis=axis)


def _branches(g: Graph, axis: int, n: int, a: int, b: int) -> int:
    info = lambda name: onnx.ValueInfoProto(name=name)  # noqa: E731
    yes = helper.make_graph([helper.make_node("Neg", [g.y], ["yes"])], "yes", [], [info("yes")])
    no = helper.make_graph([helper.make_node("Identity", [g.y], ["no"])], "no", [], [info("no")])
    total = g.node("ReduceSum", [g.y], keepdims=0)
    g.y = g.node("If", [g.node("Less", [total, g.plain(1e9, np.float32)])], then_branch=yes, else_branch=no)
    return n


HAND: dict[str, Any] = {
    "pad": _pad, "legacy pad": _legacy_pad, "crop": _crop, "circular": _circular, "mirror": _mirror, "odd": _odd,
    "gather": _gather, "computed gather": _computed_gather, "edges": _edges, "zeros": _zeros, "learned": _learned,
    "transposed": _transposed, "reshaped": _reshaped, "stacked": _stacked, "rolled": _rolled, "flipped": _flipped,
    "tiled": _tiled, "masked": _masked, "resized": _resized, "matrix": _matrix, "function": _function,
    "scattered": _scattered, "branches": _branches,
}  # fmt: skip


def window(g: Graph) -> None:
    """A convolution or a pool."""
    r, rank = g.r, g.rank
    size, stride, dilation = [r.choice([1, 2, 3]) for _ in range(rank)], r.choice([1, 1, 2]), r.choice([1, 1, 2])
    kind = r.choice(["Conv", "Conv", "Conv", "depthwise", "ConvTranspose", "MaxPool", "AveragePool"])
    options: dict[str, Any] = {"strides": [stride] * rank}
    how = r.choice(["pads", "pads", "auto", "none"])
    if kind in ("MaxPool", "AveragePool"):
        options["kernel_shape"] = size
        dilation = 1
        if how == "pads":
            options["pads"] = [r.randrange((k + 1) // 2 + (k > 2)) for k in size * 2]
        if how != "auto" and g.opset >= 10 and r.random() < 0.4:
            options["ceil_mode"] = 1
        if kind == "AveragePool" and r.random() < 0.5:
            options["count_include_pad"] = 1
    elif how == "pads":
        limit = [min(k, 2) if kind != "ConvTranspose" else 1 for k in size * 2]
        options["pads"] = [r.randrange(most + (kind != "ConvTranspose")) for most in limit]
    if how == "auto":
        options["auto_pad"] = r.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
    if kind in ("MaxPool", "AveragePool"):
        g.recipe.append(f"{kind}{options}")
        g.y = g.node(kind, [g.y], **options)
        return
    groups = CHANNELS if kind == "depthwise" else 1
    shape = [2 * CHANNELS, CHANNELS // groups, *size]
    if kind == "ConvTranspose":
        shape = [CHANNELS, 3, *size]
        if stride > 1 and how != "auto" and r.random() < 0.5:
            options["output_padding"] = [1] * rank
        dilation = 1
    elif how != "auto":
        options["dilations"] = [dilation] * rank
    g.weight = np.random.default_rng(r.randrange(10**6)).normal(size=shape)
    if groups > 1:
        options["group"] = groups
    g.recipe.append(f"{kind}{options} of {size}")
    g.y = g.node(kind.replace("depthwise", "Conv"), [g.y, g.plain(g.weight, np.float32)], **options)


def unseen(g: Graph) -> None:
    """A window that is no window here."""
    r = g.r
    kind = r.choice(["LpPool", "own", "shifts", "maximum"])
    g.recipe.append(kind)
    n = g.sizes[-1]
    if kind == "LpPool":
        g.y = g.node("LpPool", [g.y], kernel_shape=[1] * (g.rank - 1) + [2], pads=[*[0] * (2 * g.rank - 1), 1])
    elif kind == "own":
        body = [helper.make_node("AveragePool", ["a"], ["b"], kernel_shape=[3] * g.rank, pads=[1] * 2 * g.rank)]
        if not any(function.name == "Conv" for function in g.functions):
            g.functions.append(
                helper.make_function("own", "Conv", ["a"], ["b"], body, [helper.make_opsetid("", g.opset)])
            )
        g.y = g.node("Conv", [g.y], domain="own")
    elif kind == "shifts":
        axis = g.rank + 1
        rolled = concat(g, [cut(g, g.y, axis, n - 1, n), cut(g, g.y, axis, 0, n - 1)], axis)
        g.y = g.node("Add", [g.node("Mul", [rolled, g.plain(0.5, np.float32)]), g.y])
    else:
        axis = g.rank + 1
        g.y = g.node("Max", [cut(g, g.y, axis, 1, n), cut(g, g.y, axis, 0, n - 1)])
        g.sizes[-1] = n - 1


def single(seed: int) -> tuple[Graph, Any, tuple[int, ...]]:
    """A graph of one window, the model, and the shape of its input."""
    r = Random(seed)
    rank = r.choice([1, 2, 2])
    shape = (1, CHANNELS, *(r.randrange(6, 9) for _ in range(rank)))
    g = Graph(r, rank, list(shape[2:]), r.choice([13, 16, 18, 19, 21]))
    for _ in range(r.choice([0, 1, 1, 2])):
        pad_by_hand(g)
    window(g)
    return g, g.model(list(shape)), shape


def variant(seed: int, which: int) -> tuple[Graph, Any, tuple[int, ...]]:
    """A graph whose window depends on the seed alone, and the padding ahead of it on both."""
    r, own = Random(seed), Random(1000 * seed + which)
    rank = r.choice([1, 2])
    shape = (1, CHANNELS, *(r.randrange(6, 9) for _ in range(rank)))
    g = Graph(own, rank, list(shape[2:]), 19)
    at, a, b = r.randrange(rank), r.randrange(3), r.randrange(3)
    kind = own.choice(
        ["pad", "legacy pad", "circular", "mirror", "odd", "gather", "edges", "zeros", "masked", "flipped"]
    )
    g.recipe.append(f"{kind}@{2 + at}({a},{b})")
    sizes = HAND[kind](g, 2 + at, g.sizes[at], a, b)
    g.sizes[at] = g.sizes[at] + a + b if sizes is None else sizes
    g.r = r
    window(g)
    return g, g.model(list(shape)), shape


def composite(seed: int) -> tuple[Graph, Any, tuple[int, ...]]:
    """A graph of several windows, and what stands between them."""
    r = Random(seed)
    rank = r.choice([1, 2])
    shape = (1, CHANNELS, *(r.randrange(7, 10) for _ in range(rank)))
    g = Graph(r, rank, list(shape[2:]), r.choice([16, 18, 21]))
    for _ in range(r.choice([1, 2, 3])):
        kind = r.random()
        if kind < 0.2:
            unseen(g)
        elif kind < 0.5:
            pad_by_hand(g)
        elif kind < 0.65:
            g.recipe.append("LeakyRelu")
            g.y = g.node("LeakyRelu", [g.y], alpha=0.5)
        else:
            window(g)
            model = onnx.shape_inference.infer_shapes(g.model(list(shape)))
            known = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
                     for v in (*model.graph.value_info, *model.graph.output)}  # fmt: skip
            if not known.get(g.y) or 0 in known[g.y]:
                break
            g.sizes = known[g.y][2:]
            g.y = cut(g, g.y, 1, 0, CHANNELS)
    return g, g.model(list(shape)), shape
