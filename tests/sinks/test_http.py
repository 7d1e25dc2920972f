"""The HTTP sink with real sockets: what it serves, and what that costs."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time

import cv2
import numpy as np
import pytest

from edge_bg.sinks.http import jpeg_encoder
from tests.patience import wait_for
from tests.sinks.served import get, noise, picture, read_until, watch
from tests.sinks.served import sink as sink

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
