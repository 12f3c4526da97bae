"""What did the author pad? Sizes in, every padding that explains them out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, overload

from convpad.frameworks import NAMES, TITLES
from convpad.solver.query import DILATIONS, KERNELS, STRIDES, Question, ask
from convpad.solver.search import solutions
from convpad.solver.solution import Solution
from convpad.solver.suggestions import Reading, nearest, why_not

__all__ = ["Solutions", "solve"]

SHOWN = 10
"""How many solutions a text shows."""


@dataclass(frozen=True, slots=True)
class Solutions:
    """Every padding that explains two sizes, the likeliest first: a sequence of `Solution`.

    Args:
        question: what was asked.
        found: the solutions.
        nearest: where there are none, what may have been meant instead.

    Example:

    >>> import convpad
    >>> solved = convpad.solve(55, 27, kernel=3, strides=2, op="max_pool")
    >>> len(solved), solved[0].padding
    (3, 'valid')
    """

    question: Question
    found: tuple[Solution, ...]
    nearest: tuple[Reading, ...] = ()

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Solution]:
        return iter(self.found)

    @overload
    def __getitem__(self, index: int) -> Solution: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Solution, ...]: ...
    def __getitem__(self, index: int | slice) -> Solution | tuple[Solution, ...]:
        return self.found[index]

    def text(self, limit: int | None = SHOWN) -> str:
        """For people: the likeliest solutions with their reasons, and the first one as code."""
        if not self.found:
            lines = [f"{self.question}: impossible. {why_not(self.question)}"]
            lines += ["The nearest that works:"] if self.nearest else []
            return "\n".join([*lines, *(f"  {reading}" for reading in self.nearest)])
        count = "one padding explains it" if len(self) == 1 else f"{len(self)} paddings explain it, the likeliest first"
        plain = sum(max(solution.dilation_rate) == 1 for solution in self.found)
        count += f", {plain} of them without dilation" if 0 < plain < len(self) else ""
        searched = self._searched()
        lines = [f"{self.question}: {count}.{f' Tried: {searched}.' if searched else ''}", ""]
        rows = [(self._said(solution), solution.reason) for solution in self.found[:limit]]
        width = max(len(said) for said, _ in rows)
        lines += [f"  {said:<{width}}  {reason}" for said, reason in rows]
        if limit is not None and len(self) > limit:
            lines.append(f"  and {len(self) - limit} more")
        return "\n".join([*lines, "", "The first one, written as", *self._code(self.found[0])])

    def _said(self, solution: Solution) -> str:
        """What was not given."""
        asked, found = self.question, [f"padding {solution.padding!r}"]
        found += [f"output_padding {solution.output_padding}"] if solution.output_padding else []
        found += ["rounded up"] if solution.rounding == "ceil" else []
        for name, given, values in (
            ("dilation", asked.dilation_rate or asked.op.endswith("pool"), solution.dilation_rate),
            ("strides", asked.strides, solution.strides),
            ("kernel", asked.kernel, solution.kernel),
        ):
            found[:0] = [] if given else [f"{name} {values[0]}"]
        return ", ".join(found)

    def _searched(self) -> str:
        """The bounds of what was not given."""
        asked = self.question
        rows = (
            ("kernels", asked.kernel, KERNELS),
            ("strides", asked.strides, STRIDES),
            ("dilation", asked.dilation_rate, DILATIONS),
        )
        tried = [
            f"{name} {bounds[0]} to {bounds[-1]}"
            for name, given, bounds in rows
            if not given and (name != "dilation" or len(asked.dilations) > 1)
        ]
        return ", ".join(tried)

    def _code(self, solution: Solution) -> list[str]:
        names = [self.question.framework] if self.question.framework else NAMES
        lines: list[str] = []
        for name in names:
            words = solution.say(name)
            code = words.code.splitlines() or ["(cannot be said)"]
            lines += [
                f"  {TITLES[name]:<{max(map(len, TITLES.values()))}}  {code[0]}",
                *(" " * 14 + line for line in code[1:]),
            ]
        return lines

    def as_dict(self, limit: int | None = None) -> dict[str, Any]:
        """All of it as lists, strings and ints, each solution with its code for each framework."""
        asked = self.question
        names = [asked.framework] if asked.framework else NAMES
        rows: list[dict[str, Any]] = []
        for solution in self.found[:limit]:
            said = {name: solution.say(name) for name in names}
            code = {name: {"code": w.code, "exact": w.exact, "note": w.note} for name, w in said.items()}
            rows.append({**solution.as_dict(), "code": code})
        return {
            "asked": str(asked),
            "count": len(self),
            "solutions": rows,
            "why_not": None if self.found else why_not(asked),
            "nearest": [reading.as_dict() for reading in self.nearest],
        }

    def json(self, limit: int | None = None) -> str:
        """The same as JSON.

        Example:

        >>> import convpad, json
        >>> json.loads(convpad.solve(30, 28, kernel=3, strides=1).json())["solutions"][0]["padding"]
        'valid'
        """
        return json.dumps(self.as_dict(limit), indent=2)

    def __str__(self) -> str:
        return self.text()


def solve(
    input: Any,
    output: Any,
    *,
    kernel: Any = None,
    strides: Any = None,
    dilation_rate: Any = None,
    padding: Any = None,
    op: str = "conv",
    rounding: str | None = None,
    framework: str | None = None,
    rank: int | None = None,
) -> Solutions:
    """Every padding that explains two sizes, ordered by how likely an author meant it.

    Named amounts come first (valid, same, half, full, causal), then the same on both sides, then the odd one after,
    then before; small odd kernels (for pools 2 and 3), strides of 1 and 2 and no dilation before others.

    Nothing within these bounds is left out: amounts below the span of the window, so that no window stands in the
    padding alone (an amount that is given may be any); where it is not given a kernel of 1 to 11, strides of 1 to 4
    and a dilation of 1 to 4, the same on all axes; one padding for all axes, a word or a pair `(before, after)`.

    Args:
        input, output: sizes, in values: ints (a square image), or one size for each spatial axis.
        kernel, strides, dilation_rate, padding: as in `convpad.conv`; None if they are not known. Pools take no
            dilation.
        op: `"conv"` (depthwise and separable ones too), `"conv_transpose"`, `"max_pool"` or `"average_pool"`.
        rounding: of pools: `"floor"` or `"ceil"` (PyTorch's `ceil_mode`; Caffe's only way). None takes either,
            or what the framework does.
        framework: only what it can say itself: one of `convpad.frameworks.NAMES`.
        rank: the number of spatial axes where both sizes are ints. Left out, 2.

    Returns:
        A sequence of solutions; its text shows the likeliest, its `json()` has all. If there is none, `nearest` has
        what works with one thing changed.

    Raises:
        PaddingError: an argument is none of these.

    Example:

    >>> import convpad
    >>> print(convpad.solve(32, 16, kernel=5, strides=2, dilation_rate=1, framework="torch"))
    32 -> 16, kernel 5, strides 2, dilation 1, in torch's own words: one padding explains it.
    <BLANKLINE>
      padding 'half'  5 // 2 on both sides, as in PyTorch and Caffe: floor((32 + 2 + 2 - 5) / 2) + 1 = 16, 1 left over.
    <BLANKLINE>
    The first one, written as
      PyTorch     torch.nn.Conv2d(channels, filters, 5, stride=2, padding=2)

    The arithmetic is that of Dumoulin & Visin (arXiv:1603.07285).
    """
    question = ask(
        input,
        output,
        kernel=kernel,
        strides=strides,
        dilation_rate=dilation_rate,
        padding=padding,
        op=op,
        rounding=rounding,
        framework=framework,
        rank=rank,
    )
    found = solutions(question)
    return Solutions(question, found, () if found else nearest(question))
