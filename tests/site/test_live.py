"""The live page in a browser: every control, links, files, refusals, and that nothing leaves its own server."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    page.wait_for_selector("#solve:not([hidden])")


def test_a_table(page: Any) -> None:
    page.click("#tab-solve")
    page.fill("#table-text", "name, in, out, kernel, stride\nstem, 224, 55, 11, 4\n")
    page.click("#table-form button")
    page.wait_for_selector("#table-answer table")
    assert "1 layer, all of them possible" in page.inner_text("#table-answer")
    page.fill("#table-text", "nonsense")
    page.click("#table-form button")
    page.wait_for_selector("#table-form .refusal")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of Keras, as its archive is made: its configuration alone is read."""
    import json
    from zipfile import ZipFile

    def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
        return {
            "module": "keras.layers",
            "class_name": kind,
            "config": {"name": name, **config},
            "registered_name": None,
        }

    window = {"kernel_size": [3, 3], "strides": [2, 2], "dilation_rate": [1, 1], "data_format": "channels_last"}
    layers = [
        layer("InputLayer", "image", batch_shape=[None, 32, 32, 3], dtype="float32"),
        layer("Conv2D", "stem", filters=4, padding="same", groups=1, **window),
    ]
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "net", "layers": layers}}
    path = tmp_path_factory.mktemp("models") / "net.keras"
    with ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
    return path


def test_a_dropped_file_and_a_second_one(page: Any, model: Path) -> None:
    page.click("#tab-audit")
    page.set_input_files("#file", str(model))
    page.wait_for_selector("#audited table")
    assert page.inner_text("#audit-status") == convpad.audit(model).summary
    page.set_input_files("#file", str(model))
    shows(page, "#audit-status", convpad.compare(model, model).summary)
    page.click("#forget")
    assert page.locator("#audited *").count() == 0


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
    page.goto(f"{address}#explain?input=6x6")
    page.wait_for_selector("#drawing .window-grids", timeout=SLOW)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
    context.close()
