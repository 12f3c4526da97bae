"""Facts of one axis under one padded window: what is read of the padding, and what no window reads."""

from __future__ import annotations

from dataclasses import dataclass

from convpad.core.window import Window, places_read


@dataclass(frozen=True, slots=True)
class AxisFacts:
    """One axis under one padded window, in numbers of values.

    Args:
        input, output: sizes.
        window: the window. For a transposed convolution, the window of the forward convolution whose adjoint it is, on
            the output: the forward one's padding is cropped here.
        modes: the padding modes, `(before, after)`.
        read_before, read_after: how much of the padding any window reads.
        unread: values of the axis that no window reads; for a transposed convolution, outputs that no input reaches.
        even_sizes: for equal amounts that are used unevenly, the next smaller and larger input whose padding is used
            evenly.
    """

    input: int
    output: int
    window: Window
    modes: tuple[str, str]
    read_before: int
    read_after: int
    unread: int
    even_sizes: tuple[int, int] | None

    @property
    def before(self) -> int:
        """Values added before the axis."""
        return self.window.before or 0

    @property
    def after(self) -> int:
        """Values added after the axis."""
        return self.window.after or 0

    @property
    def even(self) -> bool:
        """Whether as much of the padding is read on one side as on the other."""
        return self.read_before == self.read_after


def axis_facts(
    window: Window, input: int | None, output: int | None, modes: tuple[str, str], *, transposed: bool
) -> AxisFacts | None:
    """Return the facts of an axis; None where a size is unknown.

    That a stride above 1 may leave the padding of one side unread, and at which sizes it does not, is from Alsallakh et
    al. 2021 (arXiv:2010.02178).
    """
    size, before, after = window.size, window.before, window.after
    if size is None or before is None or after is None or input is None or output is None:
        return None
    read_before, read_after = places_read(window, -before, 0), places_read(window, size, size + after)
    unread = size - places_read(window, 0, size)
    even_sizes, leftover = None, window.leftover or 0
    if not transposed and before == after and read_before != read_after and size > leftover:
        even_sizes = (size - leftover, size - leftover + window.stride)
    return AxisFacts(input, output, window, modes, read_before, read_after, unread, even_sizes)
