"""Tensors of a graph: how the values of another were moved into each, and what stands in the way of reading it."""

from __future__ import annotations

from dataclasses import dataclass

from convpad.models.readers.movement import Movement
from convpad.models.readers.values import Values
from convpad.models.readers.walk import TensorInfo
from convpad.models.windows import Shape

UNKNOWN, BATCH, CHANNELS, SPACE = "?", "n", "c", "s"
"""What an axis is, where a window has said so."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of an operation, as far as the graph tells.

    Args:
        key: its name in the graph.
        name, layer: of the operation, as people know them.
        shape: None for what is not known.
        sizes: of its axes; a size that is not known has one to reckon with. None for none.
        itemsize: bytes of one value.
    """

    key: str
    name: str
    layer: str
    shape: Shape | None = None
    sizes: tuple[int, ...] | None = None
    itemsize: int = 4

    def because(self, reason: str) -> str:
        """Return the entry of an operation that is not read."""
        return f"{self.name} ({self.layer}: {reason})"


@dataclass(frozen=True, slots=True)
class MovedTensor(TensorInfo):
    """A tensor, and how the values of another were moved into it.

    Args:
        result: the operation that made it.
        movement: None where it is not known, or the tensor is a constant.
        values: of a constant.
        roles: what each axis is.
        unread: for each axis, the entries of operations along it that are not read.
        is_declared: whether `pads` is all that was moved.
        modes: named by the operations that padded it.
        absorbed: the names of layers whose padding is part of the movement.
    """

    result: Result = Result("", "", "")
    movement: Movement | None = None
    values: Values | None = None
    roles: tuple[str, ...] = ()
    unread: tuple[frozenset[str], ...] = ()
    is_declared: bool = True
    modes: tuple[str, ...] = ()
    absorbed: tuple[str, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """The sizes of its axes, with those to reckon with."""
        if self.values is not None:
            return self.values.shape
        return self.movement.shape if self.movement is not None else self.result.sizes

    def is_space(self, axis: int) -> bool:
        """Return whether windows move along an axis, as far as that is known."""
        return self.roles[axis] == SPACE or (self.roles[axis] == UNKNOWN and axis >= 2)


def joined_shapes(one: Shape | None, other: Shape | None) -> Shape | None:
    """Return a shape with what two sources know of it; the first decides."""
    if one is None or other is None or len(one) != len(other):
        return other if one is None else one
    return tuple(b if a is None else a for a, b in zip(one, other, strict=True))
