"""The fan-out: no sink slows the loop or another sink, failures are counted, told once and mended."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from edge_bg.errors import MissingDependency, SinkError
from edge_bg.frame import Frame, empty
from edge_bg.sinks import SinkEnd, fanout
from edge_bg.sinks.fanout import Sinks
from edge_bg.sinks.null import Null
from tests.patience import wait_for

SIZE = (16, 16)


def frames(count):
    data = empty(SIZE)
    return [Frame(data, n / 30, n) for n in range(count)]


class Recorder:
    """Keeps the numbers of the frames it got; `act(n)` runs inside its n-th write."""

    def __init__(self, name="recorder", *, lossless=False, retry=False, act=None, fail_open=0):
        self.name, self.lossless, self.retry = name, lossless, retry
        self.act = act or (lambda n: None)
        self.fail_open = fail_open
        self.got, self.opened, self.closed, self.live = [], 0, 0, None

    def open(self, size, fps, *, live=True):
        self.opened += 1
        self.live = live
        if self.opened <= self.fail_open:
            raise SinkError(f"{self.name} is not there", hint="plug it in")

    def write(self, frame):
        self.act(len(self.got))
        self.got.append(frame.index)

    def close(self):
        self.closed += 1


def die(n):
    if n == 3:
        raise SinkError("the cable was pulled")


def test_a_stuck_sink_delays_neither_the_loop_nor_the_others():
    release = threading.Event()
    stuck, good = Recorder("stuck", act=lambda n: release.wait(30)), Recorder("good")
    sinks = Sinks([stuck, good])
    sinks.open(SIZE, 30.0)
    for n, frame in enumerate(frames(50)):
        assert sinks.send(frame)  # would hang here, the first write being stuck
        wait_for(lambda: sinks._outlets[0]._writing)
        wait_for(lambda n=n: len(good.got) == n + 1)
    assert good.got == list(range(50)) and stuck.got == []
    release.set()
    sinks.close()
    report = sinks.report()
    assert report["good"]["delivered"] == 50 and report["good"]["dropped"] == 0
    assert stuck.got == [0, 49], "what it skipped is gone, the newest is not"
    assert report["stuck"]["delivered"] == 2 and report["stuck"]["dropped"] == 48
    assert sinks.delivered == 52


def test_a_dead_sink_is_out_and_the_others_go_on():
    dead, good = Recorder("dead", lossless=True, act=die), Recorder("good", lossless=True)
    sinks = Sinks([dead, good])
    sinks.open(SIZE, 30.0, live=False)
    for frame in frames(40):
        assert sinks.send(frame)
    wait_for(lambda: len(good.got) == 40)
    assert dead.got == [0, 1, 2] and dead.closed >= 1
    assert sinks.report()["dead"] == {
        "state": "dead", "delivered": 3, "dropped": 0, "failures": 1, "error": "the cable was pulled",
    }  # fmt: skip
    with pytest.raises(SinkError, match="the cable was pulled"):
        sinks.close()  # told at the end, as nobody was told before
    sinks.close()


def test_when_all_are_dead_send_raises_the_first_error():
    sinks = Sinks([Recorder("a", act=die), Recorder("b", act=die)])
    sinks.open(SIZE, 30.0)
    with pytest.raises(SinkError, match="cable"):
        for frame in frames(10_000):
            sinks.send(frame)
            time.sleep(0.0005)
    sinks.close()  # has been told


def test_a_fault_in_a_sink_is_an_error_of_that_sink_only():
    def fault(n):
        raise ZeroDivisionError("a bug")

    broken, good = Recorder("broken", act=fault), Recorder("good")
    sinks = Sinks([broken, good])
    sinks.open(SIZE, 30.0)
    sinks.send(frames(1)[0])
    wait_for(lambda: sinks.report()["broken"]["state"] == "dead" and good.got == [0])
    assert "ZeroDivisionError" in sinks.report()["broken"]["error"]
    with pytest.raises(SinkError, match="broken: ZeroDivisionError"):
        sinks.close()


def test_a_retry_sink_is_opened_again_with_growing_pauses(monkeypatch):
    pauses = []
    monkeypatch.setattr(fanout._Outlet, "_pause", lambda self, seconds: pauses.append(seconds) or True)
    flaky = Recorder("flaky", retry=True, lossless=True, act=lambda n: die(n) if flaky.opened == 1 else None)
    sinks = Sinks([flaky])
    real, flaky.fail_open = flaky.open, 0

    def reopen(size, fps, *, live=True):
        flaky.fail_open = 0 if flaky.opened in (0, 6) else 99  # there at first, then away for five attempts
        real(size, fps, live=live)

    flaky.open = reopen
    sinks.open(SIZE, 30.0, live=False)
    for frame in frames(20):
        assert sinks.send(frame)
    sinks.close()
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
    assert flaky.got == [0, 1, 2, *range(4, 20)], "the frame it failed at is gone, no other"
    assert sinks.report()["flaky"]["failures"] == 6
    assert sinks.report()["flaky"]["state"] == "closed"


def test_while_a_sink_is_away_frames_go_by_and_are_counted(monkeypatch):
    monkeypatch.setattr(fanout, "FIRST_PAUSE", 60.0)
    away, good = Recorder("away", retry=True, lossless=True, fail_open=10**9), Recorder("good", lossless=True)
    sinks = Sinks([away, good])
    sinks.open(SIZE, 30.0, live=False)
    assert sinks.report()["away"]["state"] == "lost"
    for frame in frames(30):
        assert sinks.send(frame)
    started = time.monotonic()
    sinks.close()  # does not sit out the pause
    assert time.monotonic() - started < 30
    assert good.got == list(range(30)) and sinks.report()["away"]["dropped"] == 30


def test_a_sink_that_cannot_be_opened_is_told_at_once_and_the_others_are_closed():
    good = Recorder("good")
    sinks = Sinks([good, Recorder("bad", fail_open=1)])
    with pytest.raises(SinkError, match="bad is not there\n  plug it in"):
        sinks.open(SIZE, 30.0)
    assert good.opened == good.closed == 1
    assert not sinks.send(frames(1)[0])
    sinks.close()
    with pytest.raises(SinkError):
        Sinks([Recorder("alone", retry=True, fail_open=1)]).open(SIZE, 30.0)


def test_an_error_is_logged_once_or_raised_but_not_both(caplog):
    alone = Sinks([Recorder("alone", act=die)])
    alone.open(SIZE, 30.0)
    with pytest.raises(SinkError):
        for frame in frames(10_000):
            alone.send(frame)
            time.sleep(0.0005)
    alone.close()
    with pytest.raises(SinkError):
        Sinks([Recorder("bad", fail_open=1), Null()]).open(SIZE, 30.0)
    assert caplog.text == ""
    sinks = Sinks([Recorder("away", retry=True, fail_open=10**9), Null()])
    sinks.open(SIZE, 30.0)
    sinks.close()
    assert [record.getMessage() for record in caplog.records] == [
        "away is not there (will be tried again)\n  plug it in"
    ]


def test_a_missing_package_keeps_its_hint():
    bad = Recorder("bad")
    bad.open = lambda size, fps, live: (_ for _ in ()).throw(MissingDependency("x needs y", hint="pip install y"))
    with pytest.raises(SinkError, match=r"^x needs y\n  pip install y"):
        Sinks([bad]).open(SIZE, 30.0)


def test_a_reader_that_leaves_is_an_end_and_no_error():
    def leave(n):
        if n == 2:
            raise SinkEnd("they have seen enough")

    sinks = Sinks([Recorder("pipe", lossless=True, act=leave)])
    sinks.open(SIZE, 30.0, live=False)
    sent = 0
    for frame in frames(100):
        if not sinks.send(frame):
            break
        sent += 1
    assert 3 <= sent <= 5
    sinks.close()
    assert sinks.report()["pipe"]["state"] == "ended"


def test_lossless_only_where_the_source_can_wait():
    for live in (False, True):
        gate = threading.Event()
        slow = Recorder("slow", lossless=True, act=lambda n, gate=gate: gate.wait(10))
        sinks = Sinks([slow])
        sinks.open(SIZE, 30.0, live=live)
        assert slow.live is live
        sender = threading.Thread(target=lambda s=sinks: [s.send(frame) for frame in frames(200)])
        sender.start()
        if live:
            sender.join(10)  # nothing holds it up
        else:
            time.sleep(0.02)
        assert sender.is_alive() is not live
        gate.set()
        sender.join(10)
        sinks.close()
        assert len(slow.got) <= 2 if live else slow.got == list(range(200))
        assert slow.got[-1] == 199


def test_stop_frees_a_loop_that_waits_for_a_lossless_sink():
    gate = threading.Event()
    sinks = Sinks([Recorder("slow", lossless=True, act=lambda n: gate.wait(10))])
    sinks.open(SIZE, 30.0, live=False)
    sender = threading.Thread(target=lambda: [sinks.send(frame) for frame in frames(100)])
    sender.start()
    sinks.stop()
    sender.join(5)
    assert not sender.is_alive()
    gate.set()
    sinks.close()


def test_a_sink_that_never_returns_is_aborted(monkeypatch):
    monkeypatch.setattr(fanout, "STUCK", 0.05)
    gate = threading.Event()
    stuck = Recorder("stuck", act=lambda n: gate.wait(60))
    stuck.abort = gate.set
    sinks = Sinks([stuck])
    sinks.open(SIZE, 30.0)
    sinks.send(frames(1)[0])
    wait_for(lambda: sinks._outlets[0]._writing)
    sinks.close()
    assert gate.is_set() and stuck.closed == 1


def test_names_are_told_apart_and_deliveries_are_noted():
    noted = []
    sinks = Sinks([Null(), Null(), Recorder()], on_delivered=lambda name, frame: noted.append((name, frame.index)))
    with sinks:
        sinks.open(SIZE, 30.0, live=False)
        for frame in frames(3):
            sinks.send(frame)
    assert list(sinks.report()) == ["null", "null-2", "recorder"]
    assert sorted(noted)[:6] == [("null", 0), ("null", 1), ("null", 2), ("null-2", 0), ("null-2", 1), ("null-2", 2)]
    with pytest.raises(ValueError, match="no sinks"):
        Sinks([])


def test_frames_are_let_go_of():
    import sys

    sinks = Sinks([Null()])
    sinks.open(SIZE, 30.0, live=False)
    data = np.zeros((24, 16), np.uint8)
    idle = sys.getrefcount(data)
    sinks.send(Frame(data, 0.0, 0))
    for frame in frames(2):
        sinks.send(frame)
    sinks.close()
    assert sys.getrefcount(data) == idle
