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
        (),
        (Cell("a <= b\nc", "code"), "2", Cell("", "note")),
    ),
    lines=("1 < 2",),
    notes=("x & y",),
    numeric=("copied",),
)


def test_page() -> None:
    page = to_html(TABLE, Table("More", lines=("text",)), drawing='<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    for part in (
        "<h1>&lt;A&gt; &amp; B</h1>\n<svg",
        '<tr><td>&lt;script&gt;</td><td class="warning number">1</td><td><a href="#note1">note 1</a></td></tr>',
        '<tr><td><pre>a &lt;= b\nc</pre></td><td class="number">2</td><td></td></tr>',
        '<p class="line">1 &lt; 2</p>\n<ol><li id="note1">x &amp; y</li></ol>\n<h2>More</h2>\n<p class="line">text</p>',
    ):
        assert part in page
    assert page.count("<tr>") == 3
    body = page[page.index("<body>") : page.index("</html>")]
    assert ElementTree.fromstring(body).tag == "body"
