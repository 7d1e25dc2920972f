"""The loop itself, with small real stages in place of cameras and networks: pairing, drops, covers, endings."""

import threading
import time

import numpy as np
import pytest

from edge_bg import frame as f
from edge_bg.errors import ModelError, SourceError
from edge_bg.pipeline import Pipeline
from tests.patience import wait_for

SIZE = (32, 16)
ROOM, COVER = (200, 30, 220), (16, 128, 128)


class Room:
    """A source whose room has one marker colour; the frame's number is written into its first pixel."""

    size, fps, failures = SIZE, 100.0, 0

    def __init__(self, count=20, live=False, gate=None, fail=None, pace=0.0):
        self.count, self.live, self.gate, self.fail, self.pace = count, live, gate, fail, pace
        self.closed = threading.Event()

    def __iter__(self):
        for i in range(self.count):
            if self.gate is not None and i == 3:
                self.gate.wait(10)
            if self.closed.wait(self.pace) or self.closed.is_set():
                return
            data = f.filled(SIZE, ROOM)
            data[0, 0] = i
            yield f.Frame(data, time.monotonic(), i)
        if self.fail:
            raise self.fail

    def close(self):
        self.closed.set()
        if self.gate is not None:
            self.gate.set()


class Network:
    """The mask carries the frame's number."""

    def __init__(self, call=None):
        self.call = call or (lambda frame: self.mask(frame))

    def shrink(self, frame):
        frame.small = f.filled((8, 4), (int(frame.data[0, 0]), 0, 0))

    @staticmethod
    def mask(frame):
        assert frame.small is not None and frame.small[0, 0] == frame.data[0, 0]
        return np.full((4, 8), frame.data[0, 0], np.uint8)

    def __call__(self, frame):
        return self.call(frame)


segment = Network()


class Whole:
    """Alpha = the mask's value; composite = frame number in the picture, alpha attached."""

    def __init__(self):
        self.resets = 0

    def __call__(self, mask, frame, of):
        assert of.index == mask[0, 0], "the matte is told what the mask was made of"
        return f.filled(SIZE, (int(mask[0, 0]),) * 3)

    def reset(self):
        self.resets += 1


def composite(frame, alpha420):
    return f.Frame(f.filled(SIZE, (frame.index, 0, 0)), frame.time, frame.index, alpha420)


class Kept:
    def __init__(self, wanted=None):
        self.frames, self.opened, self.closed, self.wanted = [], None, 0, wanted

    def open(self, size, fps, *, live=True):
        self.opened = (size, fps, live)

    def send(self, frame):
        self.frames.append(frame.copy())
        return self.wanted is None or len(self.frames) < self.wanted

    def stop(self):
        pass

    def close(self):
        self.closed += 1


def pipeline(source, segmenter=segment, sinks=None, **options):
    segmenter = segmenter if isinstance(segmenter, Network) else Network(segmenter)
    return Pipeline(source, segmenter, Whole(), composite, sinks, cover=f.filled(SIZE, COVER), **options)


@pytest.mark.parametrize("sync", ["exact", "latest"])
def test_every_frame_of_a_source_that_can_wait_comes_out_once_with_its_own_mask(sync):
    def slow(frame):
        if frame.index in (0, 7):  # no cover gets into a recording, however slow the network is
            time.sleep(0.1)
        return segment(frame)

    frames = list(pipeline(Room(50), slow, sync=sync, max_mask_age=0.02))
    assert [x.index for x in frames] == list(range(50))
    assert all(x.alpha is not None and x.alpha[0, 0] == x.index for x in frames)


def test_a_live_source_never_waits_and_drops_are_counted():
    loop = pipeline(Room(60, live=True), lambda frame: (time.sleep(0.01), segment(frame))[1])
    frames = [x for x in loop if not x.covered]
    counts = loop.stats.snapshot()
    assert counts["captured"] == 60
    assert len(frames) + counts["dropped.captured"] + counts["dropped.masked"] + counts["dropped.refined"] == 60
    assert frames[-1].index == 59, "the newest frame wins"
    assert all(x.alpha[0, 0] == x.index for x in frames), "each mask belongs to its frame"


def test_gaps_in_the_numbers_of_the_source_are_drops_of_the_source():
    class Gappy(Room):
        def __iter__(self):
            for frame in super().__iter__():
                if frame.index not in (2, 3, 7):
                    yield frame

    loop = pipeline(Gappy(10))
    assert len(list(loop)) == 7
    assert loop.stats.snapshot()["dropped.source"] == 3


def test_run_opens_and_finishes_the_sinks_and_counts():
    kept = Kept()
    assert pipeline(Room(10), sinks=kept).run() == 10
    assert kept.opened == (SIZE, 100.0, False)
    assert (len(kept.frames), kept.closed) == (10, 1)


def test_frames_and_duration_end_a_run():
    kept = Kept()
    assert pipeline(Room(10**6), sinks=kept).run(frames=7) == 7
    assert pipeline(Room(10**6, live=True, pace=0.001), sinks=Kept()).run(duration=0.05) > 0


def test_a_run_ends_when_no_sink_wants_more():
    kept = Kept(wanted=4)
    pipeline(Room(10**6), sinks=kept).run()
    assert (len(kept.frames), kept.closed) == (4, 1)


def test_the_sources_error_reaches_the_caller_after_the_sinks_are_finished():
    kept = Kept()
    with pytest.raises(SourceError, match="unplugged"):
        pipeline(Room(5, fail=SourceError("unplugged")), sinks=kept).run()
    assert kept.closed == 1


@pytest.mark.parametrize("sync", ["exact", "latest"])
def test_the_segmenters_error_reaches_the_caller(sync):
    def broken(frame):
        raise ModelError("no such tensor")

    with pytest.raises(ModelError, match="no such tensor"):
        list(pipeline(Room(10**6, live=True, pace=0.001), broken, sync=sync))


def test_a_stopped_loop_leaves_no_thread_behind():
    before = threading.active_count()
    for frame in pipeline(Room(10**6, live=True, pace=0.001)):
        if not frame.covered:
            break
    wait_for(lambda: threading.active_count() <= before, "the end of the loop's threads")


def test_a_pipeline_runs_once():
    loop = pipeline(Room(2))
    list(loop)
    with pytest.raises(RuntimeError, match="once"):
        list(loop)


class TestTheRoomIsPrivate:
    """No pixel of the room leaves before a valid mask, nor once the mask is too old."""

    @staticmethod
    def raw(frame):
        return bool((f.planes(frame.data)[2] == ROOM[2]).any())

    @pytest.mark.parametrize("sync", ["exact", "latest"])
    def test_before_the_first_mask_a_cover_goes_out(self, sync):
        release = threading.Event()

        def slow(frame):
            release.wait(10)
            return segment(frame)

        loop = pipeline(Room(10**6, live=True, pace=0.002), slow, sync=sync, max_mask_age=0.02)
        seen = []
        for frame in loop:
            seen.append(frame)
            if len(seen) == 4:
                assert all(x.covered and (x.y == COVER[0]).all() for x in seen)
                release.set()
            if not frame.covered:
                break
        assert seen[0].covered
        assert not any(self.raw(x) for x in seen)

    @pytest.mark.parametrize("sync", ["exact", "latest"])
    def test_a_hung_network_brings_the_cover_back(self, sync):
        hang, calls = threading.Event(), []

        def hangs(frame):
            calls.append(frame.index)
            if len(calls) > 3:
                hang.wait(10)
            return segment(frame)

        loop = pipeline(Room(10**6, live=True, pace=0.002), hangs, sync=sync, max_mask_age=0.05)
        covers_after = 0
        composited = False
        for frame in loop:
            assert not self.raw(frame)
            composited = composited or not frame.covered
            covers_after = covers_after + 1 if composited and frame.covered else 0
            if covers_after == 3:
                hang.set()
                break
        assert covers_after == 3

    def test_a_lost_camera_is_covered_and_the_past_is_forgotten(self):
        gate = threading.Event()
        loop = pipeline(Room(6, live=True, gate=gate, pace=0.002), max_mask_age=0.02)
        covered = 0
        indices = []
        for frame in loop:
            if frame.covered and indices:
                covered += 1
                gate.set()
            elif not frame.covered:
                indices.append(frame.index)
        assert covered >= 1
        assert indices[-1] == 5
        assert loop.matte.resets >= 1


def test_latest_composites_at_the_cameras_rate_with_an_older_mask():
    frames = []

    def slow(frame):
        """A network that takes as long as five frames, whatever else this machine does meanwhile."""
        end, more = time.monotonic() + 0.5, len(frames) + 5
        while frames and len(frames) < more and time.monotonic() < end:
            time.sleep(0.001)
        return segment(frame)

    loop = pipeline(Room(250, live=True, pace=0.004), slow, sync="latest", max_mask_age=5.0)
    for frame in loop:
        if not frame.covered:
            frames.append(frame)
    assert len(frames) > 3 * loop.stats.snapshot()["infer.count"]
    assert all(x.alpha[0, 0] <= x.index for x in frames)
