"""What the booth shows right now: once, and as a stream of what changes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response, StreamingResponse

from edge_bg.web.api.calls import Ask, call, failed

AGAIN = 0.05  # seconds for which a state is told again
EVERY = 0.1  # seconds between looks for what changed
STILL_HERE = 15.0  # seconds after which a comment is sent, so that a client that is gone is noticed
MOST = 64  # streams of events at one time
_open = 0


def now(ask: Ask) -> tuple[dict[str, Any], bytes]:
    """The state for who asks, and its JSON: made anew at most every `AGAIN` seconds, however many ask."""
    known = ask.fresh.get(ask.role)
    if known is None or time.monotonic() - known[0] >= AGAIN:
        found = {"role": ask.role, **ask.control.state(ask.role)}
        data = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
        known = ask.fresh[ask.role] = time.monotonic(), found, data
    return known[1], known[2]


@call("GET", "/state", gives="what the booth shows, and what who asks may do", quick=True)
def state(ask: Ask) -> Any:
    """The state as a whole."""
    return Response(now(ask)[1], media_type="application/json")


@call(
    "GET",
    "/events",
    gives="Server-Sent Events: `state`, with the keys that changed",
    quick=True,
    kind="text/event-stream",
)
def events(ask: Ask) -> Any:
    """The state as it changes."""
    if _open >= MOST:
        return failed("too many are listening already", 503, {"Retry-After": "5"})
    return StreamingResponse(_changes(ask), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _changes(ask: Ask) -> AsyncIterator[str]:
    global _open
    _open += 1
    try:
        known: dict[str, Any] = {}
        quiet = 0.0
        while not ask.control.closed:
            found = now(ask)[0]
            changed = {key: value for key, value in found.items() if known.get(key, _UNKNOWN) != value}
            if changed:
                known, quiet = found, 0.0
                yield f"event: state\ndata: {json.dumps(changed)}\n\n"
            elif quiet >= STILL_HERE:
                quiet = 0.0
                yield ": still here\n\n"
            await asyncio.sleep(EVERY)
            quiet += EVERY
    finally:
        _open -= 1


_UNKNOWN = object()
