"""Stand-ins for hardware that is not here: they replay raw buffers, as captured, and fail the ways cameras fail."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import SourceError
from edge_bg.sources.v4l2 import V4l2Camera
from edge_bg.sources.v4l2_find import Node
from edge_bg.sources.v4l2_nodes import Layout

Bytes = NDArray[np.uint8]


def yuyv(size: tuple[int, int], level: int) -> Bytes:
    """As OpenCV hands over YUYV with CONVERT_RGB off: `(h, w, 2)`."""
    return np.dstack((np.full(size[::-1], level, np.uint8), np.full(size[::-1], 128, np.uint8)))


def mjpg(size: tuple[int, int], level: int) -> Bytes:
    """As OpenCV hands over MJPG: one row of bytes."""
    done, data = cv2.imencode(".jpg", np.full((size[1], size[0], 3), level, np.uint8))
    assert done
    return np.asarray(data, np.uint8).reshape(1, -1)


class Replay:
    """Behaves like CvCapture: frames at `fps`, and when `plugged` is False at once, for ever, nothing."""

    def __init__(self, fourcc: str, size: tuple[int, int], fps: float = 200.0) -> None:
        self.fourcc, self.size, self.fps = fourcc, size, fps
        self.reads = self.delivered = 0
        self.closed = False
        self.plugged = True
        self.broken: set[int] = set()  # numbers of frames whose transfer broke off
        self._make = {"YUYV": yuyv, "MJPG": mjpg}[fourcc]
        self._period = 1 / fps
        self._born = time.monotonic()
        self.last = -1

    def read(self) -> tuple[Bytes, float] | None:
        self.reads += 1
        if not self.plugged or self.closed:
            return None
        # Four buffers wait in the driver's queue; what does not fit is lost. The oldest comes out first.
        newest = int((time.monotonic() - self._born) / self._period)
        number = max(self.last + 1, newest - 3)
        captured = self._born + number * self._period
        time.sleep(max(0.0, captured - time.monotonic()))
        self.last = number
        self.delivered += 1
        buffer = self._make(self.size, 20 + number % 200)
        if number in self.broken:
            buffer = buffer[: buffer.shape[0] // 2, : buffer.shape[1] // 2]
        return buffer, captured

    def close(self) -> None:
        self.closed = True


class BenchCamera(V4l2Camera):
    """V4l2Camera at a bench: its captures come from `plug` instead of /dev."""

    def __init__(self, fourcc: str = "YUYV", gives: tuple[int, int] | None = None, present: bool = True,
                 layout: Layout | None = None, wait: bool = False, **options: object) -> None:  # fmt: skip
        super().__init__(wait=wait, **options)  # type: ignore[arg-type]
        self.fourcc, self.gives, self.layout = fourcc, gives or self.asked, layout
        self.present = present
        self.attempts = 0
        self.gives_fps = self.fps
        self.replay: Replay | None = None

    def _connect(self) -> None:
        self.attempts += 1
        if not self.present:
            raise SourceError(f"{self.device}: no such camera", hint="edge-bg run --list-cameras")
        self.replay = Replay(self.fourcc, self.gives, self.gives_fps)
        self._start(self.replay, Node(self.device, "bench"), self.layout)

    def unplug(self) -> None:
        self.present = False
        if self.replay is not None:
            self.replay.plugged = False


def sysfs(root: Path, cameras: dict[int, tuple[str, str, str]]) -> Path:
    """A /sys and /dev with `{number: (name, usb port, serial)}`, each with UVC's two nodes."""
    for number, (name, port, serial) in cameras.items():
        device = root / f"sys/devices/usb1/{port}/{port}:1.0"
        device.mkdir(parents=True, exist_ok=True)
        for index in range(2):
            node = root / f"sys/class/video4linux/video{number + index}"
            node.mkdir(parents=True)
            (node / "name").write_text(name + "\n")
            (node / "index").write_text(f"{index}\n")
            (node / "device").symlink_to(device)
            (root / "dev").mkdir(exist_ok=True)
            (root / f"dev/video{number + index}").touch()
            for kind, label in (
                ("by-id", f"usb-{serial}-video-index{index}"),
                ("by-path", f"platform-usb-{port}-video-index{index}"),
            ):
                folder = root / "dev/v4l" / kind
                folder.mkdir(parents=True, exist_ok=True)
                if serial or kind == "by-path":
                    (folder / label).symlink_to(f"../../video{number + index}")
    return root
