"""The live page in a browser: every control, links, files, refusals, and that nothing leaves its own server."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

import convpad

pytestmark = pytest.mark.needs("numpy")

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make test-site")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed: apt-get install chromium", allow_module_level=True)

ROOT = Path(__file__).parents[2]
if not (ROOT / "site" / "node_modules" / "pyodide").is_dir():
    pytest.skip("Pyodide is not installed: make test-site", allow_module_level=True)

SLOW = 120_000
"""Milliseconds that Python may take to load on a busy machine."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    code = "import build, sys; from pathlib import Path; build.build_live(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, cwd=ROOT / "site")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/live/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        started = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="module")
def loaded(browser: Any, address: str) -> Iterator[Any]:
    """A page whose Python is loaded, that no request leaves and whose console stays empty."""
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    requests: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    page.wait_for_selector("#drawing .window-grids", timeout=SLOW)
    yield page
    origin = address.removesuffix("live/")
    assert [url for url in requests if not url.startswith((origin, "data:", "blob:"))] == []
    assert said == []
    context.close()


@pytest.fixture
def page(loaded: Any, address: str) -> Any:
    loaded.goto(f"{address}#explain")
    loaded.evaluate("location.hash = '#explain?input=1'")
    loaded.evaluate("location.hash = '#explain'")
    shows(loaded, "#summary", "conv on 6x6: kernel 3, stride 2, padding='same', padding_mode='reflect'")
    return loaded


def shows(page: Any, selector: str, text: str) -> None:
    """Wait until an element has a text. Not by a function in a string, which the page's own policy refuses to run."""
    playwright.expect(page.locator(selector)).to_contain_text(text, timeout=SLOW)


def test_the_first_picture_needs_no_script(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("#drawing svg").count() == 1
    assert "conv on 6x6" in page.inner_text("#summary")
    assert page.locator("#words tr").count() == 7
    context.close()


@pytest.mark.parametrize(
    ("field", "text", "start"),
    [
        ("input", "7", "conv on 7:"),
        ("kernel", "5x3", "conv on 6x6: kernel 5x3"),
        ("stride", "1", "conv on 6x6: kernel 3, stride 1"),
        ("dilation", "2", "conv on 6x6: kernel 3, stride 2, dilation 2"),
        ("padding", "0,1x2,0", "conv on 6x6: kernel 3, stride 2, padding=((0, 1), (2, 0))"),
        ("mode", "reflect,0.5", "conv on 6x6: kernel 3, stride 2, padding='same', padding_mode=('reflect', 0.5)"),
    ],
)
def test_each_field(page: Any, field: str, text: str, start: str) -> None:
    page.fill(f"#explain-form [name={field}]", text)
    shows(page, "#summary", start)
    assert f"{field}=" in page.url
    page.reload()
    page.wait_for_selector("#drawing .window-grids", timeout=SLOW)
    shows(page, "#summary", start)


def test_operations_have_their_own_fields(page: Any) -> None:
    page.select_option("#explain-form [name=op]", "max_pool")
    shows(page, "#summary", "max_pool")
    assert page.is_visible("#ceil-field")
    page.check("#explain-form [name=ceil]")
    shows(page, "#summary", "rounded up")
    page.select_option("#explain-form [name=op]", "conv_transpose")
    shows(page, "#summary", "conv_transpose")
    assert page.is_visible("#output-padding-field")
    assert not page.is_visible("#ceil-field")


def test_a_refusal_stands_beside_its_field(page: Any) -> None:
    page.fill("#explain-form [name=padding]", "sam")
    page.wait_for_selector(".refusal")
    assert "Did you mean 'same'?" in page.inner_text(".refusal")
    assert page.get_attribute("#explain-form [name=padding]", "aria-invalid") == "true"
    page.fill("#explain-form [name=padding]", "same")
    page.wait_for_selector(".refusal", state="detached")


def test_pointing_lights_partners_and_a_click_pins_them(page: Any) -> None:
    page.hover('[data-grid=padded] [data-place="6,6"]')
    assert page.inner_text(".window-says") == "padding at [6, 6] holds x[4, 4]; 1 window reads it."
    assert page.locator(".cell.source").get_attribute("data-place") == "4,4"
    page.hover('[data-grid=padded] [data-place="4,4"]')
    assert page.inner_text(".window-says") == "x[4, 4] stands at 3 padded places; 4 windows read it."
    page.hover('[data-grid=output] [data-place="0,1"]')
    assert page.locator("[data-grid=padded] .cell.window").count() == 9
    colour = "getComputedStyle(document.querySelector('[data-grid=%s] [data-place=\"%s\"] .ring')).stroke"
    colours = [page.evaluate(colour % ("tap", f"{row},{column}")) for row in range(3) for column in range(3)]
    assert len(set(colours)) == 9
    read = [page.evaluate(colour % ("padded", f"{row},{column + 2}")) for row in range(3) for column in range(3)]
    assert read == colours
    page.click('[data-grid=output] [data-place="0,1"]')
    page.mouse.move(5, 5)
    assert page.locator("[data-grid=padded] .cell.window").count() == 9
    assert page.inner_text(".window-formula").startswith("y[0, 1] = k00·c")
    page.keyboard.press("Escape")
    page.hover('[data-grid=tap] [data-place="2,2"]')
    assert page.inner_text(".window-says") == "This tap reads 9 places, 5 of them padding."


def test_time_and_numbers(page: Any) -> None:
    page.locator(".window-controls input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("[data-grid=output] .cell.done").count() == 2
    page.check(".window-controls input[type=checkbox]")
    x = sum(row * 6 + column + 1 for row in range(3) for column in range(2, 5))
    assert page.inner_text(".window-formula").endswith(f"= {x} with a kernel of ones")
    page.click(".window-controls button")
    page.locator("[data-grid=output] .cell.done").nth(3).wait_for()
    page.click(".window-controls button")


def test_what_is_pinned_and_written_is_in_the_address(page: Any) -> None:
    page.check(".window-controls input[type=checkbox]")
    page.click('[data-grid=output] [data-place="0,1"]')
    assert page.url.endswith("#explain?numbers=1&pin=output:0,1")
    page.reload()
    page.locator("[data-grid=output] .cell.pinned").wait_for(timeout=SLOW)
    assert page.is_checked(".window-controls input[type=checkbox]")
    assert page.inner_text(".window-formula").startswith("y[0, 1] = k00·3 + k01·4 + k02·5 + k10·9")
    assert page.locator('[data-grid=output] [data-place="0,1"] text').text_content() == "90"
    page.uncheck(".window-controls input[type=checkbox]")
    assert page.inner_text(".window-formula").startswith("y[0, 1] = k00·c + k01·d")
    page.fill("#explain-form [name=kernel]", "5")
    shows(page, "#summary", "kernel 5")
    assert page.url.endswith("#explain?kernel=5")


def test_the_pictures_are_tables_too(page: Any) -> None:
    page.click(".window-tables summary")
    padded, outputs = (page.locator(".window-tables table").nth(place) for place in range(2))
    assert padded.locator("tr").nth(1).inner_text().split() == ["0", *"abcdef", "e"]
    assert outputs.locator("tr").count() == 9
    assert outputs.locator("tr").nth(1).inner_text().split("\t")[0].startswith("y[0, 1]")
    assert "k22·q" in outputs.locator("tr").nth(1).inner_text()
    page.check(".window-controls input[type=checkbox]")
    assert padded.locator("tr").nth(1).inner_text().split() == ["0", "1", "2", "3", "4", "5", "6", "5"]


def test_the_code_is_copied(page: Any) -> None:
    page.click("#words .copy >> nth=0")
    shows(page, "#words .copy >> nth=0", "ed")
    assert page.inner_text("#words .copy >> nth=0") in ("copied", "selected")


def test_by_keyboard(page: Any) -> None:
    page.focus("[data-grid=padded]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".window-says").startswith("x[0, 1]")
    page.keyboard.press("Enter")
    assert page.locator(".cell.pinned").count() == 1
    page.keyboard.press("Escape")
    page.focus("#tab-explain")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#tab-solve", "aria-selected") == "true"


def test_solve_and_its_links(page: Any) -> None:
    page.click("#tab-solve")
    page.wait_for_selector("#solutions li")
    assert "13 paddings explain it" in page.inner_text("#solved-summary")
    page.locator("#solutions a").nth(1).click()
    shows(page, "#summary", "conv on 224x224: kernel 7, stride 2, padding='half', padding_mode='zeros'")
    page.go_back()
    page.wait_for_selector("#panel-solve:not([hidden])")


def test_a_table(page: Any) -> None:
    page.click("#tab-solve")
    page.fill("#table-text", "name, in, out, kernel, stride\nstem, 224, 55, 11, 4\n")
    page.click("#table-form button")
    page.wait_for_selector("#table-answer table")
    assert "1 layer, all of them possible" in page.inner_text("#table-answer")
    page.reload()
    shows(page, "#table-answer", "1 layer, all of them possible")
    assert page.input_value("#table-text").startswith("name, in, out, kernel, stride\nstem")
    page.fill("#table-text", "nonsense")
    page.click("#table-form button")
    page.wait_for_selector("#table-form .refusal")


def write_model(path: Path, padding: str) -> Path:
    """Write a file of Keras, as its archive is made: its configuration alone is read."""

    def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
        return {
            "module": "keras.layers",
            "class_name": kind,
            "config": {"name": name, **config},
            "registered_name": None,
        }

    layers = [layer("InputLayer", "image", batch_shape=[None, 224, 224, 3], dtype="float32")]
    for number in range(14):
        strides = [2, 2] if number in (0, 3, 6, 10) else [1, 1]
        window = {"kernel_size": [3, 3], "strides": strides, "dilation_rate": [1, 1], "data_format": "channels_last"}
        words = "same"
        if padding == "half" and strides == [2, 2]:
            words = "valid"
            pad = {"padding": [[1, 1], [1, 1]], "data_format": "channels_last"}
            layers.append(layer("ZeroPadding2D", f"pad_{number}", **pad))
        layers.append(layer("Conv2D", f"block_{number}", filters=4, padding=words, groups=1, **window))
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "net", "layers": layers}}
    with ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "net.keras", "same")


DROP = """([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name));
    const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    document.querySelector("#drop").dispatchEvent(event);
}"""
"""What the browser does when a file is dropped."""


def test_a_dropped_file_and_a_second_one(page: Any, model: Path) -> None:
    page.click("#tab-audit")
    page.set_input_files("#file", str(model))
    page.wait_for_selector("#audited table")
    assert page.inner_text("#audit-status") == convpad.audit(model).summary
    page.set_input_files("#file", str(model))
    shows(page, "#audit-status", convpad.compare(model, model).summary)
    page.click("#forget")
    assert page.locator("#audited *").count() == 0
    text = base64.b64encode(model.read_bytes()).decode()
    page.evaluate(DROP, ["net.keras", text])
    page.wait_for_selector("#audited table")
    assert page.inner_text("#audit-status") == convpad.audit(model).summary
    page.click("#forget")


def test_hostile_files_are_refused_in_one_line(page: Any, tmp_path: Path) -> None:
    page.click("#tab-audit")
    for name, content in (
        ("net.keras", b"PK\x03\x04" + b"\xff" * 100),
        ("net.h5", b"\x89HDF" * 50),
        ("net.onnx", b"x"),
    ):
        (tmp_path / name).write_bytes(content)
        page.set_input_files("#file", str(tmp_path / name))
        shows(page, "#audit-status.error", name)
        assert "\n" not in page.inner_text("#audit-status")
    assert "convpad audit net.onnx" in page.inner_text("#audit-status")


def test_a_telephone_and_dark_mode(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark", reduced_motion="reduce")
    page = context.new_page()
    for place, selector, text in (
        ("explain?input=6x6", "#summary", "on 6x6"),
        ("explain?input=40x40&kernel=11&padding=5", "#summary", "on 40x40"),
        ("solve", "#solutions", "padding same"),
        ("audit", "#panel-audit", "drop a file"),
    ):
        page.goto(f"{address}#{place}")
        shows(page, selector, text)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, place
        assert page.evaluate("scrollY") == 0, place
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
    assert page.evaluate("document.getAnimations().length") == 0
    context.close()


def test_a_file_of_its_own_and_a_notebook(browser: Any, tmp_path: Path) -> None:
    """`convpad explain --html` and a notebook have the same drawing, and load nothing."""
    explained = convpad.explain((6, 6), 3, padding=1, padding_mode="reflect")
    fragment = explained._repr_html_()
    for name, html, drawings in (("window", explained.to_html(), 1), ("notebook", fragment + fragment, 2)):
        file = tmp_path / f"{name}.html"
        file.write_text(html, "utf-8")
        page = browser.new_page()
        said: list[str] = []
        requests: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.on("request", lambda request, requests=requests: requests.append(request.url))
        page.goto(file.as_uri())
        grids = page.locator(".window-grids")
        assert [grid.is_visible() for grid in grids.all()] == [True] * drawings
        page.hover('[data-grid=padded] [data-place="-1,-1"] >> nth=0')
        assert (
            page.locator(".window-says").first.inner_text() == "padding at [-1, -1] holds x[1, 1]; 1 window reads it."
        )
        assert (said, requests) == ([], [file.as_uri()])
        page.close()


SCREENSHOTS = {
    "live-explain": ("explain?numbers=1&pin=output:0,2", 1000, 640, "light"),
    "live-axis": ("explain?input=12&kernel=5&stride=3&padding=2&mode=symmetric&pin=padded:-1", 1000, 560, "dark"),
    "live-solve": ("solve", 1000, 560, "light"),
    "live-audit": ("audit", 1000, 860, "light"),
    "live-phone": ("explain?pin=padded:6,6", 360, 1080, "dark"),
}
"""The pictures of docs/live.md: a place of the page, its width and height, its colours."""


@pytest.mark.parametrize("name", SCREENSHOTS)
def test_screenshots(name: str, browser: Any, address: str, model: Path, tmp_path: Path) -> None:
    """Each is written as `make screenshots` keeps it, and shown in the documentation."""
    place, width, height, colours = SCREENSHOTS[name]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)
    page = context.new_page()
    page.goto(f"{address}#{place}")
    if place.startswith("explain"):
        page.locator("#drawing .cell.pinned").first.wait_for(timeout=SLOW)
    elif place == "solve":
        shows(page, "#solutions", "padding same")
    else:
        page.set_input_files("#file", str(model))
        shows(page, "#audited", "what this Keras model pads")
        page.set_input_files("#file", str(write_model(tmp_path / "ported.keras", "half")))
        shows(page, "#audited", "pad differently")
    picture = Path(os.environ.get("CONVPAD_SCREENSHOTS", tmp_path)) / f"{name}.png"
    page.screenshot(path=picture)
    context.close()
    assert 10_000 < picture.stat().st_size <= 150_000
    shown = re.findall(r"\(images/(live-\w+)\.png\)", (ROOT / "docs" / "live.md").read_text("utf-8"))
    assert sorted(shown) == sorted(SCREENSHOTS)
    assert (ROOT / "docs" / "images" / f"{name}.png").exists()
