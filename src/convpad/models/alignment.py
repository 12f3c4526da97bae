"""Alignment of the windows of two models: the pairs that agree best, by Needleman and Wunsch (1970).

Both sequences keep their order, and each window is paired with one or with none. Equal windows that are left over on
both sides are paired too, for parallel branches have no order of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from convpad.models.windows import PaddedWindow

_MIN_SCORE = 6
"""Windows that agree less are not paired."""


def aligned(a: Sequence[PaddedWindow], b: Sequence[PaddedWindow]) -> list[tuple[int, int]]:
    """Return pairs of indices, in the order of the first sequence."""
    keys_a, keys_b = [_signature(window) for window in a], [_signature(window) for window in b]
    # best[i][j]: the best score of the windows from i and from j on.
    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            gain = _score(keys_a[i], keys_b[j])
            paired = gain + best[i + 1][j + 1] if gain else 0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    pairs, i, j = list[tuple[int, int]](), 0, 0
    while i < len(a) and j < len(b):
        gain = _score(keys_a[i], keys_b[j])
        if gain and best[i][j] == gain + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return sorted(pairs + _out_of_order(keys_a, keys_b, pairs))


def _signature(window: PaddedWindow) -> tuple[object, ...]:
    moves = window.op, window.kernel, window.strides, window.dilation
    return (*moves, window.channels, window.filters, window.problem.groups, window.input)


@lru_cache(maxsize=4096)
def _score(a: tuple[object, ...], b: tuple[object, ...]) -> int:
    """Return how well two signatures agree; 0 where they cannot be paired."""
    if a[:2] != b[:2]:
        return 0
    weights = (3, 1, 3, 3, 1, 1)
    score = 2 + sum(weight for weight, *values in zip(weights, a[2:], b[2:], strict=True) if values[0] == values[1])
    return score if score >= _MIN_SCORE else 0


def _out_of_order(
    keys_a: Sequence[object], keys_b: Sequence[object], pairs: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return pairs of equal windows among those without one."""
    paired_a, paired_b = {i for i, _ in pairs}, {j for _, j in pairs}
    free: dict[object, list[int]] = {}
    for j, key in enumerate(keys_b):
        if j not in paired_b:
            free.setdefault(key, []).append(j)
    return [(i, free[key].pop(0)) for i, key in enumerate(keys_a) if i not in paired_a and free.get(key)]
