"""YUV4MPEG2 to standard output or to a command: ffmpeg, mediamtx, GStreamer and mpv take it from there.

The format: https://wiki.multimedia.cx/index.php/YUV4MPEG2. It has a frame rate and no timestamps, so frames of a
live source are repeated or left out to keep up with the time.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shlex
import stat
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import IO

from edge_bg.errors import SinkError
from edge_bg.frame import Frame, Size
from edge_bg.sinks import SinkEnd
from edge_bg.sinks.pace import Metronome
from edge_bg.sinks.sound import Film

log = logging.getLogger("edge_bg.sinks.pipe")

PIPE_BYTES = 1 << 20  # the most an unprivileged process may ask for; fewer switches between us and the reader
LAST_LINES = 8  # of the command's standard error, kept for the error message
PATIENCE = 10.0  # seconds for a command to finish its file once its input has ended
FRAME = b"FRAME\n"


def header(size: Size, fps: float) -> bytes:
    """The first line of the stream. `C420jpeg`: centred chroma, as in the frames; the range is full.

    Colour range: ffmpeg and mpv read `XCOLORRANGE=FULL`; older readers take 420jpeg itself for full range.
    """
    rate = Fraction(fps).limit_denominator(1001)
    width, height = size
    return (
        f"YUV4MPEG2 W{width} H{height} F{rate.numerator}:{rate.denominator} Ip A1:1 "
        f"C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL\n"
    ).encode()


class Pipe:
    """Writes raw video to `command`, or to standard output.

    command: a list of arguments, or one string that is split like a shell's words; no shell runs, so `|`, `>` and
             `*` mean nothing. None writes to our own standard output; what the program itself prints then goes to
             standard error.

    The reader may leave at any time: that ends the sink and is no error. A command that fails is one, told with the
    last lines it wrote to its standard error.
    """

    name = "pipe"
    lossless = True
    retry = False

    def __init__(self, command: str | Sequence[str] | None = None) -> None:
        self.command = shlex.split(command) if isinstance(command, str) else None if command is None else list(command)
        if self.command == []:
            raise ValueError("command: is empty")
        self._fd = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._heard: deque[str] = deque(maxlen=LAST_LINES)
        self._listener: threading.Thread | None = None
        self._metronome = Metronome(1.0, live=False)
        self.film: Film | None = None

    @property
    def once(self) -> bool:
        """Whether the stream cannot be begun again: to our own standard output, but not to a command."""
        return self.command is None

    @property
    def _label(self) -> str:
        return f"pipe to {self.command[0]}" if self.command else "pipe to standard output"

    def open(self, size: Size, fps: float, *, live: bool = True) -> None:
        """Start the command and send the header. Raises SinkError: no such command, output is a terminal."""
        if self.film is not None:
            log.info("%s: YUV4MPEG2 carries no sound", self._label)
        self._metronome = Metronome(float(Fraction(fps).limit_denominator(1001)), live=live)
        if self.command is None:
            self._fd = _take_stdout()
        else:
            self._start(self.command)
        if stat.S_ISFIFO(os.fstat(self._fd).st_mode):
            try:
                fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            except OSError as caught:
                log.debug("the pipe keeps its size: %s", caught)
        try:
            self._write(header(size, fps))
        except SinkError:
            self.close()
            raise

    def write(self, frame: Frame) -> None:
        """Send the frame as often as the frame rate asks for (0, 1 or more times)."""
        for _ in range(self._metronome.times(frame)):
            self._write(FRAME)
            self._write(frame.data.data.cast("B"))

    def close(self) -> None:
        """End the stream; wait for the command to finish what it writes. SinkError if it fails at that."""
        fd, self._fd = self._fd, -1
        process, self._process = self._process, None
        if process is None:
            if fd >= 0:
                _give_stdout_back(fd)
            return
        if fd >= 0:
            os.close(fd)
        status = _end(process)
        if self._listener is not None:
            self._listener.join(1.0)
        if status != 0:
            raise self._command_failed(status)

    def abort(self) -> None:
        """Make a `write` that nobody reads end, by ending the command."""
        process = self._process
        if process is not None:
            process.kill()

    def _start(self, command: list[str]) -> None:
        self._heard.clear()
        try:
            # A session of its own: Ctrl-C reaches us, and the command then sees its input end and finishes its file.
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=_stderr(), stderr=subprocess.PIPE, start_new_session=True
            )
        except FileNotFoundError as caught:
            hint = f"install it, or give its full path: command -v {command[0]}"
            raise SinkError(f"pipe: there is no command {command[0]!r}", hint=hint) from caught
        except OSError as caught:
            raise SinkError(f"pipe: cannot start {command[0]!r}: {caught.strerror}") from caught
        assert process.stdin is not None and process.stderr is not None
        self._fd = os.dup(process.stdin.fileno())
        process.stdin.close()
        self._process = process
        self._listener = threading.Thread(target=self._listen, args=(process.stderr,), name="edge-bg-pipe", daemon=True)
        self._listener.start()

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                text = line.decode("utf-8", "replace").strip()
                if text:
                    self._heard.append(text[-500:])
                    log.debug("%s: %s", self._label, text)

    def _write(self, data: bytes | memoryview) -> None:
        if self._fd < 0:
            raise SinkError(f"{self._label}: is not open")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except BrokenPipeError as caught:
            raise self._gone() from caught
        except OSError as caught:
            raise SinkError(f"{self._label}: cannot write: {caught.strerror}") from caught

    def _gone(self) -> SinkError:
        """Why nobody reads any more: a clear end, or a command that failed."""
        if self._process is None:
            return SinkEnd(f"{self._label}: the reader closed it")
        try:
            status = self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            return SinkEnd(f"{self._label}: the command closed its input")
        if self._listener is not None:
            self._listener.join(1.0)
        return SinkEnd(f"{self._label}: the command ended") if status == 0 else self._command_failed(status)

    def _command_failed(self, status: int) -> SinkError:
        how = f"was killed by signal {-status}" if status < 0 else f"failed with exit code {status}"
        said = "".join(f"\n    {line}" for line in self._heard) or " nothing"
        return SinkError(f"{self._label}: the command {how}; its last words:{said}")


def _end(process: subprocess.Popen[bytes]) -> int:
    for act in (process.terminate, process.kill):
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            log.warning("pipe: %s does not end by itself", process.args)
            act()
    return process.wait()


def _stderr() -> int:
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):  # captured, or closed
        return subprocess.DEVNULL


def _take_stdout() -> int:
    """A descriptor of standard output; the original one goes to standard error until it is given back.

    So nothing that a library prints can get between the pictures.
    """
    if os.isatty(1):
        raise SinkError(
            "pipe: standard output is a terminal, and video would be written to it",
            hint="pipe it on: edge-bg run --sink pipe | ffplay -; or give a `command`",
        )
    sys.stdout.flush()
    fd = os.dup(1)
    os.dup2(2, 1)
    return fd


def _give_stdout_back(fd: int) -> None:
    os.dup2(fd, 1)
    os.close(fd)
