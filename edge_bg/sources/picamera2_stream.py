"""One stream of a Pi camera as libcamera really configured it: what its bytes mean."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import SourceError
from edge_bg.frame import I420, Pool, Size, size_of
from edge_bg.sources.mjpg import MjpgDecoder
from edge_bg.sources.raw import unpack

log = logging.getLogger(__name__)

# libcamera's names for what lies in memory -> raw.unpack's
LAYOUTS = {"YUV420": "YU12", "YVU420": "YV12", "NV12": "NV12", "NV21": "NV21", "YUYV": "YUYV", "UYVY": "UYVY"}


class Stream:
    """One stream as libcamera really configured it: what its bytes mean, and buffers to copy them to."""

    def __init__(self, given: dict[str, Any], limited: bool) -> None:
        self.format = str(given["format"])
        width, height = given["size"]
        self.size: Size = (width // 2 * 2, height // 2 * 2)
        self.stride = int(given.get("stride") or 0)
        self._limited = limited
        self._pool = Pool(self.size)
        self._decoder = MjpgDecoder() if self.format == "MJPEG" else None
        if self._decoder is None and self.format not in LAYOUTS:
            raise SourceError(
                f"the camera gives {self.format}, not YUV420", hint="a USB camera is better used with kind: v4l2"
            )

    def read(self, data: NDArray[np.uint8]) -> I420 | None:
        """The stream's bytes, rows padded to `stride`, to I420 of `size` in a buffer of its own."""
        out = self._pool.take()
        if self._decoder is not None:
            picture = self._decoder(data, self.size, out)
            return picture if picture is not None and size_of(picture) == self.size else None
        return unpack(data, LAYOUTS[self.format], self.size, out, self._limited, self.stride)


def is_limited(colour_space: Any, libcamera: Any) -> bool:
    """Whether luma stays within 16..235: libcamera may give another colour space than asked for."""
    if colour_space is None:  # USB cameras
        return True
    space = libcamera.ColorSpace
    if colour_space.ycbcrEncoding not in (space.YcbcrEncoding.Rec601, space.YcbcrEncoding.Null):
        log.warning("the camera gives colours by %s; they will be slightly off", colour_space.ycbcrEncoding)
    return bool(colour_space.range == space.Range.Limited)
