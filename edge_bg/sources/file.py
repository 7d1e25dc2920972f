"""A video file as a source, decoded by PyAV where it is installed (the `video` extra), else by OpenCV.

PyAV hands over the decoder's own planes, so that most files never pass through BGR.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
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
    length: seconds that it says it lasts, 0 when it does not.
    aspect: width of a pixel over its height, once the first frame is there.
    time, lasts: when this frame is shown, by the film's own clock, and for how long, in seconds.
    failures: packets that could not be decoded so far.  broken: why it ended early, or an empty string.
    limits: what this decoder leaves undone, in words, or an empty string.
    """

    fps: float
    limits: str
    expected: int
    length: float
    aspect: float
    time: float
    lasts: float
    failures: int
    broken: str

    def next(self) -> bool:
        """Go on to the next frame; False at the end."""

    def picture(self) -> I420:
        """This frame upright in I420, in a buffer that is the caller's to keep."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True)
class Film:
    """What a sink has to know to take the sound along: the file, when its first picture is shown by its own clock, in
    seconds, and whether it is played again and again."""

    path: Path
    start: float
    loops: bool


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
        self._ready = False  # the reader stands at a frame that was not given yet
        self._begun: float | None = None  # when the film began, on our clock
        self._start_of_pass = self._shown = 0.0
        self.film: Film | None = None
        self._bars: Bars | None = Bars() if bars else None
        self._index = self._in_pass = self._scene = 0
        self._area: Area | None = None

    def _open(self) -> None:
        self._index = self._in_pass = self._scene = 0
        self._cuts, self._bars = Cuts(), Bars() if self._bars is not None else None
        self._reader = self._start()
        self._ready, self._begun, self._shown = False, None, 0.0
        if self._reader.limits:
            log.info("%s: %s", self.path, self._reader.limits)
        if not self._load():
            why = self._reader.broken or "it holds no picture that can be decoded"
            self._release()
            raise SourceError(f"{self.path}: {why}", hint=f"ffprobe {self.path}")
        fps = self._reader.fps
        self.fps = fps if 0.1 <= fps <= 1000 else 30.0
        self.size = self._asked or self._fitter.natural(size_of(self._reader.picture()), self._reader.aspect)
        self._fitter.open(self.size)
        self.film = Film(self.path, self._start_of_pass, self.loop) if _has_sound(self.path) else None

    @property
    def progress(self) -> float | None:
        """Share of the film that was read, 0 to 1; None where it has no end or does not say how long it is."""
        reader = self._reader
        if reader is None or self.loop or not reader.length:
            return None
        return min(1.0, self._shown / reader.length)

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
        if not self._load() or self._reader is None:
            return None
        reader, picture = self._reader, self._reader.picture()
        area = self._follow(picture)
        frame = self._fitter(picture, time.monotonic(), self._index, bars=area, aspect=reader.aspect, scene=self._scene)
        frame.shown, frame.lasts = self._shown, reader.lasts
        self._pass()
        return frame

    def _load(self) -> bool:
        """Have the reader stand at the next frame to be given; False at the end."""
        if self._ready:
            return True
        if self._reader is None or not (self._reader.next() or (self._again() and self._reader.next())):
            return False
        if self._in_pass == 0:
            self._start_of_pass = self._reader.time - self._shown
        self._shown = self._reader.time - self._start_of_pass
        self._ready = True
        return True

    def _pass(self) -> None:
        """The frame was given, or nobody was in time for it."""
        assert self._reader is not None
        self._ready = False
        self._in_pass += 1
        self._index += 1
        self._shown += (
            self._reader.lasts
        )  # until the next one says when it is shown; where it ends, another pass begins

    def _wait(self, stop: threading.Event) -> bool:
        """Sleep until the next frame is due by the film's own clock; what is over meanwhile is passed by."""
        while True:
            with self._busy:
                if stop.is_set() or not self._load() or self._reader is None:
                    return not stop.is_set()
                now = time.monotonic()
                if self._begun is None:
                    self._begun = now - self._shown
                late = now - self._begun - self._shown
                if late < self._reader.lasts:
                    break
                self._pass()
        if late < 0:
            stop.wait(-late)
        return not stop.is_set()

    def _follow(self, picture: I420) -> Area | None:
        """Count the scene on at a cut, and where bars come or go; the part of the picture within its bars."""
        cut = self._cuts(picture)
        area = None if self._bars is None else self._bars(picture, cut or self._index == 0)
        if cut or (area != self._area and self._index > 0):
            self._scene += 1
        self._area = area
        return area

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
        self._ready = False
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _has_sound(path: Path) -> bool:
    """Whether a film has sound that can be taken along: that takes PyAV, whoever decodes the pictures."""
    try:
        import av
    except ImportError:
        return False
    try:
        with av.open(str(path)) as container:
            return bool(container.streams.audio)
    except (av.error.FFmpegError, ValueError, OSError):
        return False
