"""A wider look that loses somebody whom the closer one showed is taken back: who comes gets a look of their own."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from edge_bg.frame import Frame, from_bgr
from edge_bg.framing import Framing
from edge_bg.framing.look import Look
from edge_bg.framing.window import Box, Canvas, Window

SIZE = (640, 360)
INPUT = (256, 144)
Person = tuple[int, int, int, int]  # left, top, right, bottom, in pixels

LEFT, MIDDLE, RIGHT = (40, 100, 100, 360), (340, 100, 430, 360), (540, 110, 620, 360)


class Scripted:
    """A network that shows the people of each frame, but not those it is told to miss in a look."""

    def __init__(self, there: Callable[[int], list[Person]], misses: Callable[[int, tuple | None], list[Person]]):
        self.there, self.misses = there, misses
        self.info: dict[str, object] = {}
        self.looks: list[list[tuple[int, int, int, int] | None]] = []

    def frame(self, index: int) -> Frame:
        picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
        for left, top, right, bottom in self.there(index):
            picture[top:bottom, left:right] = 200
        self.looks.append([])
        return Frame(from_bgr(picture), index / 30, index)

    def shrink(self, frame: Frame) -> None:
        pass

    def close(self) -> None:
        pass

    def __call__(self, frame, region=None):
        self.looks[-1].append(region)
        mask = np.zeros(SIZE[::-1], np.uint8)
        missed = self.misses(frame.index, region)
        for left, top, right, bottom in (each for each in self.there(frame.index) if each not in missed):
            mask[top:bottom, left:right] = 255
        x, y, wide, high = region or (0, 0, *SIZE)
        return cv2.resize(mask[y : y + high, x : x + wide], INPUT, interpolation=cv2.INTER_AREA)


def play(network: Scripted, frames: int, *people: Person) -> np.ndarray:
    """How much of each of `people` is shown, (frames, people); they need not be there in all of them."""
    framing, shown = Framing(network, motion_gate=False), []
    for index in range(frames):
        mask = cv2.resize(framing(network.frame(index)), SIZE)
        shown.append([(mask[top:bottom, left:right] > 127).mean() for left, top, right, bottom in people])
    return np.array(shown)


def walks_in(index: int) -> list[Person]:
    """Two people at the right, and later one who comes in from the left and then shifts from foot to foot."""
    comes = min(1.0, (index - 10) / 12)
    x = int(-100 + 120 * comes + 10 * np.sin(index / 3))
    return [MIDDLE, RIGHT, *([(max(0, x), 100, x + 100, 360)] if x > -90 else [])]


def far(region: tuple | None) -> bool:
    """Whether most of the frame is looked at."""
    return region is None or region[2] * region[3] > 0.7 * SIZE[0] * SIZE[1]


def test_somebody_whom_the_whole_frame_loses_stays_and_a_newcomer_gets_a_look_of_their_own():
    network = Scripted(walks_in, lambda index, region: [MIDDLE] if index and far(region) else [])
    shown = play(network, 120, MIDDLE, LEFT)
    assert shown[:, 0].min() > 0.9 and shown[20:, 1].min() > 0.9
    assert len({looks[0] for looks in network.looks[-20:]}) == 2, "in turn, near as they are to one another"
    tries = [index for index, looks in enumerate(network.looks) if None in looks]
    assert len(tries) == 6, "at the start, three times for the newcomer, and ever later to see if it will do again"
    assert tries[4] - tries[2] >= 15 and tries[5] - tries[4] >= 30
    assert sum(map(len, network.looks)) <= 1.1 * 120


def test_there_is_one_look_again_soon_after_the_whole_frame_shows_everybody():
    network = Scripted(walks_in, lambda index, region: [MIDDLE] if 0 < index < 30 and far(region) else [])
    assert play(network, 60, MIDDLE, LEFT)[20:].min() > 0.9
    assert network.looks[-10:] == [[None]] * 10


def test_somebody_who_reaches_over_the_edge_is_not_given_up_for_a_wider_look_without_them():
    def reaches(index: int) -> list[Person]:
        return [MIDDLE if index < 8 else (210, *MIDDLE[1:])]

    network = Scripted(reaches, lambda index, region: reaches(index) if index and far(region) else [])
    assert play(network, 40, MIDDLE).min() > 0.9
    assert sum(None in looks for looks in network.looks[1:]) == 1, "less wide ones do"


def test_somebody_who_reaches_over_the_edge_is_followed_into_a_wider_look_that_shows_less_beside_them():
    """The closer look takes half as much again beside somebody for a part of them; they walk on, out of it."""
    beside = (430, 100, 480, 360)

    def walks(index: int) -> list[Person]:
        x = min(max(index - 8, 0) * 15, 300)
        return [(MIDDLE[0] - x, 100, MIDDLE[2] - x, 360), beside]

    network = Scripted(walks, lambda index, region: [beside] if far(region) else [])
    framing = Framing(network, motion_gate=False)
    for index in range(36):
        mask = cv2.resize(framing(network.frame(index)), SIZE)
        (left, top, right, bottom), _ = walks(index)
        assert (mask[top:bottom, left:right] > 127).mean() > 0.8, index


def drawn(canvas: Canvas, *boxes: Box) -> np.ndarray:
    mask = np.zeros(canvas.cells[::-1], np.uint8)
    for box in boxes:
        mask[box.cut] = 255
    return mask


def test_who_left_is_not_looked_for_and_a_look_that_grows_less_is_allowed():
    canvas, newcomer = Canvas.of(SIZE), Box(20, 40, 230, 180)
    one, other = Box(140, 40, 180, 180), Box(190, 40, 230, 180)
    look = Look(Window(canvas, 0.25, 8.0))
    look.plan(one.join(other))
    near = look.box
    assert near is not None
    both, alone = drawn(canvas, one, other), drawn(canvas, one)
    look.mask = alone
    assert look.welcome(newcomer) and look.box is None and look.before == near
    assert look.doubtful(both) and not look.doubtful(alone)
    look.overrule(both, alone)
    assert look.mask is alone and look.box is None, "the look of before does not show them any more"
    look.overrule(both, both)
    assert look.mask is both and look.box == near
    look.before = None
    assert not look.welcome(newcomer) and look.box == near and look.before is None, "not the whole frame again"
    assert look.welcome(Box(90, 40, 230, 180)) and look.box is not None and look.box.area > near.area
    look.trust(both, alone)
    assert not look.welcome(newcomer)
    look.trust(both, both)
    assert look.welcome(newcomer) and look.box is None, "the whole frame shows everybody again"
