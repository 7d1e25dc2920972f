"""The person alone, live, for AR: by its pixels, over MJPEG and over a WebSocket that gives what is asked for."""

from __future__ import annotations

import re
import socket
from itertools import pairwise

import cv2
import httpx
import numpy as np
import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, RejectConnection, Request, TextMessage

from tests.booth.conftest import running
from tests.patience import wait_for


@pytest.fixture(scope="module")
def live():
    with running({"control": True}) as made:
        wait_for(lambda: made.booth.stats.snapshot()["frames"] > 30)
        yield made


def decoded(jpeg):
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(int)


def mjpeg(running, query, count):
    """So many frames of a stream."""
    found, data = [], b""
    with httpx.stream("GET", f"{running.base}/stream{query}", timeout=20) as answer:
        for piece in answer.iter_bytes():
            data += piece
            while head := re.search(rb"Content-Length: (\d+)\r\n\r\n", data):
                end = head.end() + int(head[1])
                if len(data) < end:
                    break
                found.append(data[head.end() : end])
                data = data[end:]
            if len(found) >= count:
                return found
    return found


@pytest.mark.parametrize(("way", "axis"), [("packed", 1), ("packed-below", 0)])
def test_colours_and_alpha_lie_side_by_side_and_the_room_is_in_neither(live, way, axis):
    picture = decoded(mjpeg(live, f"?alpha={way}", 6)[-1])
    assert picture.shape == ((180, 640, 3) if axis else (360, 320, 3))
    colours, alpha = np.split(picture, 2, axis)
    share = alpha.mean(axis=2)
    inner = alpha[16:] if way == "packed-below" else alpha  # 180 is no multiple of a JPEG's 16: blocks hold both
    assert np.ptp(inner, axis=2).max() < 16, "alpha is grey"
    assert (share > 240).mean() > 0.02 and (share < 10).mean() > 0.2, "somebody is there, and somebody's surroundings"
    assert colours[share < 4].max() < 40, "premultiplied: black where nobody is"
    over = colours - share[..., None]
    assert over.max() < 60, "no colour is brighter than its alpha"


def test_an_ordinary_stream_goes_on_beside_it(live):
    assert decoded(mjpeg(live, "", 1)[0]).shape == (180, 320, 3)
    assert httpx.get(f"{live.base}/stream?alpha=nonsense").status_code == 422


class Socket:
    """A WebSocket client, as small as can be."""

    def __init__(self, port, target="/ws", headers=()):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.ws = WSConnection(ConnectionType.CLIENT)
        self.socket.sendall(self.ws.send(Request(host=f"127.0.0.1:{port}", target=target, extra_headers=list(headers))))
        self.opened = isinstance(self.event(), AcceptConnection)

    def event(self):
        parts = []
        while True:
            for event in self.ws.events():
                if isinstance(event, BytesMessage):
                    parts.append(bytes(event.data))
                    if event.message_finished:
                        return b"".join(parts)
                elif isinstance(event, (AcceptConnection, RejectConnection, CloseConnection)):
                    return event
            data = self.socket.recv(65536)
            self.ws.receive_data(data or None)

    def next(self):
        self.socket.sendall(self.ws.send(TextMessage("next")))
        return self.event()

    def quiet(self, seconds):
        """Whether nothing comes of itself."""
        self.socket.settimeout(seconds)
        try:
            return not self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(20)

    def close(self):
        self.socket.close()


def test_a_websocket_gives_one_frame_for_each_message_and_nothing_of_itself(live):
    client = Socket(live.http.port, "/ws?alpha=packed")
    try:
        assert client.opened
        pictures = [decoded(client.next()) for _ in range(5)]
        assert {each.shape for each in pictures} == {(180, 640, 3)}
        assert any((a != b).any() for a, b in pairwise(pictures)), "they are new ones"
        assert client.quiet(0.4), "no lag can build up"
    finally:
        client.close()
    wait_for(lambda: not live.http.packed["packed"].clients, what="the end of the watching")
    wait_for(lambda: not live.booth.compositor.want_cutout, what="the end of the work for it")


def test_another_sites_page_gets_no_websocket(live):
    client = Socket(live.http.port, headers=[(b"Origin", b"http://evil.example")])
    assert not client.opened
    client.close()
