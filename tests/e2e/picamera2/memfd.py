"""Camera buffers without a Pi: an allocator for picamera2 over memfd, as there is no /dev/dma_heap on a common machine.

It does what picamera2's own DmaAllocator does with the CMA heap, with anonymous files instead; nothing else of
picamera2 is replaced.
"""

from __future__ import annotations

import mmap
import os
from typing import Any

import libcamera
from picamera2.allocators.allocator import Allocator, Sync


class _NoSync(Sync):
    """Plain memory needs no cache maintenance around reads."""

    def __init__(self, allocator: MemfdAllocator, buffer: Any, write: bool) -> None:
        self._map = allocator.mapped_buffers[buffer]

    def __enter__(self) -> mmap.mmap:
        return self._map

    def __exit__(self, *_: object) -> None:
        pass


class MemfdAllocator(Allocator):
    """One memfd a buffer, NV12's two planes in it one behind the other."""

    needs_sync = False

    def __init__(self) -> None:
        super().__init__()
        self.sync = _NoSync
        self._fds: list[int] = []
        self._buffers: dict[Any, list[Any]] = {}
        self.mapped_buffers: dict[Any, mmap.mmap] = {}

    def allocate(self, configurations: Any, use_case: Any = None) -> None:
        self.close()
        for each in configurations:
            made = []
            luma = each.stride * each.size.height
            for number in range(each.buffer_count):
                fd = os.memfd_create(f"camera-{number}")
                os.ftruncate(fd, each.frame_size)
                self._fds.append(fd)
                planes = []
                for offset, length in ((0, luma), (luma, each.frame_size - luma)):
                    plane = libcamera.FrameBuffer.Plane()
                    plane.fd, plane.offset, plane.length = fd, offset, length
                    planes.append(plane)
                buffer = libcamera.FrameBuffer(planes)
                made.append(buffer)
                self.mapped_buffers[buffer] = mmap.mmap(fd, each.frame_size)
            self._buffers[each.stream] = made

    def buffers(self, stream: Any) -> list[Any]:
        return self._buffers[stream]

    def acquire(self, buffers: Any) -> None:
        """Nothing to lock."""

    def release(self, buffers: Any) -> None:
        """Nothing to unlock."""

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds, self._buffers, self.mapped_buffers = [], {}, {}
