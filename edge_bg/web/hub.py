"""Pictures from the loop's thread to any number of clients: encoded once, newest wins, no queue anywhere.

`publish` is called by the loop's side, from its own thread. Everything `async` runs in the server's event loop. A
picture is encoded only when somebody looks: an idle server costs one assignment per frame.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from edge_bg.loop.stats import Rate

T = TypeVar("T")

LINGER = 10.0  # seconds for which one look at a snapshot keeps the camera awake
RATE_WINDOW = 60  # publications that `fps` looks back


class TooManyClients(Exception):
    """As many clients watch as are allowed."""


class Encoded(Generic[T]):
    """One picture and, from the first time it is asked for, its JPEG."""

    __slots__ = ("_encode", "_jpeg", "_lock", "item", "number", "time")

    def __init__(self, item: T, number: int, encode: Callable[[T], bytes]) -> None:
        self.item = item
        self.number = number
        self.time = time.monotonic()
        self._encode = encode
        self._jpeg: bytes | None = None
        self._lock = threading.Lock()

    def jpeg(self) -> bytes:
        """The picture as a JPEG file, encoded at most once whoever asks, from any thread."""
        with self._lock:
            if self._jpeg is None:
                self._jpeg = self._encode(self.item)
            return self._jpeg


class Hub(Generic[T]):
    """The newest picture, and those who wait for the next.

    encode:      turns a picture into JPEG bytes.
    max_clients: streams at one time; one more raises TooManyClients.
    """

    def __init__(self, encode: Callable[[T], bytes], *, max_clients: int = 16) -> None:
        self._encode = encode
        self.max_clients = max_clients
        self.newest: Encoded[T] | None = None
        self.published = 0
        self.encoded = 0
        self._rate = Rate(RATE_WINDOW)
        self._watchers: set[Watcher[T]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._asked = -math.inf
        self.demand: Callable[[], None] = lambda: None

    # --- the loop's side ---------------------------------------------------------------------------------

    def publish(self, item: T) -> None:
        """`item` is the newest picture now. Encodes it, here, if a stream is open; wakes the clients."""
        self.published += 1
        picture = Encoded(item, self.published, self._count_and_encode)
        self._rate.count()
        watched = bool(self._watchers)
        if watched:
            picture.jpeg()
        self.newest = picture
        if watched:
            self._call_soon(self._wake)

    def close(self) -> None:
        """End every stream, now and from now on. From any thread; idempotent."""
        self._closed = True
        self._call_soon(self._wake)

    # --- the clients' side: the event loop's thread --------------------------------------------------------

    @property
    def clients(self) -> int:
        """Open streams."""
        return len(self._watchers)

    def age(self) -> float | None:
        """Seconds since the newest picture came, None before the first."""
        newest = self.newest
        return None if newest is None else time.monotonic() - newest.time

    def fps(self) -> float:
        """Pictures published per second, covers too, 0.0 when none came for 5 s."""
        return self._rate.fps()

    @property
    def wanted(self) -> bool:
        """Whether somebody watches, or asked for a picture less than `LINGER` seconds ago."""
        return bool(self._watchers) or time.monotonic() - self._asked < LINGER

    def ask(self) -> None:
        """Somebody wants a picture: wake what sleeps."""
        self._asked = time.monotonic()
        self.demand()

    @contextmanager
    def watch(self) -> Iterator[Watcher[T]]:
        """A place among the clients for the time of a `with` block. Raises TooManyClients."""
        if len(self._watchers) >= self.max_clients:
            raise TooManyClients
        self._loop = asyncio.get_running_loop()
        self.ask()
        watcher = Watcher(self)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    @property
    def closed(self) -> bool:
        """True once the streams are to end."""
        return self._closed

    def _count_and_encode(self, item: T) -> bytes:
        self.encoded += 1
        return self._encode(item)

    def _call_soon(self, call: Callable[[], None]) -> None:
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(call)
            except RuntimeError:  # the event loop is closed: nobody is left to wake
                self._loop = None

    def _wake(self) -> None:
        for watcher in self._watchers:
            watcher.bell.set()


class Watcher(Generic[T]):
    """One client's view of the hub; it sees each picture at most once, and skips what it was too slow for."""

    def __init__(self, hub: Hub[T]) -> None:
        self.hub = hub
        self.bell = asyncio.Event()
        self._seen = 0

    async def next(self) -> Encoded[T] | None:
        """The newest picture not seen yet, waiting for it; None when the streams are to end."""
        while not self.hub.closed:
            self.bell.clear()
            picture = self.hub.newest
            if picture is not None and picture.number > self._seen:
                self._seen = picture.number
                return picture
            await self.bell.wait()
        return None
