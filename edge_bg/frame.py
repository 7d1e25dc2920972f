"""The one picture format of the loop, I420, and the doors where other formats end and begin.

I420 here is planar YUV 4:2:0, BT.601 **full range** with centred chroma: what JPEG carries. A picture is one
C-contiguous uint8 array of shape `(H * 3 // 2, W)`, W and H even: H rows of Y, then U, then V at half size.
An alpha ("alpha420") has the same layout: full-size alpha over Y, the same alpha at half size over U and over V,
so that a blend is a few calls over one two-dimensional array, whatever the planes.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
I420: TypeAlias = NDArray[np.uint8]
Size: TypeAlias = tuple[int, int]  # width, height

MAX_SIDE = 8192

# The scale for cv2.multiply that makes a share of 255ths: OpenCV rounds the product on x86 and cuts it off on Arm, and
# a hair too much keeps whole products whole there.
SHARE = (1 + 2**-20) / 255


def check_size(size: Size) -> Size:
    """`size` again when both sides are even and within 2..8192 pixels, else ValueError."""
    width, height = size
    if width % 2 or height % 2 or not (2 <= width <= MAX_SIDE and 2 <= height <= MAX_SIDE):
        raise ValueError(f"size {width}x{height}: both sides must be even and within 2..{MAX_SIDE}")
    return size


def empty(size: Size) -> I420:
    """A new I420 array of `size` (width, height), its contents undefined."""
    width, height = check_size(size)
    return np.empty((height * 3 // 2, width), np.uint8)


def filled(size: Size, yuv: tuple[int, int, int]) -> I420:
    """A new I420 picture of `size` in one colour, given as (Y, U, V)."""
    picture = empty(size)
    for plane, value in zip(planes(picture), yuv, strict=True):
        plane[...] = value
    return picture


def size_of(i420: I420) -> Size:
    """(width, height) of an I420 array."""
    rows, width = i420.shape
    return width, rows * 2 // 3


def planes(i420: I420) -> tuple[Picture, Picture, Picture]:
    """Views of Y `(H, W)`, U and V `(H // 2, W // 2)`; they share memory with `i420`."""
    width, height = size_of(i420)
    flat = i420.reshape(-1)
    luma, chroma = width * height, (width // 2) * (height // 2)
    half = (height // 2, width // 2)
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma : luma + 2 * chroma].reshape(half),
    )


@dataclass(slots=True)
class Frame:
    """One picture on its way through the loop.

    data:     I420, `(H * 3 // 2, W)` uint8, full range.
    time:     when it was captured, seconds of `time.monotonic()`.
    index:    number of the frame at its source, from 0; gaps are frames that were dropped.
    alpha420: how much of each pixel is person, 0..255, laid out like `data`; None before the matte.
    truth:    true alpha `(H, W)` uint8, only from a source that knows it (`synthetic`).
    small:    an I420 view of the same moment at about the model's size, where the camera delivers one.
    half:     I420 of the same picture at half its size, 2x2 pixels averaged, once a stage has made one.
    covered:  True when this is the privacy cover and holds no pixel of the camera.
    premultiplied: True when the colours are multiplied by alpha, that is blended over black (background
              `transparent`): to put it on a picture, add the picture times `1 - alpha`.
    """

    data: I420
    time: float
    index: int
    alpha420: I420 | None = None
    truth: Picture | None = None
    small: I420 | None = None
    half: I420 | None = None
    covered: bool = False
    premultiplied: bool = False

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
        )


def unpremultiply(i420: I420, alpha420: I420, out: I420 | None = None) -> I420:
    """Full-range colours that were multiplied by alpha, divided by it again; black where alpha is 0.

    `out` may be `i420`. Where alpha is small the colours are coarse, as little of them was left.
    """
    out = np.empty_like(i420) if out is None else out
    height = i420.shape[0] * 2 // 3
    known = np.maximum(alpha420, 1).astype(np.float32)
    for rows, middle in ((slice(None, height), 0.0), (slice(height, None), 128.0)):
        straight = (i420[rows] - np.float32(middle)) * 255 / known[rows] + middle
        out[rows] = np.where(alpha420[rows] > 0, np.clip(np.rint(straight), 0, 255), middle)
    return out


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


# --- doors: where other formats end and begin ------------------------------------------------------------

# ITU-R BT.601: limited ("video") range puts luma on 16..235 and chroma on 16..240 about 128.
_STEPS = np.arange(256, dtype=np.float64)
_EXPAND_Y = np.clip(np.rint((_STEPS - 16) * 255 / 219), 0, 255).astype(np.uint8)
_EXPAND_C = np.clip(np.rint((_STEPS - 128) * 255 / 224 + 128), 0, 255).astype(np.uint8)
_COMPRESS_Y = np.rint(_STEPS * 219 / 255 + 16).astype(np.uint8)
_COMPRESS_C = np.rint((_STEPS - 128) * 224 / 255 + 128).astype(np.uint8)


def _ranged(i420: I420, luma: Picture, chroma: Picture, out: I420 | None) -> I420:
    out = np.empty_like(i420) if out is None else out
    height = i420.shape[0] * 2 // 3
    cv2.LUT(i420[:height], luma, dst=out[:height])
    cv2.LUT(i420[height:], chroma, dst=out[height:])
    return out


def expand_range(i420: I420, out: I420 | None = None) -> I420:
    """Limited-range I420 to full range; `out` may be `i420` itself."""
    return _ranged(i420, _EXPAND_Y, _EXPAND_C, out)


def compress_range(i420: I420, out: I420 | None = None) -> I420:
    """Full-range I420 to limited range, for video files; `out` may be `i420` itself."""
    return _ranged(i420, _COMPRESS_Y, _COMPRESS_C, out)


def _from_colour(picture: Picture, code: int, out: I420 | None) -> I420:
    height, width = picture.shape[:2]
    out = empty((width, height)) if out is None else out
    y, u, v = planes(out)
    luma, red, blue = cv2.split(cv2.cvtColor(picture, code))
    y[...] = luma
    cv2.resize(blue, (width // 2, height // 2), dst=u, interpolation=cv2.INTER_AREA)
    cv2.resize(red, (width // 2, height // 2), dst=v, interpolation=cv2.INTER_AREA)
    return out


def from_bgr(picture: Picture, out: I420 | None = None) -> I420:
    """`(H, W, 3)` uint8 in B, G, R order, even sides, to I420. Allocates: a door for files, not for cameras."""
    return _from_colour(picture, cv2.COLOR_BGR2YCrCb, out)


def from_rgb(picture: Picture, out: I420 | None = None) -> I420:
    """`(H, W, 3)` uint8 in R, G, B order, even sides, to I420."""
    return _from_colour(picture, cv2.COLOR_RGB2YCrCb, out)


def from_gray(picture: Picture, out: I420 | None = None) -> I420:
    """`(H, W)` uint8 grey, even sides, to I420."""
    height, width = picture.shape
    out = empty((width, height)) if out is None else out
    out[:height] = picture
    out[height:] = 128
    return out


def _to_colour(i420: I420, code: int) -> Picture:
    y, u, v = planes(i420)
    size = size_of(i420)
    # cv2's own I420 conversions read limited range; its YCrCb ones are full range, like ours.
    red = cv2.resize(v, size, interpolation=cv2.INTER_LINEAR)
    blue = cv2.resize(u, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(cv2.merge((y, red, blue)), code), np.uint8)


def to_bgr(i420: I420) -> Picture:
    """I420 to a new `(H, W, 3)` uint8 array in B, G, R order."""
    return _to_colour(i420, cv2.COLOR_YCrCb2BGR)


def to_rgb(i420: I420) -> Picture:
    """I420 to a new `(H, W, 3)` uint8 array in R, G, B order."""
    return _to_colour(i420, cv2.COLOR_YCrCb2RGB)


def yuv_of(rgb: tuple[int, int, int]) -> tuple[int, int, int]:
    """(Y, U, V), full-range BT.601, of one colour given as (R, G, B), each 0..255."""
    y, cr, cb = (int(x) for x in cv2.cvtColor(np.array([[rgb]], np.uint8), cv2.COLOR_RGB2YCrCb)[0, 0])
    return y, cb, cr


def from_yuyv(packed: Picture, out: I420 | None = None, *, limited: bool = True) -> I420:
    """Packed 4:2:2 as webcams send it (`YUYV`), `(H, W, 2)` uint8, to I420; chroma rows are averaged in pairs."""
    height, width = packed.shape[:2]
    out = empty((width, height)) if out is None else out
    y, u, v = planes(out)
    cv2.extractChannel(packed, 0, dst=y)
    quads = packed.reshape(height, width // 2, 4)
    for plane, channel in ((u, 1), (v, 3)):
        cv2.resize(
            cv2.extractChannel(quads, channel), (width // 2, height // 2), dst=plane, interpolation=cv2.INTER_AREA
        )
    return expand_range(out, out) if limited else out


def from_nv12(y: Picture, uv: Picture, out: I420 | None = None, *, limited: bool = True) -> I420:
    """NV12 planes, Y `(H, W)` and interleaved UV `(H // 2, W // 2, 2)`, any row stride, to I420."""
    height, width = y.shape
    out = empty((width, height)) if out is None else out
    luma, u, v = planes(out)
    luma[...] = y
    u[...] = uv[..., 0]
    v[...] = uv[..., 1]
    return expand_range(out, out) if limited else out


def resize(i420: I420, size: Size, out: I420 | None = None) -> I420:
    """I420 stretched to `size` (width, height); area-averaged when it shrinks."""
    out = empty(size) if out is None else out
    for source, target in zip(planes(i420), planes(out), strict=True):
        shrinks = target.shape[0] <= source.shape[0] and target.shape[1] <= source.shape[1]
        cv2.resize(
            source,
            (target.shape[1], target.shape[0]),
            dst=target,
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
        )
    return out
