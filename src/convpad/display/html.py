"""HTML of tables: a page that loads nothing and runs a drawing's script alone; the same for a notebook, folded."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import date
from hashlib import sha256
from html import escape
from string import Template
from zlib import crc32

from convpad.core.version import __version__
from convpad.display.table import EMPTY, Cell, Table

FOLDED = 12
"""The longest table that a notebook shows unasked."""

_PROSE = 40
"""Letters of a cell from which on its column is prose, whose lines end between words."""

# Every rule is for what is within `.convpad`: a notebook is a page of somebody else's. Its colours of text and
# background are kept there; whether they are dark, Jupyter, VS Code and Colab say by an attribute or a class.
_DARK = "--quiet: #a7b1bb; --line: #3a424b; --link: #8cc8ff; --warning: #ffb454; --good: #7ee2a0; --bad: #ff8a80;"
_STYLE = f"""\
.convpad {{ font: 15px/1.5 system-ui, sans-serif; --quiet: #57606a; --line: #d5dae0; --link: #0b57d0;
  --warning: #8a4b00; --good: #1a6b36; --bad: #b3261e; }}
[data-jp-theme-light="false"] .convpad, .vscode-dark .convpad, html[theme="dark"] .convpad {{ {_DARK} }}
.convpad h1 {{ font-size: 1.4rem; line-height: 1.3; overflow-wrap: break-word; }}
.convpad h2 {{ font-size: 1.1rem; overflow-wrap: break-word; }}
.convpad a {{ color: var(--link); }}
.convpad .scroll {{ overflow-x: auto; }}
.convpad table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
.convpad th, .convpad td {{ text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: pre; }}
.convpad .prose {{ white-space: pre-wrap; min-width: 14em; }}
.convpad td.name {{ white-space: pre-wrap; min-width: 11em; }}
.convpad th[colspan] {{ padding-top: .75rem; }}
.convpad .number {{ text-align: right; }}
.convpad .warning {{ color: var(--warning); font-weight: 600; }}
.convpad .good {{ color: var(--good); }}
.convpad .bad {{ color: var(--bad); font-weight: 600; }}
.convpad .line:empty {{ height: .75em; }}
.convpad .scroll, .convpad dl {{ margin: .75rem 0; }}
.convpad .line {{ margin: 0; white-space: pre-wrap; overflow-wrap: break-word; }}
.convpad pre, .convpad code {{ font: 13px/1.4 ui-monospace, monospace; margin: 0; background: none; color: inherit; }}
.convpad summary {{ cursor: pointer; color: var(--link); }}
.convpad dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 0 .75rem; }}
.convpad dt {{ font-weight: 600; }}
.convpad dd {{ margin: 0; }}
.convpad svg {{ max-width: 100%; height: auto; }}
.convpad footer {{ margin-top: 1rem; color: var(--quiet); font-size: .85em; }}
@media (max-width: 45rem) {{
  .convpad thead {{ display: none; }}
  .convpad table, .convpad tbody, .convpad tr, .convpad th {{ display: block; }}
  .convpad tr {{ display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }}
  .convpad td, .convpad th {{ border: 0; padding: 0; white-space: pre-wrap; text-align: left; min-width: 0; }}
  .convpad td.name, .convpad td.code, .convpad td.prose, .convpad th {{ flex-basis: 100%; }}
  .convpad td.name {{ font-weight: 600; overflow-wrap: break-word; }}
  .convpad td.none {{ display: none; }}
  .convpad td:not(.name)::before {{ content: attr(data-heading) " "; color: var(--quiet); font-weight: 400; }}
  .convpad td pre {{ white-space: pre-wrap; overflow-wrap: break-word; }}
}}
"""

_PAGE = Template(f"""\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'$scripts">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
{_STYLE}body {{ margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1b1f24; background: #fff; }}
.convpad thead th {{ position: sticky; top: 0; background: #fff; }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #e4e8ec; background: #14181c; }}
  .convpad {{ {_DARK} }}
  .convpad thead th {{ background: #14181c; }}
}}
</style></head>
<body>
$body
</body></html>
""")


def to_html(*tables: Table, drawing: str = "") -> str:
    """Return a page of tables, named by the title of the first.

    Args:
        tables: one or more.
        drawing: an SVG or an interactive drawing, shown before the first table.
    """
    title = escape(tables[0].title)
    body = [
        f"<h1>{title}</h1>",
        *([drawing] if drawing else []),
        *(part for table in tables for part in _table(table, heading="" if table is tables[0] else "h2", fold=False)),
    ]
    return _PAGE.substitute(title=title, body=_framed(body), scripts=_allowed_scripts(drawing))


def _allowed_scripts(drawing: str) -> str:
    """Return the part of a page's policy that lets the scripts of a drawing run, and no others."""
    codes = re.findall(r"<script>(.*?)</script>", drawing, re.DOTALL)
    hashes = [f"'sha256-{b64encode(sha256(code.encode()).digest()).decode()}'" for code in codes]
    return f"; script-src {' '.join(hashes)}" if hashes else ""


def to_fragment(*tables: Table, drawing: str = "") -> str:
    """Return tables as HTML for a notebook: with their own style, long tables folded."""
    body = [
        f"<style>\n{_STYLE}</style>",
        *(part for table in tables for part in _table(table, heading="strong", fold=len(table.rows) > FOLDED)),
        *([f"<details open><summary>Drawing</summary>{drawing}</details>"] if drawing else []),
    ]
    return _framed(body)


def _framed(body: Sequence[str]) -> str:
    footer = f"<footer>convpad {__version__}, {date.today().isoformat()}</footer>"
    return "\n".join(['<div class="convpad">', *body, footer, "</div>"])


def _table(table: Table, *, heading: str, fold: bool) -> Iterator[str]:
    """Yield a table and the text around it; a folded one stands behind its number of rows."""
    # Two outputs of a notebook are on one page, where each link is to find its own note.
    key = f"note{crc32(repr(table).encode()):x}-"
    table = table.without_empty_columns()
    if heading and table.title:
        yield f"<{heading}>{escape(table.title)}</{heading}>"
    rows = [*_rows(table, key)]
    if rows and fold:
        count = sum(not table.is_title(row) for row in table.rows)
        yield from (f"<details><summary>{count} rows</summary>", *rows, "</details>")
    else:
        yield from rows
    yield from (f'<p class="line">{escape(line)}</p>' for line in table.lines)
    if table.notes:
        notes = (f'<li id="{key}{number}">{escape(note)}</li>' for number, note in enumerate(table.notes, 1))
        yield f"<ol>{''.join(notes)}</ol>"
    if table.legend:
        entries = (f"<dt>{escape(word)}</dt><dd>{_lines(meaning)}</dd>" for word, meaning in table.legend)
        yield f"<dl>{''.join(entries)}</dl>"


def _rows(table: Table, key: str) -> Iterator[str]:
    if not table.rows:
        return
    rows = [row for row in table.cells if not table.is_title(row)]
    kinds = [_kind(heading, column, table) for heading, *column in zip(table.headings, *rows, strict=True)]
    head = "".join(
        f'<th scope="col"{_class(kind)}>{escape(heading)}</th>'
        for heading, kind in zip(table.headings, kinds, strict=True)
    )
    yield '<div class="scroll"><table>'
    yield f"<thead><tr>{head}</tr></thead><tbody>"
    for row in table.cells:
        if table.is_title(row):
            yield f'<tr><th scope="rowgroup" colspan="{len(table.headings)}">{escape(row[0].text)}</th></tr>'
            continue
        cells = zip(table.headings, row, kinds, strict=True)
        yield f"<tr>{''.join(_cell(heading, cell, kind, key) for heading, cell, kind in cells)}</tr>"
    yield "</tbody></table></div>"


def _kind(heading: str, column: Sequence[Cell], table: Table) -> str:
    """Return the class of a column's cells: `name` of the first, `number`, `prose`; none of others."""
    if heading == table.headings[0]:
        return "name"
    if heading in table.numeric:
        return "number"
    return "prose" if any(cell.style != "code" and len(cell.text) > _PROSE for cell in column) else ""


def _cell(heading: str, cell: Cell, kind: str, key: str) -> str:
    text = _lines(cell.text)
    label = f' data-heading="{escape(" ".join(heading.split()))}"'
    if cell.text in EMPTY:
        return f'<td class="none">{text}</td>'
    match cell.style:
        case "code":
            return f'<td class="code"{label}><pre>{escape(cell.text)}</pre></td>'
        case "note":
            return f'<td{label}><a href="#{key}{text}">[{text}]</a></td>'
        case style:
            return f"<td{_class(' '.join(filter(None, (style, kind))))}{label}>{text}</td>"


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br/>")
