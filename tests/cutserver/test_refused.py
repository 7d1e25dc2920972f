"""Requests that get no cut-out: the answer says why, in our form and in remove.bg's."""

from __future__ import annotations

import asyncio
import io

import httpx
import pytest
from PIL import Image

from edge_bg.cutserver.app import create_app
from edge_bg.cutserver.desk import Desk
from edge_bg.errors import ModelError
from edge_bg.still import Cutter
from edge_bg.web.access import Access


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"data": {"x": "y"}}, 400, "image_file"),
        ({"files": {"image_file": ("a.jpg", b"")}}, 400, "empty"),
        ({"files": {"image_file": ("a.jpg", b"hello")}}, 400, "not a picture"),
        ({"files": {"image_file": ("a.jpg", b"x" * 300_000)}}, 413, "larger than 0.2 MB"),
        ({"json": {"image_file_b64": "A" * 900_000}}, 413, "larger than 0.2 MB"),
        ({"data": {"image_url": "http://127.0.0.1/secret.jpg"}}, 400, "opens no connections"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "neither a form"),
        ({"content": b"[]", "headers": {"Content-Type": "application/json"}}, 400, "no object"),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "form cannot be read"),
    ],
)
def test_what_will_not_do(ask, options: dict, status: int, words: str):
    answer = ask("/api/v1/cutouts", **options)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert answer.json()["errors"][0]["code"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("size", "gigantic", "not a size"), ("bg_color", "blueish", "neither"), ("crop_margin", "30px", "percent"),
        ("preset", "souk", "no preset"), ("format", "gif", "png, jpg, webp or zip"), ("roi", "1 2", "roi"),
        ("position", "10% 20%", "in the middle"),
        ("margin", "99%", "not a margin"), ("roi", "50% 50% 10% 10%", "no inside"), ("quality", "x", "invalid"),
    ],
)  # fmt: skip
def test_values_that_will_not_do(ask, photo: bytes, field: str, value: str, words: str):
    answer = ask("/api/v1/cutouts", data={"subject": "people", field: value}, files={"image_file": ("me.jpg", photo)})
    assert answer.status_code == 400
    assert words in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "field", "options", "words"),
    [
        ("/api/v1/cutouts", "image_file", {"preset": "amazon"}, "nothing found to cut out"),
        ("/v1.0/removebg", "image_file", {"type": "person"}, "subject=anything looks for things"),
        ("/api/remove", "file", {}, "nothing found to cut out"),
    ],
)
def test_where_nothing_is_found_no_blank_picture_is_the_answer(ask, path: str, field: str, options: dict, words: str):
    """remove.bg's own code for it, which its clients know."""
    wall = io.BytesIO()
    Image.new("RGB", (120, 90), (100, 100, 100)).save(wall, "PNG")
    answer = ask(path, data=options, files={field: ("wall.png", wall.getvalue())})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "unknown_foreground"
    assert words in answer.json()["error"]


def test_a_region_with_nothing_in_it(ask, photo: bytes):
    options = {"type": "person", "roi": "0% 0% 5% 5%"}
    answer = ask("/v1.0/removebg", data=options, files={"image_file": ("me.jpg", photo)})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_foreground")


def test_too_many_pixels(ask):
    header = Image.new("RGB", (4, 4))
    out = io.BytesIO()
    header.save(out, "PNG")
    bomb = out.getvalue()[:16] + (20000).to_bytes(4, "big") * 2 + out.getvalue()[24:]
    answer = ask("/api/v1/cutouts", files={"image_file": ("bomb.png", bomb)})
    assert answer.status_code == 400
    assert "400 megapixels, more than 1" in answer.json()["error"]


def test_a_network_that_is_gone_is_no_fault_of_the_picture(photo: bytes):
    """A client that is told 400 does not ask again; this one may."""

    def gone() -> Cutter:
        raise ModelError("general.tflite: it cannot be read")

    desk = Desk(gone)
    app = create_app(desk, access=Access())

    async def one() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.post("/api/v1/cutouts", files={"image_file": ("me.jpg", photo)})

    try:
        answer = asyncio.run(one())
    finally:
        desk.close()
    assert answer.status_code == 500 and answer.json()["errors"][0]["code"] == "fault"
    assert "tflite" not in answer.text, "files are nobody else's business"
