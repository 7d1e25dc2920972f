"""MJPEG, snapshots and a page over HTTP. Listens on this machine only, unless told otherwise: then a token is asked.

The server is uvicorn in a thread of its own; the application is `edge_bg.web.app`. A frame is encoded once however
many watch, straight from its I420 planes, and not at all while nobody watches.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from edge_bg.errors import MissingDependency, SinkError
from edge_bg.frame import Frame, Size
from edge_bg.sinks.jpeg import jpeg_encoder as jpeg_encoder
from edge_bg.sinks.jpeg import jpeg_planes

if TYPE_CHECKING:
    import uvicorn

log = logging.getLogger("edge_bg.sinks.http")

SEND_BUFFER = 256 * 1024  # bytes the kernel holds per client; more would be frames, and so seconds, of delay
SHORTEST_TOKEN = 8  # characters
# Seconds after which Python lets another thread go on. With its own 5 ms the loop waits so long for a busy server each
# time it comes back from OpenCV or the network: with 20 streams and 200 requests a second a third of its rate was lost.
TURN = 0.0005
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _nothing() -> None:
    pass


class Http:
    """Serves the newest frame.

    host, port:  where to listen; port 0 takes a free one (see `url`).
    token:       what clients must show. None: none is asked on loopback; elsewhere one is made up and logged.
    quality:     of the JPEG, 1..100.
    max_clients: open streams at one time; one more is answered 503.
    embed:       origins whose pages may show the pictures within them; needs a token.

    `status`, a function that returns a dict, adds keys to `/state` and `/healthz`. `control` is what the API asks
    (`edge_bg.booth.control`); without it there is no API.
    """

    name = "http"
    lossless = False
    retry = False

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8080,
        token: str | None = None,
        quality: int = 80,
        max_clients: int = 16,
        embed: Sequence[str] | None = None,
    ) -> None:
        if not 1 <= quality <= 100:
            raise ValueError(f"quality {quality}: must be within 1..100")
        if token is not None and len(token) < SHORTEST_TOKEN:
            raise ValueError(f"token: must have at least {SHORTEST_TOKEN} characters")
        if embed and token is None and host in LOOPBACK:
            raise ValueError("embed: a page elsewhere could show the picture to anybody: set a token, too")
        self.host = host
        self.port = port
        self.token = token
        self.quality = quality
        self.max_clients = max_clients
        self.embed = list(embed or ())
        self.control: Any = None
        self.demand: Callable[[], None] = _nothing  # called when somebody begins to look
        self.status: Callable[[], dict[str, Any]] | None = None
        self.hub: Any = None
        self.packed: dict[str, Any] = {}
        self._pack: Any = None
        self.want_cutout: Callable[[bool], None] = lambda wanted: None  # whether frames shall carry the person alone
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """Where a browser finds the page, token included."""
        return self._root + (f"?token={self.token}" if self.token else "")

    @property
    def _root(self) -> str:
        host = socket.gethostname() if self.host in ("", "0.0.0.0", "::") else self.host  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/"

    def open(self, size: Size, fps: float, *, live: bool = True) -> None:
        """Listen. Raises SinkError when the port is taken or forbidden, or the host is not this machine's."""
        try:
            import uvicorn

            from edge_bg.web.access import Access
            from edge_bg.web.alpha import WAYS, Packed
            from edge_bg.web.app import create_app
            from edge_bg.web.connection import Connection
            from edge_bg.web.guard import is_loopback
            from edge_bg.web.hub import Hub
        except ImportError as caught:
            message = f"http: {caught.name} is not installed"
            raise MissingDependency(message, hint="pip install 'edge-bg[web]'") from caught
        listener = self._listen()
        private = is_loopback(self.host)
        made_up = self.token is None and not private
        if made_up:
            self.token = secrets.token_urlsafe(16)
        self.hub = Hub(jpeg_encoder(self.quality), max_clients=self.max_clients)
        self.hub.demand = self.demand
        self._pack = Packed
        self.packed = {way: self._packed_hub(way) for way in WAYS}
        app = create_app(
            self.hub,
            status=lambda: self.status() if self.status is not None else {},
            access=Access(
                token=self.token,
                control=bool(self.control and self.control.allowed),
                pin=self.control.pin if self.control else None,
                key=self.control.key if self.control else None,
            ),
            control=self.control,
            packed=self.packed,
            check_host=self.token is None,  # who made up a name for 127.0.0.1 does not know the token
            embed=self.embed,
        )
        if self.control is not None:
            self.control.viewers = lambda: self.hub.clients
            self.control.covered = self._covered
        config = uvicorn.Config(
            app, lifespan="off", ws="wsproto", ws_max_size=4096, http=Connection, log_config=None,
            log_level="critical", access_log=False, server_header=False, proxy_headers=False,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._turn = sys.getswitchinterval()
        sys.setswitchinterval(min(TURN, self._turn))
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="edge-bg-web", daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise SinkError("http: the server did not start; --debug shows why")
            time.sleep(0.005)
        # A token of the user's own stays out of the log.
        log.info("watch at %s", self.url if made_up or not self.token else f"{self._root}?token=(yours)")

    @property
    def wanted(self) -> bool:
        """Whether somebody watches, or has just asked for a picture."""
        return self.hub is not None and any(hub.wanted for hub in (self.hub, *self.packed.values()))

    def _packed_hub(self, way: str) -> Any:
        """Pictures with their alpha beside or below them; only made while somebody watches."""
        from edge_bg.web.hub import Hub

        encode = jpeg_planes(self.quality)
        below = way.endswith("below")
        hub: Any = Hub(lambda packed: encode(*packed.planes(below)), max_clients=self.max_clients)
        hub.demand = self.demand
        return hub

    def _covered(self) -> bool | None:
        newest = self.hub.newest
        return None if newest is None else bool(newest.item.covered)

    def write(self, frame: Frame) -> None:
        """Make `frame` the newest. Encodes it when somebody watches."""
        if self._thread is None or not self._thread.is_alive():
            raise SinkError("http: the server has stopped")
        self.hub.publish(frame)
        watched = [hub for hub in self.packed.values() if hub.clients]
        self.want_cutout(bool(watched))
        for hub in watched:
            hub.publish(self._pack(frame))

    def close(self) -> None:
        """End the streams and stop listening, within a second even if a client is stuck."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        for hub in (self.hub, *self.packed.values()):
            hub.close()
        server.should_exit = True
        thread.join(0.25)
        if thread.is_alive() and self._loop is not None:
            with suppress(RuntimeError):  # "Event loop is closed": it ended by itself in this very moment
                self._loop.call_soon_threadsafe(self._abort, server)
            thread.join(2.0)
        if thread.is_alive():
            server.force_exit = True
            log.warning("http: the server does not end")
        self._server = self._thread = self._loop = None
        sys.setswitchinterval(self._turn)

    def _serve(self, listener: socket.socket) -> None:
        server = self._server
        assert server is not None

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            await server.serve(sockets=[listener])

        try:
            with listener:
                asyncio.run(main())
        except (Exception, SystemExit) as caught:
            log.error("http: the server failed: %r", caught, exc_info=caught)

    @staticmethod
    def _abort(server: uvicorn.Server) -> None:
        """Drop clients that stopped reading: their last bytes would be waited for."""
        for connection in list(server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()

    def _listen(self) -> socket.socket:
        where = f"{self.host}:{self.port}"
        try:
            found = socket.getaddrinfo(self.host or None, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (OSError, UnicodeError) as caught:
            raise SinkError(
                f"http: host {self.host!r} is not known here",
                hint="use 127.0.0.1 for this machine only, or 0.0.0.0 for its whole network",
            ) from caught
        family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # accepted sockets inherit it
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(address)
            listener.listen(64)
        except OSError as caught:
            listener.close()
            hint = {
                errno.EADDRINUSE: f"see what holds it: ss -ltnp 'sport = :{self.port}'; or set another `port`",
                errno.EACCES: "ports below 1024 are reserved: set a `port` from 1024 up, 8080 for instance",
                errno.EADDRNOTAVAIL: "this machine has no such address: `ip address` lists those it has",
            }.get(caught.errno or 0, "")
            what = "port is taken" if caught.errno == errno.EADDRINUSE else (caught.strerror or str(caught)).lower()
            raise SinkError(f"http: cannot listen on {where}: {what}", hint=hint) from caught
        self.port = int(listener.getsockname()[1])
        return listener
