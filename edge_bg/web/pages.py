"""The pages: HTML, style, scripts, words and fonts, as files beside this module. They ask nobody but this server."""

from __future__ import annotations

import mimetypes
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

# What a browser may load into a page of ours: files of this server, and pictures that its scripts made. No inline
# script or style, no other host, no plug-in; a form is sent by a script or not at all.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

# Some systems lack these in their tables, and a script of the wrong type is not run.
for ending, kind in ((".js", "text/javascript"), (".woff2", "font/woff2"), (".json", "application/json")):
    mimetypes.add_type(kind, ending)


def page(name: str) -> Response:
    """The page in `static/<name>.html`, with its policy."""
    html = (files("edge_bg.web") / "static" / f"{name}.html").read_text("utf-8")
    return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})


def routes() -> list[BaseRoute]:
    """`/static/...`, `/admin`, `/ar`. The page at `/` is answered by `app`, as that address has other meanings, too."""

    async def admin(request: Request) -> Response:
        return page("admin")

    async def ar(request: Request) -> Response:
        return page("ar")

    static = StaticFiles(packages=[("edge_bg.web", "static")])
    return [Route("/admin", admin), Route("/ar", ar), Mount("/static", static, name="static")]
