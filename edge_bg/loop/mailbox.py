"""A one-slot mailbox between two threads: the newest item wins, every drop is counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The mailbox was closed and its last item has been taken."""


class Latest(Generic[T]):
    """One slot. A full slot is overwritten (`lossless=False`) or waited for (`lossless=True`).

    `dropped` counts overwritten items. `close()` lets the reader take what is left, then ends it;
    `close(error)` makes the reader raise `error` instead.
    """

    def __init__(self, *, lossless: bool = False) -> None:
        self.lossless = lossless
        self.dropped = 0
        self._item: T | None = None
        self._full = False
        self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, item: T) -> bool:
        """Leave `item`; False once the mailbox is closed. Blocks only when lossless and full."""
        with self._changed:
            if self.lossless:
                self._changed.wait_for(lambda: self._closed or not self._full)
            if self._closed:
                return False
            if self._full:
                self.dropped += 1
            self._item, self._full = item, True
            self._changed.notify_all()
            return True

    def get(self, timeout: float | None = None) -> T | None:
        """Take the item, waiting at most `timeout` seconds (None: for ever). None: nothing came in time.

        Raises `Closed` (or the error given to `close`) when nothing will ever come again.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._full or self._closed, timeout)
            if self._full:
                item, self._item, self._full = self._item, None, False
                self._changed.notify_all()
                return item
            if self._error is not None:
                raise self._error
            if self._closed:
                raise Closed
            return None

    def close(self, error: BaseException | None = None) -> None:
        """No more items. Idempotent; the first error given is the one that is kept."""
        with self._changed:
            self._closed = True
            self._error = self._error or error
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Items until the mailbox is closed."""
        while True:
            try:
                item = self.get()
            except Closed:
                return
            assert item is not None
            yield item
