"""Raw camera buffers to I420: pure functions over bytes, whatever driver they came from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import I420, Size, expand_range, from_gray, from_nv12, from_yuyv, planes


def unpack(
    buffer: NDArray[np.uint8], fourcc: str, size: Size, out: I420, limited: bool = True, stride: int = 0
) -> I420 | None:
    """A raw buffer, of any shape, to I420: `out`; None when it is too short, as a broken transfer leaves it.

    fourcc: YUYV, UYVY, NV12, NV21, YU12, YV12 or GREY. size: (width, height), even. limited: luma within 16..235.
    stride: bytes from row to row, of luma in planar formats; 0 for rows without padding.
    """
    width, height = size
    planar = fourcc in ("NV12", "NV21", "YU12", "YV12")
    least = row_bytes(fourcc, width)
    stride = max(stride, least)
    rows = height * 3 // 2 if planar else height
    flat = np.ascontiguousarray(buffer).reshape(-1)
    if flat.size < rows * stride:
        return None
    table = flat[: rows * stride].reshape(rows, stride)
    if fourcc in ("YUYV", "UYVY"):
        packed = table[:, :least].reshape(height, width, 2)
        return from_yuyv(packed if fourcc == "YUYV" else packed[..., ::-1], out, limited=limited)
    if fourcc in ("NV12", "NV21"):
        pairs = table[height:, :width].reshape(height // 2, width // 2, 2)
        return from_nv12(table[:height, :width], pairs if fourcc == "NV12" else pairs[..., ::-1], out, limited=limited)
    if fourcc == "GREY":
        return from_gray(table[:, :width], out)
    y, u, v = planes(out)
    np.copyto(y, table[:height, :width])
    chroma = table[height:].reshape(height, stride // 2)[:, : width // 2]
    first, second = (u, v) if fourcc == "YU12" else (v, u)
    np.copyto(first, chroma[: height // 2])
    np.copyto(second, chroma[height // 2 :])
    return expand_range(out, out) if limited else out


def row_bytes(fourcc: str, width: int) -> int:
    """Bytes in an unpadded row of luma."""
    return 2 * width if fourcc in ("YUYV", "UYVY") else width
