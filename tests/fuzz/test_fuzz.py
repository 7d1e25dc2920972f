"""Valid files with holes, swaps and rubbish in them: an error in words, never another exception, and quickly."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_bg import build
from tests.fuzz.targets import TARGETS, seeds
from tests.patience import crowd

MOST = 5.0  # seconds for one input, on a machine that is busy


@st.composite
def damaged(draw: Any, target: str) -> bytes:
    """A valid input of `target` with one to six changes."""
    data = bytearray(draw(st.sampled_from(seeds(target))))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.integers(0, 4))
        if kind == 0 and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == 1:
            data[at:at] = draw(st.binary(max_size=24))
        elif kind == 2:
            del data[at : at + draw(st.integers(1, 64))]
        elif kind == 3:
            data[at : at + 4] = draw(
                st.sampled_from((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"\x7f\xff\xff\xff"))
            )
        else:
            del data[at:]
    return bytes(data)


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(chosen=st.data())
def test_damaged_files_are_errors_in_words(target: str, chosen: st.DataObject) -> None:
    data = chosen.draw(damaged(target) | st.binary(max_size=200))
    start = time.monotonic()
    TARGETS[target](data)
    assert time.monotonic() - start < MOST * crowd()


ROUTES = [
    ("PUT", "background"), ("PUT", "foreground"), ("PUT", "place"), ("PATCH", "settings"), ("POST", "flow"),
    ("POST", "photos"), ("POST", "login"), ("PUT", "privacy"), ("PATCH", "backgrounds"), ("PATCH", "photos/x"),
    ("PUT", "profile"), ("POST", "backgrounds"), ("DELETE", "photos/%00"), ("GET", "backgrounds/../x/thumb.jpg"),
]  # fmt: skip
keys = st.sampled_from(["id", "x", "y", "scale", "pin", "token", "action", "closed", "order", "name", "matte.edge"])
values: Any = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def port() -> Any:
    import threading

    plain = {
        "source": {"kind": "synthetic", "size": "64x36", "fps": 10},
        "sinks": [{"kind": "http", "port": 0}],
        "booth": {"control": True, "pin": "4711"},
    }
    with build.open(plain) as booth:
        thread = threading.Thread(target=booth.run)
        thread.start()
        sink: Any = booth.sinks._outlets[0].sink
        end = time.monotonic() + 60
        while (sink.port == 0 or sink.hub is None) and time.monotonic() < end:
            time.sleep(0.01)
        yield sink.port
        booth.stop()
        thread.join()


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    route=st.sampled_from(ROUTES),
    body=st.dictionaries(keys, values, max_size=3) | st.binary(max_size=80) | values,
    kind=st.sampled_from(["application/json", "multipart/form-data; boundary=x", "text/plain", ""]),
)
def test_no_body_is_a_fault_of_the_server(port: int, route: tuple[str, str], body: Any, kind: str) -> None:
    import json

    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    line = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        line.request(route[0], f"/api/v1/{route[1]}", data, {"Content-Type": kind} if kind else {})
        answer = line.getresponse()
        text = answer.read(4000)
        assert answer.status < 500, (route, data, text)
        assert b"Traceback" not in text
    finally:
        line.close()
