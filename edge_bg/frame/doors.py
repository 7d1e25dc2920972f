"""The doors: where other formats end and begin.

Each `from_...` writes to `out`, an I420 array of the picture's size, where one is given, and to a new one otherwise.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge_bg.frame.i420 import I420, Picture, empty, planes, size_of

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
