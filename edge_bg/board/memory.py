"""Memory that the C library keeps after it was freed: how little of it there shall be.

glibc gives each thread a heap of its own, and a heap gives back only what lies at its end. A service that opens
pictures and networks anew at each reload, on new threads, would grow by half within an afternoon although nothing is
kept. Elsewhere than on glibc both functions do nothing.
"""

from __future__ import annotations

from contextlib import suppress
from ctypes import CDLL
from typing import Final

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # malloc.h
HEAPS: Final = 2
LARGE: Final = 1 << 20  # bytes: a block as large is a mapping of its own, and gone once it is freed


def few_heaps() -> None:
    """Two heaps for all threads, and none for large blocks. Call it before threads are started."""
    with suppress(OSError, AttributeError):
        library = CDLL(None)
        library.mallopt(M_ARENA_MAX, HEAPS)
        library.mallopt(M_MMAP_THRESHOLD, LARGE)


def give_back() -> None:
    """Give free memory back to the system, from the middle of the heaps, too. Takes a few milliseconds."""
    with suppress(OSError, AttributeError):
        CDLL(None).malloc_trim(0)
