"""The HTTP sink with real sockets: what slow, many and rude clients can do."""

from __future__ import annotations

import socket
import threading
import time

import psutil
import pytest

from edge_bg.errors import SinkError
from edge_bg.sinks.http import Http
from edge_bg.web import app, connection
from tests.patience import crowd, wait_for
from tests.sinks.served import SIZE, get, noise, picture, read_until, watch
from tests.sinks.served import sink as sink


def test_a_client_that_does_not_read_skips_frames_and_holds_nobody_up(sink):
    slow, quick = watch(sink), watch(sink)
    wait_for(lambda: sink.hub.clients == 2)
    seen = 0
    for n in range(40):
        sink.write(noise(n % 4))
        read_until(quick, rb"\xff\xd9\r\n--edge-bg-frame\r\n")
        seen += 1
    assert seen == 40
    slow.setblocking(False)
    backlog = 0
    try:
        while piece := slow.recv(1 << 20):
            backlog += len(piece)
            time.sleep(0.001)
    except BlockingIOError:
        pass
    one = len(sink.hub.newest.jpeg())
    assert backlog < 20 * one, f"{backlog / one:.0f} frames were queued for a client that was not reading"
    quick.close()
    slow.close()


@pytest.mark.parametrize("sink", [{"max_clients": 2}], indirect=True)
def test_one_client_too_many_is_told_so(sink):
    sink.write(picture())
    clients = [watch(sink), watch(sink)]
    wait_for(lambda: sink.hub.clients == 2)
    status, headers, body = get(sink, "/stream")
    assert status == 503 and b"max_clients" in body and headers["retry-after"]
    assert get(sink, "/snapshot.jpg")[0] == 200
    clients.pop().close()
    wait_for(lambda: sink.hub.clients == 1)
    with watch(sink) as client:
        read_until(client, rb"\xff\xd9")
    clients.pop().close()


def test_clients_that_leave_are_forgotten_even_when_no_frame_comes(sink):
    client = watch(sink)
    wait_for(lambda: sink.hub.clients == 1)
    client.close()
    wait_for(lambda: sink.hub.clients == 0)


def connections(sink):
    return len(sink._server.server_state.connections)


@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\nHost: local", b"GET /state HTTP/1.1\r\nHost: localhost\r\n\r\nGET"]
)
def test_a_client_that_asks_for_nothing_is_cut_off(sink, monkeypatch, said):
    monkeypatch.setattr(connection, "PATIENCE", 0.2)
    with socket.create_connection(("127.0.0.1", sink.port), timeout=60) as client, watch(sink) as other:
        client.sendall(said)
        wait_for(lambda: connections(sink) == 2)
        while client.recv(1 << 16):
            """Until the server ends it."""
        wait_for(lambda: connections(sink) == 1)
        time.sleep(0.5)
        sink.write(picture())
        read_until(other, rb"\xff\xd9")


def test_a_stream_that_nobody_reads_gives_its_place_to_others(sink, monkeypatch):
    monkeypatch.setattr(app, "STALLED", 0.3)
    monkeypatch.setattr(connection, "PATIENCE", 0.2)
    stuck = watch(sink)
    wait_for(lambda: sink.hub.clients == 1)
    for n in range(400):
        sink.write(noise(n % 4))
        if not sink.hub.clients:
            break
        time.sleep(0.01)
    assert sink.hub.clients == 0
    wait_for(lambda: connections(sink) == 0)
    stuck.close()


def test_more_connections_than_anybody_needs_are_refused(sink, monkeypatch):
    monkeypatch.setattr(connection, "MOST", 8)
    clients = [socket.create_connection(("127.0.0.1", sink.port), timeout=60) for _ in range(20)]
    wait_for(lambda: connections(sink) == 8)
    clients.pop(0).close()
    wait_for(lambda: connections(sink) == 7)
    assert get(sink, "/state")[0] == 200
    for client in clients:
        client.close()


def test_a_body_that_never_ends_is_not_kept(sink):
    with socket.create_connection(("127.0.0.1", sink.port), timeout=60) as client:
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n")
        wait_for(lambda: sink.hub.clients == 1)
        before = psutil.Process().memory_info().rss
        for _ in range(400):
            client.sendall(bytes(1 << 18))
        assert psutil.Process().memory_info().rss - before < 40e6


ENDLESS = {
    "a header": (b"GET /state HTTP/1.1\r\nHost: localhost\r\nX: ", b"x" * 8192),
    "headers": (b"GET /state HTTP/1.1\r\nHost: localhost\r\n", b"X-A: " + b"x" * 8000 + b"\r\n"),
    "an address": (b"GET /", b"x" * 8192),
    "trailers": (
        b"GET /stream HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        b"X: y\r\n" * 999,
    ),
}


@pytest.mark.parametrize("parser", ["InC", "InPython"])
@pytest.mark.parametrize("what", ENDLESS)
def test_what_no_request_comes_of_ends_the_connection(monkeypatch, parser, what):
    if not hasattr(connection, parser):
        pytest.skip("httptools has no wheel for this machine")
    monkeypatch.setattr(connection, "Connection", getattr(connection, parser))
    sink = Http(port=0)
    sink.open(SIZE, 30.0)
    first, more = ENDLESS[what]
    try:
        with socket.create_connection(("127.0.0.1", sink.port), timeout=20) as client:
            client.sendall(first)
            with pytest.raises(OSError):  # it is closed at the other end
                for _ in range(1000):
                    client.sendall(more)
        assert get(sink, "/state")[0] == 200
        sink.write(picture())
        assert get(sink, "/snapshot.jpg")[0] == 200
    finally:
        sink.close()


def test_garbage_does_no_harm(sink):
    for rude in (b"\x00\xff" * 500, b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", sink.port)) as client:
            client.sendall(rude)
    sink.write(picture())
    assert get(sink, "/snapshot.jpg")[0] == 200


@pytest.mark.parametrize("stuck", [False, True], ids=["reading", "stuck"])
def test_closing_takes_less_than_a_second_with_clients(stuck):
    sink = Http(port=0)
    sink.open((1280, 720), 30.0)
    clients = [watch(sink) for _ in range(3)]
    wait_for(lambda: sink.hub.clients == 3)
    for n in range(30 if stuck else 1):
        sink.write(noise(n % 3))
        time.sleep(0.005)
    started = time.monotonic()
    sink.close()
    assert time.monotonic() - started < 1.0 * crowd()
    assert not [t for t in threading.enumerate() if t.name == "edge-bg-web"]
    for client in clients:
        client.close()
    with pytest.raises(SinkError):
        sink.write(picture())
