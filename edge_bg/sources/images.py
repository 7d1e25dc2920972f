"""Pictures as a source: one file, a folder, or a glob, in the order of their names."""

from __future__ import annotations

import glob
import logging
import re
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import PictureError, SourceError
from edge_bg.frame import I420, Area, Frame, Size, from_bgr, size_of
from edge_bg.pictures import PICTURES, Photo, read_photo
from edge_bg.sources.base import SourceBase
from edge_bg.sources.fit import Fitter, asked_size, even

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]

MAX_MEGAPIXELS = 256.0  # a frame is at most 8192 pixels wide, but what is fitted into one may be larger


class Images(SourceBase):
    """Each picture is a frame. Grey, 16-bit and EXIF-rotated ones are made plain; what is clear in them
    is no person (`Frame.clear`).

    path: a picture, a folder (its pictures, not its sub-folders), or a glob such as `shots/*.png`.
    fps: pace when `realtime`, and what a video made of them gets.  loop: start again after the last.
    size: (width, height) of the frames; by default the first picture's, less an odd last row or column.
    fit, rotate: how pictures of another size get to it, see `fit.Fitter`. One that cannot be read is skipped with a
    warning.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float = 2.0,
        loop: bool = False,
        realtime: bool = False,
        size: Size | None = None,
        fit: str = "contain",
        rotate: int = 0,
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
        self._fitter = Fitter(self.name, fit, rotate)
        self._paths: list[Path] = []
        self._first: Loaded | None = None
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
        self.size = self._asked or self._fitter.natural(size_of(self._first.picture))
        self._fitter.open(self.size)

    @property
    def progress(self) -> float | None:
        """Share of the pictures that were read, 0 to 1; None where they are shown again and again."""
        return None if self.loop or not self._paths else self._at / len(self._paths)

    def _next(self) -> Frame | None:
        loaded = self._first if self._first is not None else self._read()
        self._first = None
        if loaded is None:
            return None
        picture, clear, shown = loaded
        # A folder of pictures is no film: each is a scene of its own.
        scene = self._index if len(self._paths) > 1 else 0
        frame = self._fitter(picture, time.monotonic(), self._index, bars=shown, clear=clear, scene=scene)
        self._index += 1
        return frame

    def _skip(self, frames: int) -> None:
        if self._paths and (self.loop or self._at + frames <= len(self._paths)):
            self._at = (self._at + frames) % len(self._paths) if self.loop else self._at + frames
            self._index += frames

    def _release(self) -> None:
        self._first = None
        self._paths = []

    def _read(self) -> Loaded | None:
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


class Loaded(NamedTuple):
    """A picture, I420; how opaque it is, `(H, W)` uint8, None where nothing of it is clear; where that is not 0."""

    picture: I420
    clear: Picture | None = None
    shown: Area | None = None


def _load(path: Path) -> Loaded:
    """A picture file; what is clear is black. SourceError when it cannot be read, or shows nothing."""
    photo = _read_photo(path)
    if photo.alpha is None:
        return Loaded(from_bgr(even(np.asarray(cv2.cvtColor(photo.rgb, cv2.COLOR_RGB2BGR), np.uint8))))
    clear = np.ascontiguousarray(even(photo.alpha))
    rgb = photo.rgb.copy()
    rgb[photo.alpha == 0] = 0  # colours that are hidden there are no business of anybody's
    left, top, width, height = cv2.boundingRect(clear)
    if not width:
        raise SourceError(f"{path}: all of it is clear", hint="give a picture that shows something")
    shown = Area(left, top, left + width, top + height)
    return Loaded(from_bgr(even(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8))), clear, shown)


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


def _read_photo(path: Path) -> Photo:
    try:
        photo = read_photo(path, max_megapixels=MAX_MEGAPIXELS)
    except PictureError as error:
        raise SourceError(error.message, hint=error.hint) from None
    for note in photo.notes:
        log.warning("%s", note)
    return photo
