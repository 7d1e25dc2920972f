"""The service manager's side of the conversation: sd_notify(3), by hand, as it is one datagram.

Works with a path and with an abstract socket (`@name`); without `$NOTIFY_SOCKET` everything does nothing.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import MutableMapping

log = logging.getLogger(__name__)


class Notifier:
    """Tells systemd READY, STATUS, WATCHDOG and STOPPING. May be used from any thread.

    Takes its variables out of `environ`, so that children of this process do not speak in its name.
    """

    def __init__(self, environ: MutableMapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        address = environ.pop("NOTIFY_SOCKET", "")
        period = environ.pop("WATCHDOG_USEC", "")
        pid = environ.pop("WATCHDOG_PID", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None
        self.watchdog: float | None = None
        if period.isdigit() and pid in ("", str(os.getpid())):
            self.watchdog = int(period) / 1e6
        self._lock = threading.Lock()
        self._fed = float("-inf")
        self._ready = False

    @property
    def on(self) -> bool:
        """Whether someone listens."""
        return self._socket is not None

    def send(self, *lines: str) -> bool:
        """Send `KEY=value` lines as one message, at once or not at all: whether it went.

        A manager that is slow or gone must neither hold up a frame nor end the program.
        """
        if self._socket is None:
            return False
        try:
            self._socket.sendto("\n".join(lines).encode(), socket.MSG_DONTWAIT, self._address)
        except OSError as error:
            log.debug("sd_notify: %s", error)
            return False
        return True

    def alive(self) -> None:
        """A frame was delivered: READY the first time, then the watchdog's food, four times a period at most."""
        now = time.monotonic()
        with self._lock:
            if self._ready and (self.watchdog is None or now - self._fed < self.watchdog / 4):
                return
            if self.send("WATCHDOG=1") if self._ready else self.send("READY=1", "WATCHDOG=1"):
                self._ready, self._fed = True, now  # else the next frame tries again

    def status(self, words: str) -> None:
        """One line that `systemctl status` shows."""
        self.send("STATUS=" + words.replace("\n", " "))

    def reloading(self) -> None:
        """A reload begins; `reloaded` ends it."""
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        """The reload has ended, whether or not it changed anything."""
        with self._lock:
            if self._ready:
                self._ready = self.send("READY=1")

    def stopping(self) -> None:
        """The end has begun."""
        self.send("STOPPING=1")

    def close(self) -> None:
        """Say no more. Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
