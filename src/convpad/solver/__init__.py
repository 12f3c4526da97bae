"""Paddings that explain two sizes: `solve`, and `Solutions`, its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

from convpad.display.result import Result
from convpad.display.table import Table
from convpad.display.text import to_text
from convpad.frameworks import NAMES
from convpad.solver.query import Query, parse_query
from convpad.solver.search import Suggestion, find_solutions, suggest, why_impossible
from convpad.solver.solution import Solution

__all__ = ["Solutions", "solve"]

SHOWN = 10
"""The number of solutions in a table."""


@dataclass(frozen=True, slots=True, repr=False)
class Solutions(Result):
    """Every padding that explains two sizes, the likeliest first: a sequence of `Solution`.

    `str()` is a table of the likeliest, with code for the first.

    Args:
        query: the sizes and what is known of the window.
        solutions: the solutions.
        nearest: where there are none, what may have been meant instead.

    Example:

    >>> import convpad
    >>> solved = convpad.solve(55, 27, kernel_size=3, strides=2, op="max_pool")
    >>> len(solved), solved[0].padding
    (3, 'valid')
    """

    query: Query
    solutions: tuple[Solution, ...]
    nearest: tuple[Suggestion, ...] = ()

    def __len__(self) -> int:
        return len(self.solutions)

    def __iter__(self) -> Iterator[Solution]:
        return iter(self.solutions)

    @overload
    def __getitem__(self, index: int) -> Solution: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Solution, ...]: ...
    def __getitem__(self, index: int | slice) -> Solution | tuple[Solution, ...]:
        return self.solutions[index]

    @property
    def summary(self) -> str:
        """`224 -> 112, kernel 7, strides 2: 13 paddings explain it, the likeliest first.`"""
        if not self:
            return f"{self.query}: impossible. {why_impossible(self.query)}"
        count = "one padding explains it" if len(self) == 1 else f"{len(self)} paddings explain it, the likeliest first"
        undilated = sum(max(solution.dilation_rate) == 1 for solution in self)
        if undilated < len(self) and "dilation" in self.query.unknown:
            count += f", {undilated or 'none'} of them without dilation"
        bounds = [f"{name} {values[0]} to {values[-1]}" for name, values in self.query.unknown.items()]
        tried = f" Tried: {', '.join(bounds)}." if bounds else ""
        return f"{self.query}: {count}.{tried}"

    def to_table(self, limit: int | None = SHOWN) -> Table:
        """Return the `limit` likeliest solutions (None for all) as a table, or what may have been meant instead."""
        if not self:
            headings = ("nearest that works", "meaning", "arithmetic")
            rows = tuple((near.change, near.solution.meaning, near.solution.arithmetic) for near in self.nearest)
            return Table(self.summary, headings, rows)
        solutions = self[:limit]
        columns = {
            "padding": [str(solution.padding) for solution in solutions],
            "kernel": [str(solution.kernel[0]) for solution in solutions],
            "strides": [str(solution.strides[0]) for solution in solutions],
            "dilation": [str(solution.dilation_rate[0]) for solution in solutions],
            "output_padding": ["" if s.output_padding is None else str(s.output_padding) for s in solutions],
            "meaning": [solution.meaning for solution in solutions],
            "arithmetic": [solution.arithmetic for solution in solutions],
        }
        known = {"kernel", "strides", "dilation"} - {*self.query.unknown}
        columns = {name: cells for name, cells in columns.items() if name not in known and any(cells)}
        more = len(self) - len(solutions)
        rows = tuple(zip(*columns.values(), strict=True))
        return Table(self.summary, tuple(columns), rows, (f"and {more} more",) if more else ())

    def _tables(self, limit: int | None = SHOWN) -> list[Table]:
        """Return the table of solutions, and one of the code for the likeliest."""
        code = [replace(solution.to_table(self._frameworks), lines=()) for solution in self[:1]]
        return [self.to_table(limit), *code]

    @property
    def _frameworks(self) -> Sequence[str]:
        return [self.query.framework] if self.query.framework else NAMES

    def to_dict(self, limit: int | None = None) -> dict[str, Any]:
        """Return the solutions, or the `limit` likeliest, as lists, strings and ints with code for each framework.

        Example:

        >>> import convpad, json
        >>> json.loads(convpad.solve(30, 28, kernel_size=3, strides=1).to_json())["solutions"][0]["padding"]
        'valid'
        """
        names = self._frameworks
        return {
            "query": str(self.query),
            "count": len(self),
            "solutions": [
                {**solution.to_dict(), "code": {name: solution.to_code(name).to_dict() for name in names}}
                for solution in self[:limit]
            ],
            "why_not": None if self else why_impossible(self.query),
            "nearest": [suggestion.to_dict() for suggestion in self.nearest],
        }

    def to_text(self, width: int | None = 80, *, colour: bool = False, limit: int | None = SHOWN) -> str:
        """Return the `limit` likeliest solutions (None for all) as text for a terminal of `width` columns."""
        return "\n\n".join(to_text(table, width, colour=colour) for table in self._tables(limit))


def solve(
    input_size: Any,
    output_size: Any,
    *,
    kernel_size: Any = None,
    strides: Any = None,
    dilation_rate: Any = None,
    padding: Any = None,
    op: str = "conv",
    rounding: str | None = None,
    framework: str | None = None,
    rank: int | None = None,
) -> Solutions:
    """Find every padding that explains two sizes, ordered by how likely an author meant it.

    Named amounts come first (valid, same, half, full, causal), then the same on both sides, then the odd one after,
    then before; small odd kernels (for pools 2 and 3), strides of 1 and 2 and no dilation before others.

    Nothing within these bounds is left out: amounts below the span of the window, so that no window stands in the
    padding alone (an amount that is given may be any); where it is not given a kernel of 1 to 11, strides of 1 to 4
    and a dilation of 1 to 4, the same on all axes; one padding for all axes, a word or a pair `(before, after)`.
    Where that explains nothing, larger amounts are tried, the same on both sides or one more after.

    Args:
        input_size, output_size: sizes, in values: ints (a square image), or one size for each spatial axis.
        kernel_size, strides, dilation_rate, padding: as in `convpad.conv`; None if they are not known. Pools take no
            dilation.
        op: `"conv"` (depthwise and separable ones too), `"conv_transpose"`, `"max_pool"` or `"average_pool"`.
        rounding: of pools: `"floor"` or `"ceil"` (PyTorch's `ceil_mode`; Caffe's only way). None takes either,
            or what the framework does.
        framework: only the paddings of this framework's own operation: one of `convpad.frameworks.NAMES`.
        rank: the number of spatial axes where both sizes are ints. Left out, 2.

    Returns:
        A sequence of solutions; `str()` shows the likeliest, `to_json()` has all. If there is none, `nearest` has
        what works with one thing changed.

    Raises:
        PaddingError: an argument is none of these.

    Example:

    >>> import convpad
    >>> print(convpad.solve(32, 16, kernel_size=5, strides=2, dilation_rate=1, framework="torch"))
    32 -> 16, kernel 5, strides 2, dilation 1, in torch's own words: one padding
    explains it.
    <BLANKLINE>
    padding  meaning                                        arithmetic
    --------------------------------------------------------------------------------
    half     5 // 2 on both sides, as in PyTorch and Caffe  floor((32 + 2 + 2 - 5) /
                                                            2) + 1 = 16, 1 left over
    <BLANKLINE>
    kernel 5, strides 2, padding 'half'
    <BLANKLINE>
    framework  code
    ---------------------------------------------------------------------
    PyTorch    torch.nn.Conv2d(channels, filters, 5, stride=2, padding=2)

    The arithmetic is that of Dumoulin & Visin (arXiv:1603.07285).
    """
    query = parse_query(
        input_size, output_size, kernel_size, strides, dilation_rate, padding, op, rounding, framework, rank
    )
    solutions = find_solutions(query)
    return Solutions(query, solutions, () if solutions else suggest(query))
