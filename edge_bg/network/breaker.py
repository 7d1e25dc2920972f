"""A breaker against crash loops: an accelerator in which the program keeps dying is left alone for a while.

Only a file survives a crash. While an accelerator is tried, in its first seconds of work and while it is used, a small
file of the service's state directory says so; a start that finds a name there knows that the last run came to no
proper end. What it makes of that:

- `tried` (its library, its firmware, its first seconds of work): a death of any kind counts. That is where a library
  built for another runtime crashes, and where a device that draws too much takes the whole board down.
- `used` (it has worked for a while): only a crash counts, as the service manager noted it in the file `ended`
  (ExecStopPost of the unit). A power cut writes none, and kill -9 or a lack of memory say so.
- An accelerator that stops answering is counted by the service itself, before it ends.

Times are wall-clock seconds, as they must mean something after a reboot.
"""

from __future__ import annotations

import atexit
import functools
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

DEATHS: Final = 3  # of a delegate, after which it is left alone
WINDOW: Final = 1800.0  # seconds within which they count
REST: Final = 1800.0  # seconds for which it is left alone
TRIED, USED = "tried", "used"
_CRASHES: Final = frozenset({"ABRT", "BUS", "FPE", "ILL", "SEGV", "SYS", "TRAP"})


@functools.cache
def service_breaker() -> Breaker:
    """The breaker of this process, whose notes are in systemd's $STATE_DIRECTORY; outside of a service it keeps none.

    A process that ends in an orderly way leaves nothing behind, whatever it was doing.
    """
    first = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    breaker = Breaker(Path(first) if first else None)
    atexit.register(breaker.leave)
    return breaker


class Breaker:
    """Opens for `REST` seconds after `DEATHS` deaths within `WINDOW` seconds, for each delegate by itself.

    `folder` None keeps nothing; `read_only` only looks, for the doctor. May be used from any thread.
    A file that cannot be read or written is a warning, never an error.
    """

    def __init__(self, folder: Path | None, *, clock: Callable[[], float] = time.time, read_only: bool = False) -> None:
        self._folder = folder
        self._clock, self._read_only = clock, read_only
        self._deaths: dict[str, list[float]] = {}
        self._busy: dict[str, str] = {}  # label -> TRIED or USED
        self._lock = threading.Lock()
        if folder is not None:
            self._read(folder / "accelerator.json", self._crash(folder / "ended"))

    def _crash(self, note: Path) -> str:
        """The signal by which the last run crashed, as the service manager noted it; "" for any other end."""
        try:
            result, signal = note.read_text().split()
            if not self._read_only:
                note.unlink()
        except (OSError, ValueError):  # no note, or rubbish: nothing is known
            return ""
        return signal if result in ("signal", "core-dump") and signal in _CRASHES else ""

    def _read(self, path: Path, crash: str) -> None:
        try:
            data = json.loads(path.read_text())
            now = self._clock()
            for label, times in data.get("deaths", {}).items():
                recent = [float(t) for t in times if now - WINDOW - REST < float(t) <= now]
                if recent:
                    self._deaths[str(label)] = recent[-DEATHS:]
            busy = {str(label): how for label, how in data.get("busy", {}).items() if how in (TRIED, USED)}
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning("%s cannot be read and is begun anew: %s", path, error)
            return
        if self._read_only:
            return
        for label, how in busy.items():
            if how == TRIED or crash:
                end = f"died by SIG{crash}" if crash else "ended"
                self.died(label, f"the last run {end} while {label} was {'being tried' if how == TRIED else 'in use'}")

    def _write(self, *, safely: bool = False) -> None:
        """Write the notes; `safely`: they are on the disk when this returns, whatever happens to the power then."""
        if self._folder is None or self._read_only:
            return
        path = self._folder / "accelerator.json"
        draft = path.with_suffix(".new")
        try:
            with draft.open("w") as file:
                json.dump({"deaths": self._deaths, "busy": self._busy}, file)
                if safely:
                    file.flush()
                    os.fsync(file.fileno())
            draft.replace(path)
            if safely:
                folder = os.open(self._folder, os.O_RDONLY)
                with suppress(OSError):  # not every file system can
                    os.fsync(folder)
                os.close(folder)
        except OSError as error:
            log.warning("%s cannot be written: %s", path, error)

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
        """`label` is about to be tried in this process."""
        with self._lock:
            self._busy[label] = TRIED
            self._write(safely=True)

    def settle(self, label: str) -> None:
        """`label` has worked for a while: from now on only a crash counts against it."""
        with self._lock:
            if self._busy.get(label) == TRIED:
                self._busy[label] = USED
                self._write()

    def leave(self, label: str | None = None) -> None:
        """`label` (None: any) is not in use any more; the process may end without that being a death. Idempotent."""
        with self._lock:
            gone = [each for each in self._busy if label in (None, each)]
            for each in gone:
                del self._busy[each]
            if gone:
                self._write()

    def died(self, label: str, how: str) -> None:
        """Count a death inside `label` and say `how` it came about."""
        with self._lock:
            times = self._deaths.setdefault(label, [])
            times.append(self._clock())
            del times[:-DEATHS]
            self._busy.pop(label, None)
            self._write(safely=True)
        log.warning("%s (%d of %d before it is left alone)", how, len(times), DEATHS)
