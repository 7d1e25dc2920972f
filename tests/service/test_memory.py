"""What a reload leaves behind: nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SLOWNESS = 8 if "QEMU_CPU" in os.environ else 1
MOST = 40e6  # bytes: one booth of this size holds more than half of that


def config(size: str) -> str:
    return (
        f"source: {{kind: synthetic, size: {size}, fps: 10}}\nsinks: [{{kind: http, port: 0}}]\n"
        "model: {threads: 1}\nbackground: blur:0.8\n"
    )


@pytest.mark.long
def test_memory_and_threads_stay_as_they_are_over_loops_that_start_anew(tmp_path: Path) -> None:
    path, log = tmp_path / "c.yaml", tmp_path / "log"
    path.write_text(config("1280x720"))
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "edge_bg.service", str(path)], stderr=out)
    try:
        watched = psutil.Process(process.pid)

        def settle(starts: int) -> tuple[float, int, int]:
            end = time.monotonic() + 60 * SLOWNESS
            while log.read_text().count("watch at") < starts:
                assert time.monotonic() < end and process.poll() is None, log.read_text()
                time.sleep(0.05)
            time.sleep(0.7 * SLOWNESS)
            return watched.memory_info().rss, watched.num_threads(), watched.num_fds()

        figures = [settle(1)]
        for n in range(2, 10):
            path.write_text(config("1280x720" if n % 2 else "1280x718"))
            process.send_signal(signal.SIGHUP)
            figures.append(settle(n))
        assert figures[-1][1:] == figures[2][1:], "threads and descriptors"
        rss = [each[0] for each in figures]
        assert max(rss[-3:]) < max(rss[:3]) + MOST, [round(each / 1e6) for each in rss]
        assert "Traceback" not in log.read_text()
        process.terminate()
        assert process.wait(60 * SLOWNESS) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
