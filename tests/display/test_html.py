"""HTML of tables: well-formed, escaped, with links to the notes."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from convpad.display.html import to_html
from convpad.display.table import Cell, Table

pytestmark = pytest.mark.needs("numpy")

TABLE = Table(
    "<A> & B",
    ("layer", "copied", "note"),
    (
        ("<script>", Cell("1", "warning"), Cell("1", "note")),
        ("group",),
        (Cell("a <= b\nc", "code"), "2", Cell("", "note")),
    ),
    lines=("1 < 2",),
    notes=("x & y",),
    numeric=("copied",),
    legend=(("copied", "bytes"),),
)


def test_page() -> None:
    page = to_html(TABLE, Table("More", lines=("text",)), drawing='<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    key = page.partition('href="#')[2].partition('1"')[0]
    for part in (
        "<h1>&lt;A&gt; &amp; B</h1>\n<svg",
        '<tr><td class="name" data-heading="layer">&lt;script&gt;</td>'
        '<td class="warning number" data-heading="copied">1</td>'
        '<td data-heading="note"><a href="#KEY1">[1]</a></td></tr>',
        '<tr><th scope="rowgroup" colspan="3">group</th></tr>',
        '<tr><td class="code" data-heading="layer"><pre>a &lt;= b\nc</pre></td>'
        '<td class="number" data-heading="copied">2</td><td class="none"></td></tr>',
        '<p class="line">1 &lt; 2</p>\n<ol><li id="KEY1">x &amp; y</li></ol>\n<dl><dt>copied</dt><dd>bytes</dd></dl>\n'
        '<h2>More</h2>\n<p class="line">text</p>\n<footer>convpad ',
    ):
        assert part.replace("KEY", key) in page
    assert page.count("<tr>") == 4
    body = page[page.index("<body>") : page.index("</html>")]
    assert ElementTree.fromstring(body).tag == "body"
