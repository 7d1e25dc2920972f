"""A service that dies in its accelerator again and again: the fourth start runs on the CPU and says why."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from edge_bg.breaker import REST

ROOT = Path(__file__).resolve().parents[2]


def test_the_fourth_start_leaves_the_accelerator_alone(tiny: str, twin_folder: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "config.yaml"
    config.write_text(
        "source: {kind: synthetic, size: 256x144}\n"
        f"model: {{name: {twin_folder / 'twin.yaml'}, threads: 1, delegates: [edgetpu, cpu]}}\n"
        f"sinks: [{{kind: http, port: {port}}}]\n"
    )
    state = tmp_path / "state"
    state.mkdir()
    log = (tmp_path / "log").open("wb")
    environ = {
        **os.environ,
        "STATE_DIRECTORY": str(state),
        "EDGE_BG_LIBEDGETPU": tiny,
        "TINY_CRASH_AFTER": "6",  # the try before it invokes once
    }

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "edge_bg.service", str(config)]
        return subprocess.Popen(command, cwd=ROOT, env=environ, stderr=log)

    for _ in range(3):
        assert start().wait(30) == -signal.SIGABRT
    service = start()
    try:
        told = health(port)
    finally:
        service.terminate()
        code = service.wait(20)
        log.close()
    assert code == 0
    assert (told["delegate"], told["wanted"], told["healthy"]) == ("cpu", "edgetpu", True)
    assert f"left alone for {REST / 60:.0f} more minutes" in told["fallbacks"][0]["reason"]
    said = (tmp_path / "log").read_text()
    assert (
        "did not end by itself while edgetpu was in use (3 of 3" in said and "running on cpu instead of edgetpu" in said
    )
    notes = json.loads((state / "accelerator.json").read_text())
    assert notes["running"] is None and len(notes["deaths"]["edgetpu"]) == 3


def health(port: int) -> dict[str, object]:
    """What `/healthz` says once frames flow."""
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                told: dict[str, object] = json.loads(answer.read())
                return told
        except OSError:
            assert time.monotonic() < end, "the service does not get healthy"
            time.sleep(0.1)
