"""Requests exactly as other programs send them: OctoPrint, Home Assistant, curl, proxies, and pages that embed."""

from __future__ import annotations

import base64
import functools
import http.server
import socket
import threading
import time

import numpy as np
import pytest

from edge_bg import frame as f
from edge_bg.frame import Frame
from edge_bg.sinks.http import Http
from tests.browser import chromium, shot

SIZE = (320, 180)
TOKEN = "let-me-in-please"


def serving(**options):
    made = Http(port=0, **options)
    made.open(SIZE, 30.0)
    made.write(Frame(f.filled(SIZE, f.yuv_of((0, 200, 0))), time.monotonic(), 0))
    return made


@pytest.fixture
def sink(request):
    made = serving(**getattr(request, "param", {}))
    yield made
    made.close()


def raw(sink, text):
    """What a plain socket gets for a request written by hand."""
    with socket.create_connection(("127.0.0.1", sink.port), timeout=60) as client:
        client.sendall(text.replace("\n", "\r\n").encode())
        return client.recv(65536).decode("latin-1")


def basic(password, user="x"):
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("target", ["/?action=stream?nonce=1", "/?action=stream&nonce=1", "/stream?nonce=1?again=2"])
def test_octoprint_appends_its_nonce_with_a_second_question_mark(sink, target):
    answer = raw(sink, f"GET {target} HTTP/1.1\nHost: localhost\n\n")
    assert "200 OK" in answer and "multipart/x-mixed-replace" in answer


@pytest.mark.parametrize("sink", [{"token": TOKEN}], indirect=True)
def test_a_token_before_a_second_question_mark_counts(sink):
    answer = raw(sink, f"GET /?action=snapshot&token={TOKEN}?nonce=7 HTTP/1.1\nHost: localhost\n\n")
    assert "200 OK" in answer and "image/jpeg" in answer


@pytest.mark.parametrize("target", ["http://localhost:{}/snapshot.jpg", "HTTP://127.0.0.1:{}/snapshot.jpg?x=1"])
def test_a_proxys_way_to_ask_is_answered(sink, target):
    answer = raw(sink, f"GET {target.format(sink.port)} HTTP/1.1\nHost: other.example\n\n")
    assert "200 OK" in answer and "image/jpeg" in answer


def test_a_proxys_way_to_ask_opens_no_way_round_the_host_check(sink):
    assert "421" in raw(sink, f"GET http://evil.example:{sink.port}/ HTTP/1.1\nHost: localhost\n\n")


@pytest.mark.parametrize("sink", [{"token": TOKEN}], indirect=True)
def test_the_token_is_taken_as_a_password(sink):
    """As curl -u, and Home Assistant's MJPEG camera with a user name and a password."""
    ask = "GET /snapshot.jpg HTTP/1.1\nHost: booth:8080\n{}\n\n".format
    assert "200 OK" in raw(sink, ask(basic(TOKEN)))
    for wrong in (basic("wrong"), basic("", TOKEN), "Authorization: Basic !!!", "Authorization: Basic"):
        answer = raw(sink, ask(wrong))
        assert "401" in answer and "Basic realm=" in answer, "a client that waits to be asked is asked"


@pytest.mark.parametrize("sink", [{"token": TOKEN}], indirect=True)
def test_the_api_asks_no_browser_for_a_password(sink):
    assert "Basic" not in raw(sink, "GET /state HTTP/1.1\nHost: booth:8080\n\n")


def test_embedding_without_a_token_is_refused():
    with pytest.raises(ValueError, match="set a token, too"):
        Http(embed=["http://octopi.local"])


# --- in a real browser: a page of another origin, and of another port ---------------------------------------------


@pytest.fixture
def page_at(tmp_path):
    """Serves one page; its port. `localhost` and `127.0.0.1` are two sites to a browser."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def colours(browser, path, page, address):
    """What a browser shows of a picture and a frame on `page`: mean RGB of each."""
    place = "position:absolute;left:0;width:200px;height:100px;border:0"
    html = (
        "<body style='margin:0;background:#fff'>"
        f"<img style='{place};top:0' src='{address}'><iframe style='{place};top:100px' src='{address}'></iframe>"
    )
    (path / "index.html").write_text(html)
    view = browser.new_page(viewport={"width": 200, "height": 200})
    try:
        view.goto(page, wait_until="load")
        view.wait_for_timeout(300)
        pixels = shot(view)
    finally:
        view.close()
    return pixels[20:80, 20:180].mean(axis=(0, 1)), pixels[130:170, 60:140].mean(axis=(0, 1))


GREEN = np.array((0, 200, 0))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_named_page_shows_the_picture_and_the_frame(browser, tmp_path, page_at, host):
    page = f"http://{host}:{page_at}"
    sink = serving(token=TOKEN, embed=[page])
    try:
        image, frame = colours(
            browser, tmp_path, f"{page}/", f"http://127.0.0.1:{sink.port}/snapshot.jpg?token={TOKEN}"
        )
        assert np.abs(image - GREEN).max() < 25, "another port of the same host, and another host"
        assert np.abs(frame - GREEN).max() < 25
    finally:
        sink.close()


def test_a_page_that_is_not_named_shows_neither(browser, tmp_path, page_at):
    sink = serving(token=TOKEN, embed=["http://octopi.local"])
    try:
        page = f"http://localhost:{page_at}/"
        image, frame = colours(browser, tmp_path, page, f"http://127.0.0.1:{sink.port}/snapshot.jpg?token={TOKEN}")
        assert np.abs(image - GREEN).max() > 60 and np.abs(frame - GREEN).max() > 60
    finally:
        sink.close()


def test_the_page_and_the_api_stay_closed(sink):
    made = serving(token=TOKEN, embed=["*"])
    try:
        ask = f"GET {{}}?token={TOKEN} HTTP/1.1\nHost: booth\nCookie: a=b\nReferer: http://octopi.local/\n\n".format
        for path in ("/state", "/healthz", "/admin"):
            answer = raw(made, ask(path)).lower()
            assert "x-frame-options: sameorigin" in answer and "cross-origin-resource-policy: same-site" in answer
        answer = raw(made, ask("/snapshot.jpg")).lower()
        assert "x-frame-options" not in answer and "cross-origin-resource-policy: cross-origin" in answer
    finally:
        made.close()
