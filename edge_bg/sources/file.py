"""A video file as a source, decoded by PyAV where it is installed (the `video` extra), else by OpenCV.

PyAV hands over the decoder's own planes, so that most files never pass through BGR.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Protocol

from edge_bg.errors import MissingDependency, SourceError
from edge_bg.frame import I420, Area, Frame, Size, size_of
from edge_bg.sources.bars import Bars
from edge_bg.sources.base import SourceBase
from edge_bg.sources.cuts import Cuts
from edge_bg.sources.fit import Fitter, asked_size

log = logging.getLogger(__name__)


class Reader(Protocol):
    """One pass over a video.

    fps: its rate, 0 when it does not say.  expected: how many frames it says it holds, 0 when it does not.
    failures: packets that could not be decoded so far.  broken: why it ended early, or an empty string.
    """

    fps: float
    expected: int
    failures: int
    broken: str

    def read(self) -> I420 | None:
        """The next frame upright in I420, in a buffer that is the caller's to keep, or None at the end."""

    def skip(self) -> bool:
        """Pass over one frame; False at the end."""

    def close(self) -> None:
        """Let go of the file."""


class VideoFile(SourceBase):
    """The frames of a video, upright, less an odd last row or column.

    path: any file that FFmpeg reads.  loop: start again at the end.  realtime: at the video's pace (frames that
    nobody is in time for are dropped), or as fast as they are taken, each one.  size: (width, height) of the frames,
    None for its own.  fit, rotate: how it gets there, see `fit.Fitter`.
    bars: find black ones that are in the film, and leave them out of `Frame.area`.
    decoder: "av", "opencv", or "auto" for the first that is installed.
    A file that breaks off midway ends there, with a warning and a count in `failures`.
    """

    def __init__(
        self,
        path: str | Path,
        loop: bool = False,
        realtime: bool = False,
        size: Size | None = None,
        decoder: str = "auto",
        fit: str = "contain",
        rotate: int = 0,
        bars: bool = True,
    ) -> None:
        super().__init__()
        self.path = Path(path).expanduser()
        self.name = f"video {self.path}"
        self.loop = loop
        self.live = realtime
        self._asked = asked_size(size, self.name)
        self._fitter = Fitter(self.name, fit, rotate)
        if decoder not in ("auto", "av", "opencv"):
            raise SourceError(f"{self.name}: decoder {decoder!r} is unknown", hint="one of: auto, av, opencv")
        self._decoder = decoder
        self._reader: Reader | None = None
        self._first: I420 | None = None
        self._bars: Bars | None = Bars() if bars else None
        self._index = self._in_pass = self._scene = 0
        self._area: Area | None = None

    def _open(self) -> None:
        self._index = self._in_pass = self._scene = 0
        self._cuts, self._bars = Cuts(), Bars() if self._bars is not None else None
        self._reader = self._start()
        self._first = self._reader.read()
        if self._first is None:
            why = self._reader.broken or "it holds no picture that can be decoded"
            self._release()
            raise SourceError(f"{self.path}: {why}", hint=f"ffprobe {self.path}")
        fps = self._reader.fps
        self.fps = fps if 0.1 <= fps <= 1000 else 30.0
        self.size = self._asked or self._fitter.natural(size_of(self._first))
        self._fitter.open(self.size)

    def _start(self) -> Reader:
        if not self.path.is_file():
            what = "is not a video" if self.path.exists() else "no such file"
            what = "is a folder, not a video" if self.path.is_dir() else what
            raise SourceError(f"{self.path}: {what}", hint=f"ls {self.path.parent}")
        try:
            if self.path.stat().st_size == 0:
                raise SourceError(f"{self.path}: the file is empty")
            with self.path.open("rb"):
                pass
        except PermissionError as error:
            raise SourceError(f"{self.path}: {error.strerror}", hint=f"chmod u+r {self.path}") from None
        if self._decoder != "opencv":
            try:
                from edge_bg.sources.file_av import AvReader
            except ImportError:
                if self._decoder == "av":
                    raise MissingDependency("PyAV is not installed", hint="pip install 'edge-bg[video]'") from None
            else:
                return AvReader(self.path)
        from edge_bg.sources.file_cv import CvReader

        return CvReader(self.path)

    def _next(self) -> Frame | None:
        picture, self._first = self._first, None
        if picture is None and self._reader is not None:
            picture = self._reader.read()
        if picture is None and self._again():
            picture = self._reader.read() if self._reader is not None else None
        if picture is None:
            return None
        area = self._follow(picture)
        self._in_pass += 1
        frame = self._fitter(picture, time.monotonic(), self._index, bars=area, scene=self._scene)
        self._index += 1
        return frame

    def _follow(self, picture: I420) -> Area | None:
        """Count the scene on at a cut, and where bars come or go; the part of the picture within its bars."""
        cut = self._cuts(picture)
        area = None if self._bars is None else self._bars(picture, cut or self._index == 0)
        if cut or (area != self._area and self._index > 0):
            self._scene += 1
        self._area = area
        return area

    def _skip(self, frames: int) -> None:
        self._first = None
        for _ in range(frames):
            if self._reader is None or not (self._reader.skip() or (self._again() and self._reader.skip())):
                return
            self._in_pass += 1
            self._index += 1

    def _again(self) -> bool:
        """Note how the pass ended; True when another one has begun."""
        if self._reader is None:
            return False
        reader, self._reader = self._reader, None
        reader.close()
        self.failures += reader.failures
        missing = reader.expected - self._in_pass
        if reader.broken or missing > max(2, reader.expected // 50):
            self.failures += not reader.failures
            of = f" of {reader.expected}" if reader.expected else ""
            why = reader.broken or "the file is cut off"
            log.warning("%s: ended early after frame %d%s: %s", self.path, self._in_pass, of, why)
        elif reader.failures:
            log.warning("%s: %d damaged packets", self.path, reader.failures)
        if not self.loop or self._in_pass == 0:
            return False
        self._in_pass = 0
        try:
            self._reader = self._start()
        except SourceError as error:  # deleted or replaced while it played
            log.warning("cannot start again: %s", error.message)
            return False
        return True

    def _release(self) -> None:
        self._first = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None
