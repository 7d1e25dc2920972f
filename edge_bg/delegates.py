"""What the network runs on: an ordered list with fallback, and coming back when the better one is there again.

`cpu` is the runtime's own XNNPACK. `edgetpu[:usb|:pci][:N]` is libedgetpu with the compiled twin that the card
names. `{library, options}` is any other TFLite external delegate. An accelerator is first tried in a process of
its own (`edge_bg.probe`); each step down is logged with its reason, counted, and tried again later.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge_bg import tflite
from edge_bg.breaker import Breaker, state_folder
from edge_bg.card import ModelCard
from edge_bg.errors import DelegateError, EdgeBgError, ModelError
from edge_bg.probe import probe
from edge_bg.runtime import Engine, load_delegate
from edge_bg.stats import Stats

log = logging.getLogger(__name__)

LIBRARY: Final = "libedgetpu.so.1"
LIBRARY_VARIABLE: Final = "EDGE_BG_LIBEDGETPU"
RETRY_FIRST, RETRY_MOST = 30.0, 600.0  # seconds
_EDGETPU: Final = re.compile(r"edgetpu(?::(?P<device>(?:usb|pci)?(?::\d+)?))?\Z")


@dataclass(frozen=True)
class Spec:
    """One entry of `model.delegates`: `label` is how it is named in logs, metrics and health."""

    label: str
    library: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    twin: bool = False

    @classmethod
    def parse(cls, entry: object) -> Spec:
        """From "cpu", "edgetpu", "edgetpu:usb:0", or {library, options} (a mapping or an object).

        Raises `DelegateError`.
        """
        if isinstance(entry, Spec):
            return entry
        if isinstance(entry, str):
            if entry == "cpu":
                return cls("cpu")
            match = _EDGETPU.match(entry)
            if match is None:
                raise DelegateError(
                    f"unknown delegate {entry!r}",
                    hint="There are: cpu, edgetpu, edgetpu:usb:0, edgetpu:pci:0, or {library: ..., options: {...}}.",
                )
            device = match["device"] or ""
            library = os.environ.get(LIBRARY_VARIABLE, LIBRARY)
            return cls(entry, library, (("device", device),) if device else (), twin=True)
        if isinstance(entry, Mapping):
            named, options = entry.get("library"), entry.get("options") or {}
        else:
            named, options = getattr(entry, "library", None), getattr(entry, "options", {})
        if not isinstance(named, str) or not named:
            raise DelegateError(f"delegate {entry!r} names no library", hint="Write {library: libx.so, options: {}}.")
        pairs = tuple((str(key), str(value)) for key, value in options.items())
        return cls(f"external:{named.rpartition('/')[2]}", named, pairs)


def _model(card: ModelCard, spec: Spec) -> tuple[bytes, str]:
    """The bytes that `spec` runs, and their name."""
    if not spec.twin:
        return card.read_model(), card.model.name
    if card.edgetpu is None:  # a card may also describe a compiled model itself
        data = card.read_model()
        if "edgetpu-custom-op" in tflite.read(data, str(card.model)).custom_ops:
            return data, card.model.name
    data = card.read_model(twin=True)
    assert card.edgetpu is not None
    return data, card.edgetpu.name


def open_engine(card: ModelCard, spec: Spec, threads: int, *, timeout: float | None = None) -> Engine:
    """The card's model on `spec` alone. Raises `DelegateError` or `ModelError`."""
    model, name = _model(card, spec)
    if spec.library is None:
        return Engine(model, name, threads=threads)
    options = dict(spec.options)
    probe(spec.library, options, model, name, threads=threads, **({} if timeout is None else {"timeout": timeout}))
    return Engine(model, name, threads=threads, delegate=load_delegate(spec.library, options))


class Ladder:
    """The engine in use, stepping down the list on failure and up again when a better entry works.

    `engine()` may be called for each frame: it is a comparison unless something changed. Retries run on a
    thread of their own, so frames keep flowing from the fallback meanwhile.
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
    ) -> None:
        self._card, self._threads, self._timeout = card, threads, timeout
        self._specs = [Spec.parse(entry) for entry in entries]
        if not self._specs:
            raise DelegateError("model.delegates is empty", hint="Write `delegates: [cpu]`.")
        self._stats = stats or Stats()
        uses_any = any(spec.library for spec in self._specs)
        self._breaker = breaker or Breaker(state_folder() if uses_any else None)
        self._wait, self._first_wait = retry, retry
        self._due = float("inf")
        self._better: tuple[int, Engine] | None = None
        self._trying: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self.fallbacks: dict[str, str] = {}
        self._hopeless: set[Spec] = set()  # a model that is missing or wrong does not come back by itself
        self._rung = 0
        self._engine: Engine | None = None
        self._step_down(0)

    @property
    def label(self) -> str:
        """The delegate in use."""
        return self._specs[self._rung].label

    @property
    def wanted(self) -> str:
        """The delegate that was asked for first."""
        return self._specs[0].label

    def engine(self) -> Engine:
        """The engine for the next frame."""
        if self._better is not None:
            self._step_up()
        elif self._rung and time.monotonic() >= self._due:
            self._retry()
        if self._engine is None:
            raise ValueError("the segmenter is closed")
        return self._engine

    def failed(self, error: EdgeBgError) -> None:
        """The engine in use failed while running: step down. Raises `DelegateError` at the end of the list."""
        self._engine = None
        self._note(self._specs[self._rung], error)
        self._step_down(self._rung + 1)

    def close(self) -> None:
        """Let go of the engine and the device. Idempotent; a retry under way ends by itself."""
        with self._lock:
            self._closed = True
            self._better = None
        self._engine = None
        self._breaker.leave()

    def _open(self, spec: Spec) -> Engine:
        rest = self._breaker.rest(spec.label) if spec.library else 0.0
        if rest:
            raise DelegateError(f"left alone for {rest / 60:.0f} more minutes, as the last runs died while using it")
        return open_engine(self._card, spec, self._threads, timeout=self._timeout)

    def _step_down(self, first: int) -> None:
        for rung in range(first, len(self._specs)):
            spec = self._specs[rung]
            try:
                engine = self._open(spec)
            except (DelegateError, ModelError) as error:
                if len(self._specs) == 1:
                    raise  # nothing else was asked for: the error itself says it best
                self._note(spec, error)
                continue
            self._use(rung, engine)
            return
        self._breaker.leave()
        tried = "; ".join(f"{label}: {reason}" for label, reason in self.fallbacks.items())
        hint = "" if any(s.library is None for s in self._specs) else "Add `cpu` to model.delegates as the last resort."
        raise DelegateError(f"no delegate works: {tried}", hint=hint or "edge-bg doctor")

    def _note(self, spec: Spec, error: EdgeBgError) -> None:
        self.fallbacks[spec.label] = error.message
        if isinstance(error, ModelError):
            self._hopeless.add(spec)
        self._stats.count("fallback.delegate")
        log.warning("delegate %s cannot be used: %s", spec.label, error)

    def _use(self, rung: int, engine: Engine) -> None:
        spec = self._specs[rung]
        if spec.library is not None:
            self._breaker.enter(spec.label)
        else:
            self._breaker.leave()
        if self._hopeless.issuperset(self._specs[:rung]):
            self._due = float("inf")
        else:
            self._due = time.monotonic() + self._wait
            log.warning("running on %s instead of %s", spec.label, self.wanted)
        self._rung, self._engine = rung, engine

    def _step_up(self) -> None:
        with self._lock:
            better, self._better = self._better, None
        if better is None:
            return
        rung, engine = better
        for spec in self._specs[rung:]:
            self.fallbacks.pop(spec.label, None)
        self._wait = self._first_wait
        log.warning("delegate %s works again", self._specs[rung].label)
        self._stats.count("recovered.delegate")
        self._use(rung, engine)

    def _retry(self) -> None:
        if self._trying is not None and self._trying.is_alive():
            return
        self._wait = min(2 * self._wait, RETRY_MOST)
        self._due = time.monotonic() + self._wait
        self._trying = threading.Thread(target=self._try_better, args=(self._rung,), name="delegate-retry", daemon=True)
        self._trying.start()

    def _try_better(self, below: int) -> None:
        for rung, spec in enumerate(self._specs[:below]):
            if spec in self._hopeless:
                continue
            try:
                engine = self._open(spec)
            except (DelegateError, ModelError) as error:
                self.fallbacks[spec.label] = error.message
                log.info("delegate %s still cannot be used: %s", spec.label, error)
                continue
            with self._lock:
                if not self._closed:
                    self._better = (rung, engine)
            return

    def info(self) -> dict[str, Any]:
        """For health, metrics and STATUS=: what runs, what was wanted, and why they differ."""
        return {
            "delegate": self.label,
            "wanted": self.wanted,
            "fallbacks": [{"delegate": label, "reason": reason} for label, reason in list(self.fallbacks.items())],
        }
