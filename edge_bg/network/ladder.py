"""Which delegate is in use: down the list when one fails, and up again when a better one works.

Each step down is logged with its reason, counted, and tried again later. Once pictures flow, trying happens beside
them: they go on on the CPU meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge_bg.errors import DelegateError, EdgeBgError, ModelError
from edge_bg.loop.stats import Stats
from edge_bg.network.breaker import Breaker, service_breaker
from edge_bg.network.card import ModelCard
from edge_bg.network.delegates import Spec, open_engine
from edge_bg.network.runtime import Engine

log = logging.getLogger(__name__)

RETRY_FIRST, RETRY_MOST = 30.0, 600.0  # seconds
SOON: Final = 3.0  # seconds until what was passed over is tried; a network that was replaced has let go of it by then
SETTLED: Final = 10.0  # seconds of work after which only a crash counts against an accelerator


@dataclass
class Rung:
    """An entry of the list as it fares: why it is not in use ("": it is, or is untried), when to try it again."""

    spec: Spec
    wait: float
    due: float = 0.0
    reason: str = ""


class Ladder:
    """The engine in use, stepping down the list on failure and up again when a better entry works.

    `engine()` may be called for each frame: it is a comparison unless something changed. Retries run on a
    thread of their own, so frames keep flowing from the fallback meanwhile.
    `quick`: begin on an entry that needs no trying, if there is one, and try the better ones a little later.
    """

    def __init__(
        self,
        card: ModelCard,
        entries: Sequence[object],
        threads: int,
        *,
        stats: Stats | None = None,
        breaker: Breaker | None = None,
        retry: float = RETRY_FIRST,
        timeout: float | None = None,
        quick: bool = False,
    ) -> None:
        self._card, self._threads, self._timeout = card, threads, timeout
        self._rungs = [Rung(Spec.parse(entry), retry) for entry in entries]
        if not self._rungs:
            raise DelegateError("model.delegates is empty", hint="Write `delegates: [cpu]`.")
        self._stats = stats or Stats()
        self._breaker = breaker or service_breaker()
        self._first_wait = retry
        self._better: tuple[int, Engine] | None = None
        self._trying: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._at = 0
        self._since = 0.0
        self._next = float("inf")  # when there is something to do beside handing out the engine
        self._engine: Engine | None = None
        self._step_down(0, quick)

    @property
    def label(self) -> str:
        """The delegate in use."""
        return self._rungs[self._at].spec.label

    @property
    def wanted(self) -> str:
        """The delegate that was asked for first."""
        return self._rungs[0].spec.label

    @property
    def fallbacks(self) -> dict[str, str]:
        """Delegates that were wanted more than the one in use, and why each is not."""
        return {rung.spec.label: rung.reason for rung in self._rungs if rung.reason}

    def engine(self) -> Engine:
        """The engine for the next frame."""
        if self._better is not None:
            self._step_up()
        elif (now := time.monotonic()) >= self._next:
            self._look_about(now)
        if self._engine is None:
            raise ValueError("the segmenter is closed")
        return self._engine

    def failed(self, error: EdgeBgError) -> None:
        """The engine in use failed while running: step down. Raises `DelegateError` at the end of the list."""
        rung, now = self._rungs[self._at], time.monotonic()
        self._engine = None
        self._breaker.leave(rung.spec.label)
        if now - self._since > RETRY_MOST:  # it was well for long: a fresh start
            rung.wait = self._first_wait
        self._note(rung, error)
        self._step_down(self._at + 1, quick=True)

    def close(self) -> None:
        """Let go of the engine and the device. Idempotent; a retry under way ends by itself."""
        with self._lock:
            self._closed = True
            self._drop_better()
        self._engine = None
        self._breaker.leave(self.label)

    def _open(self, spec: Spec) -> Engine:
        if spec.library is None:
            return open_engine(self._card, spec, self._threads)
        rest = self._breaker.rest(spec.label)
        if rest:
            self._stats.count("left_alone.delegate")
            raise DelegateError(f"left alone for {rest / 60:.0f} more minutes, as the last runs died while using it")
        self._breaker.enter(spec.label)
        try:
            return open_engine(self._card, spec, self._threads, timeout=self._timeout)
        except BaseException as error:
            self._breaker.leave(spec.label)
            if isinstance(error, MemoryError):
                raise DelegateError(f"{spec.label} cannot be tried: there is no memory for it") from error
            raise

    def _step_down(self, first: int, quick: bool) -> None:
        order = list(range(first, len(self._rungs)))
        if quick:  # what needs no trying comes first: a device may hang for long, and pictures must not wait for it
            order.sort(key=lambda at: self._rungs[at].spec.library is not None)
        for at in order:
            rung = self._rungs[at]
            try:
                engine = self._open(rung.spec)
            except (DelegateError, ModelError) as error:
                if len(self._rungs) == 1:
                    raise  # nothing else was asked for: the error itself says it best
                self._note(rung, error)
                continue
            for passed in self._rungs[first:at]:
                if not passed.reason:
                    passed.due = time.monotonic() + SOON
            if any(rung.reason for rung in self._rungs[:at]):
                log.warning("running on %s instead of %s", rung.spec.label, self.wanted)
            self._use(at, engine)
            return
        tried = "; ".join(f"{label}: {reason}" for label, reason in self.fallbacks.items())
        last_resort = any(rung.spec.library is None for rung in self._rungs)
        hint = "edge-bg doctor" if last_resort else "Add `cpu` to model.delegates as the last resort."
        raise DelegateError(f"no delegate works: {tried}", hint=hint)

    def _note(self, rung: Rung, error: EdgeBgError) -> None:
        """`rung` does not work: say so the first time, and when to try again."""
        # A model that is missing or wrong does not come back by itself; one that cannot be read just now does.
        hopeless = isinstance(error, ModelError) and not isinstance(error.__cause__, OSError)
        rung.due = float("inf") if hopeless else time.monotonic() + rung.wait
        rung.wait = min(2 * rung.wait, RETRY_MOST)
        if rung.reason:
            log.info("delegate %s still cannot be used: %s", rung.spec.label, error)
        else:
            self._stats.count("fallback.delegate")
            log.warning("delegate %s cannot be used: %s", rung.spec.label, error)
        rung.reason = error.message

    def _use(self, at: int, engine: Engine) -> None:
        rung = self._rungs[at]
        self._at, self._engine, self._since = at, engine, time.monotonic()
        settles = float("inf") if rung.spec.library is None else self._since + SETTLED
        self._next = min(settles, self._earliest())

    def _earliest(self) -> float:
        """When the first of the better entries is to be tried."""
        return min((rung.due for rung in self._rungs[: self._at]), default=float("inf"))

    def _step_up(self) -> None:
        with self._lock:
            better, self._better = self._better, None
        if better is None:
            return
        at, engine = better
        before = self._rungs[self._at]
        if before.spec.library is not None:
            self._breaker.leave(before.spec.label)
        if self._rungs[at].reason:  # else it had only been passed over for a moment
            self._stats.count("recovered.delegate")
        log.warning("running on %s", self._rungs[at].spec.label)
        for rung in self._rungs[at:]:
            rung.reason = ""
        self._use(at, engine)

    def _look_about(self, now: float) -> None:
        """Something is due: an accelerator has proved itself, or a better one is to be tried, which takes time."""
        if now - self._since >= SETTLED and self._rungs[self._at].spec.library is not None:
            self._breaker.settle(self.label)
        self._next = self._earliest()
        if now < self._next:
            return
        self._next = now + 1.0
        if self._trying is None or not self._trying.is_alive():
            self._trying = threading.Thread(
                target=self._try_better, args=(self._at, now), name="delegate-retry", daemon=True
            )
            self._trying.start()

    def _try_better(self, below: int, now: float) -> None:
        for at, rung in enumerate(self._rungs[:below]):
            if rung.due > now:
                continue
            try:
                engine = self._open(rung.spec)
            except (DelegateError, ModelError) as error:
                self._note(rung, error)
                continue
            with self._lock:
                self._better = (at, engine)
                if self._closed:
                    self._drop_better()
            return

    def _drop_better(self) -> None:
        if self._better is not None:
            self._breaker.leave(self._rungs[self._better[0]].spec.label)
            self._better = None

    def info(self) -> dict[str, Any]:
        """For health, metrics and STATUS=: what runs, what was wanted, and why they differ."""
        return {
            "delegate": self.label,
            "wanted": self.wanted,
            "fallbacks": [{"delegate": label, "reason": reason} for label, reason in self.fallbacks.items()],
        }
