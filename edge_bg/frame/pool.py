"""Buffers for frames, used again as soon as nobody refers to them."""

from __future__ import annotations

import sys
import threading

from edge_bg.frame.i420 import I420, Size, check_size, empty


class Pool:
    """Buffers of one shape, handed out and used again without anybody having to give them back.

    A buffer is free when nobody but the pool refers to it (NumPy views keep their base alive, so a frame, a
    view of it or a sink that is still writing all count). Whoever keeps frames for ever only costs memory:
    past `limit` buffers, `take` returns arrays the pool does not track.
    """

    def __init__(self, size: Size, *, limit: int = 16) -> None:
        self.size = check_size(size)
        self.limit = limit
        self._lock = threading.Lock()
        self._buffers: list[I420] = [empty(size)]
        self._idle = self._references(0)  # measured, as CPython's own counting differs between versions

    def _references(self, i: int) -> int:
        return sys.getrefcount(self._buffers[i])

    def take(self) -> I420:
        """A buffer of `size` that nobody else refers to; its contents are undefined."""
        with self._lock:
            for i in range(len(self._buffers)):
                if self._references(i) <= self._idle:
                    return self._buffers[i]
            buffer = empty(self.size)
            if len(self._buffers) < self.limit:
                self._buffers.append(buffer)
            return buffer
