"""Webcams and other V4L2 cameras: raw buffers through OpenCV, turned into I420 without a detour through BGR."""

from __future__ import annotations

import logging
import os
import time
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import SourceError
from edge_bg.frame import I420, Frame, Pool, Size, from_bgr
from edge_bg.sources import v4l2_find as find
from edge_bg.sources import v4l2_nodes as nodes
from edge_bg.sources.camera import CameraBase
from edge_bg.sources.fit import Fitter, even
from edge_bg.sources.mjpg import MjpgDecoder
from edge_bg.sources.raw import row_bytes, unpack

log = logging.getLogger(__name__)

FORMATS = {"mjpg": "MJPG", "yuyv": "YUYV", "nv12": "NV12"}
KNOWN = ("MJPG", "JPEG", "YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12", "GREY", "BGR3")
READ_TIMEOUT = "3"  # seconds OpenCV waits for a frame; its own 10 would hold up a camera that must be found again


class Capture(Protocol):
    """What V4l2Camera needs of a capture device; `CvCapture` is the one that ships."""

    fourcc: str
    size: Size
    fps: float

    def read(self) -> tuple[NDArray[np.uint8], float] | None:
        """One raw buffer and its time in seconds, or None when there was none."""

    def close(self) -> None:
        """Stop and let go."""


class CvCapture:
    """A V4L2 node through OpenCV, delivering the camera's bytes as they are."""

    def __init__(self, device: str, fourcc: str, size: Size, fps: float) -> None:
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", READ_TIMEOUT)
        self._capture: Any = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(
                f"{device}: it gives no pictures (a v4l2loopback that nobody writes to?)",
                hint=f"v4l2-ctl -d {device} --all",
            )
        # In this order: a size is looked up among those of the format, a rate among those of the size.
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*fourcc))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        self._capture.set(cv2.CAP_PROP_FPS, fps)
        self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        self.fourcc = code.to_bytes(4, "little").decode("latin-1")
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.size = (width, int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))

    def read(self) -> tuple[NDArray[np.uint8], float] | None:
        """One raw buffer and its time, or None: at once after an unplug, or when none came in time."""
        ok, buffer = self._capture.read()
        if not ok or buffer is None or buffer.size == 0:
            return None
        return buffer, float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1e3

    def close(self) -> None:
        """Stop and let go."""
        self._capture.release()


class V4l2Camera(CameraBase):
    """A camera at a V4L2 node.

    device: a path, a link under /dev/v4l, a number, "usb:1-1.2", or part of the camera's name.
    size, fps: frames always have `size` (None: 1280x720), by `fit` when the camera gives another; see `fit.Fitter`.
    rotate: degrees clockwise; the camera is then asked for `size` on its side.
    format: "mjpg", "yuyv", "nv12", or "auto": the cheapest that reaches size and fps.
    hflip, vflip: mirror the picture.  controls: V4L2 controls by the names `v4l2-ctl -l` shows, set in order.
    wait: do not fail when it is absent at the start but wait for it.
    """

    def __init__(
        self,
        device: str | int = "/dev/video0",
        size: Size | None = None,
        fps: float = 30.0,
        format: str = "auto",
        hflip: bool = False,
        vflip: bool = False,
        controls: dict[str, int] | None = None,
        wait: bool = False,
        fit: str = "contain",
        rotate: int = 0,
    ) -> None:
        name = f"camera {device}"
        super().__init__(name, size, fps, wait, Fitter(name, fit, rotate, hflip=hflip, vflip=vflip))
        if format not in ("auto", *FORMATS):
            raise SourceError(f"{self.name}: format {format!r} is unknown", hint=f"one of: auto, {', '.join(FORMATS)}")
        self.device = str(device)
        self._wanted_fps = self.fps
        self.format = format
        self._controls = dict(controls or {})
        self._node: find.Node | None = None
        self._capture: Capture | None = None
        self._decoder: MjpgDecoder | None = None
        self._limited = True
        self._warned: set[str] = set()

    def _connect(self) -> None:
        node = find.same_again(self._node) if self._node is not None else None
        node = node or find.resolve(self.device)
        with nodes.opened(node.device) as handle:
            nodes.card(handle, node.device)
            nodes.check_free(handle, node.device)
            fourcc = self._choose(handle)
            nodes.set_controls(handle, node.device, self._controls)
        capture = CvCapture(node.device, fourcc, self.asked, self._wanted_fps)
        try:
            with nodes.opened(node.device) as handle:
                layout = nodes.layout(handle)
            self._start(capture, node, layout)
        except SourceError:
            capture.close()
            raise

    def _choose(self, handle: int) -> str:
        """The format to ask for. Raw ones are cheapest, but USB 2 carries them at large sizes only slowly."""
        if self.format != "auto":
            return FORMATS[self.format]
        for fourcc in ("NV12", "YUYV", "MJPG"):
            if nodes.has_mode(handle, fourcc, self.asked, self._wanted_fps):
                return fourcc
        offered = {mode.fourcc for mode in nodes.modes(handle)}
        return next((fourcc for fourcc in ("MJPG", "YUYV", "NV12") if fourcc in offered), "YUYV")

    def _start(self, capture: Capture, node: find.Node, layout: nodes.Layout | None) -> None:
        """Take up a capture that has been opened."""
        if capture.fourcc not in KNOWN:
            raise SourceError(
                f"{node.device}: it gives {capture.fourcc!r}, which is not among {', '.join(KNOWN)}",
                hint=f"v4l2-ctl -d {node.device} --list-formats",
            )
        if self.format != "auto" and capture.fourcc not in (FORMATS[self.format], "JPEG"):
            self._warn(f"{node.device}: it gives {capture.fourcc} instead of {FORMATS[self.format]}")
        if capture.size != self.asked:
            width, height = capture.size
            self._warn(
                f"{node.device}: it gives {width}x{height} instead of {self.asked[0]}x{self.asked[1]};"
                f" every frame is scaled (v4l2-ctl -d {node.device} --list-formats-ext shows its sizes)"
            )
        raw = capture.fourcc not in ("MJPG", "JPEG", "BGR3")
        if min(capture.size) < 2 or (raw and capture.size[0] % 2):
            raise SourceError(
                f"{node.device}: it gives {capture.size[0]}x{capture.size[1]}", hint="ask for another size"
            )
        if raw and layout is not None and layout.stride > row_bytes(capture.fourcc, capture.size[0]):
            # OpenCV hands over width * height pixels' worth of bytes, padding included: the last rows are missing.
            raise SourceError(
                f"{node.device}: rows of {capture.size[0]} pixels are padded, which OpenCV cannot hand over",
                hint="ask for format: mjpg, or for a width that is a multiple of 64",
            )
        self._limited = layout is None or layout.limited
        if not 0.9 * self._wanted_fps <= capture.fps <= 1.1 * self._wanted_fps:
            self._warn(f"{node.device}: it gives {capture.fps:g} frames a second instead of {self._wanted_fps:g}")
        self.fps = capture.fps if 0.1 <= capture.fps <= 1000 else self._wanted_fps
        self.name = f"camera {node.device}" + (f" ({node.name})" if node.name else "")
        self._node = node
        self._capture = capture
        self._raw_pool = self._pool if self._even(capture.size) == self.asked else Pool(self._even(capture.size))
        if capture.fourcc in ("MJPG", "JPEG") and self._decoder is None:
            self._decoder = MjpgDecoder()
            log.debug("%s: JPEGs are decoded by %s", node.device, self._decoder.name)

    def _grab(self) -> Frame | None:
        if self._capture is None:
            return None
        dropped = 0
        while True:
            asked = time.monotonic()
            got = self._capture.read()
            if got is None:
                return None
            # What comes at once and is old waited in the driver's queue while nobody read: take a newer one.
            waited, age = time.monotonic() - asked, asked - got[1]
            if dropped >= 4 or waited > 0.3 / self.fps or not 1.5 / self.fps < age < 5:
                break
            dropped += 1
        picture = self._convert(got[0])
        if picture is None:
            return None
        return self._fitter(picture, *self._stamp(got[1], dropped))

    def _convert(self, buffer: NDArray[np.uint8]) -> I420 | None:
        if self._capture is None:
            return None
        fourcc, size = self._capture.fourcc, self._even(self._capture.size)
        if fourcc in ("MJPG", "JPEG") and self._decoder is not None:
            return self._decoder(buffer.reshape(-1), size, self._raw_pool.take())
        if buffer.ndim == 3 and buffer.shape[2] == 3:  # a driver that OpenCV could not read raw
            picture = even(buffer)
            return from_bgr(picture, self._raw_pool.take()) if picture.shape[1::-1] == size else None
        return unpack(buffer, fourcc, size, self._raw_pool.take(), self._limited)

    @staticmethod
    def _even(size: Size) -> Size:
        return size[0] // 2 * 2, size[1] // 2 * 2

    def _warn(self, message: str) -> None:
        if message not in self._warned:  # once, not at every reconnection
            self._warned.add(message)
            log.warning(message)

    def _disconnect(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.close()
