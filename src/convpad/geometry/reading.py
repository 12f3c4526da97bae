"""Which places of a padded axis does any window read?"""

from __future__ import annotations

from convpad.geometry.window import Window

__all__ = ["places_read"]


def places_read(window: Window, start: int, stop: int) -> int:
    """How many places from `start` to `stop` any window reads; 0 is the first value of the axis.

    Example:

    >>> from convpad.geometry.reading import places_read
    >>> from convpad.geometry import Window
    >>> places_read(Window(size=224, kernel=7, stride=2, dilation=1, before=3, after=3), 224, 227)
    2
    """
    # Every tap stands on places that are one stride apart, as many as there are windows: of the taps that share
    # places, each begins where the other does or later, so one pass counts their union.
    outputs, stride, before = window.output or 0, window.stride, window.before or 0
    reached: dict[int, int] = {}
    count = 0
    for tap in range(0, window.kernel * window.dilation, window.dilation):
        turn, phase = divmod(tap, stride)
        first = max(turn, reached.get(phase, 0), -((phase - start - before) // stride))
        last = min(turn + outputs, -((phase - stop - before) // stride))
        count += max(last - first, 0)
        reached[phase] = turn + outputs
    return count
