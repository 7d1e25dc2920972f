"""The HTTP sink with real sockets: who may look, and what goes wrong."""

from __future__ import annotations

import logging
import socket

import pytest

from edge_bg.errors import SinkError
from edge_bg.sinks.http import Http
from tests.sinks.served import SIZE, get, picture
from tests.sinks.served import sink as sink

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
