"""Random small PyTorch models that pad in every way that people pad, for the judge of readings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from random import Random
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import convpad

Step = Callable[[Any], Any]
CHANNELS = 2


@dataclass
class Case:
    """A model, its input's shape, the weight of its one window, and how it was made."""

    module: Any
    shape: tuple[int, ...]
    weight: Any
    recipe: str
    single: bool


class Net(nn.Module):
    """Steps one after the other; modules and weights among them are registered."""

    def __init__(self, steps: list[Step], held: list[Any]) -> None:
        super().__init__()
        self.steps = steps
        self.held = nn.ModuleList([entry for entry in held if isinstance(entry, nn.Module)])
        self.weights = nn.ParameterList([entry for entry in held if isinstance(entry, nn.Parameter)])
        for index, entry in enumerate(held):
            if not isinstance(entry, (nn.Module, nn.Parameter)):
                self.register_buffer(f"held_{index}", entry)

    def forward(self, x: Any) -> Any:
        for step in self.steps:
            x = step(x)
        return x


def _wrap(n: int, a: int, b: int) -> list[int]:
    return [i % n for i in range(-a, n + b)]


def _mirror(n: int, a: int, b: int, edge: int) -> list[int]:
    period = 2 * n if edge else max(2 * n - 2, 1)
    folded = [i % period for i in range(-a, n + b)]
    return [min(i, (2 * n - 1 if edge else 2 * n - 2) - i) for i in folded]


def _clip(n: int, a: int, b: int) -> list[int]:
    return [min(max(i, 0), n - 1) for i in range(-a, n + b)]


def indices(r: Random, n: int, a: int, b: int) -> list[int]:
    return r.choice([_wrap, lambda n, a, b: _mirror(n, a, b, 0), lambda n, a, b: _mirror(n, a, b, 1), _clip])(n, a, b)


def hand_pads(r: Random, rank: int, held: list[Any]) -> tuple[str, Step]:
    """A padding written by hand, on one axis or on all."""
    axis = 2 + r.randrange(rank)
    a, b = r.randrange(3), r.randrange(3)
    kind = r.choice(sorted(HAND))
    return f"{kind}@{axis}({a},{b})", HAND[kind](r, axis, a, b, held, rank)


def _cut(x: Any, axis: int, start: int, stop: int) -> Any:
    return x.narrow(axis, start, stop - start)


def _circular_cat(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    def step(x: Any) -> Any:
        n = x.shape[axis]
        return torch.cat([_cut(x, axis, n - a, n), x, _cut(x, axis, 0, b)], axis - r_negative)

    r_negative = r.choice([0, rank + 2])
    return step


def _mirror_flip(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    edge = r.randrange(2)

    def step(x: Any) -> Any:
        n = x.shape[axis]
        before = _cut(x, axis, 1 - edge, 1 - edge + a).flip(axis)
        after = _cut(x, axis, n - b - 1 + edge, n - 1 + edge).flip(axis)
        return torch.cat([before, x, after], axis)

    return step


def _odd(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    def step(x: Any) -> Any:
        n = x.shape[axis]
        first, last = _cut(x, axis, 0, 1), _cut(x, axis, n - 1, n)
        before = 2 * first - _cut(x, axis, 1, 1 + a).flip(axis)
        after = last * 2 - _cut(x, axis, n - 1 - b, n - 1).flip([axis])
        return torch.cat([before, x, after], axis)

    return step


def _edge_expand(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    repeat = r.randrange(2)

    def step(x: Any) -> Any:
        n = x.shape[axis]
        first, last = _cut(x, axis, 0, 1), _cut(x, axis, n - 1, n)
        if repeat:
            return torch.cat([first.repeat_interleave(a, axis), x, last.repeat_interleave(b, axis)], axis)
        wide = list(x.shape)
        wide[axis] = a
        first = first.expand(wide)
        wide[axis] = b
        return torch.cat([first, x, last.expand(wide)], axis)

    return step


def _index(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    how = r.randrange(5)
    kind = r.choice(["wrap", "mirror", "edge", "clip"])
    maker: Any = {
        "wrap": _wrap,
        "clip": _clip,
        "mirror": lambda n, a, b: _mirror(n, a, b, 0),
        "edge": lambda n, a, b: _mirror(n, a, b, 1),
    }[kind]

    def step(x: Any) -> Any:
        n = x.shape[axis]
        chosen = torch.tensor(maker(n, a, b))
        if how == 0:
            return x.index_select(axis, chosen)
        if how == 1:
            return x[(slice(None),) * axis + (chosen,)]
        if how == 2:
            view = [1] * x.ndim
            view[axis] = -1
            wide = list(x.shape)
            wide[axis] = len(chosen)
            return x.gather(axis, chosen.view(view).expand(wide))
        if how == 3:
            run = torch.arange(-a, n + b)
            return x.index_select(axis, run % n if kind == "wrap" else run.clamp(0, n - 1))
        return torch.stack([x.select(axis, i) for i in maker(n, a, b)], axis)

    return step


def _buffer_index(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    picked: dict[int, Any] = {}

    def step(x: Any) -> Any:
        n = x.shape[axis]
        if n not in picked:
            picked[n] = torch.tensor(indices(Random(0), n, a, b))
        return x.index_select(axis, picked[n])

    return step


def _new_zeros(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    value = r.choice([0.0, 0.0, 1.5])
    add = 0 if value else r.randrange(3)

    def step(x: Any) -> Any:
        shape = list(x.shape)
        shape[axis] += a + b
        y = x.new_full(shape, value) if value else x.new_zeros(shape)
        inside = (slice(None),) * axis + (slice(a, a + x.shape[axis]),)
        if add == 1:
            y[inside] += x
        else:
            y[inside] = x
        if add == 2 and a:
            y[(slice(None),) * axis + (slice(0, a),)] = x.narrow(axis, x.shape[axis] - a, a)
        return y

    return step


def _constant_cat(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    values = r.choice([(0.0, 0.0), (0.5, 0.5), (0.0, 1.0)])

    def step(x: Any) -> Any:
        shape = list(x.shape)
        shape[axis] = a
        before = x.new_full(shape, values[0])
        shape[axis] = b
        return torch.cat([before, x, torch.full(shape, values[1], dtype=x.dtype)], axis)

    return step


def _learned(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    shape = [1, CHANNELS, *[1] * rank]
    border = nn.Parameter(torch.randn(shape, dtype=torch.float64))
    held.append(border)

    def step(x: Any) -> Any:
        wide = [*x.shape]
        wide[axis] = max(a, 1)
        return torch.cat([border.expand(wide), x], axis)

    return step


def _functional(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    mode = r.choice(["constant", "constant", "reflect", "replicate", "circular"])
    flat = [0, 0] * rank
    flat[2 * (rank + 1 - axis) : 2 * (rank + 1 - axis) + 2] = [a, b]
    if r.randrange(2):
        flat = [r.randrange(3) for _ in flat]
    value = r.choice([0.0, 0.0, 1.5])
    return lambda x: F.pad(x, flat, mode, value) if mode == "constant" else F.pad(x, flat, mode)


def _negative(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    flat = [0, 0] * rank
    flat[2 * (rank + 1 - axis) : 2 * (rank + 1 - axis) + 2] = [-a, r.choice([-b, b])]
    return lambda x: F.pad(x, flat)


def _channels(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    flat = [0, 0] * rank + [0, a]
    return lambda x: F.pad(x, flat)[:, :CHANNELS]


def _moved_axes(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    inner = HAND[r.choice(["cat circular", "functional", "flip", "index", "constant"])]
    order = [0, *range(2, rank + 2), 1]
    back = [0, rank + 1, *range(1, rank + 1)]
    name = r.randrange(3)
    step = inner(r, axis - 1 if name == 0 else axis, a, b, held, rank)
    if name == 0:
        inner_step = _circular_cat(r, axis - 1, a, b, held, rank)
        return lambda x: inner_step(x.permute(order)).permute(back)
    if name == 1:
        return lambda x: step(x.reshape(1, -1, *x.shape[2:]).unsqueeze(0).squeeze(0))
    last = rank + 1
    turned = inner(r, axis, a, b, held, rank)
    return lambda x: turned(x.transpose(2, last)).transpose(2, last)


def _flat_index(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    def step(x: Any) -> Any:
        sizes = x.shape[2:]
        lists = [_wrap(n, a, b) if i + 2 == axis else list(range(n)) for i, n in enumerate(sizes)]
        flat = torch.arange(prod(sizes)).view(*sizes)
        for i, chosen in enumerate(lists):
            flat = flat.index_select(i, torch.tensor(chosen))
        return x.flatten(2)[:, :, flat.flatten()].view(*x.shape[:2], *map(len, lists))

    return step


def _roll(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    return r.choice([
        lambda x: x.roll(a + 1, axis),
        lambda x: x.flip(axis),
        lambda x: torch.cat([x.flip(axis), x], axis),
        lambda x: torch.cat([_cut(x, axis, x.shape[axis] - a, x.shape[axis]), x], axis).roll(0, axis),
    ])  # fmt: skip


def _tiled(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    def step(x: Any) -> Any:
        n, counts = x.shape[axis], [1] * x.ndim
        counts[axis] = 3
        return x.repeat(counts).narrow(axis, n - a, n + a + b)

    return step


def _shifted(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    def step(x: Any) -> Any:
        n = x.shape[axis]
        empty = torch.zeros_like(_cut(x, axis, 0, a))
        return torch.cat([empty, _cut(x, axis, 0, n - a)], axis)

    return step


def _masked(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    how = r.randrange(3)

    def step(x: Any) -> Any:
        n = x.shape[axis]
        view = [1] * x.ndim
        view[axis] = n
        mask = torch.arange(n).view(view) >= a
        if how == 0:
            return x * mask
        if how == 1:
            return torch.where(mask, x, 0.0)
        return x.masked_fill(~mask, 0.0)

    return step


def _interpolated(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    mode = r.choice(["nearest", "linear" if rank == 1 else "bilinear"])
    return lambda x: F.interpolate(x, scale_factor=2.0, mode=mode)


def _scatter(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    def step(x: Any) -> Any:
        shape = list(x.shape)
        shape[axis] += a + b
        return torch.slice_scatter(x.new_zeros(shape), x, axis, a, a + x.shape[axis])

    return step


def _index_add(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    def step(x: Any) -> Any:
        shape = list(x.shape)
        shape[axis] += a + b
        return x.new_zeros(shape).index_add(axis, torch.arange(a, a + x.shape[axis]), x)

    return step


def _twice(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    steps = [HAND[r.choice(["cat circular", "functional", "flip", "constant", "index", "edge"])] for _ in range(2)]
    made = [step(r, 2 + r.randrange(rank), a, b, held, rank) for step in steps]
    return lambda x: made[1](made[0](x))


def _einsum(r: Random, axis: int, a: int, b: int, held: list[Any], rank: int) -> Step:
    def step(x: Any) -> Any:
        n = x.shape[axis]
        m = torch.zeros(n + a + b, n, dtype=x.dtype)
        m[torch.arange(n + a + b), torch.tensor(_wrap(n, a, b))] = 1
        return torch.movedim(torch.movedim(x, axis, -1) @ m.T, -1, axis)

    return step


HAND: dict[str, Any] = {
    "cat circular": _circular_cat,
    "flip": _mirror_flip,
    "odd": _odd,
    "edge": _edge_expand,
    "index": _index,
    "buffer index": _buffer_index,
    "new_zeros": _new_zeros,
    "constant": _constant_cat,
    "learned": _learned,
    "functional": _functional,
    "negative": _negative,
    "channels": _channels,
    "moved axes": _moved_axes,
    "flat index": _flat_index,
    "roll": _roll,
    "tiled": _tiled,
    "shifted": _shifted,
    "masked": _masked,
    "interpolated": _interpolated,
    "scatter": _scatter,
    "index_add": _index_add,
    "twice": _twice,
    "matrix": _einsum,
}

MODES = ["zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", "ignore", 0.5]


def convpad_call(r: Random, rank: int, held: list[Any]) -> tuple[str, Step, Any]:
    """A convolution of convpad's, channels first."""
    size = r.choice([2, 3, 5])
    weight = nn.Parameter(torch.randn(3, CHANNELS, *[size] * rank, dtype=torch.float64))
    held.append(weight)
    modes = tuple(r.choice(MODES) for _ in range(rank)) if r.randrange(2) else r.choice(MODES)
    if rank == 1 and isinstance(modes, tuple):
        modes = modes[0]
    padding = r.choice(["same", "half", tuple((r.randrange(3), r.randrange(3)) for _ in range(rank))])
    strides, order = r.choice([1, 2]), [*range(2, 2 + rank), 1, 0]

    def step(x: Any) -> Any:
        return convpad.conv(
            x, weight.permute(order), strides=strides, padding=padding, padding_mode=modes, data_format="channels_first"
        )

    return f"convpad.conv({size}, {strides}, {padding}, {modes})", step, weight


def windows(r: Random, rank: int, held: list[Any]) -> tuple[str, Step, Any]:
    """A convolution or a pool of PyTorch's, a module or a function, and its weight."""
    size, stride, dilation = r.choice([1, 2, 3]), r.choice([1, 1, 2]), r.choice([1, 1, 2])
    kind = r.choice(["conv", "conv", "module", "module", "same", "transpose", "max", "average", "depthwise", "no_grad"])
    pad = r.randrange(size)
    if kind in ("max", "average"):
        pool = getattr(nn, f"{'Max' if kind == 'max' else 'Avg'}Pool{rank}d")
        options: dict[str, Any] = {"padding": r.randrange(size // 2 + 1), "ceil_mode": r.random() < 0.4}
        if kind == "average":
            options["count_include_pad"] = r.random() < 0.5
        module = pool(size, stride, **options)
        held.append(module)
        return repr(module), module, None
    groups = CHANNELS if kind == "depthwise" else 1
    if kind == "transpose":
        module = getattr(nn, f"ConvTranspose{rank}d")(
            CHANNELS, 3, size, stride, pad, r.randrange(stride), bias=False, dtype=torch.float64
        )
        held.append(module)
        return repr(module), module, module.weight
    if kind in ("module", "depthwise"):
        mode = r.choice(["zeros", "reflect", "replicate", "circular"])
        module = getattr(nn, f"Conv{rank}d")(
            CHANNELS, 2 * CHANNELS, size, stride, pad, dilation, groups, False, mode, dtype=torch.float64
        )
        held.append(module)
        return repr(module), module, module.weight
    weight = nn.Parameter(torch.randn(3, CHANNELS, *[size] * rank, dtype=torch.float64))
    held.append(weight)
    convolve = getattr(F, f"conv{rank}d")
    padding: Any = "same" if kind == "same" else pad
    strides = 1 if kind == "same" else stride

    def step(x: Any) -> Any:
        if kind == "no_grad":
            with torch.no_grad():
                return convolve(x, weight, None, strides, padding, dilation)
        return convolve(x, weight, None, strides, padding, dilation)

    return f"{kind}(size={size}, stride={strides}, padding={padding}, dilation={dilation})", step, weight


def hand_windows(r: Random, rank: int, held: list[Any]) -> tuple[str, Step]:
    """A window that is no operation of its own."""
    axis = 1 + rank
    weight = nn.Parameter(torch.randn(3, CHANNELS * 3, dtype=torch.float64))
    held.append(weight)

    def by_columns(x: Any) -> Any:
        x = x.unsqueeze(2) if rank == 1 else x
        columns = F.unfold(x, (1, 3), padding=(0, 1))
        y = weight @ columns
        return y.view(1, 3, *x.shape[2:]).squeeze(2) if rank == 1 else y.view(1, 3, *x.shape[2:])

    def by_unfold(x: Any) -> Any:
        return (F.pad(x, (1, 1)).unfold(axis, 3, 1) * weight[0, :3]).sum(-1)

    def by_shifts(x: Any) -> Any:
        return x.roll(1, axis) * 0.3 + x + x.roll(-1, axis) * 0.5

    def by_max(x: Any) -> Any:
        return torch.maximum(x[..., 1:], x[..., :-1])

    def by_zeros(x: Any) -> Any:
        y = torch.zeros_like(x)
        y[..., 1:] = y[..., 1:] + 0.5 * x[..., :-1]
        return x + y

    def by_condition(x: Any) -> Any:
        return torch.cond(x.sum() > 1e6, lambda x: F.avg_pool1d(x, 3, 1, 1) if rank == 1 else F.avg_pool2d(x, 3, 1, 1),
                          lambda x: x.sin(), (x,))  # fmt: skip

    def by_difference(x: Any) -> Any:
        return torch.diff(F.pad(x, (1, 0), "replicate"), dim=-1)

    def by_cumsum(x: Any) -> Any:
        c = F.pad(x.cumsum(-1), (1, 0))
        return c[..., 2:] - c[..., :-2]

    chosen = r.choice([by_columns, by_unfold, by_shifts, by_max, by_zeros, by_condition, by_difference, by_cumsum])
    return chosen.__name__, chosen


POINTWISE: list[tuple[str, Step]] = [
    ("relu", F.relu), ("leaky", lambda x: F.leaky_relu(x, 0.1)), ("twice", lambda x: 2 * x), ("plus", lambda x: x + 1),
    ("norm", lambda x: x * torch.tensor([0.5, 1.5], dtype=x.dtype).view(-1, *[1] * (x.ndim - 2))),
    ("inplace", lambda x: (x * 1).add_(0.5)), ("chunks", lambda x: torch.cat(x.chunk(2, 1)[::-1], 1)),
]  # fmt: skip


def single(seed: int) -> Case:
    """A model of one window, with hand-made padding ahead of it or none."""
    r = Random(seed)
    torch.manual_seed(seed)
    rank = r.choice([1, 2, 2])
    shape = (1, CHANNELS, *(r.randrange(6, 9) for _ in range(rank)))
    held: list[Any] = []
    steps, recipe = list[Step](), list[str]()
    for _ in range(r.choice([0, 1, 1, 1, 2])):
        name, step = hand_pads(r, rank, held)
        steps.append(step)
        recipe.append(name)
    name, step, weight = convpad_call(r, rank, held) if r.random() < 0.3 else windows(r, rank, held)
    return Case(Net([*steps, step], held), shape, weight, " | ".join([*recipe, name]), True)


def variant(seed: int, which: int) -> Case:
    """A model whose window depends on the seed alone, and the padding ahead of it on both."""
    r, own = Random(seed), Random(1000 * seed + which)
    torch.manual_seed(seed)
    rank = r.choice([1, 2])
    shape = (1, CHANNELS, *(r.randrange(6, 9) for _ in range(rank)))
    axis, a, b = 2 + r.randrange(rank), r.randrange(3), r.randrange(3)
    held: list[Any] = []
    name, step, weight = convpad_call(r, rank, held) if r.random() < 0.3 else windows(r, rank, held)
    kind = own.choice(["cat circular", "flip", "odd", "edge", "index", "new_zeros", "constant", "functional", "roll"])
    pad = HAND[kind](own, axis, a, b, held, rank)
    return Case(Net([pad, step], held), shape, weight, f"{kind}@{axis}({a},{b}) | {name}", True)


def composite(seed: int) -> Case:
    """A model of several windows, and what people put between them."""
    r = Random(seed)
    torch.manual_seed(seed)
    rank = r.choice([1, 2])
    shape = (1, CHANNELS, *(r.randrange(6, 9) for _ in range(rank)))
    held: list[Any] = []
    steps, recipe = list[Step](), list[str]()
    for _ in range(r.choice([1, 2, 3])):
        kind = r.random()
        if kind < 0.35:
            name, step = r.choice(POINTWISE)
        elif kind < 0.6:
            name, step = hand_pads(r, rank, held)
        elif kind < 0.7:
            name, step = hand_windows(r, rank, held)
        else:
            name, step, _ = windows(r, rank, held)
            reduce = lambda x: x[:, :CHANNELS]  # noqa: E731
            steps.append(step)
            recipe.append(name)
            name, step = "channels", reduce
        steps.append(step)
        recipe.append(name)
    return Case(Net(steps, held), shape, None, " | ".join(recipe), False)
