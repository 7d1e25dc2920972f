"""Every kind of fault: it does something to a life, and says how long frames may take to flow again afterwards."""

from __future__ import annotations

import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.faults.life import SIZES, WEATHER, Life

SOON, ANEW = 2.0, 10.0  # seconds: while the loop goes on, and where it starts anew; on two idle cores


@dataclass(frozen=True)
class Fault:
    """`act` injects it and returns once it is over; frames have to flow again within `limit` seconds."""

    name: str
    act: Callable[[Life], None]
    limit: float = SOON
    weight: int = 4  # how often it comes, among the others
    delegate: bool = False  # only in a life with an accelerator


def _camera(kind: str, least: float = 0.01, most: float = 0.04) -> Callable[[Life], None]:
    def act(life: Life) -> None:
        seconds = life.chance.uniform(least, most)
        WEATHER.set(kind, seconds)
        time.sleep(seconds)

    return act


# --- sinks ---------------------------------------------------------------------------------------------------


def children() -> Iterator[tuple[psutil.Process, str]]:
    """Each process that this one has started, and its name; without those that end while they are asked."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            yield child, child.name()


def _commands() -> list[psutil.Process]:
    return [child for child, name in children() if name == "dd"]


def kill_the_command(life: Life) -> None:
    """The program behind the pipe dies."""
    for child in _commands():
        with suppress(psutil.NoSuchProcess):
            child.kill()


def stop_the_command(life: Life) -> None:
    """It reads nothing for a while."""
    readers = _commands()
    for child in readers:
        with suppress(psutil.NoSuchProcess):
            child.suspend()
    time.sleep(life.chance.uniform(0.02, 0.1))
    for child in readers:
        with suppress(psutil.NoSuchProcess):
            child.resume()


def fill_the_disk(life: Life) -> None:
    """The recordings' disk is full until somebody clears it."""
    if not life.mounted:
        return
    # The youngest is being written; by name, the second of a second ("...-2.mkv") would come before the first.
    for old in sorted(life.disk.glob("take-*"), key=lambda path: path.stat().st_mtime_ns)[:-1]:
        life.look_at(old)
    ballast = life.disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    booth = life.booth
    end = time.monotonic() + 3.0
    while booth is not None and booth.sinks.report()["file"]["state"] == "ok" and time.monotonic() < end:
        time.sleep(0.005)
    life.felt += booth is not None and booth.sinks.report()["file"]["state"] != "ok"
    time.sleep(life.chance.uniform(0.0, 0.1))
    ballast.unlink()


def steal_the_port(life: Life) -> None:
    """While the loop starts anew somebody else listens where the page was."""
    other_size(life)
    thief = socket.socket()
    thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    end = time.monotonic() + 0.5
    with thief:
        while time.monotonic() < end:
            try:
                thief.bind(("127.0.0.1", life.port))
                thief.listen()
            except OSError:
                time.sleep(0.001)
                continue
            time.sleep(life.chance.uniform(0.05, 0.3))
            return


def rude_clients(life: Life) -> None:
    """Clients that never read, that say nothing, and that leave in the middle of a word."""
    lines = []
    for n in range(12):
        with suppress(OSError):
            line = socket.create_connection(("127.0.0.1", life.port), timeout=0.5)
            lines.append(line)
            line.sendall((b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"", b"GET /sta")[n % 3])
    time.sleep(0.02)
    for line in lines:
        line.close()


# --- config --------------------------------------------------------------------------------------------------

INVALID: tuple[str | bytes, ...] = (
    "", "sinks: 5\n", "\x00", b"\xff\xfe\x00", "a: [1, 2", "source: {kind: nothing}\n", "backgroud: red\n",
    "model: {name: not-there}\n", "background: /nowhere.png\n", "- 1\n- 2\n", "privacy: {max_mask_age: -1}\n",
)  # fmt: skip


def change(life: Life) -> None:
    """Something that can change while frames flow."""
    more = life.chance.choice(("", "matte: {radius: 3}\n", "composite: {wrap: 0.2}\n", "framing: {crop: false}\n"))
    life.reload(life.text(more=more))
    time.sleep(0.02)


def refuse(life: Life) -> None:
    """A config that is none."""
    life.reload(life.chance.choice(INVALID))
    time.sleep(0.02)
    life.write(life.text())


def rewrite(life: Life) -> None:
    """Fifty rewritings in a row, every other one invalid."""
    for n in range(50):
        life.reload(life.chance.choice(INVALID) if n % 2 else life.text())
        time.sleep(0.0005)
    life.reload(life.text())


def remove(life: Life) -> None:
    """The file is away for a moment."""
    life.config.unlink()
    os.kill(os.getpid(), signal.SIGHUP)
    time.sleep(0.02)
    life.write(life.text())


def other_size(life: Life) -> None:
    """Another size: the loop starts anew."""
    life.size = SIZES[1 - SIZES.index(life.size)]
    life.reload(life.text())
    time.sleep(0.02)


def replace_the_model(life: Life) -> None:
    """The model's file is another, then cut, then the old one, while the config asks for it anew."""
    path = life.card.with_name("bright.tflite")
    data = path.read_bytes()
    try:
        path.write_bytes(life.chance.choice((data[: len(data) // 2], b"", data[:-1] + b"x", b"TFL3" * 99)))
        life.threads = 3 - life.threads
        life.reload(life.text())
        time.sleep(0.05)
    finally:
        path.write_bytes(data)


# --- the machine ---------------------------------------------------------------------------------------------


def jump_the_clock(life: Life) -> None:
    """The wall clock jumps, as it does when a board without a battery first hears of the time."""
    life.clock = life.chance.choice((-1e9, -3600.0, 0.0, 5.0, 86400.0, 1e9))
    time.sleep(0.01)


@contextmanager
def _limit(kind: int, soft: int) -> Iterator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (min(soft, before[1]) if before[1] >= 0 else soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def no_descriptors(life: Life) -> None:
    """No file can be opened for a moment, in which the config is read again and clients come."""
    most = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    with _limit(resource.RLIMIT_NOFILE, life.chance.randint(4, most + 2)):
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(life.chance.uniform(0.01, 0.05))
    life.reload(life.text())


def any_signal(life: Life) -> None:
    """Signals that somebody sends by mistake."""
    numbers = (signal.SIGHUP, signal.SIGUSR1, signal.SIGCONT, signal.SIGWINCH, signal.SIGCHLD, signal.SIGPIPE)
    for _ in range(life.chance.randint(1, 6)):
        os.kill(os.getpid(), life.chance.choice(numbers))
        time.sleep(0.002)


# --- an accelerator ------------------------------------------------------------------------------------------


def _device(word: str, least: float = 0.02, most: float = 0.1) -> Callable[[Life], None]:
    def act(life: Life) -> None:
        note = life.trouble / word
        note.touch()
        time.sleep(life.chance.uniform(least, most))
        note.unlink()

    return act


FAULTS: tuple[Fault, ...] = (
    *(Fault(f"camera {kind}", _camera(kind)) for kind in ("gone", "frozen", "black", "garbage", "size", "flapping")),
    Fault("camera silent", _camera("silent", 0.02, 0.3), weight=2),
    Fault("camera slow", _camera("slow", 0.05, 0.2), weight=2),
    Fault("camera driver", _camera("driver")),
    Fault("camera times", _camera("times")),
    Fault("pipe killed", kill_the_command),
    Fault("pipe slow", stop_the_command, weight=2),
    Fault("disk full", fill_the_disk, weight=1, limit=5.0),
    Fault("port stolen", steal_the_port, limit=ANEW, weight=1),
    Fault("rude clients", rude_clients, weight=2),
    Fault("config changed", change, weight=6),
    Fault("config refused", refuse, weight=6),
    Fault("config rewritten 50 times", rewrite, weight=2, limit=5.0),
    Fault("config removed", remove, weight=2),
    Fault("size changed", other_size, limit=ANEW, weight=1),
    Fault("model replaced", replace_the_model),
    Fault("clock jumps", jump_the_clock),
    Fault("no descriptors", no_descriptors, limit=ANEW),
    Fault("signals", any_signal),
    Fault("device lost", _device("lost"), delegate=True),
    Fault("device hangs", _device("hang", 0.05, 0.3), delegate=True),
    Fault("device declines", _device("decline"), delegate=True),
)


def deck(life: Life, count: int, *, delegate: bool) -> list[Fault]:
    """`count` faults in random order, every kind among them if there is room."""
    kinds: list[Any] = [fault for fault in FAULTS if delegate or not fault.delegate]
    weights = [fault.weight * (3 if fault.delegate else 1) for fault in kinds]
    chosen = kinds[:count] + life.chance.choices(kinds, weights, k=max(0, count - len(kinds)))
    life.chance.shuffle(chosen)
    return chosen
