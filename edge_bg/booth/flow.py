"""How a visit goes, as one table: in which state what leads where, and after how long it goes on by itself.

Nothing here knows a clock, a camera or a page: time is handed in, and what has to be done is handed out as words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from edge_bg.errors import NotNow

State = Literal["attract", "live", "consent", "counting", "capture", "approval", "result"]
Action = Literal["start", "shutter", "abort", "keep", "retake", "next", "consent", "decline"]
Event = Literal["captured", "failed", "timeout"]  # what the booth itself reports
Effect = Literal["begin", "shoot", "keep", "discard", "agree", "forget"]

ACTIONS: Final[tuple[Action, ...]] = ("start", "shutter", "abort", "keep", "retake", "next", "consent", "decline")


@dataclass(frozen=True)
class Row:
    """In `state`, `on` leads to `to`, doing `effects`; with `when`, only where that fact holds: first fitting row."""

    state: State
    on: Action | Event
    to: State
    effects: tuple[Effect, ...] = ()
    when: str | None = None


# Facts: `ask` - this guest has to agree before the first photo; `more` - the template wants another shot.
TABLE: Final[tuple[Row, ...]] = (
    Row("attract", "start", "live", ("begin",)),
    Row("attract", "shutter", "live", ("begin",)),
    Row("live", "shutter", "consent", when="ask"),
    Row("live", "shutter", "counting"),
    Row("live", "start", "live"),
    Row("live", "next", "attract", ("forget",)),
    Row("live", "abort", "attract", ("forget",)),
    Row("live", "timeout", "attract", ("forget",)),
    Row("consent", "consent", "counting", ("agree",)),
    Row("consent", "decline", "live"),
    Row("consent", "abort", "live"),
    Row("consent", "timeout", "live"),
    Row("counting", "abort", "live", ("discard",)),
    Row("counting", "timeout", "capture", ("shoot",)),
    Row("capture", "captured", "counting", when="more"),
    Row("capture", "captured", "approval"),
    Row("capture", "failed", "live", ("discard",)),
    Row("capture", "abort", "live", ("discard",)),
    Row("capture", "timeout", "live", ("discard",)),
    Row("approval", "keep", "result", ("keep",)),
    Row("approval", "next", "result", ("keep",)),
    Row("approval", "retake", "counting", ("discard",)),
    Row("approval", "abort", "live", ("discard",)),
    Row("approval", "timeout", "live", ("discard",)),
    Row("result", "next", "live"),
    Row("result", "start", "live"),
    Row("result", "shutter", "live"),
    Row("result", "abort", "attract", ("forget",)),
    Row("result", "timeout", "attract", ("forget",)),
)

# Which time of the config ends a state. `attract` waits for ever.
TIMES: Final[Mapping[State, str]] = {
    "live": "idle",
    "consent": "consent",
    "counting": "countdown",
    "capture": "capture",
    "approval": "approval",
    "result": "result",
}


class Flow:
    """Where a visit is. Each call hands out what is to be done, in order.

    seconds: for each name in `TIMES.values()` after how many seconds its state ends by itself.
    now:     seconds of a clock that never goes back; handed in with every call.
    """

    def __init__(self, seconds: Mapping[str, float], now: float = 0.0) -> None:
        self.seconds = dict(seconds)
        self.state: State = "attract"
        self._ends: float | None = None
        self._enter("attract", now)

    def can(self, on: Action | Event, facts: Collection[str] = ()) -> bool:
        """Whether `on` leads anywhere from here."""
        return self._row(on, facts) is not None

    def do(self, on: Action | Event, now: float, facts: Collection[str] = ()) -> tuple[Effect, ...]:
        """Take a step. Raises NotNow, with what is possible instead."""
        row = self._row(on, facts)
        if row is None:
            ways = sorted({r.on for r in TABLE if r.state == self.state} - {"captured", "failed", "timeout"})
            raise NotNow(f"{on} is not possible in {self.state}", hint=f"possible now: {', '.join(ways)}")
        self._enter(row.to, now)
        return row.effects

    def tick(self, now: float) -> tuple[Effect, ...]:
        """What is due by now: a state that has lasted long enough ends. Call it at `due` or later."""
        if self._ends is None or now < self._ends:
            return ()
        return self.do("timeout", now)

    def touch(self, now: float) -> None:
        """Somebody is here: the live view does not fall asleep yet."""
        if self.state == "live":
            self._enter("live", now)

    @property
    def due(self) -> float | None:
        """When this state ends by itself; None: never."""
        return self._ends

    def ends_in(self, now: float) -> float | None:
        """Seconds until this state ends by itself, never negative; None: it does not."""
        return None if self._ends is None else max(0.0, self._ends - now)

    def _enter(self, state: State, now: float) -> None:
        self.state = state
        name = TIMES.get(state)
        self._ends = None if name is None else now + self.seconds[name]

    def _row(self, on: str, facts: Collection[str]) -> Row | None:
        for row in TABLE:
            if row.state == self.state and row.on == on and (row.when is None or row.when in facts):
                return row
        return None
