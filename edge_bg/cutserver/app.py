"""The application: cut-outs by our own address, by remove.bg's and by rembg's, and the page."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from edge_bg.cutserver.asked import Asked, Wrong, of_fields, of_rembg
from edge_bg.cutserver.desk import Answer, Busy, Desk
from edge_bg.errors import DelegateError, EdgeBgError, ModelError, NothingFound
from edge_bg.web.access import Access
from edge_bg.web.guard import Guard
from edge_bg.web.pages import POLICY, routes

log = logging.getLogger("edge_bg.cutserver")

FIELDS, FILES = 64, 2  # of one form
WORDS = 64 << 10  # bytes of a form beside its files

Reading = Callable[[dict[str, Any], dict[str, tuple[str, bytes]]], Asked]


def create_app(desk: Desk, *, access: Access, check_host: bool = True, max_bytes: int = 22_000_000) -> Starlette:
    """The web application.

    desk: does the work.  access: knows the token.  max_bytes: of a picture; a larger one is answered 413.
    check_host: answer to loopback names only; for a server that listens on loopback.
    """

    async def cut(request: Request, reading: Reading) -> Response:
        try:
            fields, files = await _read(request, max_bytes)
            if "application/zip" in request.headers.get("accept", ""):
                fields.setdefault("format", "zip")
            answer = await desk.take(reading(fields, files))
        except Wrong as wrong:
            return _failed(413 if wrong.code == "file_too_large" else 400, wrong.code, str(wrong))
        except Busy as busy:
            headers = {"Retry-After": str(busy.wait), "X-RateLimit-Limit": str(desk.most), "X-RateLimit-Remaining": "0"}
            return _failed(429, "rate_limit_exceeded", str(busy), headers)
        except (ModelError, DelegateError) as error:  # nothing that the picture can help
            log.error("%s: %s", request.url.path, error)
            return _failed(500, "fault", "the network cannot be loaded; the server's log says why")
        except NothingFound as nothing:
            words = nothing.message + ("; subject=anything looks for things" if nothing.hint else "")
            return _failed(400, "unknown_foreground", words)
        except (EdgeBgError, MemoryError) as error:
            words = str(error).replace("\n ", ";") or "too large for this machine's memory"
            return _failed(400, "invalid_picture", words)
        return _answer(answer, "application/json" in request.headers.get("accept", ""))

    async def ours(request: Request) -> Response:
        return await cut(request, of_fields)

    async def rembg(request: Request) -> Response:
        if request.method == "GET":
            return _failed(400, "unsupported", "url: this server opens no connections of its own; POST the picture")
        return await cut(request, of_rembg)

    async def account(request: Request) -> Response:
        free = {"total": 0, "subscription": 0, "payg": 0, "enterprise": 0}
        return JSONResponse({"data": {"attributes": {"credits": free, "api": {"free_calls": 0, "sizes": "all"}}}})

    async def state(request: Request) -> Response:
        limits = {"max_bytes": max_bytes, "max_megapixels": desk.max_megapixels, "under_way": desk.most}
        return JSONResponse({"under_way": desk.under_way, "limits": limits})

    async def page(request: Request) -> Response:
        from importlib.resources import files

        html = (files("edge_bg.cutserver") / "static" / "cut.html").read_text("utf-8")
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    async def fault(request: Request, caught: Exception) -> Response:
        log.error("%s: %r", request.url.path, caught, exc_info=caught)
        return _failed(500, "fault", "the server failed to answer; its log says why")

    return Starlette(
        routes=[
            Route("/", page),
            Route("/api/v1/cutouts", ours, methods=["POST"]),
            Route("/v1.0/removebg", ours, methods=["POST"]),
            Route("/v1.0/account", account),
            Route("/api/remove", rembg, methods=["GET", "POST"]),
            Route("/state", state),
            Route("/healthz", state),
            Mount("/cut", StaticFiles(packages=[("edge_bg.cutserver", "static")])),
            *routes(),
        ],
        exception_handlers={Exception: fault},
        middleware=[Middleware(ApiKey), Middleware(Guard, access=access, check_host=check_host)],
    )


class ApiKey:
    """ASGI middleware: `X-Api-Key: TOKEN`, as remove.bg's clients send it, is the token."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, its key where the guard looks for it."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            key = headers.get("x-api-key")
            if key is not None and "authorization" not in headers:
                scope = {
                    **scope,
                    "headers": [*scope["headers"], (b"authorization", b"Bearer " + key.encode("latin-1"))],
                }
        await self.app(scope, receive, send)


async def _read(request: Request, most: int) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    """Fields and files of a form or of JSON, all in memory: nothing of a picture is written to disk. Raises Wrong."""
    kind = request.headers.get("content-type", "").lower()
    as_json = kind.startswith("application/json") or "urlencoded" in kind
    limit = (most * 4 // 3 if as_json else 2 * most) + WORDS
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(most)
    if kind.startswith("multipart/form-data"):
        return await _form(request, most, limit)
    body = b"".join([part async for part in _bounded(request, most, limit)])
    if kind.startswith("image/") or kind == "application/octet-stream":
        return dict(request.query_params), {"image_file": ("picture", body)}
    try:
        if "urlencoded" in kind:
            from urllib.parse import parse_qsl

            return dict(parse_qsl(body.decode())), {}
        fields = json.loads(body or b"{}")
    except ValueError:
        raise Wrong("invalid_request", "the body is neither a form, nor JSON, nor a picture") from None
    if not isinstance(fields, dict):
        raise Wrong("invalid_request", "the JSON is no object")
    return fields, {}


async def _form(request: Request, most: int, limit: int) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    parser = MultiPartParser(
        request.headers, _bounded(request, most, limit), max_files=FILES, max_fields=FIELDS, max_part_size=limit
    )
    parser.spool_max_size = limit + 1  # kept in memory
    fields: dict[str, Any] = dict(request.query_params)
    files: dict[str, tuple[str, bytes]] = {}
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Wrong("invalid_request", f"the form cannot be read: {getattr(error, 'message', error)}") from None
    try:
        for key, value in form.multi_items():
            if isinstance(value, UploadFile):
                data = await value.read()
                if len(data) > most:
                    raise _too_large(most)
                files[key] = (value.filename or "picture", data)
            else:
                fields[key] = value
    finally:
        await form.close()
    return fields, files


async def _bounded(request: Request, most: int, limit: int) -> AsyncGenerator[bytes, None]:
    total = 0
    async for part in request.stream():
        total += len(part)
        if total > limit:
            raise _too_large(most)
        yield part


def _too_large(most: int) -> Wrong:
    return Wrong("file_too_large", f"the picture is larger than {most / 1e6:g} MB")


def _answer(answer: Answer, as_json: bool) -> Response:
    left, top, wide, high = answer.box
    kind = {"people": "person", "anything": "other"}.get(answer.subject, answer.subject)
    headers = {
        "X-Width": str(answer.size[0]), "X-Height": str(answer.size[1]), "X-Type": kind, "X-Credits-Charged": "0",
        "X-Foreground-Left": str(left), "X-Foreground-Top": str(top), "X-Foreground-Width": str(wide),
        "X-Foreground-Height": str(high), "X-Confidence": f"{answer.confidence:.3f}",
        "X-Canvas": " ".join(map(str, answer.canvas)),
    }  # fmt: skip
    if answer.missed is not None:
        headers["X-Rules-Missed"] = ", ".join(answer.missed)
    if answer.notes:
        headers["X-Notes"] = "; ".join(answer.notes).encode("ascii", "replace").decode()[:500]
    if not as_json:
        return Response(answer.data, media_type=answer.media, headers=headers)
    data = {
        "result_b64": base64.b64encode(answer.data).decode(), "foreground_left": left, "foreground_top": top,
        "foreground_width": wide, "foreground_height": high,
    }  # fmt: skip
    return JSONResponse({"data": data}, headers=headers)


def _failed(status: int, code: str, words: str, headers: dict[str, str] | None = None) -> Response:
    """An error in our own form and in remove.bg's."""
    body = {"error": words, "errors": [{"title": words, "code": code}]}
    return JSONResponse(body, status, headers=headers)
