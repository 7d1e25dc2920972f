"""The application: stream, snapshot, page, health and state. It is handed what it serves and knows no sink."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from edge_bg.web import alpha, api, metrics, pages
from edge_bg.web.access import Access
from edge_bg.web.guard import Guard
from edge_bg.web.hub import Hub, TooManyClients, Watcher

log = logging.getLogger("edge_bg.web")

BOUNDARY = "edge-bg-frame"
SNAPSHOT_PATIENCE = 5.0  # seconds a snapshot waits for the very first picture
WAKING = 2.0  # seconds a snapshot waits for a camera that slept; after that it is the cover
STALLED = 30.0  # seconds in which a client has to take a picture of the stream, or lose its place to others

Status = Callable[[], dict[str, Any]]


def create_app(
    hub: Hub[Any],
    *,
    status: Status | None = None,
    stale_after: float = 5.0,
    access: Access | None = None,
    control: Any = None,
    packed: Mapping[str, Hub[Any]] = MappingProxyType({}),
    check_host: bool = True,
    embed: Sequence[str] = (),
) -> Starlette:
    """The web application.

    hub:         where the pictures come from.
    status:      more keys for `/state` and `/healthz`; a key `healthy: False` makes `/healthz` answer 503.
    stale_after: age of the newest picture, in seconds, from which `/healthz` answers 503.
    access:      who may do what (see `Guard`); None: everybody may look.
    control:     what the API under `/api/v1` asks; None: there is no API.
    packed:      for each way of `?alpha=` the hub of such pictures (`edge_bg.web.alpha`).
    check_host:  answer to loopback names only; for a server that listens on loopback.
    embed:       origins whose pages may show the pictures.
    """

    def state() -> dict[str, Any]:
        age, newest = hub.age(), hub.newest
        fresh = age is not None and age <= stale_after
        return {
            "healthy": fresh,
            "fps": round(hub.fps(), 2),
            "age_s": None if age is None else round(age, 3),
            "frames": hub.published,
            "encoded": hub.encoded,
            "clients": hub.clients,
            "max_clients": hub.max_clients,
            "size": list(getattr(newest.item, "size", ())) if newest else None,
            "covered": bool(getattr(newest.item, "covered", False)) if newest else None,
            **(status() if status else {}),
        }

    async def get_state(request: Request) -> Response:
        return JSONResponse(state())

    async def get_health(request: Request) -> Response:
        now = state()
        if now["age_s"] is None:
            now["why"] = "no frame has come yet"
        elif now["age_s"] > stale_after:
            now["healthy"] = False
            now["why"] = f"the newest frame is {now['age_s']:.1f} s old"
        return JSONResponse(now, 200 if now["healthy"] else 503)

    async def get_metrics(request: Request) -> Response:
        return PlainTextResponse(metrics.render(state()), headers={"Content-Type": metrics.CONTENT_TYPE})

    def chosen(way: str | None) -> Hub[Any] | None:
        """The hub of pictures as asked for; None for what there is not."""
        return packed.get(way) if way else hub

    async def get_stream(request: Request) -> Response:
        wanted = chosen(request.query_params.get("alpha"))
        return Stream(wanted) if wanted is not None else _no_such_alpha()

    async def get_socket(websocket: WebSocket) -> None:
        wanted = chosen(websocket.query_params.get("alpha"))
        if wanted is None:
            await websocket.close(1008, "no such alpha")
        else:
            await alpha.socket(websocket, wanted)

    async def get_snapshot(request: Request) -> Response:
        jpeg = await _snapshot(hub)
        if jpeg is None:
            return PlainTextResponse("no frame has come yet\n", 503, {"Retry-After": "1"})
        return Response(
            jpeg, media_type="image/jpeg", headers={"Content-Disposition": 'inline; filename="snapshot.jpg"'}
        )

    async def get_page(request: Request) -> Response:
        action = request.query_params.get("action")  # mjpg-streamer's names
        if action == "stream":
            return await get_stream(request)
        if action == "snapshot":
            return await get_snapshot(request)
        return pages.page("guest")

    routes: list[BaseRoute] = [
        Route("/", get_page),
        Route("/stream", get_stream),
        Route("/stream.mjpg", get_stream),
        WebSocketRoute("/ws", get_socket),
        Route("/snapshot", get_snapshot),
        Route("/snapshot.jpg", get_snapshot),
        Route("/state", get_state),
        Route("/healthz", get_health),
        Route("/metrics", get_metrics),
        *pages.routes(),
    ]

    access = access or Access()
    if control is not None:
        routes = [*api.routes(control, access), *routes]

    async def fault(request: Request, caught: Exception) -> Response:
        log.error("%s: %r", request.url.path, caught, exc_info=caught)
        return PlainTextResponse("the server failed to answer; its log says why\n", 500)

    async def short(request: Request, caught: Exception) -> Response:
        """Memory is short, which is no fault of the server's: a thread cannot be started either, then."""
        if isinstance(caught, RuntimeError) and "new thread" not in str(caught):
            raise caught
        log.warning("%s: not answered: this machine has no memory left (free -m)", request.url.path)
        return PlainTextResponse("no memory left: try again\n", 503, {"Retry-After": "5"})

    return Starlette(
        exception_handlers={Exception: fault, MemoryError: short, RuntimeError: short},
        routes=routes,
        middleware=[Middleware(Guard, access=access, check_host=check_host, embed=embed)],
    )


class Stream(Response):
    """MJPEG: JPEG files one after the other for as long as the client stays (`multipart/x-mixed-replace`)."""

    def __init__(self, hub: Hub[Any]) -> None:
        super().__init__(media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        del self.headers["content-length"]
        self.hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client leaves or the server closes; 503 when as many watch as may."""
        start: Message = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        if scope["method"] == "HEAD":
            await send(start)
            return await send({"type": "http.response.body", "body": b""})
        try:
            with self.hub.watch() as watcher:
                await send(start)
                await _first_done(self._send(watcher, send), _disconnected(receive))
        except TooManyClients:
            await _full(self.hub)(scope, receive, send)
        except TimeoutError:
            log.debug("a client of the stream does not read: cut off")

    async def _send(self, watcher: Watcher[Any], send: Send) -> None:
        # The boundary follows each picture at once: browsers show a part when they see where it ends.
        lead = f"--{BOUNDARY}\r\n"
        while (picture := await watcher.next()) is not None:
            jpeg = picture.jpeg()
            head = f"{lead}Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
            tail = f"\r\n--{BOUNDARY}\r\n".encode()
            lead = ""
            # Waits while the client's window is full; the pictures that come meanwhile are skipped.
            async with asyncio.timeout(STALLED):
                await send({"type": "http.response.body", "body": head + jpeg + tail, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _first_done(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of `work` until one is done, cancel the others, and raise what the done one raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _snapshot(hub: Hub[Any]) -> bytes | None:
    """The newest picture; before there is one, the first; where the camera sleeps, the first after it woke.

    None if that does not come.
    """
    slept = not hub.wanted and bool(getattr(hub.newest and hub.newest.item, "covered", False))
    hub.ask()
    if hub.newest is None or slept:
        try:
            with hub.watch() as watcher:
                async with asyncio.timeout(WAKING if slept else SNAPSHOT_PATIENCE):
                    while (picture := await watcher.next()) is not None and slept and picture.item.covered:
                        pass
        except (TooManyClients, TimeoutError):
            pass
    newest = hub.newest
    return None if newest is None else newest.jpeg()


def _no_such_alpha() -> Response:
    return PlainTextResponse(f"alpha is one of {', '.join(alpha.WAYS)}\n", 422)


def _full(hub: Hub[Any]) -> Response:
    text = f"{hub.clients} clients are watching, and no more are allowed (max_clients)\n"
    return PlainTextResponse(text, 503, {"Retry-After": "5"})
