"""Where messages go: standard error, with journald's priorities under systemd, and a status line on a terminal."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TextIO

PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class StatusLine:
    """One line at the bottom of a terminal that is written over; messages go above it. Silent elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.on = self._stream.isatty()
        self._text = ""
        self._lock = threading.RLock()

    def show(self, text: str) -> None:
        """Replace the line by `text`, cut to the terminal's width."""
        if not self.on:
            return
        with self._lock:
            try:
                width = (os.get_terminal_size(self._stream.fileno()).columns or 80) - 1
            except OSError:
                width = 79
            self._text = text[:width]
            self._write(f"\r\x1b[K{self._text}")

    def above(self, text: str) -> None:
        """Write `text` as a line of its own."""
        with self._lock:
            self._write(f"\r\x1b[K{text}\n{self._text}" if self._text else f"{text}\n")

    def clear(self) -> None:
        """Take the line away."""
        with self._lock:
            if self._text:
                self._text = ""
                self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # nobody listens any more: that must not end the loop
            self.on = False


class _Handler(logging.Handler):
    def __init__(self, line: StatusLine) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.above(self.format(record))


class _Journal(logging.Formatter):
    """`<N>message`: each line of a message carries its priority, as sd-daemon(3) has it."""

    def format(self, record: logging.LogRecord) -> str:
        mark = f"<{PRIORITY.get(record.levelno, 5)}>"
        return "\n".join(mark + line for line in super().format(record).splitlines() or [""])


class _Plain(logging.Formatter):
    """`edge-bg: warning: message`; information stands without a word before it."""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        return f"edge-bg: {level}{super().format(record)}"


def under_journal() -> bool:
    """Whether standard error goes to the journal: `$JOURNAL_STREAM` names its device and inode."""
    stream = os.environ.get("JOURNAL_STREAM", "")
    try:
        there = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return stream == f"{there.st_dev}:{there.st_ino}"


def debugging() -> bool:
    """Whether --debug was given, or $EDGE_BG_DEBUG is set."""
    return os.environ.get("EDGE_BG_DEBUG", "") not in ("", "0")


def setup(level: str = "info", *, line: StatusLine | None = None) -> StatusLine:
    """Send the program's messages to standard error. Called once by the program, never by a library.

    level: debug, info, warning or error. With --debug everything is written, with time, thread and tracebacks.
    Returns the status line that messages are kept apart from.
    """
    debug = debugging()
    line = line or StatusLine()
    handler = _Handler(line)
    if under_journal():
        line.on = False
        handler.setFormatter(_Journal("%(message)s"))
    elif debug:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    else:
        handler.setFormatter(_Plain("%(message)s"))
    root = logging.getLogger("edge_bg")
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug else level.upper())
    root.propagate = False
    return line
