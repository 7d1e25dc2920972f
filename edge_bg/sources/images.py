"""Pictures as a source: one file, a folder, or a glob, in the order of their names."""

from __future__ import annotations

import glob
import logging
import re
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import SourceError
from edge_bg.frame import I420, Frame, Pool, Size, from_bgr, size_of
from edge_bg.sources import PICTURES
from edge_bg.sources.base import SourceBase
from edge_bg.sources.fit import asked_size, even, fit

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]


class Images(SourceBase):
    """Each picture is a frame. Grey, 16-bit and EXIF-rotated ones are made plain; transparency is laid on black.

    path: a picture, a folder (its pictures, not its sub-folders), or a glob such as `shots/*.png`.
    fps: pace when `realtime`, and what a video made of them gets.  loop: start again after the last.
    size: (width, height) of the frames; by default the first picture's, less an odd last row or column.
    Pictures of another size are fitted into it whole. One that cannot be read is skipped with a warning.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float = 2.0,
        loop: bool = False,
        realtime: bool = False,
        size: Size | None = None,
    ) -> None:
        super().__init__()
        self.path = str(path)
        self.name = f"pictures {self.path}"
        if not 0 < fps <= 1000:
            raise SourceError(f"{self.name}: fps {fps} is out of range", hint="between 0.01 and 1000")
        self.fps = float(fps)
        self.loop = loop
        self.live = realtime
        self._asked = asked_size(size, self.name)
        self._paths: list[Path] = []
        self._first: I420 | None = None
        self._at = self._index = self._in_a_row = 0

    def _open(self) -> None:
        self._paths = find_pictures(self.path)
        self._at = self._index = self._in_a_row = 0
        if len(self._paths) == 1:
            self._first, self._at = _load(self._paths[0]), 1
        else:
            self._first = self._read()
        if self._first is None:
            raise SourceError(
                f"{self.path}: none of {len(self._paths)} pictures can be read", hint=f"file {self._paths[0]}"
            )
        self.size = self._asked or size_of(self._first)
        self._pool = Pool(self.size)

    def _next(self) -> Frame | None:
        picture = self._first if self._first is not None else self._read()
        self._first = None
        if picture is None:
            return None
        frame = Frame(fit(picture, self.size, self._pool), time.monotonic(), self._index)
        self._index += 1
        return frame

    def _skip(self, frames: int) -> None:
        if self._paths and (self.loop or self._at + frames <= len(self._paths)):
            self._at = (self._at + frames) % len(self._paths) if self.loop else self._at + frames
            self._index += frames

    def _release(self) -> None:
        self._first = None
        self._paths = []

    def _read(self) -> I420 | None:
        """The next picture that can be read; None after the last, or when a whole round gave nothing."""
        while self._in_a_row < len(self._paths):
            if self._at >= len(self._paths):
                if not self.loop:
                    return None
                self._at = 0
            path = self._paths[self._at]
            self._at += 1
            try:
                picture = _load(path)
            except SourceError as error:
                self.failures += 1
                self._in_a_row += 1
                log.warning("skipped: %s", error.message)
            else:
                self._in_a_row = 0
                return picture
        return None


def _load(path: Path) -> I420:
    return from_bgr(even(read_picture(path)))


def find_pictures(path: str) -> list[Path]:
    """The picture files that `path` (a file, a folder or a glob) means, numbers in names in counting order."""
    place = Path(path).expanduser()
    if place.is_file():
        return [place]
    if place.is_dir():
        found = [p for p in place.iterdir() if p.suffix.lower() in PICTURES and p.is_file()]
        if not found:
            raise SourceError(f"{path}: no pictures in this folder", hint=f"it takes {' '.join(sorted(PICTURES))}")
    else:
        found = [p for p in map(Path, glob.glob(str(place))) if p.is_file()]  # noqa: PTH207 - absolute patterns too
        if not found:
            what = "no picture matches" if glob.has_magic(path) else "no such file or folder"
            what = "is neither a picture nor a folder" if place.exists() else what
            raise SourceError(f"{path}: {what}", hint=f"ls {place.parent}")
    return sorted(found, key=_counting)


def _counting(path: Path) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", path.name) if part]


def read_picture(path: Path) -> Picture:
    """`(H, W, 3)` uint8 BGR, upright, any size down to 1x1; SourceError when the file is not a whole picture."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    if data.size == 0:
        raise SourceError(f"{path}: the file is empty")
    # Decoders hand out the first half of a broken photograph with the rest in grey; that is not a picture.
    if data[:2].tobytes() == b"\xff\xd8" and b"\xff\xd9" not in data[-65536:].tobytes():
        raise SourceError(f"{path}: the JPEG breaks off early")
    try:
        picture: Any = cv2.imdecode(data, cv2.IMREAD_COLOR)  # applies EXIF rotation, makes grey and 16-bit plain
        if picture is not None and data[:2].tobytes() != b"\xff\xd8":
            picture = _on_black(picture, cv2.imdecode(data, cv2.IMREAD_UNCHANGED))
    except cv2.error as error:
        raise SourceError(f"{path}: {error.err or error}") from None
    if picture is None:
        raise SourceError(f"{path}: not a picture that OpenCV can read")
    if picture.dtype != np.uint8:
        picture = np.clip(np.nan_to_num(picture) * 255, 0, 255).astype(np.uint8)
    return np.asarray(picture, np.uint8)


def _on_black(picture: Picture, raw: NDArray[np.generic] | None) -> Picture:
    """What lies under transparent pixels is often garbage, so it is faded out."""
    if raw is None or raw.ndim != 3 or raw.shape[2] != 4 or raw.shape[:2] != picture.shape[:2]:
        return picture
    alpha = raw[..., 3].astype(np.float32)
    alpha /= 255.0 if raw.dtype == np.uint8 else 65535.0
    faded: Picture = np.rint(picture * np.clip(alpha, 0, 1)[..., None]).astype(np.uint8)
    return faded
