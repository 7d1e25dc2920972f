"""Whatever the timing of camera and model, and whatever is changed meanwhile, no frame of a sink shows the room."""

from __future__ import annotations

import threading
import time

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_bg import frame as f
from edge_bg.composite import ColorBackground, Compositor, TransparentBackground, cover_picture
from edge_bg.frame import Frame
from edge_bg.matte import Matte
from edge_bg.pipeline import Pipeline
from edge_bg.sinks.fanout import Sinks

SIZE, AGE, COVER = (96, 64), 0.04, "#103070"
MARKER, PERSON = f.yuv_of((255, 0, 255)), f.yuv_of((90, 90, 90))


class Room:
    """A grey person before a magenta wall; `gaps` are the seconds before each frame."""

    size, fps, live = SIZE, 100.0, True

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


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
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


def test_the_inspector_would_see_it():
    inspector = Inspector()
    inspector.write(Frame(Room([]).data, 0.0, 0))
    assert inspector.seen[0][1] > 500
