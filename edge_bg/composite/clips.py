"""Moving backgrounds, picture by picture: videos, videos with alpha, and animated pictures. What is clear is black."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from edge_bg.errors import PictureError
from edge_bg.frame import Picture
from edge_bg.pictures import INSTALL, Photo, facts

HINT = "give a video that OpenCV opens, such as an H.264 .mp4; `ffprobe FILE` shows what it holds"
_HEAD = 1 << 20  # bytes in which a WebM says whether it has alpha
_ALPHA_MODE = b"\x53\xc0\x81\x01"  # the Matroska element AlphaMode, of one byte, set


class Clip(Protocol):
    """One pass over a file."""

    pause: float
    """Seconds from the picture that was read last to the next."""

    def read(self) -> Picture | None:
        """The next picture, `(H, W, 3)` uint8 BGR, or None at the end."""

    def close(self) -> None:
        """Let go of the file."""


def open_clip(path: Path) -> Clip:
    """The reader for a file. PictureError where it is absent or nothing can be read from it."""
    if not path.is_file():
        raise PictureError(f"background video {path}: no such file", hint=HINT)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[:4] == b"\x1aE\xdf\xa3" and _ALPHA_MODE in head:
        return AlphaVideo(path)
    if facts(head).kind in ("webp", "png", "avif"):
        return AnimatedPicture(path)
    return Video(path)


def is_animated(path: Path) -> bool:
    """Does a picture file hold more than one picture in time?"""
    try:
        return path.is_file() and facts(path.read_bytes()).animated
    except OSError:
        return False


class Video:
    """Any video, by OpenCV."""

    def __init__(self, path: Path) -> None:
        self._capture: Any = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise PictureError(f"background video {path} cannot be decoded", hint=HINT)
        self.pause = 1.0 / min(max(self._capture.get(cv2.CAP_PROP_FPS) or 25.0, 1.0), 60.0)
        wide, high = (self._capture.get(each) for each in (cv2.CAP_PROP_SAR_NUM, cv2.CAP_PROP_SAR_DEN))
        self._aspect = wide / high if wide > 0 and high > 0 else 1.0
        if self._capture.get(cv2.CAP_PROP_ORIENTATION_META) in (90, 270):  # it is turned after that
            self._aspect = 1 / self._aspect

    def read(self) -> Picture | None:
        """The next picture, its pixels made square, or None at the end."""
        ok, picture = self._capture.read()
        if not ok:
            return None
        if abs(self._aspect - 1) > 1e-3:
            size = (max(round(picture.shape[1] * self._aspect), 1), picture.shape[0])
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if self._aspect < 1 else cv2.INTER_LINEAR)
        return np.asarray(picture, np.uint8)

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()


class AlphaVideo:
    """A WebM whose second, hidden video is its alpha: the decoder that OpenCV uses would show all colours."""

    def __init__(self, path: Path) -> None:
        try:
            import av
        except ImportError:
            hint = "pip install 'edge-bg[video]' reads it"
            raise PictureError(f"background video {path} has clear pixels, and needs PyAV", hint=hint) from None
        try:
            self._container: Any = av.open(str(path))
            stream = self._container.streams.video[0]
            names = {"vp9": "libvpx-vp9", "vp8": "libvpx"}
            decoder: Any = av.CodecContext.create(names[stream.codec_context.name], "r")
        except (av.error.FFmpegError, ValueError, IndexError, KeyError) as error:
            raise PictureError(f"background video {path} cannot be decoded ({error})", hint=HINT) from None
        decoder.extradata = stream.codec_context.extradata
        self._error: type[Exception] = av.error.FFmpegError
        self.pause = 1.0 / min(max(float(stream.average_rate or 25), 1.0), 60.0)
        self._frames: Any = (frame for packet in self._container.demux(stream) for frame in decoder.decode(packet))

    def read(self) -> Picture | None:
        """The next picture, or None at the end."""
        try:
            frame = next(self._frames, None)
        except self._error:
            return None
        if frame is None:
            return None
        rgba = np.asarray(frame.to_ndarray(format="rgba"), np.uint8)
        return _bgr(rgba)

    def close(self) -> None:
        """Let go of the file."""
        self._frames.close()
        self._container.close()


class AnimatedPicture:
    """An animated WebP, PNG or AVIF, by Pillow, which holds one picture at a time."""

    def __init__(self, path: Path) -> None:
        try:
            from PIL import Image
        except ImportError:
            raise PictureError(f"background {path} is an animation, and needs Pillow", hint=INSTALL) from None
        try:
            self._image: Any = Image.open(path)
        except (OSError, ValueError, SyntaxError) as error:
            raise PictureError(f"background {path} cannot be decoded ({error})") from None
        self._at = 0
        self.pause = 0.1

    def read(self) -> Picture | None:
        """The next picture, or None at the end."""
        try:
            self._image.seek(self._at)
            rgba = np.array(self._image.convert("RGBA"), np.uint8)
        except (EOFError, OSError, ValueError, SyntaxError):
            return None
        self._at += 1
        self.pause = min(max(self._image.info.get("duration", 100) / 1000, 1 / 60), 60.0)
        return _bgr(rgba)

    def close(self) -> None:
        """Let go of the file."""
        self._image.close()


def _bgr(rgba: Picture) -> Picture:
    photo = Photo(np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3]))
    return np.asarray(cv2.cvtColor(photo.on_black(), cv2.COLOR_RGB2BGR), np.uint8)
