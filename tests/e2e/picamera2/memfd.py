"""What picamera2 needs on a machine that is no Pi: camera buffers above all, from memfd, as there is no /dev/dma_heap.

The allocator does what picamera2's own DmaAllocator does with the CMA heap, with anonymous files instead.
"""

from __future__ import annotations

import mmap
import os
import time
from typing import Any

import libcamera
import picamera2.picamera2
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


def stand_in(size: tuple[int, int]) -> None:
    """Puts into picamera2 what this machine lacks: CMA memory, raw modes of `size`, a sensor that takes its time."""
    picamera2.picamera2.DmaAllocator = MemfdAllocator
    picamera2.Picamera2._get_raw_modes = lambda self: [{"size": size, "format": "SRGGB10_CSI2P"}]
    # The virtual pipeline completes a buffer the moment it is queued: thousands a second, with picamera2 holding its
    # lock all the time, and some before its start has returned, which it then drops. Look for frames 60 times a second.
    look = picamera2.picamera2.CameraManager.handle_request

    def paced(manager: object, *args: object) -> None:
        time.sleep(1 / 60)
        look(manager, *args)

    picamera2.picamera2.CameraManager.handle_request = paced
