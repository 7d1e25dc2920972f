"""One client's connection, bounded: uvicorn itself lets a client hold one for ever without asking for anything."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

PATIENCE = 10.0  # seconds in which a client has to ask for something, and to take what it asked for
MOST = 256  # connections at one time: beyond, cameras and files would run out of descriptors


class Connection(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, to clients that use it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the client, unless it is one too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
        else:
            self.loop.call_later(PATIENCE, self._look, None)

    def _look(self, before: RequestResponseCycle | None) -> None:
        """End the connection if nothing was asked since `before`, the request that was answered at the last look."""
        if self not in self.connections:
            return
        at_rest = self.cycle is None or self.cycle.response_complete or self.transport.is_closing()
        if at_rest and self.cycle is before:
            self.transport.abort()
        else:
            self.loop.call_later(PATIENCE, self._look, self.cycle)
