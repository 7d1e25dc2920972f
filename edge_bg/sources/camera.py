"""What the cameras share: being away is a state, and coming back needs nobody's help."""

from __future__ import annotations

import logging
import threading
import time
from abc import abstractmethod

from edge_bg.errors import SourceError
from edge_bg.frame import Frame, Pool, Size
from edge_bg.sources.base import AGAIN, Again, SourceBase
from edge_bg.sources.fit import Fitter, asked_size

log = logging.getLogger(__name__)

USUAL: Size = (1280, 720)  # pixels, where the config names no size
FIRST_RETRY, LAST_RETRY = 0.5, 10.0  # seconds between attempts to reach a lost camera
BAD_IN_A_ROW = 10  # frames that could not be read, with growing pauses: about a second; then the camera is lost,
SILENCE = 2.5  # as it is after a read that gave nothing this many seconds after the last frame


class CameraBase(SourceBase):
    """A live source that looks for its camera again, with backoff, whenever it is gone.

    size: of the frames, None for 1280x720 before it is turned; `asked` is what to ask the camera for, which may lie on
    its side.  fitter: makes what it gives into frames.
    wait: True lets `open` succeed while the camera is absent (state "lost: ..."); frames come once it is there.
    """

    live = True

    def __init__(self, name: str, size: Size | None, fps: float, wait: bool, fitter: Fitter) -> None:
        super().__init__()
        self.name = name
        checked = asked_size(size, name) or fitter.turned(USUAL)
        if not 0 < fps <= 1000:
            raise SourceError(f"{name}: fps {fps} is out of range", hint="between 1 and 1000")
        self.size = checked
        self.asked = fitter.turned(checked)
        self._fitter = fitter
        fitter.open(checked)
        self.fps = float(fps)
        self.wait = wait
        self._pool = Pool(self.asked)
        self._index = 0
        self._time = 0.0
        self._connected = False
        self._bad = 0
        self._good = 0.0  # when the last frame came, or the connection
        self._backoff = FIRST_RETRY
        self._retry_at = 0.0

    @abstractmethod
    def _connect(self) -> None:
        """Reach the camera and start it; SourceError says why not, and leaves nothing open."""

    @abstractmethod
    def _grab(self) -> Frame | None:
        """The newest frame; None when this one could not be had. SourceError when the camera is gone."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Let go of the camera; may be called twice and must not raise."""

    def _stamp(self, captured: float | None = None, dropped: int = 0) -> tuple[float, int]:
        """(time, index) for the next frame; `captured` counts where it is a believable monotonic time."""
        now = time.monotonic()
        moment = captured if captured is not None and 0 <= now - captured < 5 else now
        self._time = max(self._time, moment)
        index = self._index + dropped
        self._index = index + 1
        return self._time, index

    def _open(self) -> None:
        self._index = 0
        self._bad = 0
        self._backoff, self._retry_at = FIRST_RETRY, 0.0
        try:
            self._connect()
            self._connected = True
            self._good = time.monotonic()
        except SourceError as error:
            if not self.wait:
                raise
            self._lose(error)

    def _wait(self, stop: threading.Event) -> bool:
        delay = self._retry_at - time.monotonic()
        if delay > 0:
            stop.wait(delay)
        return not stop.is_set()

    def _next(self) -> Frame | Again:
        try:
            if not self._connected:
                self._connect()
                self._connected = True
                self._good = time.monotonic()
            frame = self._grab()
        except SourceError as error:
            self._lose(error)
            return AGAIN
        except Exception as error:  # what a driver's library raises is no end of the service, whatever it is
            log.debug("%s", self.name, exc_info=error)
            self._lose(SourceError(f"{self.name}: {error}"))
            return AGAIN
        if frame is not None and frame.size != self.size:
            log.debug("%s: a frame of %s came, %s was asked for", self.name, frame.size, self.size)
            frame = None  # as good as a picture that cannot be read: the loop is made for one size
        if frame is None:
            self.failures += 1
            self._bad += 1
            self._retry_at = time.monotonic() + 0.02 * self._bad
            if self._bad >= BAD_IN_A_ROW or time.monotonic() - self._good > SILENCE:
                self._lose(SourceError(f"{self.name}: it has stopped giving frames"))
            return AGAIN
        if self.state != "ok":
            log.info("%s is back", self.name)
            self.state = "ok"
        self._bad = 0
        self._good = time.monotonic()
        self._backoff = FIRST_RETRY
        return frame

    def _lose(self, error: SourceError) -> None:
        if self._connected:
            self._disconnect()
        self._connected = False
        self._bad = 0
        state = f"lost: {error.message}"
        if self.state != state:
            log.warning("%s; trying again", state)
            self.failures += 1
        self.state = state
        self._retry_at = time.monotonic() + self._backoff
        self._backoff = min(2 * self._backoff, LAST_RETRY)

    def _release(self) -> None:
        self._disconnect()
        self._connected = False
