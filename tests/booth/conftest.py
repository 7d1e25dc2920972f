"""A real booth on a real port: the synthetic guest, the small model, the web server, nothing made up."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import httpx
import pytest

from edge_bg import build, config
from tests.patience import wait_for

SIZE = (320, 180)


class Running:
    """A booth that runs, and clients for it."""

    def __init__(self, data, path=None):
        self.config = config.from_dict(data)
        self.booth = build.Booth(self.config) if path is None else build.open(path)
        self.http = next(o.sink for o in self.booth.sinks._outlets if o.sink.name == "http")
        self.thread = threading.Thread(target=self.booth.run, daemon=True)
        self.thread.start()
        wait_for(lambda: self.http.hub is not None and self.http.hub.newest is not None)
        self._clients = []

    @property
    def base(self):
        return f"http://127.0.0.1:{self.http.port}"

    def client(self, **headers):
        # A connection of its own for each request: one that idled may be closed by the server just as it is used again.
        once = httpx.Limits(max_keepalive_connections=0)
        made = httpx.Client(base_url=f"{self.base}/api/v1", timeout=60, headers=headers, limits=once)
        self._clients.append(made)
        return made

    def operator(self):
        made = self.client()
        assert made.post("/login", json={"pin": self.booth.control.pin}).status_code == 200
        return made

    def close(self):
        for client in self._clients:
            client.close()
        self.booth.stop()
        self.thread.join(60)
        self.booth.close()


@contextmanager
def running(booth=None, path=None, **data):
    given = {
        "source": {"kind": "synthetic", "size": SIZE, "fps": 30.0},
        "model": "landscape",
        "background": "#204060",
        "sinks": [{"kind": "http", "port": 0}],
        "booth": booth or {},
        **data,
    }
    made = Running(given, path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def touched():
    """A booth that may be used, nothing kept."""
    with running({"control": True, "pin": "2468", "times": {"countdown": 0.3}}) as made:
        yield made


@pytest.fixture(scope="module")
def watched():
    """A booth as it is without any key of its own: it can be watched."""
    with running() as made:
        yield made
