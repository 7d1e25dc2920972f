"""One client's connection, bounded: uvicorn itself lets a client hold one for ever without asking for anything.

HTTP is read by httptools, in C, where it is installed, else by h11, in Python: that takes twice the time, which the
loop waits for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn.server import ServerState

PATIENCE = 10.0  # seconds in which a client has to ask for something, and to take what it asked for
MOST = 256  # connections at one time: beyond, cameras and files would run out of descriptors
HEAD = 64 * 1024  # bytes that come without being part of a body: headers, and what may stand between and behind


class Bounded(asyncio.Protocol):
    """What uvicorn's protocols lack; stands before one of them among a class's parents."""

    if TYPE_CHECKING:
        connections: set[Any]
        loop: asyncio.AbstractEventLoop
        transport: asyncio.Transport
        cycle: Any
        server_state: ServerState

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the client, unless it is one too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
        else:
            self.loop.call_later(PATIENCE, self._look, None)

    def _look(self, before: Any) -> None:
        """End the connection if nothing was asked since `before`, the request that was answered at the last look."""
        if self not in self.connections:
            return
        at_rest = self.cycle is None or self.cycle.response_complete or self.transport.is_closing()
        if at_rest and self.cycle is before:
            self.transport.abort()
        else:
            self.loop.call_later(PATIENCE, self._look, self.cycle)


class InPython(Bounded, H11Protocol):
    """HTTP/1.1 by h11, which bounds headers itself."""


try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError:
    Connection: type[asyncio.Protocol] = InPython
else:

    class InC(Bounded, HttpToolsProtocol):
        """HTTP/1.1 by httptools, which would keep headers, and what follows a body, without end."""

        _without_end = 0

        def data_received(self, data: bytes) -> None:
            """Parse what came; more than `HEAD` bytes of which no request and no body come end the connection."""
            self._moved = False
            super().data_received(data)
            self._without_end = 0 if self._moved else self._without_end + len(data)
            if self._without_end > HEAD and not self.transport.is_closing():
                self.send_400_response("The headers are too long.")

        def on_headers_complete(self) -> None:
            """A request. Its target is kept whole, as by h11: `http://host/path` names a host, which is checked."""
            self._moved = True
            super().on_headers_complete()
            raw, _, query = self.url.partition(b"?")
            self.scope |= {"path": unquote(raw.decode("ascii")), "raw_path": raw, "query_string": query}

        def on_body(self, body: bytes) -> None:
            """A piece of a body."""
            self._moved = True
            super().on_body(body)

        def on_message_complete(self) -> None:
            """The end of a request."""
            self._moved = True
            super().on_message_complete()

    Connection = InC
