"""Every source, made small: those that end after 24 frames of 64x48, and those that go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.sources.base import SourceBase
from edge_bg.sources.file import VideoFile
from edge_bg.sources.images import Images
from edge_bg.sources.picamera2 import PiCamera
from edge_bg.sources.synthetic import Synthetic

from ..sources.cameras import BenchCamera
from ..sources.pi import board as board

Make = Callable[[Path], SourceBase]


def clip(folder: Path, name: str = "clip.avi", size: tuple[int, int] = (64, 48), frames: int = 24) -> Path:
    """A short MJPG video whose brightness grows with the frame number."""
    path = folder / name
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, size)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), 20 + 8 * number, np.uint8))
    writer.release()
    return path


def shots(folder: Path, count: int = 24) -> Path:
    place = folder / "shots"
    place.mkdir()
    for number in range(count):
        cv2.imwrite(str(place / f"shot{number}.png"), np.full((48, 64, 3), 20 + 8 * number, np.uint8))
    return place


try:
    import av as av
except ImportError:
    HAS_AV = False
else:
    HAS_AV = True


def names(table: dict[str, Make]) -> list[object]:
    """The keys, those that need PyAV skipped where it is absent."""
    absent = pytest.mark.skipif(not HAS_AV, reason="PYAV ABSENT: pip install 'edge-bg[video]'")
    return [pytest.param(name, marks=absent) if name.endswith("-av") else name for name in sorted(table)]


# Every one of these gives exactly 24 frames of 64x48 before it ends, unless it is a loop.
ENDING: dict[str, Make] = {
    "synthetic": lambda folder: Synthetic(size=(64, 48), realtime=False, frames=24),
    "file-av": lambda folder: VideoFile(clip(folder), decoder="av"),
    "file-opencv": lambda folder: VideoFile(clip(folder), decoder="opencv"),
    "images": lambda folder: Images(shots(folder)),
}
ENDLESS: dict[str, Make] = {
    "synthetic": lambda folder: Synthetic(size=(64, 48), realtime=False),
    "synthetic-live": lambda folder: Synthetic(size=(64, 48), fps=200),
    "file-av": lambda folder: VideoFile(clip(folder), loop=True, decoder="av"),
    "file-opencv": lambda folder: VideoFile(clip(folder), loop=True, decoder="opencv"),
    "file-live": lambda folder: VideoFile(clip(folder), loop=True, realtime=True),
    "images": lambda folder: Images(shots(folder), loop=True),
    "v4l2-yuyv": lambda folder: BenchCamera("YUYV", size=(64, 48), fps=200),
    "v4l2-mjpg": lambda folder: BenchCamera("MJPG", size=(64, 48), fps=200),
    "picamera2": lambda folder: PiCamera(size=(64, 48)),
    "images-live": lambda folder: Images(shots(folder), loop=True, realtime=True, fps=200),
}


@pytest.fixture(params=names(ENDING))
def ending(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SourceBase]:
    source = ENDING[request.param](tmp_path)
    yield source
    source.close()


@pytest.fixture(params=names(ENDLESS))
def endless(request: pytest.FixtureRequest, tmp_path: Path, board: object) -> Iterator[SourceBase]:
    source = ENDLESS[request.param](tmp_path)
    yield source
    source.close()
