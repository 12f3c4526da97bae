"""Lines that fit the width of a terminal: of prose, of names, of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import combining, east_asian_width

_TERM = re.compile(r"\S+ {2,}| *")
"""The beginning of a line whose further lines begin below it: a word and two spaces, or the spaces of an indent."""

_SEPARATORS = ("/", "_.,:-")
"""Signs after which a name that is longer than a line goes on in the next: first the one, then the others."""

_BRACKET = 100
"""The cost of a line that ends after an opening bracket, next to the depth of one that ends after a comma."""

_OPENING, _CLOSING = "([{<", ")]}>"


def columns_of(text: str) -> int:
    """Return the columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def printable(text: str) -> str:
    """Return a text without control characters, which a model's file may have in its names; its lines stay apart."""
    return "\n".join("".join(sign if sign.isprintable() else "?" for sign in line) for line in text.splitlines())


def wrapped(text: str, width: int | None) -> list[str]:
    """Return the lines of a text, of at most `width` columns; None breaks none.

    Lines end between words; in a name that is longer than a line, after `/`, else after `_`, `.` and the like. What
    follows a word and two spaces keeps its column.
    """
    lines: list[str] = []
    for line in printable(text).split("\n"):
        term = _TERM.match(line)
        hanging = " " * (term.end() if term else 0)
        if width is None or columns_of(line) <= width:
            lines.append(line.rstrip())
        else:
            lines += _filled(line, hanging if len(hanging) <= width // 2 else "  ", width)
    return lines


def wrapped_code(code: str, width: int | None) -> list[str]:
    """Return the lines of a code, of at most `width` columns where it allows that; None breaks none.

    Lines end after a comma, between two fields or after an opening bracket, and only within brackets: where every
    language of `convpad.frameworks` lets a line go on.
    """
    lines: list[str] = []
    depth = 0
    for line in printable(code).split("\n"):
        breaks, depth = _code_breaks(line, depth)
        hanging = " " * (len(line) - len(line.lstrip()) + 4)
        begin, indent = 0, ""
        while width is not None and columns_of(indent + line[begin:]) > width:
            room = width - len(indent)
            later = [place for place in breaks if place > begin + len(indent)]
            # The best of those that fit; else the first, beyond the width.
            fitting = [place for place in later if place <= begin + room] or later[:1]
            if not fitting:
                break
            end = min(fitting, key=lambda place: (breaks[place], -place))
            lines.append(indent + line[begin:end])
            begin, indent = end + len(line[end:]) - len(line[end:].lstrip()), hanging
        lines.append(indent + line[begin:])
    return lines


def _filled(line: str, hanging: str, width: int) -> Iterator[str]:
    """Yield the lines of one line that is longer than the width; all but the first begin with `hanging`."""
    current, has_words = "", False
    for blank, word in re.findall(r"( *)(\S+)", line):
        if has_words and columns_of(current + blank + word) > width:
            yield current
            current, has_words, blank = hanging, False, ""
        pieces = _pieces(word, width - columns_of(current + blank))
        for piece in pieces[:-1]:
            yield current + blank + piece
            current, blank = hanging, ""
        current, has_words = current + blank + pieces[-1], True
    yield current


def _pieces(word: str, room: int) -> list[str]:
    """Return the parts of a word of at most `room` columns each."""
    room = max(room, 1)
    if columns_of(word) <= room:
        return [word]
    for signs in _SEPARATORS:
        parts = re.findall(rf"[^{re.escape(signs)}]*[{re.escape(signs)}]+|[^{re.escape(signs)}]+", word)
        if max(map(columns_of, parts)) <= room:
            break
    else:
        parts = list(word)
    pieces = [""]
    for part in parts:
        if columns_of(pieces[-1] + part) > room:
            pieces.append("")
        pieces[-1] += part
    return [piece for piece in pieces if piece]


def _code_breaks(line: str, depth: int) -> tuple[dict[int, int], int]:
    """Return the places where a line of code may end, each with its cost, and the depth in brackets after the line.

    After a comma the cost is the depth, so that arguments within arguments stay together; after a bracket it is more.
    """
    breaks: dict[int, int] = {}
    quote = ""
    start = len(line) - len(line.lstrip())
    for place, sign in enumerate(line):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in _OPENING:
            depth += 1
            breaks[place + 1] = depth + _BRACKET
        elif sign in _CLOSING:
            depth -= 1
        elif sign == " " and depth > 0 and place > start and (line[place - 1] == "," or line[place + 1 :][:1] == " "):
            breaks[place] = depth
    return breaks, depth
