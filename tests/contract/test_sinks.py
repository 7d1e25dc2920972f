"""One suite for every sink: what each must do, what it wrote or sent read back, and that the room stays private."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg import frame as f
from edge_bg.composite import ColorBackground, Compositor, NoBackground, TransparentBackground, cover_picture
from edge_bg.errors import SinkError
from edge_bg.frame import Frame
from edge_bg.matte import Matte
from edge_bg.pipeline import Pipeline
from edge_bg.sinks import KINDS, Sink
from edge_bg.sinks.fanout import Sinks
from tests.patience import wait_for

SIZE = (160, 96)
LOOPBACK = os.environ.get("EDGE_BG_LOOPBACK", "/dev/video10")

# --- readers: whatever a sink gives out comes back as BGR pictures ----------------------------------------


class Nothing:
    def __init__(self, sink, folder):
        self.sink = sink

    def start(self):
        """Called once the sink is open."""

    def pictures(self):
        """Called once the sink is closed."""
        return []


class VideoFile(Nothing):
    def pictures(self):
        av = pytest.importorskip("av", reason="PyAV reads recordings back")
        with av.open(str(self.sink.target)) as container:
            decoded = [p.reformat(format="yuv420p").to_ndarray() for p in container.decode(video=0)]
        return [f.to_bgr(f.expand_range(picture)) for picture in decoded]


class AlphaFile(Nothing):
    """A video with alpha, as a viewer shows it on black: colours under alpha 0 count for nothing, others in part."""

    def pictures(self):
        av = pytest.importorskip("av", reason="PyAV reads recordings back")
        context = av.codec.Codec("libvpx-vp9", "r").create()
        with av.open(str(self.sink.target)) as container:
            decoded = [one for packet in container.demux(video=0) for one in context.decode(packet)]
        shown = []
        for one in decoded:
            views = [np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:, : p.width] for p in one.planes]
            flat = np.concatenate([view.reshape(-1) for view in views[:3]]).reshape(-1, one.width)
            shown.append(on_black(f.to_bgr(f.expand_range(flat)), views[3]))
        return shown


class Pngs(Nothing):
    def pictures(self):
        found = sorted(self.sink.target.parent.glob("out-*.png"))
        read = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in found]
        return [on_black(one[..., :3], one[..., 3]) if one.shape[2] == 4 else one for one in read]


def on_black(colours, alpha):
    return (colours * (alpha[..., None] / 255)).round().astype(np.uint8)


class Y4m(Nothing):
    def pictures(self):
        head, _, body = Path(self.sink.command[-1]).read_bytes().partition(b"\n")
        width, height = (int(re.search(rf" {k}(\d+)".encode(), head)[1]) for k in "WH")
        length = 6 + width * height * 3 // 2
        assert len(body) % length == 0 and body[:6] == b"FRAME\n"
        frames = np.frombuffer(body, np.uint8).reshape(-1, length)[:, 6:]
        return [f.to_bgr(np.ascontiguousarray(one).reshape(-1, width)) for one in frames]


class Mjpeg(Nothing):
    """A client of the stream, reading from the moment the sink is open."""

    def start(self):
        self.data = b""
        self.connection = socket.create_connection(("127.0.0.1", self.sink.port))
        self.connection.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        wait_for(lambda: self.sink.hub.clients == 1)

    def read(self):
        with self.connection:
            while piece := self.connection.recv(1 << 16):
                self.data += piece

    def pictures(self):
        self.thread.join(60)
        files = re.findall(rb"\xff\xd8\xff.*?\xff\xd9(?=\r\n)", self.data, re.S)
        return [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in files]


COPY = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, open(sys.argv[1], 'wb'))"

CASES = {  # name -> (kind, constructor's arguments, reader)
    "null": ("null", lambda folder: {}, Nothing),
    "mp4": ("file", lambda folder: {"path": folder / "out.mp4", "bitrate": 4_000_000, "overwrite": True}, VideoFile),
    "mpeg4": ("file", lambda folder: {"path": folder / "m4.mp4", "codec": "mpeg4", "overwrite": True}, VideoFile),
    "webm": ("file", lambda folder: {"path": folder / "out.webm", "overwrite": True}, AlphaFile),
    "png": ("file", lambda folder: {"path": folder / "out-%06d.png", "overwrite": True}, Pngs),
    "pipe": ("pipe", lambda folder: {"command": [sys.executable, "-c", COPY, str(folder / "out.y4m")]}, Y4m),
    "http": ("http", lambda folder: {"port": 0}, Mjpeg),
    "v4l2loopback": ("v4l2loopback", lambda folder: {"device": LOOPBACK}, Nothing),
}
HERE = [name for name in CASES if name != "v4l2loopback"]


def make(name, folder):
    kind, fields, reader = CASES[name]
    module, cls = KINDS[kind].split(":")
    sink = getattr(import_module(module), cls)(**fields(folder))
    return sink, reader(sink, folder)


@pytest.fixture(params=CASES)
def case(request):
    if request.param == "v4l2loopback" and not Path(LOOPBACK).is_char_device():
        pytest.skip(f"NO VIRTUAL CAMERA: load v4l2loopback, or name its device in EDGE_BG_LOOPBACK ({LOOPBACK} absent)")
    return request.param


@pytest.fixture
def sink_and_reader(case, tmp_path):
    sink, reader = make(case, tmp_path)
    yield sink, reader
    sink.close()


def picture(n, colour=(200, 60, 30)):
    """Frame n: a flat colour, all of it person."""
    data = f.filled(SIZE, f.yuv_of(colour))
    return Frame(data, 100.0 + n / 25, n, alpha420=np.full_like(data, 255))


# --- the contract -----------------------------------------------------------------------------------------


def test_every_kind_is_in_the_suite():
    assert {kind for kind, _, _ in CASES.values()} == set(KINDS)


def test_constructing_touches_nothing(case, tmp_path):
    sink, _ = make(case, tmp_path)
    as_protocol: Sink = sink
    assert isinstance(as_protocol.name, str) and as_protocol.name
    assert isinstance(as_protocol.lossless, bool) and isinstance(as_protocol.retry, bool)
    assert list(tmp_path.iterdir()) == []
    sink.close()  # and closing what was never opened is no error


def test_what_goes_in_comes_out(sink_and_reader, case):
    sink, reader = sink_and_reader
    sink.open(SIZE, 25.0, live=False)
    reader.start()
    for n in range(12):
        sink.write(picture(n))
        if case == "http":  # newest wins: give the client the time to take each
            wait_for(lambda n=n: reader.data.count(b"\xff\xd9\r\n") > n)
    sink.close()
    if type(reader) is Nothing:
        return
    shown = reader.pictures()
    assert len(shown) == 12
    for one in shown:
        assert one.shape == (96, 160, 3)
        assert np.abs(one.astype(int) - (30, 60, 200)).max() <= 4


def test_closing_twice_and_opening_again(sink_and_reader):
    sink, _ = sink_and_reader
    for _ in range(2):
        sink.open(SIZE, 25.0)
        sink.write(picture(0))
        sink.close()
        sink.close()


def test_writing_to_a_closed_sink_says_so(sink_and_reader, case):
    sink, _ = sink_and_reader
    if case != "null":
        with pytest.raises(SinkError):
            sink.write(picture(0))


def test_frames_are_neither_changed_nor_kept(sink_and_reader):
    sink, reader = sink_and_reader
    sink.open(SIZE, 25.0)
    reader.start()
    frame = picture(0)
    frame.alpha420[10:20] = 0
    before = frame.copy()
    idle = sys.getrefcount(frame.data)
    sink.write(frame)
    assert np.array_equal(frame.data, before.data) and np.array_equal(frame.alpha420, before.alpha420)
    sink.write(picture(1))
    wait_for(lambda: sys.getrefcount(frame.data) <= idle)
    sink.close()


def test_a_recording_of_a_file_gets_every_frame(sink_and_reader):
    sink, _ = sink_and_reader
    if not sink.lossless:
        pytest.skip("live only: newest wins")
    with Sinks([sink]) as sinks:
        sinks.open(SIZE, 25.0, live=False)
        for n in range(60):
            assert sinks.send(picture(n))
        sinks.close()
        report = sinks.report()[sink.name]
    assert report == {"state": "closed", "delivered": 60, "dropped": 0, "failures": 0, "error": None}


# --- the room is private, at every sink ----------------------------------------------------------------------

MARKER, PERSON, COVER = (255, 0, 255), (90, 90, 90), "#103070"


class MarkedRoom:
    """A camera that sees a grey person before a magenta wall."""

    size, fps, live = SIZE, 40.0, True

    def __init__(self):
        self.closed = threading.Event()
        self.data = f.filled(SIZE, f.yuv_of(MARKER))
        for plane, value, cut in zip(f.planes(self.data), f.yuv_of(PERSON), (1, 2, 2), strict=True):
            plane[32 // cut :, 48 // cut : 112 // cut] = value

    def __iter__(self):
        n = 0
        while not self.closed.wait(1 / self.fps):
            yield Frame(self.data.copy(), time.monotonic(), n)
            n += 1

    def close(self):
        self.closed.set()


class SlowToStartThenStuck:
    """A model that needs 0.4 s for its first mask, and hangs for 0.4 s later on."""

    def __init__(self, mask=None):
        self.calls = 0
        self.mask = mask
        if mask is None:
            self.mask = np.zeros((48, 80), np.uint8)
            self.mask[16:, 24:56] = 255

    def shrink(self, frame):
        """Small enough as it is."""

    def __call__(self, frame):
        self.calls += 1
        time.sleep({1: 0.4, 12: 0.4}.get(self.calls, 0.005))
        return self.mask


def everything_that_went_out(folder, background, sync, mask=None):
    made = {name: make(name, folder) for name in HERE}
    covered = []
    sinks = Sinks([sink for sink, _ in made.values()])
    cover = cover_picture(ColorBackground(COVER), SIZE)
    with Compositor(background, SIZE) as compositor, sinks:
        loop = Pipeline(
            MarkedRoom(), SlowToStartThenStuck(mask), Matte(SIZE), compositor, cover=cover, sync=sync, max_mask_age=0.1
        )
        sinks.open(SIZE, 40.0)
        for _, reader in made.values():
            reader.start()
        for frame in loop:
            sinks.send(frame)
            covered.append(frame.covered)
            if loop.segmenter.calls > 24:
                break
    assert covered[0] and covered.count(False) > 5, "covers at first, then pictures"
    assert True in covered[covered.index(False) :], "and covers again while the model hung"
    return {name: reader.pictures() for name, (_, reader) in made.items() if name != "null"}


def marked(shown):
    """How many pixels, of all pictures, are nearer to the marker than to anything else that may be seen."""
    return sum(int((np.abs(one.astype(int) - MARKER[::-1]).max(axis=2) < 60).sum()) for one in shown)


@pytest.mark.parametrize("sync", ["exact", "latest"])
@pytest.mark.parametrize("background", [ColorBackground("#00ff00"), TransparentBackground()], ids=["green", "alpha"])
def test_no_sink_ever_shows_the_room(background, sync, tmp_path):
    shown = everything_that_went_out(tmp_path, background, sync)
    assert {name: len(pictures) > 5 for name, pictures in shown.items()} == dict.fromkeys(shown, True)
    assert {name: marked(pictures) for name, pictures in shown.items()} == dict.fromkeys(shown, 0)
    blue = np.array(f.to_bgr(cover_picture(ColorBackground(COVER), SIZE))[0, 0], int)
    for name, pictures in shown.items():
        covers = [one for one in pictures if np.abs(one.astype(int) - blue).max() <= 12]
        assert covers, f"{name} never showed the cover"


def test_the_marker_would_be_seen(tmp_path):
    """The check above can fail: where all is taken for a person, every sink shows the marker."""
    shown = everything_that_went_out(tmp_path, NoBackground(), "exact", mask=np.full((48, 80), 255, np.uint8))
    assert {name: marked(pictures) > 1000 for name, pictures in shown.items()} == dict.fromkeys(shown, True)
