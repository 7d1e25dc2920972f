"""A frame on its way through the loop, and its one picture format, I420; other formats end and begin at the doors.

I420 here is planar YUV 4:2:0, BT.601 **full range** with centred chroma: what JPEG carries. A picture is one
C-contiguous uint8 array of shape `(H * 3 // 2, W)`, W and H even: H rows of Y, then U, then V at half size.
An alpha ("alpha420") has the same layout: full-size alpha over Y, the same alpha at half size over U and over V,
so that a blend is a few calls over one two-dimensional array, whatever the planes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edge_bg.frame.doors import (
    compress_range,
    expand_range,
    from_bgr,
    from_gray,
    from_nv12,
    from_rgb,
    from_yuyv,
    to_bgr,
    to_rgb,
    yuv_of,
)
from edge_bg.frame.i420 import (
    I420,
    MAX_SIDE,
    SHARE,
    Area,
    Picture,
    Size,
    check_size,
    crop,
    empty,
    filled,
    paste,
    planes,
    resize,
    size_of,
    unpremultiply,
)
from edge_bg.frame.pool import Pool

__all__ = [
    "I420",
    "MAX_SIDE",
    "SHARE",
    "Area",
    "Frame",
    "Picture",
    "Pool",
    "Size",
    "check_size",
    "compress_range",
    "crop",
    "empty",
    "expand_range",
    "filled",
    "from_bgr",
    "from_gray",
    "from_nv12",
    "from_rgb",
    "from_yuyv",
    "paste",
    "planes",
    "resize",
    "size_of",
    "to_bgr",
    "to_rgb",
    "unpremultiply",
    "yuv_of",
]


@dataclass(slots=True)
class Frame:
    """One picture on its way through the loop.

    Attributes:
        data: I420, `(H * 3 // 2, W)` uint8, full range BT.601.
        time: When it was captured, seconds of `time.monotonic()`.
        index: Number of the frame at its source, from 0; gaps are frames that were dropped.
        alpha420: How much of each pixel is person, 0..255, laid out like `data`; None before the matte.
        truth: True alpha `(H, W)` uint8, only from a source that knows it (`synthetic`).
        small: I420 of the same moment at about the model's size, where the camera delivers one.
        half: I420 of the same picture at half its size, 2x2 pixels averaged, once a stage has made one.
        covered: True when this is the privacy cover and holds no pixel of the camera.
        premultiplied: True when the colours are multiplied by alpha, that is blended over black (background
            `transparent`): to put it on a picture, add the picture times `1 - alpha`.
        area: Where the picture lies in the frame; the rest is padding, and background. None: it fills the frame.
        clear: `(H, W)` uint8, how opaque the picture itself is, 0 where it is clear; None: everywhere, 255.
        scene: Frames of one number follow one another; where it changes, nothing seen before counts any more.
        shown: When the source itself shows it, seconds from its first frame; None for cameras.
        lasts: Seconds until the next one is shown, None where that is not known.
        inner: The picture alone, once somebody asked for it (`picture`).
        outer: The size of the frame that a picture alone lies in.
    """

    data: I420
    time: float
    index: int
    alpha420: I420 | None = None
    truth: Picture | None = None
    small: I420 | None = None
    half: I420 | None = None
    cutout: I420 | None = None
    covered: bool = False
    premultiplied: bool = False
    area: Area | None = None
    clear: Picture | None = None
    scene: int = 0
    shown: float | None = None
    lasts: float | None = None
    inner: Frame | None = None
    outer: Size | None = None

    @property
    def picture(self) -> Frame:
        """The frame without its padding: what the network, the matte and the composite look at. Itself without any."""
        if self.area is None:
            return self
        if self.inner is None:
            self.inner = replace(
                self,
                data=crop(self.data, self.area),
                alpha420=None if self.alpha420 is None else crop(self.alpha420, self.area),
                truth=None if self.truth is None else _part(self.truth, self.area),
                clear=None if self.clear is None else _part(self.clear, self.area),
                small=None,
                half=None,
                area=None,
                outer=self.size,
            )
        return self.inner

    @property
    def size(self) -> Size:
        """(width, height) in pixels."""
        return size_of(self.data)

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return int(self.data.shape[1])

    @property
    def height(self) -> int:
        """Rows of luma."""
        return int(self.data.shape[0]) * 2 // 3

    @property
    def y(self) -> Picture:
        """Luma, a view, `(H, W)`."""
        return self.data[: self.height]

    @property
    def u(self) -> Picture:
        """Blue-difference chroma, a view, `(H // 2, W // 2)`."""
        return planes(self.data)[1]

    @property
    def v(self) -> Picture:
        """Red-difference chroma, a view, `(H // 2, W // 2)`."""
        return planes(self.data)[2]

    @property
    def alpha(self) -> Picture | None:
        """Alpha over the full-size picture, a view, `(H, W)` uint8, 255 = person; None before the matte."""
        return None if self.alpha420 is None else self.alpha420[: self.height]

    def rgb(self) -> Picture:
        """A new `(H, W, 3)` uint8 array in R, G, B order."""
        return to_rgb(self.data)

    def bgr(self) -> Picture:
        """A new `(H, W, 3)` uint8 array in B, G, R order (OpenCV's)."""
        return to_bgr(self.data)

    def rgba(self) -> Picture:
        """A new `(H, W, 4)` uint8 array, alpha not premultiplied; opaque where the frame has no alpha."""
        if self.alpha420 is None:
            return np.dstack((self.rgb(), np.full((self.height, self.width), 255, np.uint8)))
        straight = unpremultiply(self.data, self.alpha420) if self.premultiplied else self.data
        return np.dstack((to_rgb(straight), self.alpha420[: self.height]))

    def copy(self) -> Frame:
        """The same frame in buffers of its own, for whoever keeps frames."""
        return replace(
            self,
            data=self.data.copy(),
            alpha420=None if self.alpha420 is None else self.alpha420.copy(),
            truth=None if self.truth is None else self.truth.copy(),
            small=None if self.small is None else self.small.copy(),
            half=None if self.half is None else self.half.copy(),
            cutout=None if self.cutout is None else self.cutout.copy(),
            clear=None if self.clear is None else self.clear.copy(),
            inner=None if self.inner is None else self.inner.copy(),
        )


def _part(plane: Picture, area: Area) -> Picture:
    return plane[area.top : area.bottom, area.left : area.right]
