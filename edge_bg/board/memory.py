"""Memory that the C library keeps after it was freed: how little of it there shall be.

glibc gives each thread a heap of its own, and a heap gives back only what lies at its end: a service that opens
pictures and networks anew at each reload, on new threads, would double in size although nothing is kept. And a booth
whose parts know each other (the page asks it how it fares) is not freed when it ends, but when Python next looks for
cycles, which with so few objects and such large ones is late. Elsewhere than on glibc only the second is mended.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from ctypes import CDLL
from typing import Final

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # malloc.h
HEAPS: Final = 2  # allocation arenas of glibc, whose default is eight a core
LARGE: Final = 1 << 20  # bytes: a block as large is a mapping of its own, and gone once it is freed


def few_heaps() -> None:
    """Two heaps for all threads, and none for large blocks. Call it before threads are started."""
    with suppress(OSError, AttributeError):
        library = CDLL(None)
        library.mallopt(M_ARENA_MAX, HEAPS)
        library.mallopt(M_MMAP_THRESHOLD, LARGE)


def give_back(*, cycles: bool = False) -> None:
    """Give free memory back to the system, from the middle of the heaps, too. Takes a few milliseconds.

    cycles: first have Python look for what only holds on to itself, a tenth of a second in which nothing else runs.
    """
    if cycles:
        gc.collect()
    with suppress(OSError, AttributeError):
        CDLL(None).malloc_trim(0)
