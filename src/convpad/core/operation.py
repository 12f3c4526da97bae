"""A padded operation without shapes: its kind, its padding, and how its windows move. Frozen, and hashed once."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from convpad.core.errors import ShapeError, refuse
from convpad.core.padding import Padding
from convpad.core.validation import integer, per_axis

_CONV = ("strides", "dilation_rate", "data_format")
_POOL = ("strides", "dilation_rate", "ceil_mode", "data_format")
POOLS = ("max_pool", "average_pool")
"""The operations whose window has no kernel."""

OPS: dict[str, tuple[str, ...]] = {
    "conv": (*_CONV, "groups"),
    "depthwise_conv": _CONV,
    "separable_conv": _CONV,
    "conv_transpose": (*_CONV, "groups", "output_padding"),
    "max_pool": _POOL,
    "average_pool": _POOL,
}
"""The operations that have a window, and the arguments that each takes besides its padding."""

MAX_RANK = 3
"""Backends convolve along up to three axes; the oracle along any number."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A padded operation, all of it but the shapes.

    Args:
        op: one of `OPS`, or `"pad"`.
        padding: the amounts and modes, with the shapes of tensors in the place of tensors.
        strides, dilation: one int per spatial axis.
        groups: of a convolution.
        channels_last: whether the channels are the last axis, or the second.
        output_padding: of `conv_transpose`: one int or None per axis.
        pool_size: of a pool: one int per axis.
        ceil_mode: of a pool: whether the number of outputs is rounded up.
        filters_first: whether kernels are in PyTorch's order, filters and channels before the window.
    """

    op: str
    padding: Padding
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    channels_last: bool = True
    output_padding: tuple[int | None, ...] = ()
    pool_size: tuple[int, ...] = ()
    ceil_mode: bool = False
    filters_first: bool = False
    _hash: int | None = field(default=None, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        if self._hash is None:  # hashed once, and not at all where a compiler traces
            values = self.op, self.padding, self.strides, self.dilation, self.groups, self.channels_last
            value = hash((*values, self.output_padding, self.pool_size, self.ceil_mode, self.filters_first))
            object.__setattr__(self, "_hash", value)
            return value
        return self._hash

    def __getstate__(self) -> list[Any]:
        """Return the fields without the hash, which another process would compute otherwise."""
        return [None if each.name == "_hash" else getattr(self, each.name) for each in fields(self)]

    @classmethod
    def parse(
        cls,
        op: str,
        rank: int,
        *,
        padding: Any,
        padding_mode: Any = "zeros",
        strides: Any = 1,
        dilation_rate: Any = 1,
        groups: Any = 1,
        data_format: Any = "channels_last",
        output_padding: Any = None,
        pool_size: Any = None,
        ceil_mode: Any = False,
    ) -> Operation:
        """Read the arguments of a public function or of a layer, as the public function of that name documents them.

        Raises:
            PaddingError: an argument is wrong by itself.
        """
        last = reads_channels_last(data_format)
        has_window = op != "pad"
        if has_window and rank > MAX_RANK:
            raise ShapeError(
                f"A window moves along one, two or three spatial axes. Received: an input with {rank}. "
                "Fold the others into the batch."
            )
        parsed = Padding.parse(padding, padding_mode, rank=rank, has_window=has_window).without_tensors()
        ignored = [mode.name for pair in parsed.modes for mode in pair if not mode.is_counted]
        if ignored and not has_window:
            mend = "It has no values to pad with: use it as the padding_mode of a convolution or a pool."
            raise refuse("padding_mode", "have values", ignored[0], mend)
        size: tuple[int, ...] = ()
        if op in POOLS:
            size = per_axis("pool_size", pool_size, rank)
            strides = size if strides is None else strides
        if not isinstance(ceil_mode, bool):
            raise refuse("ceil_mode", "be True or False", ceil_mode)
        strides = per_axis("strides", strides, rank)
        return cls(
            op,
            parsed,
            strides,
            per_axis("dilation_rate", dilation_rate, rank),
            integer("groups", groups, 1),
            last,
            _output_padding(output_padding, strides) if op == "conv_transpose" else (),
            size,
            ceil_mode,
        )

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return self.padding.rank


def reads_channels_last(data_format: object) -> bool:
    """Return whether a layout has its channels last, or refuse it."""
    if data_format not in ("channels_last", "channels_first"):
        raise refuse("data_format", "be 'channels_last' or 'channels_first'", data_format)
    return data_format == "channels_last"


def _output_padding(output_padding: Any, strides: tuple[int, ...]) -> tuple[int | None, ...]:
    if output_padding is None:
        return (None,) * len(strides)
    extra = per_axis("output_padding", output_padding, len(strides), 0)
    for stride, places in zip(strides, extra, strict=True):
        if places >= stride:
            mend = "It tells apart the sizes that one stride makes equal."
            raise refuse("output_padding", f"be less than the stride, {stride}", places, mend)
    return extra
