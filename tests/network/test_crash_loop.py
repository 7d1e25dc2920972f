"""A service that dies in its accelerator again and again: the fourth start runs on the CPU and says why."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_bg.network.breaker import REST
from tests.patience import crowd

ROOT = Path(__file__).resolve().parents[2]


class Box:
    """A service with an accelerator that fails as $TINY_... says, and its state directory."""

    def __init__(self, folder: Path, tiny: str, card: Path, **environ: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.config = folder / "config.yaml"
        self.config.write_text(
            "source: {kind: synthetic, size: 256x144}\n"
            f"model: {{name: {card}, threads: 1, delegates: [edgetpu, cpu]}}\n"
            f"sinks: [{{kind: http, port: {self.port}}}]\n"
        )
        self.state = folder / "state"
        self.state.mkdir()
        self.log = folder / "log"
        self.environ = {**os.environ, "STATE_DIRECTORY": str(self.state), "EDGE_BG_LIBEDGETPU": tiny, **environ}

    def start(self, before: str = "pass") -> subprocess.Popen[bytes]:
        code = f"import sys; from edge_bg import service; {before}; sys.exit(service.main())"
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", code, str(self.config)], cwd=ROOT, env=self.environ, stderr=log
            )

    def notes(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.state / "accelerator.json").read_text())
        return told


@pytest.fixture
def box(tiny: str, twin_folder: Path, tmp_path: Path) -> Callable[..., Box]:
    return lambda **environ: Box(tmp_path, tiny, twin_folder / "twin.yaml", **environ)


def test_the_fourth_start_leaves_the_accelerator_alone(box: Callable[..., Box]) -> None:
    it = box(TINY_CRASH_AFTER="6")  # the try before it invokes once
    for _ in range(3):
        assert it.start().wait(90) == -signal.SIGABRT
    service = it.start()
    try:
        told = health(it.port)
        with urllib.request.urlopen(f"http://127.0.0.1:{it.port}/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
    finally:
        service.terminate()
        code = service.wait(60)
    assert code == 0
    assert (told["delegate"], told["wanted"], told["healthy"]) == ("cpu", "edgetpu", True)
    assert f"left alone for {REST / 60:.0f} more minutes" in told["fallbacks"][0]["reason"]
    assert "edge_bg_delegate_fallback 1" in metrics
    assert 'edge_bg_events_total{event="left_alone.delegate"} 1' in metrics
    said = it.log.read_text()
    assert "edgetpu was being tried (3 of 3" in said and "running on cpu instead of edgetpu" in said
    assert it.notes()["busy"] == {} and len(it.notes()["deaths"]["edgetpu"]) == 3


@pytest.mark.long
def test_a_network_that_hangs_ends_the_program_and_is_counted(box: Callable[..., Box]) -> None:
    it = box(TINY_HANG_AFTER="4")
    service = it.start("service.STUCK = 2")  # covers go out meanwhile, which feed the watchdog
    assert service.wait(90) == 1
    said = it.log.read_text()
    assert "edgetpu has stopped answering (1 of 3" in said and "edgetpu has not answered for 2 s" in said
    assert it.notes()["busy"] == {} and len(it.notes()["deaths"]["edgetpu"]) == 1


@pytest.mark.long
def test_the_end_is_quick_while_the_network_hangs(box: Callable[..., Box]) -> None:
    it = box(TINY_HANG_AFTER="40")
    service = it.start()
    assert health(it.port)["delegate"] == "edgetpu"
    time.sleep(3)
    service.terminate()
    assert service.wait(60) == 0
    stopped = re.search(r"stopped in ([\d.]+) s", it.log.read_text())
    assert stopped and float(stopped[1]) < 1.5 * crowd()
    assert it.notes() == {"deaths": {}, "busy": {}}


def health(port: int) -> dict[str, Any]:
    """What `/healthz` says once frames flow."""
    end = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                told: dict[str, Any] = json.loads(answer.read())
                return told
        except OSError:
            assert time.monotonic() < end, "the service does not get healthy"
            time.sleep(0.1)
