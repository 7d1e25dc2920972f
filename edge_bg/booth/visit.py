"""A visit under way: the flow with a clock, and what its steps do to photos. A finger on the screen comes first."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from edge_bg.booth.flow import Action, Effect, Flow
from edge_bg.config.booth import Booth as BoothPart
from edge_bg.errors import NotNow, bug

log = logging.getLogger("edge_bg.booth")

CAPTURE = 15.0  # seconds in which a photo has to be there


class Takes(Protocol):
    """What a visit asks of the photos."""

    @property
    def shots(self) -> int:
        """How many shots make one photo."""

    def shoot(self, done: Callable[[str | None], None], of: str | None) -> str:
        """Take a shot, the next `of` a photo or the first of a new one, whose id is returned; `done` is called."""

    def keep(self, photo: str) -> Any:
        """The guest wants it."""

    def discard(self, photo: str) -> None:
        """The guest does not."""


class Visit:
    """The one visit there is at a time. Methods may be called from any thread.

    told: functions called with the name of the new state after each step, from the thread that took it.
    """

    def __init__(self, config: BoothPart, photos: Takes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._photos = photos
        self._clock = clock
        self._ask = bool(config.storage and config.storage.consent)
        self._screen_for = config.touch
        times = config.times
        seconds = {
            "idle": times.idle, "consent": times.consent, "countdown": times.countdown, "capture": CAPTURE,
            "approval": times.approval, "result": times.result,
        }  # fmt: skip
        self._lock = threading.RLock()
        self._flow = Flow(seconds, clock())
        self._agreed = False
        self._left = 0  # shots of this photo still to come
        self._failed = False  # whether the last shot came to nothing
        self.photo: str | None = None
        self.told: list[Callable[[str], None]] = []
        self._touched: tuple[str, float] | None = None
        self._last = clock()
        self._wake = threading.Condition(self._lock)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="edge-bg-visit", daemon=True)
        self._thread.start()

    def step(self, action: Action, by: str) -> dict[str, Any]:
        """Take a step. Raises NotNow where it is not possible, or a finger is on the screen and this is a remote."""
        with self._lock:
            self.touch(by)
            self._do(action)
            self._failed = False
            return self.flow()

    def touch(self, by: str) -> None:
        """Somebody does something. Raises NotNow for a remote while a finger is on the screen."""
        with self._lock:
            now = self._clock()
            if by == "remote" and self.touched_by() == "screen":
                raise NotNow("somebody is at the screen", hint="try again in some seconds")
            self._touched, self._last = (by, now), now
            self._flow.touch(now)
            self._wake.notify_all()

    def touched_by(self) -> str | None:
        """`screen` or `remote`, for some seconds after a touch."""
        if self._touched is None or self._clock() - self._touched[1] > self._screen_for:
            return None
        return self._touched[0]

    def idle_seconds(self) -> int:
        """Whole seconds since somebody did something."""
        return int(self._clock() - self._last)

    @property
    def needs_consent(self) -> bool:
        """Whether this guest has yet to agree before a photo is taken."""
        return self._ask and not self._agreed

    def flow(self) -> dict[str, Any]:
        """`state`, `ends_in`, `count`, `photo`, and whether the last shot `failed`, as the API has them."""
        with self._lock:
            self._tick()
            left = self._flow.ends_in(self._clock())
            counting = self._flow.state == "counting" and left is not None
            return {
                "state": self._flow.state,
                "ends_in": None if left is None else round(left, 1),
                "count": int(left) + 1 if counting and left is not None else None,
                "photo": self.photo,
                "failed": self._failed,
            }

    def close(self) -> None:
        """End the clock; what was not kept is thrown away. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._flow.state in ("capture", "approval", "counting"):
                self._carry_out(("discard",))
            self._wake.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(2.0)

    # --- inside ------------------------------------------------------------------------------------------

    def _facts(self) -> set[str]:
        return {name for name, holds in (("ask", self.needs_consent), ("more", self._left > 0)) if holds}

    def _do(self, on: Any) -> None:
        self._carry_out(self._flow.do(on, self._clock(), self._facts()))
        self._tell()

    def _tick(self) -> None:
        state = self._flow.state
        self._carry_out(self._flow.tick(self._clock()))
        if self._flow.state != state:
            self._tell()

    def _run(self) -> None:
        with self._lock:
            while not self._closed:
                due = self._flow.due
                self._wake.wait(None if due is None else max(0.0, due - self._clock()))
                if not self._closed:
                    self._tick()

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            try:
                self._one(effect)
            except Exception as error:  # such as no thread to be had: the next guest comes all the same
                log.warning("%s", error, exc_info=bug(error))
                if effect == "shoot":
                    self._came(self.photo, None)

    def _one(self, effect: Effect) -> None:
        if effect == "shoot":
            first = self._left == 0
            self._left = self._photos.shots - 1 if first else self._left - 1
            asked = None if first else self.photo
            self.photo = self._photos.shoot(lambda made: self._came(made, made), asked)
        elif effect == "keep" and self.photo:
            self._photos.keep(self.photo)
        elif effect == "discard":
            self._left = 0
            if self.photo:
                photo, self.photo = self.photo, None
                self._photos.discard(photo)
        elif effect == "agree":
            self._agreed = True
        elif effect in ("forget", "begin"):
            self._agreed, self.photo = False, None

    def _came(self, photo: str | None, made: str | None) -> None:
        """A shot is there, or has failed: told from the photos' own thread."""
        with self._lock:
            if self._closed or self._flow.state != "capture" or (made is not None and photo != self.photo):
                return
            self._failed = made is None
            self._do("captured" if made is not None else "failed")
            self._wake.notify_all()

    def _tell(self) -> None:
        for listener in self.told:
            listener(self._flow.state)
        self._wake.notify_all()
