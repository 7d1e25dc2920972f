"""The HTTP sink with real sockets: who may look, what it costs, what a slow or rude client can do."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import re
import socket
import threading
import time

import cv2
import numpy as np
import psutil
import pytest

from edge_bg import frame as f
from edge_bg.errors import SinkError
from edge_bg.frame import Frame
from edge_bg.sinks.http import Http, jpeg_encoder
from edge_bg.web import app, connection
from tests.patience import crowd, wait_for

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


# --- what it serves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/snapshot.jpg", "/snapshot", "/?action=snapshot"])
def test_snapshot(sink, path):
    sink.write(picture(200))
    status, headers, body = get(sink, path)
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    shown = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(shown.astype(int) - picture(200).bgr()).max() <= 2


@pytest.mark.parametrize("path", ["/stream", "/stream.mjpg", "/?action=stream"])
def test_stream_is_multipart_with_lengths(sink, path):
    with watch(sink, path) as client:
        wait_for(lambda: sink.hub.clients == 1)
        sink.write(picture(10))
        data = read_until(client, rb"\xff\xd9\r\n--edge-bg-frame\r\n")
    assert b"content-type: multipart/x-mixed-replace; boundary=edge-bg-frame" in data
    head, _, rest = data.partition(b"--edge-bg-frame\r\nContent-Type: image/jpeg\r\nContent-Length: ")
    assert head and rest
    length, _, jpeg = rest.partition(b"\r\n\r\n")
    assert jpeg[int(length) - 2 : int(length)] == b"\xff\xd9"


def test_page_asks_nobody_else_and_allows_only_itself(sink):
    status, headers, body = get(sink, "/")
    text = body.decode()
    assert status == 200 and headers["content-type"].startswith("text/html")
    named = re.findall(r"""(?:src|href)="(static/[^"]+)\"""", text)
    assert len(named) >= 3 and "<style" not in text and not re.search(r"<script(?! type=\"module\" src)", text)
    for path in named:
        status, kind, body = get(sink, f"/{path}")
        assert status == 200 and kind["x-content-type-options"] == "nosniff", path
        text += body.decode()
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", text)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-site"
    assert "server" not in headers and "access-control-allow-origin" not in headers


def test_state_and_health(sink):
    status, _, body = get(sink, "/healthz")
    assert status == 503 and json.loads(body)["why"] == "no frame has come yet"
    sink.status = lambda: {"camera": "ok"}
    for n in range(3):
        sink.write(picture(n))
    status, _, body = get(sink, "/healthz")
    assert status == 200 and json.loads(body)["healthy"] is True
    status, _, body = get(sink, "/state")
    state = json.loads(body)
    assert status == 200 and state["frames"] == 3 and state["size"] == [320, 180] and state["camera"] == "ok"
    assert state["clients"] == 0 and state["covered"] is False
    sink.hub.newest.time -= 60
    status, _, body = get(sink, "/healthz")
    assert status == 503 and "60" in json.loads(body)["why"]
    sink.write(picture(4))
    sink.status = lambda: {"healthy": False, "why": "the camera is lost"}
    status, _, body = get(sink, "/healthz")
    assert status == 503 and json.loads(body)["why"] == "the camera is lost"


def test_a_snapshot_before_the_first_frame_waits_for_it(sink):
    threading.Timer(0.2, lambda: sink.write(picture(1))).start()
    assert get(sink, "/snapshot.jpg")[0] == 200


def test_unknown_paths_and_methods(sink):
    assert get(sink, "/etc/passwd")[0] == 404
    assert get(sink, "/%2e%2e/%2e%2e/etc/passwd")[0] == 404
    assert get(sink, "/state", method="POST")[0] == 405
    assert get(sink, "/stream", method="HEAD")[0] == 200


# --- what it costs ------------------------------------------------------------------------------------------


def test_nothing_is_encoded_while_nobody_watches(sink):
    for n in range(50):
        sink.write(picture(n))
    assert sink.hub.encoded == 0
    get(sink, "/snapshot.jpg")
    get(sink, "/snapshot.jpg")
    assert sink.hub.encoded == 1, "asked twice for one picture: encoded once"


def test_each_frame_is_encoded_once_however_many_watch(sink):
    clients = [watch(sink) for _ in range(5)]
    wait_for(lambda: sink.hub.clients == 5)
    for n in range(10):
        sink.write(picture(n))
        for client in clients:
            read_until(client, rb"\xff\xd9\r\n--edge-bg-frame\r\n")
    assert sink.hub.encoded == 10
    for client in clients:
        client.close()
    wait_for(lambda: sink.hub.clients == 0)
    sink.write(picture(11))
    assert sink.hub.encoded == 10, "all have left"


def test_planes_are_encoded_as_they_are():
    frame = noise(1, (64, 48))
    frame.data[:] = cv2.GaussianBlur(frame.data, (0, 0), 4)
    decoded = cv2.imdecode(np.frombuffer(jpeg_encoder(95)(frame), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(decoded.astype(int) - frame.bgr()).mean() < 2


def test_without_simplejpeg_opencv_encodes(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "simplejpeg", None)
    frame = picture(77)
    decoded = cv2.imdecode(np.frombuffer(jpeg_encoder(90)(frame), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(decoded.astype(int) - frame.bgr()).max() <= 3


def test_closing_in_the_moment_in_which_the_loop_ends_by_itself(sink):
    """Seen under emulation: the thread still lived, its event loop did not."""
    closed = asyncio.new_event_loop()
    closed.close()
    ending = threading.Thread(target=time.sleep, args=(0.5,))
    ending.start()
    server, sink._thread, sink._loop = sink._thread, ending, closed
    sink.close()
    server.join(5)
    assert not server.is_alive() and not ending.is_alive()


# --- slow, many and rude clients -----------------------------------------------------------------------------


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


# --- who may look ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:8080", "127.0.0.1:1"])
def test_loopback_names_are_answered(sink, host):
    assert get(sink, "/state", Host=host)[0] == 200


def test_a_player_that_names_no_host_is_answered(sink):
    with socket.create_connection(("127.0.0.1", sink.port), timeout=60) as plain:
        plain.sendall(b"GET /state HTTP/1.0\r\n\r\n")
        assert plain.recv(64).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "localhost.evil"])
def test_other_names_are_not_so_that_no_web_page_gets_in_by_rebinding(sink, host):
    status, _, body = get(sink, "/snapshot.jpg", Host=host)
    assert status == 421 and b"localhost" in body


TOKEN = "a-token-of-some-length"


@pytest.mark.parametrize("sink", [{"token": TOKEN}], indirect=True)
def test_a_token_is_asked_of_everything_and_taken_three_ways(sink):
    sink.write(picture())
    for path in ("/", "/stream", "/stream.mjpg", "/?action=stream", "/snapshot.jpg", "/state", "/healthz", "/nothing"):
        status, headers, body = get(sink, path)
        assert status == 401 and b"token" in body and TOKEN.encode() not in body and headers["x-frame-options"], path
    for wrong in ("", "x", TOKEN + "x", TOKEN[:-1], "%C3%A4%C3%A4%00"):
        assert get(sink, f"/state?token={wrong}")[0] == 401
        assert get(sink, "/state", Authorization=f"Bearer {wrong}")[0] == 401
    assert get(sink, f"/state?token={TOKEN}")[0] == 200
    assert get(sink, f"/state?token={TOKEN}", Host="booth.example")[0] == 200, "as behind a proxy"
    assert get(sink, "/state", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert get(sink, "/state", Authorization=f"Basic {TOKEN}")[0] == 401
    status, headers, _ = get(sink, f"/?token={TOKEN}")
    assert status == 303 and "token" not in headers["location"]
    cookie = headers["set-cookie"]
    assert "httponly" in cookie.lower() and "samesite=strict" in cookie.lower() and TOKEN not in cookie
    crumb = cookie.split(";")[0]
    assert get(sink, "/", Cookie=crumb)[0] == 200
    assert get(sink, "/snapshot.jpg", Cookie=crumb)[0] == 200
    assert get(sink, "/state", Cookie=crumb[:-1])[0] == 401
    assert get(sink, "/state", Cookie=";;=")[0] == 401
    assert get(sink, "/state", Cookie=";;=\x01")[0] in (400, 401)  # as strictly as HTTP is read


def test_beyond_loopback_a_token_is_made_up_and_logged(caplog):
    sink = Http(host="0.0.0.0", port=0)
    with caplog.at_level(logging.INFO, "edge_bg"):
        sink.open(SIZE, 30.0)
    try:
        assert sink.token is not None and len(sink.token) >= 20
        assert f"/?token={sink.token}" in caplog.text
        assert get(sink, "/state")[0] == 401
        assert get(sink, f"/state?token={sink.token}", Host="booth.example")[0] == 200
    finally:
        sink.close()
    other = Http(host="0.0.0.0", port=0)
    other.open(SIZE, 30.0)
    other.close()
    assert other.token != sink.token


def test_a_token_of_ones_own_is_not_logged(caplog):
    sink = Http(host="0.0.0.0", port=0, token=TOKEN)
    with caplog.at_level(logging.DEBUG):
        sink.open(SIZE, 30.0)
        get(sink, f"/?token={TOKEN}")
        sink.close()
    assert "watch at" in caplog.text and TOKEN not in caplog.text


def test_ipv6_loopback_needs_no_token():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    sink = Http(host="::1", port=0)
    try:
        sink.open(SIZE, 30.0)
    except SinkError as caught:
        pytest.skip(f"no IPv6 here: {caught}")
    assert sink.token is None and sink.url.startswith("http://[::1]:")
    sink.close()


# --- errors ----------------------------------------------------------------------------------------------------


def test_a_taken_port_is_named_with_what_mends_it(sink):
    with pytest.raises(SinkError, match=rf"127\.0\.0\.1:{sink.port}: port is taken\n.*ss -ltnp 'sport = :{sink.port}'"):
        Http(port=sink.port).open(SIZE, 30.0)


def test_a_host_that_is_not_here():
    with pytest.raises(SinkError, match="`ip address` lists"):
        Http(host="192.0.2.1", port=0).open(SIZE, 30.0)
    with pytest.raises(SinkError, match="is not known here"):
        Http(host="no such host", port=0).open(SIZE, 30.0)


@pytest.mark.parametrize("wrong", [{"quality": 0}, {"quality": 101}, {"token": "short"}, {"token": ""}])
def test_arguments_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Http(**wrong)


def test_a_failing_status_is_an_answer_and_a_log_line(sink, caplog):
    sink.write(picture())
    sink.status = lambda: 1 / 0
    assert get(sink, "/state")[0] == 500
    assert "ZeroDivisionError" in caplog.text
    assert get(sink, "/snapshot.jpg")[0] == 200


@pytest.mark.parametrize("caught", [MemoryError(), RuntimeError("can't start new thread")])
def test_without_memory_it_says_so_and_goes_on(sink, caplog, caught):
    def status():
        raise caught

    sink.write(picture())
    sink.status = status
    assert get(sink, "/state")[0] == 503
    assert "Traceback" not in caplog.text and "no memory left" in caplog.text
    assert get(sink, "/snapshot.jpg")[0] == 200
