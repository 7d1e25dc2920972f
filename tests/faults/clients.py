"""Who looks beside the stream: two WebSockets, and somebody who has the room cut out by what `edge-bg serve` runs."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

import cv2
import httpx
import numpy as np
import uvicorn
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Request, TextMessage
from wsproto.utilities import ProtocolError

from edge_bg import frame as frames
from edge_bg.cutserver.app import create_app
from edge_bg.cutserver.desk import Desk
from edge_bg.network.card import ModelCard
from edge_bg.still import Cutter
from edge_bg.web.access import Access
from tests.faults.room import picture, seen

JPEG = 6  # cells of the wall's colour that a JPEG may invent along an edge: it has no more than half of it there
ASKED = 0.05  # seconds between two cut-outs
PHOTO = (256, 192)


class Clients:
    """Threads that look until `over`; `sockets` and `cut` count what they have seen. `start`, then `join`."""

    def __init__(self, port: int, card: Path, over: threading.Event) -> None:
        self.sockets = self.cut = 0
        self._port, self._over = port, over
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._desk = Desk(lambda: Cutter(ModelCard.load(card), threads=1, sharp=False))
        config = uvicorn.Config(
            create_app(self._desk, access=Access()), lifespan="off", ws="none", log_config=None, log_level="critical",
            access_log=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._threads = [
            threading.Thread(target=self._server.run, args=([self._listener],), name="serve"),
            threading.Thread(target=self._ask, name="cut-outs"),
            *(threading.Thread(target=self._watch, args=(path,), name=path) for path in ("/ws", "/ws?alpha=packed")),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for the end, which `over` has told."""
        self._server.should_exit = True
        for thread in self._threads:
            thread.join()
        self._listener.close()
        self._desk.close()

    # --- WebSockets ----------------------------------------------------------------------------------

    def _watch(self, path: str) -> None:
        while not self._over.is_set():
            with suppress(OSError, ProtocolError), socket.create_connection(("127.0.0.1", self._port), 2.0) as line:
                self._look(line, path)
            self._over.wait(0.02)

    def _look(self, line: socket.socket, path: str) -> None:
        """Ask for one frame after another, until the server says good-bye."""
        talk = WSConnection(ConnectionType.CLIENT)
        line.sendall(talk.send(Request(host=f"127.0.0.1:{self._port}", target=path)))
        data = b""
        while not self._over.is_set():
            received = line.recv(1 << 16)
            if not received:
                return
            talk.receive_data(received)
            for event in talk.events():
                if isinstance(event, CloseConnection):
                    return
                if isinstance(event, BytesMessage):
                    data += event.data
                    if not event.message_finished:
                        continue
                    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
                    seen(frames.from_bgr(np.asarray(shown, np.uint8)), path, JPEG)
                    self.sockets += 1
                    data = b""
                elif not isinstance(event, AcceptConnection):
                    continue
                line.sendall(talk.send(TextMessage("next")))

    # --- cut-outs ------------------------------------------------------------------------------------

    def _ask(self) -> None:
        photo = cv2.imencode(".png", cv2.cvtColor(picture(PHOTO), cv2.COLOR_YUV2BGR_I420))[1].tobytes()
        url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api/v1/cutouts?subject=people"
        while not self._over.wait(ASKED):
            with suppress(httpx.HTTPError, OSError):
                answer = httpx.post(url, content=photo, headers={"Content-Type": "image/png"}, timeout=5.0)
                if answer.status_code == 200:
                    self.cut += cut_out(answer.content)


def cut_out(data: bytes) -> bool:
    """Whether somebody is in a cut-out; a leak is noted if what is seen of it, or the colours below, show the room."""
    bgra = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    bgr, share = bgra[..., :3], bgra[..., 3:] / 255
    for part, where in ((bgr, "a cut-out's colours"), (np.rint(bgr * share), "a cut-out")):
        seen(frames.from_bgr(np.ascontiguousarray(part, np.uint8)), where)
    return bool(bgra[..., 3].any())
