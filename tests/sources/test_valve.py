"""A source behind a valve: shut and opened by other threads, whenever they get round to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from edge_bg.frame import Frame, filled
from edge_bg.sources.valve import Valve
from tests.patience import PATIENCE, wait_for

DATA = filled((16, 16), (90, 128, 128))


class Camera:
    """A camera that gives frames until it is closed. Its gates hold up whoever opens or closes it."""

    size, fps, live, failures = (16, 16), 30.0, True, 0

    def __init__(self) -> None:
        self.on, self.opens = True, 0
        self.may_open, self.may_close = threading.Event(), threading.Event()
        self.opening, self.closing = threading.Event(), threading.Event()
        self.may_open.set()
        self.may_close.set()

    def open(self) -> None:
        self.opening.set()
        assert self.may_open.wait(PATIENCE)
        self.on, self.opens = True, self.opens + 1

    def close(self) -> None:
        self.closing.set()
        assert self.may_close.wait(PATIENCE)
        self.on = False

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while self.on:
            yield Frame(DATA, index / 30, index)
            index += 1


class Loop:
    """Takes frames in a thread of its own, as the pipeline does."""

    def __init__(self, valve: Valve) -> None:
        self.count, self.ended = 0, False
        self._valve, self._more = valve, threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for _ in self._valve:
            with self._more:
                self.count += 1
                self._more.notify_all()
        with self._more:
            self.ended = True
            self._more.notify_all()

    def flows(self) -> bool:
        """Whether five more frames come."""
        with self._more:
            wanted = self.count + 5
            self._more.wait_for(lambda: self.ended or self.count >= wanted, PATIENCE)
            return self.count >= wanted

    def leave(self) -> bool:
        self._valve.close()
        self._thread.join(PATIENCE)
        return self.ended


def test_it_is_shut_and_opened_again():
    camera = Camera()
    loop = Loop(valve := Valve(camera))
    assert loop.flows()
    valve.shut("asleep")
    assert not camera.on and valve.state == "asleep"
    valve.shut("private")
    valve.release("asleep")
    assert valve.state == "private"
    valve.release("private")
    assert loop.flows() and camera.opens == 1 and valve.state == "ok"
    assert loop.leave()


def test_who_is_slow_to_close_does_not_end_what_was_opened_again():
    camera = Camera()
    loop = Loop(valve := Valve(camera))
    assert loop.flows()
    camera.may_close.clear()
    shutting = threading.Thread(target=valve.shut, args=("asleep",))
    shutting.start()
    assert camera.closing.wait(PATIENCE)  # and its thread is held up there
    wait_for(lambda: not valve.opened)
    valve.release("asleep")
    camera.opening.wait(0.3)  # too early
    camera.may_close.set()
    shutting.join(PATIENCE)
    assert loop.flows() and camera.on
    assert loop.leave()


def test_a_camera_that_opens_while_it_is_to_be_shut_does_not_stay_open():
    camera = Camera()
    loop = Loop(valve := Valve(camera))
    assert loop.flows()
    valve.shut("asleep")
    camera.may_open.clear()
    valve.release("asleep")
    assert camera.opening.wait(PATIENCE)  # and is held up there
    valve.shut("private")
    camera.closing.clear()
    camera.may_open.set()
    assert camera.closing.wait(PATIENCE)
    wait_for(lambda: not camera.on)
    valve.release("private")
    assert loop.flows()
    assert loop.leave()


def test_what_was_seen_before_a_break_or_by_another_camera_counts_no_more():
    first, second = Camera(), Camera()
    second.on = False
    valve, scenes = Valve(first), [0]

    def privacy() -> None:
        valve.shut("private")
        valve.release("private")

    acts = {4: lambda: valve.change(second), 8: privacy, 12: valve.close}
    for count, frame in enumerate(valve):
        scenes.append(frame.scene)
        if count in acts:
            acts[count]()
            assert not first.on
    assert second.opens == 2, "the other camera was used, and closed in between"
    assert [len(set(part)) for part in (scenes[1:6], scenes[6:10], scenes[10:])] == [1, 1, 1]
    assert len(set(scenes)) == 3
