"""When a frame is to be shown: for files with timestamps, and for formats that have a frame rate and nothing else."""

from __future__ import annotations

from edge_bg.frame import Frame

LONGEST_GAP = 5.0  # seconds without a frame that are kept as they are; a longer pause is cut out


class Clock:
    """Seconds since the first frame: the source's own time where it has one (`Frame.shown`), else real time for a live
    source, and `n / fps` for one that waits to be read."""

    def __init__(self, fps: float, *, live: bool) -> None:
        self.fps = fps
        self.live = live
        self._frames = 0
        self._start = 0.0
        self._last = 0.0
        self._film: float | None = None  # what the source's own time was when ours began
        self._seen = 0.0

    def at(self, frame: Frame) -> float:
        """The time of the next frame, never before that of the one before."""
        n, self._frames = self._frames, self._frames + 1
        if frame.shown is not None or self._film is not None:
            return self._of_film(frame)
        if not self.live:
            return n / self.fps
        if n == 0:
            self._start = frame.time
        now = frame.time - self._start
        if now - self._last > LONGEST_GAP:
            self._start += now - self._last - 1 / self.fps
            now = self._last + 1 / self.fps
        self._last = max(now, self._last)
        return self._last

    def _of_film(self, frame: Frame) -> float:
        """By the source's own time; a cover, which has none, comes as long after the last frame as it did."""
        if frame.shown is None:
            now = self._last + max(frame.time - self._seen, 0.0)
        else:
            if self._film is None:
                self._film = frame.shown - self._last
            now = frame.shown - self._film
        self._seen = frame.time
        self._last = max(now, self._last)
        return self._last


class Metronome:
    """Fits frames into a constant frame rate: how often each is to be written (0: it came too early, 2: a gap)."""

    def __init__(self, fps: float, *, live: bool) -> None:
        self._clock = Clock(fps, live=live)
        self._fps = fps
        self._written = 0

    def times(self, frame: Frame) -> int:
        """How many times to write `frame` so that what is written keeps up with the time."""
        now = self._clock.at(frame)
        # How long it is shown is known of films only; else what is missing is made up for by the next one.
        lasts = frame.lasts
        due = round(now * self._fps) + 1 if lasts is None else round((now + lasts) * self._fps)
        times = max(due - self._written, 0)
        self._written += times
        return times
