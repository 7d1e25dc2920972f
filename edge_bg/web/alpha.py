"""The person alone for AR, live: colour and alpha side by side in one picture, as a stream or as fast as asked for.

`/stream?alpha=packed` is MJPEG of frames twice as wide (`alpha=packed-below`: twice as high): the colours, already
multiplied by alpha (premultiplied, black where nobody is), and on the right of them (below) alpha as grey. Over the
WebSocket `/ws`, with the same `?alpha=` or without, the client sends a message for each frame that it wants next, and
gets one binary message with its JPEG: no lag builds up, however slow the client is. (Below, where the height is no
multiple of 16, the topmost rows of alpha may be tinted: read one channel.)
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from edge_bg.web.hub import Hub, TooManyClients

WAYS: Final = ("packed", "packed-below")
PATIENCE: Final = 60.0  # seconds in which a client has to ask for the next frame, and to take it


class Packed:
    """What the packed hub publishes: made only when somebody watches."""

    __slots__ = ("covered", "frame", "size")

    def __init__(self, frame: Any) -> None:
        self.frame, self.covered, self.size = frame, frame.covered, frame.size

    def planes(self, below: bool) -> tuple[Any, Any, Any]:
        """Y `(H, 2 W)` (below: `(2 H, W)`) and U, V at half size: the person, premultiplied, and alpha as grey."""
        frame = self.frame
        alpha = frame.alpha420
        data = frame.cutout if frame.cutout is not None else frame.data
        if self.covered or alpha is None or (frame.cutout is None and not frame.premultiplied):
            wide, high = self.size  # nobody yet: clear
            data, alpha = None, None
            y, u, v = (np.full((high // c, wide // c), n, np.uint8) for c, n in ((1, 0), (2, 128), (2, 128)))
            share = np.zeros_like(y)
        else:
            high, wide = frame.height, frame.width
            flat = data.reshape(-1)
            y = flat[: high * wide].reshape(high, wide)
            quarter = high * wide // 4
            u = flat[high * wide : high * wide + quarter].reshape(high // 2, wide // 2)
            v = flat[high * wide + quarter :].reshape(high // 2, wide // 2)
            share = np.asarray(frame.alpha)
        axis = 0 if below else 1
        grey = np.full_like(u, 128)
        return tuple(np.ascontiguousarray(np.concatenate(pair, axis)) for pair in ((y, share), (u, grey), (v, grey)))  # type: ignore[return-value]


async def socket(websocket: WebSocket, hub: Hub[Any]) -> None:
    """One client: each message asks for the next frame, a binary message with a JPEG answers."""
    await websocket.accept()
    try:
        with hub.watch() as watcher:
            while True:
                async with asyncio.timeout(PATIENCE):
                    await websocket.receive()
                    if websocket.client_state is not WebSocketState.CONNECTED:
                        return None
                    picture = await watcher.next()
                    if picture is None:
                        return await websocket.close(1001)
                    await websocket.send_bytes(picture.jpeg())
    except TooManyClients:
        await websocket.close(1013, "too many watch")
    except (WebSocketDisconnect, RuntimeError):
        pass
    except TimeoutError:
        await websocket.close(1000)
