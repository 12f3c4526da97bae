"""HTML pages of tables: one file that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from string import Template

from convpad.display.table import Cell, Table

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1b1f24;
  background: #fff; }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #d5dae0; vertical-align: top;
  white-space: nowrap; }
td:first-child { white-space: normal; overflow-wrap: anywhere; }
th { position: sticky; top: 0; background: #fff; }
.number { text-align: right; }
.warning { color: #8a4b00; font-weight: 600; }
.good { color: #1a6b36; }
.bad { color: #b3261e; font-weight: 600; }
.line { margin: 0; white-space: pre-wrap; }
pre, code { font: 13px/1.4 ui-monospace, monospace; margin: 0; }
svg { max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) {
  body, th { color: #e4e8ec; background: #14181c; }
  th, td { border-color: #3a424b; }
  a { color: #8cc8ff; }
  .warning { color: #ffb454; }
  .good { color: #7ee2a0; }
  .bad { color: #ff8a80; }
}
</style></head>
<body>
$body
</body></html>
""")


def to_html(*tables: Table, drawing: str = "") -> str:
    """Return a page of tables, named by the title of the first.

    Args:
        tables: one or more.
        drawing: an SVG, shown before the first table.
    """
    title = escape(tables[0].title)
    body = [f"<h1>{title}</h1>", *([drawing] if drawing else [])]
    for number, table in enumerate(tables):
        if number and table.title:
            body.append(f"<h2>{escape(table.title)}</h2>")
        body += [*_rows(table), *_below(table)]
    return _PAGE.substitute(title=title, body="\n".join(body))


def _rows(table: Table) -> Iterator[str]:
    if not table.rows:
        return
    numeric = [' class="number"' if heading in table.numeric else "" for heading in table.headings]
    head = "".join(
        f'<th scope="col"{kind}>{escape(heading)}</th>' for heading, kind in zip(table.headings, numeric, strict=True)
    )
    yield '<div class="scroll"><table>'
    yield f"<thead><tr>{head}</tr></thead><tbody>"
    for row in table.cells:
        if row:  # groups of rows need no line: every row has one
            yield f"<tr>{''.join(map(_cell, row, numeric))}</tr>"
    yield "</tbody></table></div>"


def _cell(cell: Cell, kind: str) -> str:
    text = escape(cell.text)
    match cell.style:
        case "code":
            return f"<td><pre>{text}</pre></td>"
        case "note":
            return f'<td><a href="#note{text}">note {text}</a></td>' if text else "<td></td>"
        case "":
            return f"<td{kind}>{text}</td>"
        case style:
            return f'<td class="{style}{" number" if kind else ""}">{text}</td>'


def _below(table: Table) -> Iterator[str]:
    yield from (f'<p class="line">{escape(line)}</p>' for line in table.lines)
    if table.notes:
        notes = (f'<li id="note{number}">{escape(note)}</li>' for number, note in enumerate(table.notes, 1))
        yield f"<ol>{''.join(notes)}</ol>"
