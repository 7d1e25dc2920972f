"""How long a booth that slept takes until a viewer's stream shows a picture that is no cover.

    python benchmarks/wake.py [--times 10]

The service (`edge-bg run`, the built-in guest at 1280x720, 15 frames a second, its own process) sleeps after a second
without a viewer. The built-in guest opens at once; how long a camera takes to open comes on top.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.load import fetch, start

CONFIG = """
source: {kind: synthetic, size: 1280x720, fps: 15}
background: builtin:backdrop.jpg
sinks: [{kind: http, port: 0}]
booth: {control: true}
privacy: {sleep_after: 1}
"""


def covered(port: int) -> bool:
    """Whether what the service shows just now is a cover."""
    return bool(json.loads(fetch(port, "/state"))["covered"])


def woken(port: int) -> float:
    """Seconds from opening the stream until what it shows is a composite."""
    begun = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stream", timeout=30) as stream:
        while time.monotonic() - begun < 30:
            line = stream.readline()
            if line.lower().startswith(b"content-length:"):
                stream.readline()
                stream.read(int(line.split(b":")[1]))
                if not covered(port):
                    return time.monotonic() - begun
    state = json.loads(fetch(port, "/state"))
    raise SystemExit(f"the booth did not wake within 30 s: its state is {state}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(CONFIG)
        service, port = start(sys.executable, "-m", "edge_bg", "run", str(path))
        try:
            took = []
            for _ in range(asked.times + 1):  # the first only brings it to where it can sleep
                end = time.monotonic() + 60
                while took and not covered(port):
                    if time.monotonic() > end:
                        raise SystemExit("the booth did not fall asleep within 60 s")
                    time.sleep(0.1)
                took.append(woken(port))
        finally:
            service.terminate()
            service.wait(20)
    took = took[1:]
    print(
        f"{asked.times} times, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: until a picture that is no cover"
    )
    print(f"median {1000 * statistics.median(took):.0f} ms, slowest {1000 * max(took):.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
