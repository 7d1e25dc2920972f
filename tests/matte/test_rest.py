"""What stands still beside a guest is the room's; what sways with them by half a pixel is theirs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.matte.rest import LONG, Rest

SIZE = (640, 360)  # of a frame at half size; cells of 5 pixels
CELLS = (128, 72)
THING = (430, 120, 520, 260)


def luma(seed: int, sway: float) -> np.ndarray:
    """A grey wall with a lighter thing on it, `sway` pixels to the right, and a camera's noise."""
    picture = np.full(SIZE[::-1], 110, np.float32)
    left, top, right, bottom = THING
    picture[top:bottom, left:right] = 170
    picture[top + 40 : top + 60, left + 10 : right - 10] = 90
    moved = cv2.warpAffine(picture, np.float32([[1, 0, sway], [0, 1, 0]]), SIZE, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(moved + np.random.default_rng(seed).normal(0, 1.5, moved.shape), 0, 255).astype(np.uint8)


def cells(box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(CELLS[::-1], np.uint8)
    left, top, right, bottom = (edge // 5 for edge in box)
    mask[top:bottom, left:right] = 255
    return mask


PERSON, WALL = cells((200, 40, 400, 360)), cells((0, 0, 150, 360))


def watch(sway: float, person: np.ndarray = PERSON, frames: int = 3 * LONG) -> list[np.ndarray]:
    rest = Rest()
    found = []
    for frame in range(frames):
        moved = sway * np.sin(2 * np.pi * frame / 90)
        found.append(rest(luma(frame, moved), cv2.max(person, cells(THING)), person, WALL))
    return [each for each in found if each is not None]


def test_what_stands_is_found_and_nothing_beyond_it():
    found = watch(0.0)
    assert found
    assert (found[0][cells(THING) > 0] > 0).mean() > 0.8 and not found[0][cells(THING) == 0].any()


@pytest.mark.parametrize("sway", [0.5, 2.0])
def test_what_sways_with_a_guest_is_theirs(sway):
    assert not watch(sway)


def test_what_the_network_sees_as_somebody_never_rests():
    assert not watch(0.0, person=cv2.max(PERSON, cells(THING)))


def test_it_takes_a_while():
    assert not watch(0.0, frames=LONG)
