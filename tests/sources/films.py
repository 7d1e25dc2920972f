"""Small films with known contents, made by ffmpeg from frames that are drawn here."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_bg.assets import asset_path
from edge_bg.sources.synthetic import Synthetic

Bgr = NDArray[np.uint8]

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="FFMPEG ABSENT: apt install ffmpeg")


def ffmpeg(*args: object, data: bytes = b"") -> None:
    """Run ffmpeg; what it says is in the error."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *map(str, args)], input=data, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def film(path: Path, frames: Sequence[Bgr], *args: object, fps: int = 25, filters: str = "null") -> Path:
    """`frames` as H.264, or as `args` say; `filters` as ffmpeg's -vf."""
    height, width = frames[0].shape[:2]
    coded = args or ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", "yuv420p")
    raw = ("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", fps, "-i", "-")
    ffmpeg(*raw, "-vf", filters, *coded, path, data=b"".join(frame.tobytes() for frame in frames))
    return path


def walk(size: tuple[int, int], frames: int, seed: int = 1) -> list[Bgr]:
    """The portrait in a drawn room, as the demo shows it."""
    with Synthetic(size=size, realtime=False, frames=frames, seed=seed) as source:
        return [frame.bgr() for frame in source]


def portrait(
    size: tuple[int, int], height: float, at: tuple[float, float] = (0.5, 1.0), wall: Iterable[int] = (150, 160, 170)
) -> Bgr:
    """The portrait of `height` frame heights before a plain wall, its foot at (x, y) in parts of the frame."""
    rgba = cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED)
    assert rgba is not None
    high = round(height * size[1])
    person = cv2.resize(rgba, (round(high * rgba.shape[1] / rgba.shape[0]), high), interpolation=cv2.INTER_AREA)
    out = np.full((size[1], size[0], 3), list(wall), np.uint8)
    left, top = round(at[0] * size[0] - person.shape[1] / 2), round(at[1] * size[1] - high)
    if left >= size[0] or left + person.shape[1] <= 0:
        return out
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + person.shape[1], size[0]), min(top + high, size[1])
    part = person[y0 - top : y1 - top, x0 - left : x1 - left]
    share = part[..., 3:].astype(np.float32) / 255
    out[y0:y1, x0:x1] = np.rint(part[..., :3] * share + out[y0:y1, x0:x1] * (1 - share)).astype(np.uint8)
    return out
