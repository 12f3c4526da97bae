"""Which framework does a tensor belong to? What is beside this file is all that names a framework.

Each file or folder is named after the module of its framework and is loaded once that module is: a framework that
the program has not imported cannot have made a tensor of the program. Adding a backend is adding a file with the
functions of `Backend`, or a folder whose `__init__.py` has them.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np

from convpad.core.errors import PaddingError, refuse
from convpad.core.problem import Problem

__all__ = ["NAMES", "Backend", "backend_named", "backend_of"]

NAMES = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)

Tensor = Any
Ints = Sequence[int]
Pairs = Sequence[tuple[int, int]]
Box = tuple[slice, ...]
"""Slices of the first axes of a tensor."""


_LOADED: dict[str, Backend] = {}


class Backend(Protocol):
    """What a framework has to do for us. `channels_last` is true where the channels are the last axis.

    Sizes and counts are ints, or the framework's own integers where it learns them only when it runs.
    """

    def owns(self, x: object) -> bool:
        """Whether x is a tensor of this framework."""
        ...

    def settled(self, remembered: Callable[..., Any], *arguments: Any) -> Any:
        """The answer of a function of integers that is remembered, for tracers that object to that too."""
        ...

    def shape(self, x: Tensor) -> tuple[int | None, ...]:
        """The shape, with None for what is not known yet."""
        ...

    def dtype(self, x: Tensor) -> str:
        """NumPy's name for the dtype."""
        ...

    def tensor(self, array: Any, like: Tensor) -> Tensor:
        """An array or number as a tensor with the dtype and place of another."""
        ...

    def device(self, *arrays: Tensor) -> str:
        """The kind of device the tensors are on, or where there are none the backend's own: "cpu", "gpu" or another.

        Where computing for a gradient, or op by op, is another matter, it says so too: "cpu, for a gradient".
        """
        ...

    def zeros(self, shape: Ints, like: Tensor) -> Tensor:
        """Zeros of that shape, with the dtype and place of a tensor."""
        ...

    def lay_out(self, kernel: Callable[[], Tensor], ends: int) -> None:
        """Puts the values of a layer's kernel in the order in which the framework's convolutions read them.

        `ends` of its last axes tell what comes out. It is not asked for where they lie so already: in a StatelessScope
        of Keras's that would be to make it.
        """
        ...

    def size(self, x: Tensor, axis: int) -> Any:
        """The size of one axis when it runs."""
        ...

    def positions(self, start: Any, stop: Any, like: Tensor) -> Tensor:
        """The integers from start up to stop, where another tensor is."""
        ...

    def gather(self, x: Tensor, axis: int, index: Tensor) -> Tensor:
        """The values of one axis at these positions."""
        ...

    def slices(self, x: Tensor, cuts: tuple[slice, ...]) -> Tensor:
        """x[cuts], steps positive."""
        ...

    def flip(self, x: Tensor, axis: int) -> Tensor:
        """One axis the other way round."""
        ...

    def total(self, x: Tensor, axis: int) -> Tensor:
        """The sum along an axis, which stays, 1 long."""
        ...

    def extended(self, x: Tensor, problem: Problem, values: Any, *, own: bool) -> Tensor | None:
        """`x` padded at once, where the framework can and does it faster than part by part; else None.

        With `own` only where its own gradient is the fastest, too, should one be asked for.
        """
        ...

    def updates_in_place(self, x: Tensor) -> bool:
        """Whether `put` copies nothing where it need not, forward and in the gradient of a tensor made of `x`."""
        ...

    def with_gradient(
        self, forward: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor], x: Tensor, *, shared: bool
    ) -> Tensor:
        """``forward(x)``; its gradient is `back`, which may overwrite what it is given, where that is faster.

        `shared` is whether what it is given may be somebody else's too.
        """
        ...

    def remade(self, make: Callable[[Tensor], Tensor], run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """run(make(x)). For the gradient what is made is made again, and not kept until then."""
        ...

    def unless_differentiated(
        self, alone: Callable[..., Tensor], differentiated: Callable[..., Tensor], *arrays: Tensor
    ) -> Tensor:
        """`alone` of the arrays; `differentiated`, which gives the same, where a gradient is asked for or may be."""
        ...

    def concat(self, parts: list[Tensor], axis: int) -> Tensor:
        """Tensors joined along an axis."""
        ...

    def stretch(self, x: Tensor, axis: int, count: Any, rows: Tensor) -> Tensor:
        """`x`, which is 1 long on `axis`, repeated `count` times there and broadcast to the other axes of `rows`."""
        ...

    def where(self, mask: Tensor, x: Tensor, value: float) -> Tensor:
        """x where the mask is not 0, else the value."""
        ...

    def widened(self, x: Tensor, axes: Ints, pads: Pairs) -> Tensor:
        """x with so many zeros around these axes."""
        ...

    def put(self, x: Tensor, box: Box, values: Tensor) -> Tensor:
        """x with other values in a box of it. x may be overwritten: it is nobody else's."""
        ...

    def add(self, x: Tensor, box: Box, values: Tensor) -> Tensor:
        """x with values, which broadcast, added to a box of it. x may be overwritten: it is nobody else's."""
        ...

    def scaled(
        self,
        out: Tensor,
        factors: Callable[[], Tensor],
        parts: Callable[[], Sequence[tuple[Box, Any]] | None],
    ) -> Tensor:
        """`out` times constant factors, which broadcast. It may be overwritten: it is nobody else's.

        `parts` tells thin boxes, each cut along its last axis alone, and an array of factors for each, which come to
        the same one after the other; None where it knows none.
        """
        ...

    def parted(self, x: Tensor, boxes: Sequence[Box]) -> list[Tensor]:
        """`x`, to be used instead of it from here on, and what is in each box, their gradient no larger than they."""
        ...

    def summed(self, out: Tensor, added: Sequence[tuple[Box, Tensor]]) -> Tensor:
        """`out` with values, which broadcast, added to boxes of it. It may be overwritten: it is nobody else's."""
        ...

    def biased(self, out: Tensor, bias: Tensor) -> Tensor:
        """`out` plus a bias, which broadcasts. It may be overwritten: it is nobody else's."""
        ...

    def add_at(self, x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
        """x with values added to these places of an axis, places that come again getting all of theirs."""
        ...

    def native(self, problem: Problem, ignored: bool) -> str:
        """Why the operations below cannot pad the problem's windows themselves, without a copy; "" if they can.

        Padding is with zeros, or where `ignored` (pools) with nothing.
        """
        ...

    def conv(
        self, x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
    ) -> Tensor:
        """The convolution, zero-padded; kernel `(*window, channels // groups, filters)`."""
        ...

    def depthwise_conv(
        self, x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
    ) -> Tensor:
        """The depthwise convolution, zero-padded; kernel `(*window, channels, depth_multiplier)`."""
        ...

    def taps(
        self, x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
    ) -> Tensor:
        """The depthwise convolution as a sum over the taps of its kernel."""
        ...

    def conv_transpose(
        self,
        y: Tensor,
        kernel: Tensor,
        strides: Ints,
        pads: Pairs,
        leftovers: Ints,
        dilation: Ints,
        groups: int,
        channels_last: bool,
    ) -> Tensor:
        """The adjoint of that convolution on an axis that holds `leftovers` values beyond its last window."""
        ...

    def max_pool(self, x: Tensor, size: Ints, strides: Ints, pads: Pairs, channels_last: bool) -> Tensor:
        """The maximum of every window; its padding never wins."""
        ...

    def average_pool(
        self, x: Tensor, size: Ints, strides: Ints, pads: Pairs, ignored: bool, channels_last: bool
    ) -> Tensor:
        """The mean of every window, its padding counted as zeros or, where `ignored`, not at all."""
        ...


def backend_named(name: str) -> Backend:
    """The backend of that name; this imports its framework."""
    if name in _LOADED:
        return _LOADED[name]
    if name not in NAMES:
        raise refuse("backend", f"be 'numpy' or one of {', '.join(map(repr, NAMES))}", name)
    try:
        _LOADED[name] = cast("Backend", import_module(f"{__name__}.{name}"))
    except ModuleNotFoundError as error:
        raise PaddingError(
            f"The backend {name!r} needs {error.name}, which is not installed. Install it with: "
            f"pip install 'convpad[{name}]'"
        ) from error
    return _LOADED[name]


_OWNERS: dict[type, tuple[str, Backend]] = {}
"""By the types of tensors that were asked for."""


def _owner(x: object) -> tuple[str, Backend] | None:
    if type(x) in _OWNERS:
        return _OWNERS[type(x)]
    # Those that are loaded first: torch.compile cannot trace an import.
    for name in sorted(NAMES, key=lambda name: name not in _LOADED):
        if name in sys.modules and backend_named(name).owns(x):
            return _OWNERS.setdefault(type(x), (name, backend_named(name)))
    return None


def backend_of(arrays: dict[str, Any]) -> tuple[str, Backend | None]:
    """The backend that the tensors among the arrays, given by argument, belong to; None where all are NumPy's."""
    found: tuple[str, Backend | None] = ("numpy", None)
    for argument, x in arrays.items():
        if isinstance(x, (np.ndarray, np.generic)) or (found[1] is not None and found[1].owns(x)):
            continue
        owner = _owner(x)
        if owner is None:
            allowed = f"be a NumPy array, or a tensor of {', '.join(NAMES[:-1])} or {NAMES[-1]}"
            raise refuse(argument, allowed, type(x), "numpy.asarray makes an array of nested lists.")
        if found[1] is not None and found[0] != owner[0]:
            raise refuse(argument, f"be a tensor of {found[0]}, like the others", type(x))
        found = owner
    return found


# Those already there are loaded at once: torch.compile cannot trace an import.
for _name in NAMES:
    if _name in sys.modules:
        backend_named(_name)
