"""Raw camera buffers to I420, against OpenCV's and FFmpeg's own conversions, rows padded or not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_bg.frame import empty, from_bgr, planes, to_bgr
from edge_bg.sources.raw import row_bytes, unpack

Bytes = NDArray[np.uint8]
W, H = 96, 64


def smooth() -> Bytes:
    """A BGR picture without hard edges, so that how chroma is sited does not matter."""
    rng = np.random.default_rng(5)
    small = rng.integers(20, 236, (5, 7, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(cv2.resize(small, (W, H), interpolation=cv2.INTER_CUBIC), (0, 0), 3), np.uint8)


def limited_yuv(bgr: Bytes) -> tuple[Bytes, Bytes, Bytes]:
    """Y, U, V in 4:4:4 with video levels, by the textbook's formula."""
    b, g, r = (bgr[..., i].astype(np.float64) for i in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    u, v = (b - y) / 1.772, (r - y) / 1.402
    return tuple(np.rint(p).astype(np.uint8) for p in (y * 219 / 255 + 16, u * 224 / 255 + 128, v * 224 / 255 + 128))  # type: ignore[return-value]


def half(plane: Bytes, down: bool) -> Bytes:
    size = (W // 2, H // 2 if down else H)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)


def pack(fourcc: str, bgr: Bytes) -> Bytes:
    """What a camera sends, as rows of bytes without padding."""
    y, u, v = limited_yuv(bgr)
    if fourcc in ("YUYV", "UYVY"):
        row = np.empty((H, W, 2), np.uint8)
        row[..., 0] = y
        row[:, 0::2, 1], row[:, 1::2, 1] = half(u, False), half(v, False)
        return (row if fourcc == "YUYV" else row[..., ::-1]).reshape(H, 2 * W).copy()
    u, v = half(u, True), half(v, True)
    if fourcc in ("NV12", "NV21"):
        pair = np.dstack((u, v) if fourcc == "NV12" else (v, u)).reshape(H // 2, W)
        return np.vstack((y, pair))
    if fourcc == "GREY":
        return y
    first, second = (u, v) if fourcc == "YU12" else (v, u)
    return np.concatenate((y.ravel(), first.ravel(), second.ravel())).reshape(H * 3 // 2, W)


def pad(fourcc: str, rows: Bytes, stride: int) -> Bytes:
    """The same with rows of `stride` bytes (chroma rows of half that in planar formats), the padding poisoned."""
    if fourcc in ("YU12", "YV12"):
        flat = rows.ravel()
        parts = [flat[: W * H].reshape(H, W), *flat[W * H :].reshape(2, H // 2, W // 2)]
        return np.concatenate([np.pad(p, ((0, 0), (0, s - p.shape[1])), constant_values=255).ravel()
                               for p, s in zip(parts, (stride, stride // 2, stride // 2), strict=True)])  # fmt: skip
    return np.pad(rows, ((0, 0), (0, stride - rows.shape[1])), constant_values=255)


@pytest.mark.parametrize("stride", [0, 256])
@pytest.mark.parametrize("fourcc", ["YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12"])
def test_gives_the_picture_that_went_in(fourcc: str, stride: int) -> None:
    bgr = smooth()
    rows = pack(fourcc, bgr)
    buffer = pad(fourcc, rows, stride) if stride else rows
    out = unpack(buffer, fourcc, (W, H), empty((W, H)), limited=True, stride=stride)
    assert out is not None
    expected = from_bgr(bgr)
    assert np.abs(out.astype(int) - expected).max() <= 2
    assert np.abs(to_bgr(out).astype(int) - bgr).max() <= 4


@pytest.mark.parametrize(
    ("fourcc", "code"),
    [("YUYV", cv2.COLOR_YUV2BGR_YUYV), ("UYVY", cv2.COLOR_YUV2BGR_UYVY), ("NV12", cv2.COLOR_YUV2BGR_NV12),
     ("NV21", cv2.COLOR_YUV2BGR_NV21), ("YU12", cv2.COLOR_YUV2BGR_I420), ("YV12", cv2.COLOR_YUV2BGR_YV12)],
)  # fmt: skip
def test_agrees_with_opencv(fourcc: str, code: int) -> None:
    buffer = pack(fourcc, smooth())
    shaped = buffer.reshape(H, W, 2) if fourcc in ("YUYV", "UYVY") else buffer
    reference = from_bgr(np.asarray(cv2.cvtColor(shaped, code), np.uint8))
    out = unpack(buffer, fourcc, (W, H), empty((W, H)))
    assert out is not None
    difference = np.abs(out.astype(int) - reference)
    assert difference.max() <= 2, difference.max()


@pytest.mark.parametrize(("fourcc", "theirs"), [("YUYV", "yuyv422"), ("UYVY", "uyvy422"), ("NV12", "nv12")])
def test_agrees_with_ffmpeg(fourcc: str, theirs: str) -> None:
    av = pytest.importorskip("av")
    buffer = pack(fourcc, smooth())
    shaped = buffer.reshape(H, W, 2) if fourcc in ("YUYV", "UYVY") else buffer
    if fourcc == "UYVY":
        frame = av.VideoFrame(W, H, theirs)
        rows = np.zeros((H, frame.planes[0].line_size), np.uint8)
        rows[:, : 2 * W] = buffer
        frame.planes[0].update(rows.tobytes())
    else:
        frame = av.VideoFrame.from_ndarray(shaped, format=theirs)
    theirs_full = frame.reformat(format="yuv420p", src_color_range=1, dst_color_range=2)
    out = unpack(buffer, fourcc, (W, H), empty((W, H)))
    assert out is not None
    for ours, plane in zip(planes(out), theirs_full.planes, strict=True):
        table = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: ours.shape[0], : ours.shape[1]]
        assert np.abs(ours.astype(int) - table).max() <= 2


def test_full_range_passes_unchanged() -> None:
    rows = pack("NV12", smooth())
    out = unpack(rows, "NV12", (W, H), empty((W, H)), limited=False)
    assert out is not None
    assert np.array_equal(planes(out)[0], rows[:H])
    assert np.array_equal(planes(out)[1], rows[H:, 0::2])
    assert np.array_equal(planes(out)[2], rows[H:, 1::2])


def test_grey_has_no_colour() -> None:
    rows = pack("GREY", smooth())
    out = unpack(rows, "GREY", (W, H), empty((W, H)))
    assert out is not None
    assert (planes(out)[1] == 128).all()
    assert (planes(out)[2] == 128).all()


@pytest.mark.parametrize("fourcc", ["YUYV", "NV12", "YU12", "GREY"])
def test_any_shape_of_the_same_bytes_will_do(fourcc: str) -> None:
    rows = pack(fourcc, smooth())
    expected = unpack(rows, fourcc, (W, H), empty((W, H)))
    flat = np.concatenate((rows.ravel(), np.full(100, 255, np.uint8)))  # and bytes after the picture do no harm
    assert expected is not None
    for buffer in (rows.reshape(1, -1), rows.reshape(-1, 1), flat):
        out = unpack(buffer, fourcc, (W, H), empty((W, H)))
        assert out is not None
        assert np.array_equal(out, expected)


@pytest.mark.parametrize("fourcc", ["YUYV", "NV12", "YU12", "GREY"])
def test_a_buffer_that_is_too_short_is_no_picture(fourcc: str) -> None:
    rows = pack(fourcc, smooth())
    assert unpack(rows.ravel()[:-1], fourcc, (W, H), empty((W, H))) is None
    assert unpack(np.empty(0, np.uint8), fourcc, (W, H), empty((W, H))) is None
    assert unpack(rows, fourcc, (W, H), empty((W, H)), stride=row_bytes(fourcc, W) + 64) is None


def test_chroma_rows_of_an_odd_number() -> None:
    """66 rows: 33 chroma rows, so that U ends in the middle of a row of the (h * 3 / 2, stride) table."""
    size, stride = (W, 66), 128
    y = np.full((66, stride), 100, np.uint8)
    u, v = np.full((33, stride // 2), 50, np.uint8), np.full((33, stride // 2), 200, np.uint8)
    out = unpack(np.concatenate((y.ravel(), u.ravel(), v.ravel())), "YU12", size, empty(size), False, stride)
    assert out is not None
    for plane, value in zip(planes(out), (100, 50, 200), strict=True):
        assert (plane == value).all()
