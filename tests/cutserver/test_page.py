"""The page of `edge-bg serve` in a real Chromium, as a desk and as a phone: pictures in, cut-outs out."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge_bg.assets import asset_path
from tests.browser import chromium

SIZES = {"desk": (1280, 800), "phone": (390, 844)}
SPOKEN = {
    "desk": (
        "en-GB", "2 of 4 done, 2 failed", "not a picture that can be read", "nothing was found in it",
        "asks: kind of file, background",
    ),
    "phone": (
        "de-AT", "2 von 4 fertig, 2 misslungen", "das ist kein lesbares Bild", "darin wurde nichts gefunden",
        "will: Art der Datei, Hintergrund",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(root: Path, browser: object) -> Iterator[str]:
    command = [sys.executable, "-m", "edge_bg", "serve", "--port", "0", "--token", "a-token-of-ours"]
    with subprocess.Popen(
        command, cwd=root, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as process:
        try:
            line = process.stderr.readline()
            found = re.search(r"http://127.0.0.1:\d+/", line)
            assert found, line
            yield found[0] + "?token=a-token-of-ours"
        finally:
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=60)[1]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest


def photo(path: Path, colour: tuple[int, int, int]) -> Path:
    portrait = Image.open(asset_path("portrait.png"))
    wall = Image.new("RGB", portrait.size, colour)
    wall.paste(portrait, mask=portrait.getchannel("A"))
    wall.resize((150, 200)).save(path, quality=95)
    return path


@pytest.mark.parametrize("shape", ["desk", pytest.param("phone", marks=pytest.mark.long)])
def test_drop_compare_download(shape: str, address: str, browser: Any, tmp_path: Path):
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright drives the browser")
    files = [photo(tmp_path / "me.jpg", (120, 130, 110)), photo(tmp_path / "you.jpg", (40, 60, 120))]
    Image.new("RGB", (120, 90), (100, 100, 100)).save(tmp_path / "wall.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    files.append(tmp_path / "wall.png")
    wide, high = SIZES[shape]
    language, tally, refused, nothing, missed = SPOKEN[shape]
    page = browser.new_page(viewport={"width": wide, "height": high}, has_touch=shape == "phone", locale=language)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    assert "token" not in page.url
    page.set_input_files("#files", [*map(str, files), str(tmp_path / "broken.jpg")])
    playwright.expect(page.locator("#tally")).to_have_text(tally, timeout=60_000)
    broken, wall = (page.locator("li.failed").filter(has_text=name) for name in ("broken.jpg", "wall.png"))
    playwright.expect(broken.locator(".state")).to_contain_text(refused)
    for part in (".before", ".after"):
        playwright.expect(broken.locator(part)).to_be_hidden()  # no sign of a broken picture
    playwright.expect(wall.locator(".state")).to_have_text(nothing)
    playwright.expect(wall.locator(".after")).to_be_hidden()
    playwright.expect(wall.locator("a")).to_be_hidden()  # a blank picture is not offered
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out at the side"
    for selector in ("#all", "#drop", "li a.button", "select"):
        assert page.locator(selector).first.bounding_box()["height"] >= 44, f"{selector}: large enough for a thumb"
    slider = page.locator("li .compare input").first
    slider.focus()
    slider.press("End")
    assert page.locator(".compare").first.evaluate("e => e.style.getPropertyValue('--at')") == "100%"
    with page.expect_download() as one:
        page.locator("li a.button").first.click()
    assert Image.open(io.BytesIO(Path(one.value.path()).read_bytes())).mode == "RGBA"
    with page.expect_download() as both:
        page.click("#all")
    with zipfile.ZipFile(io.BytesIO(Path(both.value.path()).read_bytes())) as packed:
        assert packed.testzip() is None
        assert sorted(packed.namelist()) == ["me.png", "you.png"]
    for name, value in (("preset", "amazon"), ("background", "own"), ("format", "webp")):
        page.select_option(f"[name={name}]", value)
    page.fill("[name=colour]", "#d8e0f0")
    page.click("#redo")
    playwright.expect(page.locator("li .state", has_text=missed)).to_have_count(2, timeout=60_000)
    playwright.expect(page.locator("li .notes", has_text="enlarged")).to_have_count(2)
    playwright.expect(page.locator("#redo")).to_be_hidden()
    sides = [page.locator(f".compare {part}").first.bounding_box()["width"] for part in (".before img", ".after")]
    assert sides[0] / sides[1] == pytest.approx(8.5 * 150 / 2000, abs=0.03), "the photograph lies under its cut-out"
    with page.expect_download() as both:
        page.click("#all")
    with zipfile.ZipFile(io.BytesIO(Path(both.value.path()).read_bytes())) as packed:
        assert sorted(packed.namelist()) == ["me.webp", "you.webp"]
        made = Image.open(io.BytesIO(packed.read("me.webp"))).convert("RGB")
    assert made.size == (2000, 2000)
    assert np.allclose(made.getpixel((5, 5)), (0xD8, 0xE0, 0xF0), atol=4)
    if os.environ.get("EDGE_BG_SHOTS"):
        slider.fill("50")
        page.screenshot(path=f"{os.environ['EDGE_BG_SHOTS']}/{shape}.png", full_page=True)
    page.close()
    origin = address.partition("?")[0]
    assert [url for url in asked if not url.startswith((origin, "blob:", "data:"))] == []
    assert [text for text in said if "400" not in text] == []  # the browser logs the answer to the broken picture


@pytest.mark.parametrize("language", ["de", "es", "fr", "zh"])
def test_every_word_is_in_every_language(language: str, root: Path):
    static = root / "edge_bg/cutserver/static"
    english, other = (json.loads((static / f"lang/{each}.json").read_text("utf-8")) for each in ("en", language))
    assert list(other) == list(english)
    for key, text in english.items():
        assert other[key].strip(), key
        assert sorted(re.findall(r"\{\w+\}", other[key])) == sorted(re.findall(r"\{\w+\}", text)), key
    asked = set(re.findall(r'data-t(?:-\w+)?="(\w+)"', (static / "cut.html").read_text("utf-8")))
    asked |= set(re.findall(r'"(\w+)"', " ".join(re.findall(r"\bt\([^()]*\)", (static / "cut.js").read_text("utf-8")))))
    assert asked == set(english)
