"""What many clients cost the loop: its rate with 20 streams and 200 API requests a second, beside a plain file server.

    python benchmarks/load.py [--seconds 60] [--streams 20] [--requests 200] [--turns 4]

The service (`edge-bg run`, the built-in guest at 1280x720, 15 frames a second, its own process) runs all the time. In
turns, the same clients, in a process of their own, ask a plain server, a third process, which sends files of the same
size at the same rate, and the service. Printed are the loop's rate in both, and what the clients got. Everything shares
this machine: the clients' own work is in both figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FPS = 15
SERVICE = f"""
source: {{kind: synthetic, size: 1280x720, fps: {FPS}}}
background: builtin:backdrop.jpg
sinks: [{{kind: http, port: 0, max_clients: 64}}]
booth: {{control: true}}
privacy: {{sleep_after: null}}
"""
BOUNDARY = "edge-bg-frame"


# --- clients -----------------------------------------------------------------------------------------------------


async def watch(host: str, port: int, end: float, seen: list[int]) -> None:
    """Read the stream until `end`, counting pictures."""
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    writer.write(f"GET /stream HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
    try:
        while time.monotonic() < end:
            async with asyncio.timeout(max(0.1, end - time.monotonic())):
                line = await reader.readline()
                if line.lower().startswith(b"content-length:"):
                    await reader.readline()
                    await reader.readexactly(int(line.split(b":")[1]))
                    seen[0] += 1
    except TimeoutError:
        pass
    finally:
        writer.close()


async def ask(host: str, port: int, end: float, period: float, seen: list[float]) -> None:
    """GET /api/v1/state on one connection every `period` seconds; how long each took."""
    reader, writer = await asyncio.open_connection(host, port)
    due = time.monotonic()
    while (now := time.monotonic()) < end:
        await asyncio.sleep(max(0.0, due - now))
        due = max(due + period, now)
        begun = time.monotonic()
        writer.write(f"GET /api/v1/state HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head.lower())
        await reader.readexactly(int(found[1]) if found else 0)
        if b" 200 " not in head.split(b"\r\n")[0] + b" ":
            raise SystemExit(f"the API answered {head[:60]!r}")
        seen.append(time.monotonic() - begun)
    writer.close()


async def clients(port: int, seconds: float, streams: int, requests: int) -> dict[str, float]:
    """All of them at once; what they got."""
    end, pictures, took = time.monotonic() + seconds, [0], []
    connections = min(20, requests)
    async with asyncio.TaskGroup() as group:
        for _ in range(streams):
            group.create_task(watch("127.0.0.1", port, end, pictures))
        for _ in range(connections):
            group.create_task(ask("127.0.0.1", port, end, connections / requests, took))
    took.sort()
    late = 1000 * took[int(0.95 * len(took))] if took else 0.0
    return {"pictures": pictures[0] / seconds / max(1, streams), "requests": len(took) / seconds, "p95": late}


# --- the plain server --------------------------------------------------------------------------------------------


async def plain(jpeg: bytes, state: bytes) -> None:
    """The same bytes at the same rate, made of two files."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                if b"/stream" not in asked:
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(state)}\r\nContent-Type: application/json\r\n\r\n"
                    writer.write(head.encode() + state)
                    await writer.drain()
                    continue
                kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode())
                part = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                while True:
                    writer.write(part.encode() + jpeg + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(1 / FPS)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(f"watch at http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", file=sys.stderr, flush=True)
    async with server:
        await server.serve_forever()


# --- the run -------------------------------------------------------------------------------------------------------


def start(*command: str) -> tuple[subprocess.Popen[str], int]:
    """A server as a process of its own, and its port."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lines: list[str] = []
    threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True).start()
    end = time.monotonic() + 90
    while not (found := re.search(r"watch at http://127\.0\.0\.1:(\d+)/", "".join(lines))):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit("".join(lines))
        time.sleep(0.1)
    return process, int(found[1])


def fetch(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return bytes(answer.read())


def frames(port: int) -> tuple[float, float]:
    """Frames that the loop has made, and when."""
    return float(json.loads(fetch(port, "/state"))["stats"]["frames"]), time.monotonic()


def turn(service: int, target: int, seconds: float, asked: argparse.Namespace) -> dict[str, float]:
    """The clients on `target`, and the loop's rate meanwhile."""
    before = frames(service)
    command = [sys.executable, __file__, "--clients", str(target), "--seconds", str(seconds)]
    command += ["--streams", str(asked.streams), "--requests", str(asked.requests)]
    got = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    after = frames(service)
    return {**got, "rate": (after[0] - before[0]) / (after[1] - before[1])}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--clients", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.clients:
        print(json.dumps(asyncio.run(clients(asked.clients, asked.seconds, asked.streams, asked.requests))))
        return 0
    if asked.plain:
        asyncio.run(plain((asked.plain / "picture.jpg").read_bytes(), (asked.plain / "state.json").read_bytes()))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "config.yaml").write_text(SERVICE)
        service, port = start(sys.executable, "-m", "edge_bg", "run", str(folder / "config.yaml"))
        servers = [service]
        try:
            while json.loads(fetch(port, "/state"))["covered"] is not False:
                time.sleep(0.2)
            (folder / "picture.jpg").write_bytes(jpeg := fetch(port, "/snapshot.jpg"))
            (folder / "state.json").write_bytes(fetch(port, "/api/v1/state"))
            other, files = start(sys.executable, __file__, "--plain", str(folder))
            servers.append(other)
            load = os.getloadavg()[0]
            print(f"{asked.streams} streams of 1280x720 at {FPS} ({len(jpeg) // 1024} KiB a picture), ", end="")
            print(
                f"{asked.requests} requests a second, {asked.turns} turns of {asked.seconds / asked.turns:.0f} s each"
            )
            print(f"{os.cpu_count()} cores, load {load:.1f} before\n")
            rows: dict[str, list[dict[str, float]]] = {"plain files": [], "the service": []}
            for _ in range(asked.turns):
                for name, target in (("plain files", files), ("the service", port)):
                    rows[name].append(turn(port, target, asked.seconds / asked.turns, asked))
        finally:
            for each in servers:
                each.terminate()
                each.wait(20)
    print("| clients on | loop, frames/s | pictures/s a stream | requests/s | p95 of a request, ms |")
    print("| --- | --: | --: | --: | --: |")
    means = {}
    for name, found in rows.items():
        mean = {key: sum(each[key] for each in found) / len(found) for key in found[0]}
        means[name] = mean["rate"]
        print(f"| {name} | {mean['rate']:.2f} | {mean['pictures']:.1f} | {mean['requests']:.0f} | {mean['p95']:.1f} |")
    print(f"\nthe loop's rate is down by {100 * (1 - means['the service'] / means['plain files']):.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
