"""Cut-outs over HTTP: our own words, remove.bg's and rembg's; what is too much, too many, or not allowed."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
import zipfile

import httpx
import numpy as np
from PIL import Image

from edge_bg.cutserver.app import create_app
from edge_bg.cutserver.desk import Desk
from edge_bg.still import Cutter
from edge_bg.web.access import Access

TOKEN = "a-token-of-ours"


def picture(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def test_one_request_one_cut_out(ask, photo: bytes):
    answer = ask("/api/v1/cutouts", files={"image_file": ("me.jpg", photo)})
    out = picture(answer)
    assert (out.format, out.mode, out.size) == ("PNG", "RGBA", (150, 200))
    alpha = np.asarray(out.getchannel("A"))
    assert alpha[2, 2] == 0
    assert 40 < alpha.mean() < 250
    assert answer.headers["x-width"] == "150"
    assert answer.headers["x-type"] == "person"
    box = [int(answer.headers[f"x-foreground-{side}"]) for side in ("left", "top", "width", "height")]
    assert box[2] > 50
    assert box[1] + box[3] == 200
    assert answer.headers["cache-control"] == "no-store"


def test_as_remove_bg_has_it(ask, photo: bytes):
    """The words of https://www.remove.bg/api as its public clients send them."""
    form = {
        "size": "auto",
        "bg_color": "81d4fa",
        "format": "jpg",
        "crop": "true",
        "crop_margin": "10%",
        "type": "person",
    }
    answer = ask("/v1.0/removebg", data=form, files={"image_file": ("me.jpg", photo)}, headers={"X-Api-Key": "any"})
    out = picture(answer)
    assert out.format == "JPEG"
    assert np.abs(np.asarray(out)[3, 3].astype(int) - (0x81, 0xD4, 0xFA)).max() < 8
    body = {"image_file_b64": base64.b64encode(photo).decode(), "channels": "alpha", "type": "person"}
    answer = ask("/v1.0/removebg", json=body, headers={"Accept": "application/json"})
    data = answer.json()["data"]
    assert Image.open(io.BytesIO(base64.b64decode(data["result_b64"]))).mode == "L"
    assert data["foreground_width"] > 50
    assert answer.headers["x-credits-charged"] == "0"
    behind = io.BytesIO()
    Image.new("RGB", (20, 20), (255, 0, 0)).save(behind, "PNG")
    files = {"image_file": ("me.jpg", photo), "bg_image_file": ("red.png", behind.getvalue())}
    out = picture(ask("/v1.0/removebg", files=files, data={"type": "person"}))
    assert np.asarray(out)[2, 2].tolist() == [255, 0, 0]
    region = ask(
        "/v1.0/removebg", data={"roi": "0% 0% 100% 50%", "type": "person"}, files={"image_file": ("me.jpg", photo)}
    )
    alpha = np.asarray(picture(region).getchannel("A"))
    assert alpha[:100].any()
    assert not alpha[100:].any()
    assert ask("/v1.0/account", method="GET").json()["data"]["attributes"]["credits"]["total"] == 0


def test_a_zip_holds_colours_and_alpha_as_remove_bg_has_it(ask, photo: bytes):
    """Names and kinds as its own clients want them: an RGB JPEG, and a PNG of 8 bits of grey."""
    files = {"image_file": ("me.jpg", photo)}
    png = np.asarray(picture(ask("/v1.0/removebg", files=files, data={"type": "person"})))
    answer = ask("/v1.0/removebg", files=files, data={"type": "person", "format": "zip"})
    assert answer.headers["content-type"] == "application/zip"
    colours, alpha = unpacked(answer)
    assert np.array_equal(alpha, png[..., 3])
    firm = alpha == 255
    assert np.abs(colours.astype(int) - png[..., :3])[firm].mean() < 4
    assert colours[alpha == 0].mean() < 20, "nothing of the room is in it"
    assert len(answer.content) < len(ask("/v1.0/removebg", files=files, data={"type": "person"}).content)
    accepted = ask("/v1.0/removebg", files=files, data={"type": "person"}, headers={"Accept": "application/zip"})
    assert accepted.content == answer.content
    opaque, all_of_it = unpacked(
        ask("/v1.0/removebg", files=files, data={"type": "person", "format": "zip", "bg_color": "ff0000"})
    )
    assert (all_of_it == 255).all() and np.abs(opaque[2, 2].astype(int) - (255, 0, 0)).max() < 8
    both = ask("/v1.0/removebg", files=files, data={"format": "zip", "channels": "alpha"})
    assert both.status_code == 400 and "channels=alpha" in both.json()["error"]


def unpacked(answer: httpx.Response) -> tuple[np.ndarray, np.ndarray]:
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        opened = [Image.open(io.BytesIO(packed.read(name))) for name in ("color.jpg", "alpha.png")]
    assert [(each.format, each.mode) for each in opened] == [("JPEG", "RGB"), ("PNG", "L")]
    return np.asarray(opened[0]), np.asarray(opened[1])


def test_as_rembg_has_it(ask, photo: bytes):
    human = {"model": "u2net_human_seg"}
    assert picture(ask("/api/remove", files={"file": ("me.jpg", photo)})).mode == "RGBA"
    assert picture(ask("/api/remove", files={"file": ("me.jpg", photo)}, data={"om": "true", **human})).mode == "L"
    out = picture(ask("/api/remove?bgc=0,0,255,255", files={"file": ("me.jpg", photo)}, data={"a": "true", **human}))
    assert np.asarray(out)[2, 2].tolist() == [0, 0, 255]
    assert ask("/api/remove?url=http://x/y.jpg", method="GET").status_code == 400


def test_a_plain_body_and_a_preset(ask, photo: bytes):
    answer = ask("/api/v1/cutouts?preset=ebay&subject=people", content=photo, headers={"Content-Type": "image/jpeg"})
    out = picture(answer)
    assert (out.format, out.size) == ("JPEG", (1600, 1600))
    assert "enlarged" in answer.headers["x-notes"]
    assert answer.headers["x-rules-missed"] == ""
    left, top, wide, high = map(int, answer.headers["x-canvas"].split())
    assert wide == high > 150
    assert left < 0
    assert top + high == 200  # a bust stands on the lower edge
    grey = ask(
        "/api/v1/cutouts?preset=ebay&bg_color=808080&format=webp", content=photo, headers={"Content-Type": "image/jpeg"}
    )
    assert grey.headers["x-rules-missed"] == "format"  # eBay asks for no background
    assert "x-rules-missed" not in ask("/api/v1/cutouts", files={"image_file": ("me.jpg", photo)}).headers


def test_a_full_line_says_so_at_once(photo: bytes):
    """One at work, one in line: the third is told to come again, and is served once there is room."""
    going = threading.Event()

    class Slow(Cutter):
        def __call__(self, picture):
            going.wait(30)
            return super().__call__(picture)

    desk = Desk(Slow, line=1)
    app = create_app(desk, access=Access())

    async def three() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:

            async def one() -> httpx.Response:
                return await client.post("/api/v1/cutouts?subject=people", files={"image_file": ("me.jpg", photo)})

            first = [asyncio.create_task(one()) for _ in range(2)]
            while desk.under_way < 2:
                await asyncio.sleep(0.01)
            refused = await one()
            assert int(refused.headers["retry-after"]) >= 1
            assert (await client.get("/state")).json()["under_way"] == 2
            going.set()
            served = [*await asyncio.gather(*first), await one()]
            return [refused.status_code, *(answer.status_code for answer in served)]

    try:
        assert asyncio.run(three()) == [429, 200, 200, 200]
        assert desk.under_way == 0
    finally:
        going.set()
        desk.close()


def test_who_may_ask(desk: Desk, photo: bytes):
    app = create_app(desk, access=Access(token=TOKEN), check_host=False)

    async def codes() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://192.168.1.9", timeout=60) as client:
            files = {"image_file": ("me.jpg", photo)}
            tries = [
                {}, {"X-Api-Key": "wrong-one"}, {"X-Api-Key": TOKEN}, {"Authorization": f"Bearer {TOKEN}"},
                {"X-Api-Key": TOKEN, "Origin": "http://evil.example"},
            ]  # fmt: skip
            return [
                (await client.post("/api/v1/cutouts?subject=people", files=files, headers=each)).status_code
                for each in tries
            ]

    assert asyncio.run(codes()) == [401, 401, 200, 200, 403]
    closed = create_app(desk, access=Access())

    async def by_a_name_of_its_own() -> int:
        transport = httpx.ASGITransport(closed)
        async with httpx.AsyncClient(transport=transport, base_url="http://rebound.example") as client:
            return (await client.get("/")).status_code

    assert asyncio.run(by_a_name_of_its_own()) == 421
