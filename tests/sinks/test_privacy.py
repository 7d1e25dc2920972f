"""Whatever the timing of camera and model, and whatever is changed meanwhile, no frame of a sink shows the room."""

from __future__ import annotations

import threading
import time
from urllib.request import urlopen

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_bg import frame as f
from edge_bg.composite import ColorBackground, Compositor, TransparentBackground, cover_picture
from edge_bg.errors import ModelError
from edge_bg.frame import Frame
from edge_bg.matte import Matte
from edge_bg.pipeline import Pipeline
from edge_bg.sinks.fanout import Sinks
from edge_bg.sinks.http import Http

SIZE, AGE, COVER = (96, 64), 0.04, "#103070"
MARKER, PERSON = f.yuv_of((255, 0, 255)), f.yuv_of((90, 90, 90))


class Room:
    """A grey person before a magenta wall; `gaps` are the seconds before each frame."""

    size, fps, live, failures = SIZE, 100.0, True, 0

    def __init__(self, gaps):
        self.gaps = gaps
        self.closed = threading.Event()
        self.data = f.filled(SIZE, MARKER)
        for plane, value, cut in zip(f.planes(self.data), PERSON, (1, 2, 2), strict=True):
            plane[16 // cut :, 32 // cut : 64 // cut] = value

    def __iter__(self):
        for n, gap in enumerate(self.gaps):
            if self.closed.wait(gap):
                return
            yield Frame(self.data.copy(), time.monotonic(), n)

    def close(self):
        self.closed.set()


class Model:
    """Takes `delays` for its masks, one after the other, and notes which frames they were for."""

    def __init__(self, delays):
        self.delays = delays
        self.masked = []
        self.mask = np.zeros((32, 48), np.uint8)
        self.mask[8:, 16:32] = 255

    def shrink(self, frame):
        """Small enough as it is."""

    def __call__(self, frame):
        time.sleep(self.delays[len(self.masked) % len(self.delays)])
        self.masked.append(frame.time)
        return self.mask


class Inspector:
    """Counts, in each frame, the pixels whose colour is nearer to the wall's than halfway to any other."""

    name, lossless, retry = "inspector", False, False

    def __init__(self):
        self.seen = []

    def open(self, size, fps, *, live=True):
        """Nothing to open."""

    def write(self, frame):
        u, v = (plane.astype(int) for plane in f.planes(frame.data)[1:])
        wall = (np.abs(u - MARKER[1]) < 40) & (np.abs(v - MARKER[2]) < 40)
        self.seen.append((frame.covered, int(wall.sum()), frame.time))

    def close(self):
        """Nothing to finish."""


pauses = st.sampled_from([0.0, 0.0, 0.002, 0.01, 0.03, 0.07, 0.12])


@settings(max_examples=16, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    gaps=st.lists(pauses, min_size=3, max_size=20),
    delays=st.lists(pauses, min_size=1, max_size=6),
    sync=st.sampled_from(["exact", "latest"]),
    swaps=st.lists(st.sampled_from(["#00ff00", "#000000", "transparent"]), max_size=4),
)
def test_no_frame_shows_the_room(gaps, delays, sync, swaps):
    inspector, model = Inspector(), Model(delays)
    cover = cover_picture(ColorBackground(COVER), SIZE)
    with Compositor(ColorBackground("#00ff00"), SIZE) as compositor, Sinks([inspector]) as sinks:
        loop = Pipeline(Room(gaps), model, Matte(SIZE), compositor, cover=cover, sync=sync, max_mask_age=AGE)
        sinks.open(SIZE, 100.0)
        for n, frame in enumerate(loop):
            sinks.send(frame)
            if frame.covered:
                assert np.array_equal(frame.data, cover)
            else:
                assert max(model.masked) >= frame.time - AGE, "a mask too old for this frame"
            if n < len(swaps):
                new = swaps[n]
                compositor.background = TransparentBackground() if new == "transparent" else ColorBackground(new)
    assert inspector.seen
    assert [count for _, count, _ in inspector.seen] == [0] * len(inspector.seen)


WRONG_MASKS = {
    "none": lambda mask: None,
    "floats": lambda mask: mask.astype(np.float32) / 255,
    "yes or no": lambda mask: mask > 0,
    "empty": lambda mask: mask[:0],
    "in colours": lambda mask: np.dstack([mask] * 3),
}


@pytest.mark.parametrize("wrong", WRONG_MASKS.values(), ids=WRONG_MASKS)
@pytest.mark.parametrize("sync", ["exact", "latest"])
def test_a_mask_that_is_none_ends_the_loop_and_shows_nothing(wrong, sync):
    class Fails(Model):
        def __call__(self, frame):
            mask = super().__call__(frame)
            return wrong(mask) if len(self.masked) > 5 else mask

    inspector, cover = Inspector(), cover_picture(ColorBackground(COVER), SIZE)
    with Compositor(ColorBackground("#00ff00"), SIZE) as compositor:
        loop = Pipeline(
            Room([0.005] * 1000), Fails([0.0]), Matte(SIZE), compositor, cover=cover, sync=sync, max_mask_age=AGE
        )
        with pytest.raises(ModelError, match=r"has to be uint8 \(h, w\)"):
            for frame in loop:
                inspector.write(frame)
    assert inspector.seen and not any(count for _, count, _ in inspector.seen)


@pytest.mark.parametrize("sync", ["exact", "latest"])
def test_a_camera_that_changes_its_size_ends_the_loop_and_shows_nothing(sync):
    class Changes(Room):
        def __iter__(self):
            for n, frame in enumerate(super().__iter__()):
                yield frame if n < 8 else Frame(f.filled((64, 96), MARKER), frame.time, n)

    inspector, cover = Inspector(), cover_picture(ColorBackground(COVER), SIZE)
    with Compositor(ColorBackground("#00ff00"), SIZE) as compositor:
        room = Changes([0.005] * 1000)
        loop = Pipeline(room, Model([0.0]), Matte(SIZE), compositor, cover=cover, sync=sync, max_mask_age=60.0)
        with pytest.raises(ValueError, match="64, 96"):
            for frame in loop:
                inspector.write(frame)
    assert inspector.seen and not any(count for _, count, _ in inspector.seen)


@pytest.mark.parametrize("sync", ["exact", "latest"])
def test_snapshots_figures_and_logs_hold_no_pixel_of_the_room(sync, caplog):
    """All that the HTTP sink answers, asked over and over while the network starts late, hangs and comes back."""
    delays, told, shown = [0.25, *[0.0] * 20, 0.3, *[0.0] * 20], "", []
    cover, sink = cover_picture(ColorBackground(COVER), SIZE), Http(port=0)
    with Compositor(ColorBackground("#00ff00"), SIZE) as compositor, Sinks([sink]) as sinks, caplog.at_level(0):
        loop = Pipeline(
            Room([0.01] * 10**5),
            Model(delays),
            Matte(SIZE),
            compositor,
            sinks,
            cover=cover,
            sync=sync,
            max_mask_age=0.1,
        )
        sink.status = lambda: {"stats": loop.stats.snapshot(), "sinks": sinks.report()}
        runner = threading.Thread(target=loop.run)
        runner.start()
        end = time.monotonic() + 30
        both = ('"covered":true', '"covered":false')
        while not (len(shown) > 8 and all(each in told for each in both)) and time.monotonic() < end:
            try:
                for path in ("snapshot.jpg", "state", "metrics", "healthz"):
                    with urlopen(f"{sink.url}{path}", timeout=5) as answer:
                        body = answer.read()
                    if path == "snapshot.jpg":
                        shown.append(cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR))
                    else:
                        told += body.decode()
            except OSError:
                time.sleep(0.005)  # not up yet, or nothing to show yet
        loop.stop()
        runner.join()
    wall = np.array((255, 0, 255))
    assert len(shown) > 8
    assert not any((np.abs(one.astype(int) - wall).max(axis=2) < 60).any() for one in shown)
    assert all(each in told for each in both) and "edge_bg_events_total" in told
    assert max(len(word) for word in (told + caplog.text).split('"')) < 4000, "figures and words, no pictures"


def test_the_inspector_would_see_it():
    inspector = Inspector()
    inspector.write(Frame(Room([]).data, 0.0, 0))
    assert inspector.seen[0][1] > 500
