"""A photograph, and the server's application asked without a socket."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from edge_bg.assets import asset_path
from edge_bg.cutserver.app import create_app
from edge_bg.cutserver.desk import Desk
from edge_bg.still import Cutter
from edge_bg.web.access import Access


@pytest.fixture(scope="module")
def photo() -> bytes:
    portrait = Image.open(asset_path("portrait.png"))
    wall = Image.new("RGB", portrait.size, (120, 130, 110))
    wall.paste(portrait, mask=portrait.getchannel("A"))
    out = io.BytesIO()
    wall.resize((150, 200)).save(out, "JPEG", quality=95)
    return out.getvalue()


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    made = Desk(Cutter, line=1, max_megapixels=1)
    yield made
    made.close()


@pytest.fixture
def ask(desk: Desk):
    app = create_app(desk, access=Access(), max_bytes=200_000)

    def post(path: str, **options: object) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
                return await client.request(options.pop("method", "POST"), path, **options)

        return asyncio.run(one())

    return post
