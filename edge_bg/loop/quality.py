"""When to do less, and when to do more again: a controller that walks a ladder of rungs, each cheaper than the last.

It knows neither clocks nor sensors nor what the rungs are: it is told what was seen, and says which rung to stand on.

- Down, one rung at a time, when the latency is over its target, frames are lost that should not be, or the board slows
  itself down. Twice in a row, so that one bad moment changes nothing.
- Up when there is room, after `CALM` seconds in which nothing changed. A step up that has to be taken back soon was a
  mistake: the next attempt waits twice as long, up to `LONGEST`.
- Heat comes late and leaves late: while the board is hot, steps down are `HEAT` seconds apart, and none goes up before
  it is `COOLER` degrees below the limit.

So a rung that is left for the one above is stood on for `CALM` seconds at least, and the ladder is never walked up and
down faster than once in that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CALM: Final = 10.0  # seconds without a change before a step up
LONGEST: Final = 300.0  # that much at most after mistakes
REGRET: Final = 60.0  # seconds after a step up within which a step down says that it was a mistake
SETTLE: Final = 2.0  # seconds after a change before what is seen is the new rung's
HEAT: Final = 15.0  # seconds that a step has to show in the temperature
COOLER: Final = 8.0  # degrees
ROOM: Final = 0.5  # of the target: a latency below leaves room for the rung above
SHARE: Final = 0.85  # of the rate that is wanted: less is a loss
STRIKES: Final = 2  # looks in a row


@dataclass(frozen=True)
class Target:
    """What is promised: p95 of the latency in seconds, frames a second, and how hot the board may get in degrees."""

    latency: float
    rate: float = 0.0
    hot: float = 80.0


@dataclass(frozen=True)
class Seen:
    """What was seen lately: p95 of the latency in seconds (0: nothing yet), rate, degrees (None: unknown), throttled.

    `throttled`: the board slows itself down, or gets too little voltage, at this moment.
    """

    latency: float
    rate: float
    temperature: float | None = None
    throttled: bool = False


class Controller:
    """`rung = controller(seen, now)`, about once a second; 0 is the best rung, `floor` the last that is allowed."""

    def __init__(self, target: Target, floor: int) -> None:
        if floor < 0 or target.latency <= 0:
            raise ValueError(f"floor {floor} has to be 0 or more, and the latency {target.latency} above 0 seconds")
        self.target, self.floor = target, floor
        self.rung = 0
        self.why = ""  # of the last change, in words
        self._changed = self._rose = -LONGEST
        self._strikes = 0
        self._patience = CALM

    def __call__(self, seen: Seen, now: float) -> int:
        """The rung to stand on from `now` (seconds, of any clock that never goes back) on."""
        since = now - self._changed
        slow, hot = self._slow(seen), self._hot(seen)
        if since < SETTLE or not (slow or hot):
            self._strikes = 0
        else:
            self._strikes += 1
        if self._strikes >= STRIKES and self.rung < self.floor and (slow or since >= HEAT):
            if now - self._rose < REGRET:
                self._patience = min(2 * self._patience, LONGEST)
            self._step(1, slow or hot, now)
        elif self.rung and since >= self._patience and self._roomy(seen):
            self._rose = now
            self._step(-1, "there is room again", now)
        elif now - self._rose > 2 * self._patience and self._patience > CALM:
            self._patience = max(CALM, self._patience / 2)  # it went well for long
            self._rose = now
        return self.rung

    def _step(self, by: int, why: str, now: float) -> None:
        self.rung += by
        self.why, self._changed, self._strikes = why, now, 0

    def _slow(self, seen: Seen) -> str:
        if seen.latency > self.target.latency:
            return f"{1e3 * seen.latency:.0f} ms are more than {1e3 * self.target.latency:.0f}"
        if 0 < seen.rate < SHARE * self.target.rate:
            return f"{seen.rate:.1f} frames a second are fewer than {self.target.rate:g}"
        return ""

    def _hot(self, seen: Seen) -> str:
        if seen.temperature is not None and seen.temperature >= self.target.hot:
            return f"{seen.temperature:.0f} °C"
        return "the board slows itself down" if seen.throttled else ""

    def _roomy(self, seen: Seen) -> bool:
        cool = seen.temperature is None or seen.temperature < self.target.hot - COOLER
        quick = 0 < seen.latency < ROOM * self.target.latency and seen.rate >= SHARE * self.target.rate
        return cool and quick and not seen.throttled
