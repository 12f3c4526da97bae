"""How does a browser show what a model pads? One HTML page that needs nothing else, and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from convpad.display.rich_text import HEADINGS, amounts, asides, cells, mode, noted, summary, window
from convpad.frameworks import TITLES

if TYPE_CHECKING:
    from convpad.models.audit import Audit
    from convpad.models.compare import Comparison

__all__ = ["audited", "compared"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1b1f24;
  background: #fff; }
h1 { font-size: 1.4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #d5dae0; vertical-align: top;
  white-space: nowrap; }
td:first-child { white-space: normal; overflow-wrap: anywhere; }
th { position: sticky; top: 0; background: #fff; }
.uneven { color: #8a4b00; font-weight: 600; }
pre, code { font: 13px/1.4 ui-monospace, monospace; margin: 0; }
@media (prefers-color-scheme: dark) {
  body, th { color: #e4e8ec; background: #14181c; }
  th, td { border-color: #3a424b; }
  .uneven { color: #ffb454; }
}
"""


def _page(title: str, body: Sequence[str]) -> str:
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<head><meta charset="utf-8">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style></head>",
            f"<body><h1>{escape(title)}</h1>",
            *body,
            "</body></html>",
            "",
        ]
    )


def _table(headings: Sequence[str], rows: Sequence[str]) -> list[str]:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    return ['<div class="scroll"><table>', f"<thead><tr>{head}</tr></thead><tbody>", *rows, "</tbody></table></div>"]


def audited(audit: Audit) -> str:
    """An audit as a page."""
    notes = noted(audit)
    rows: list[str] = []
    for row in audit.rows:
        number = notes.get(row.elsewhere)
        texts = cells(row, "")
        found = [f'<td class="uneven">{t}</td>' if t == "unevenly" else f"<td>{escape(t)}</td>" for t in texts[:-1]]
        link = f'<a href="#note{number}">note {number}</a>' if number else ""
        rows.append(f"<tr>{''.join(found)}<td>{link}</td></tr>")
    said = [f'<li id="note{number}">{escape(note)}</li>' for note, number in notes.items()]
    body = [f"<p>{escape(summary(audit))}</p>", *_table(HEADINGS, rows)]
    body += ["<ol>", *said, "</ol>"] if said else []
    body += [f"<p>{escape(line)}</p>" for line in asides(audit.reading)]
    return _page(f"What {audit.reading.source} pads ({TITLES[audit.reading.framework]})", body)


def compared(comparison: Comparison) -> str:
    """A comparison as a page."""
    rows: list[str] = []
    for pair in comparison.differences:
        a, b = pair.a, pair.b
        texts = [a.name, b.name, window(a), f"{amounts(a.amounts)} {mode(a)}", f"{amounts(b.amounts)} {mode(b)}"]
        code = escape("\n".join(pair.remedy))
        rows.append(f"<tr>{''.join(f'<td>{escape(t)}</td>' for t in texts)}<td><pre>{code}</pre></td></tr>")
    headings = ("first", "second", "window", "first pads", "second pads", "so that they agree")
    body = _table(headings, rows) if rows else []
    body += [f"<p>{escape(line)}</p>" for line in comparison.lines()]
    return _page(f"Where {comparison.a.source} and {comparison.b.source} pad differently", body)
