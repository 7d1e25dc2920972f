"""A breaker against crash loops: an accelerator in which the program keeps dying is left alone for a while.

What the program did is noted in a small file of the service's state directory, as only a file survives a crash.
While an accelerator is in use the file says so; a start that finds it saying so knows that the last run did
not end by itself, and counts a death. Times are wall-clock seconds, as they must mean something after a reboot.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

log = logging.getLogger(__name__)

DEATHS: Final = 3
WINDOW: Final = 1800.0
REST: Final = 1800.0


def state_folder() -> Path | None:
    """The service's state directory as systemd names it in $STATE_DIRECTORY; None outside of a service."""
    first = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(first) if first else None


class Breaker:
    """Opens for `REST` seconds after `DEATHS` deaths within `WINDOW` seconds, for each delegate by itself.

    `folder` None keeps nothing; `read_only` only looks, for the doctor.
    A file that cannot be read or written is a warning, never an error.
    """

    def __init__(self, folder: Path | None, *, clock: Callable[[], float] = time.time, read_only: bool = False) -> None:
        self._path = folder / "accelerator.json" if folder is not None else None
        self._clock, self._read_only = clock, read_only
        self._deaths: dict[str, list[float]] = {}
        self._running: str | None = None
        self._read()

    def _read(self) -> None:
        if self._path is None:
            return
        try:
            data = json.loads(self._path.read_text())
            now = self._clock()
            for label, times in data.get("deaths", {}).items():
                recent = [float(t) for t in times if now - WINDOW - REST < float(t) <= now]
                if recent:
                    self._deaths[str(label)] = recent[-DEATHS:]
            died = data.get("running")
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning("%s cannot be read and is begun anew: %s", self._path, error)
            return
        if isinstance(died, str) and not self._read_only:
            self._deaths.setdefault(died, []).append(now)
            log.warning(
                "the last run did not end by itself while %s was in use (%d of %d before it is left alone)",
                died,
                len(self._deaths[died]),
                DEATHS,
            )
            self._write()

    def _write(self) -> None:
        if self._path is None or self._read_only:
            return
        data: dict[str, Any] = {"deaths": self._deaths, "running": self._running}
        try:
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps(data))
            draft.replace(self._path)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error)

    def labels(self) -> list[str]:
        """Delegates in which the program has died of late."""
        return sorted(self._deaths)

    def rest(self, label: str) -> float:
        """Seconds for which `label` is to be left alone, 0.0 when it may be tried."""
        times = self._deaths.get(label, [])[-DEATHS:]
        if len(times) < DEATHS or times[-1] - times[0] > WINDOW:
            return 0.0
        return max(0.0, times[-1] + REST - self._clock())

    def enter(self, label: str) -> None:
        """`label` is about to be used in this process."""
        self._running = label
        self._write()

    def leave(self) -> None:
        """No accelerator is in use any more; the process may end without that being a death. Idempotent."""
        if self._running is not None:
            self._running = None
            self._write()
