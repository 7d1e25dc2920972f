"""sd_notify by hand, against a real datagram socket."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from edge_bg.board.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, socket.socket]:
    """(value of NOTIFY_SOCKET, the socket systemd would read)."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@edge-bg-test-{os.getpid()}-{time.monotonic_ns()}"
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind("\0" + name[1:] if name.startswith("@") else name)
    sock.settimeout(0.05)
    request.addfinalizer(sock.close)
    return name, sock


def heard(sock: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(sock.recv(4096).decode())
        except TimeoutError:
            return messages


def test_ready_once_and_food_at_most_four_times_a_period(manager: tuple[str, socket.socket]) -> None:
    name, sock = manager
    environ = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "400000", "WATCHDOG_PID": str(os.getpid())}
    notifier = Notifier(environ)
    assert notifier.watchdog == 0.4 and not environ, "children must not speak in our name"
    assert heard(sock) == []
    for _ in range(5):
        notifier.alive()
    assert heard(sock) == ["READY=1\nWATCHDOG=1"]
    time.sleep(0.11)
    for _ in range(5):
        notifier.alive()
    assert heard(sock) == ["WATCHDOG=1"]
    notifier.close()


def test_words(manager: tuple[str, socket.socket]) -> None:
    name, sock = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    assert notifier.on and notifier.watchdog is None
    notifier.reloaded()
    assert heard(sock) == [], "a reload before READY does not claim to be ready"
    notifier.status("two\nlines")
    notifier.alive()
    notifier.alive()
    notifier.reloading()
    notifier.reloaded()
    notifier.stopping()
    said = heard(sock)
    assert said[:2] == ["STATUS=two lines", "READY=1\nWATCHDOG=1"]
    assert said[2].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert said[3:] == ["READY=1", "STOPPING=1"]
    notifier.close()
    notifier.close()
    notifier.status("x")


def test_watchdog_of_another_process_is_not_ours() -> None:
    assert Notifier({"WATCHDOG_USEC": "400000", "WATCHDOG_PID": "1"}).watchdog is None
    assert Notifier({"WATCHDOG_USEC": "rubbish"}).watchdog is None


def test_without_a_manager_and_with_one_that_is_gone(tmp_path: Path) -> None:
    silent = Notifier({})
    silent.alive()
    assert not silent.on
    gone = Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    gone.alive()
    gone.close()


def test_a_slow_manager_holds_up_nothing_and_hears_it_later(manager: tuple[str, socket.socket]) -> None:
    name, sock = manager
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000"})
    start = time.monotonic()
    while notifier.send("STATUS=x"):  # until its queue is full
        assert time.monotonic() - start < 5
    notifier.alive()
    assert time.monotonic() - start < 5
    assert "READY=1\nWATCHDOG=1" not in heard(sock)
    notifier.alive()
    assert heard(sock) == ["READY=1\nWATCHDOG=1"]
    notifier.close()
