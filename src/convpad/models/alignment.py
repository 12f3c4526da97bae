"""Which window of one model stands for which of another? The alignment of two sequences that agrees best.

That of Needleman and Wunsch (1970): both keep their order, and each window stands for one or for none. What is left
over on both sides and is exactly alike stands for each other too, for parallel branches have no order of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from convpad.models.windows import PaddedWindow

__all__ = ["aligned"]

_LEAST = 6
"""Windows that are less alike do not stand for each other."""


def aligned(a: Sequence[PaddedWindow], b: Sequence[PaddedWindow]) -> list[tuple[int, int]]:
    """Pairs of places, in the order of the first."""
    keys_a, keys_b = [_signature(window) for window in a], [_signature(window) for window in b]
    kinds: dict[tuple[object, object], int] = {}
    # best[i][j]: how well what follows places i and j agrees.
    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        row, below = best[i], best[i + 1]
        for j in range(len(b) - 1, -1, -1):
            both = keys_a[i], keys_b[j]
            if both not in kinds:
                kinds[both] = _alike(*both)
            gain = kinds[both]
            most = max(below[j], row[j + 1])
            row[j] = max(most, gain + below[j + 1]) if gain else most
    found, i, j = list[tuple[int, int]](), 0, 0
    while i < len(a) and j < len(b):
        gain = kinds[keys_a[i], keys_b[j]]
        if gain and best[i][j] == gain + best[i + 1][j + 1]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return sorted(found + _out_of_order(keys_a, keys_b, found))


def _signature(window: PaddedWindow) -> tuple[object, ...]:
    return (
        window.op,
        window.kernel,
        window.strides,
        window.dilation,
        window.channels,
        window.filters,
        window.problem.groups,
        window.input,
    )


def _alike(a: tuple[object, ...], b: tuple[object, ...]) -> int:
    """How well two signatures agree; 0 where they cannot stand for each other."""
    if a[:2] != b[:2]:
        return 0
    worth = (3, 1, 3, 3, 1, 1)
    score = 2 + sum(worth[place] for place in range(6) if a[place + 2] == b[place + 2])
    return score if score >= _LEAST else 0


def _out_of_order(
    keys_a: Sequence[object], keys_b: Sequence[object], found: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    taken_a, taken_b = {i for i, _ in found}, {j for _, j in found}
    free: dict[object, list[int]] = {}
    for j, key in enumerate(keys_b):
        if j not in taken_b:
            free.setdefault(key, []).append(j)
    return [(i, free[key].pop(0)) for i, key in enumerate(keys_a) if i not in taken_a and free.get(key)]
