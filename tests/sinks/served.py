"""The HTTP sink on a real socket, pictures for it, and a client that reads what it is told to."""

from __future__ import annotations

import http.client
import re
import socket
import time

import numpy as np
import pytest

from edge_bg import frame as f
from edge_bg.frame import Frame
from edge_bg.sinks.http import Http

SIZE = (320, 180)


def picture(n=0, size=SIZE):
    return Frame(f.filled(size, (n % 256, 110, 150)), time.monotonic(), n)


def noise(n, size=(1280, 720)):
    """A picture that JPEG cannot make small, so that sockets fill up."""
    rng = np.random.default_rng(n)
    return Frame(rng.integers(0, 256, (size[1] * 3 // 2, size[0]), np.uint8), time.monotonic(), n)


@pytest.fixture
def sink(request):
    made = Http(port=0, **getattr(request, "param", {}))
    made.open(SIZE, 30.0)
    yield made
    made.close()


def get(sink, path, *, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=60)
    try:
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def watch(sink, path="/stream", host="localhost"):
    client = socket.create_connection(("127.0.0.1", sink.port))
    client.settimeout(5)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return client


def read_until(client, pattern, limit=4_000_000):
    data = b""
    while not re.search(pattern, data):
        piece = client.recv(65536)
        assert piece and len(data) < limit, data[:400]
        data += piece
    return data
