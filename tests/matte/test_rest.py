"""What stands still beside a guest is the room's; what sways with them by half a pixel is theirs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.matte.rest import LONG, Rest

SIZE = (640, 360)  # of a frame at half size; cells of 5 pixels
CELLS = (128, 72)
THING = (430, 120, 520, 260)


def luma(seed: int, sway: float, shadow: float = 0.0) -> np.ndarray:
    """A grey wall with a lighter thing on it, `sway` pixels to the right, and a camera's noise; `shadow`: 0..1."""
    picture = np.full(SIZE[::-1], 110, np.float32)
    left, top, right, bottom = THING
    picture[top:bottom, left:right] = 170
    picture[top + 40 : top + 60, left + 10 : right - 10] = 90
    moved = cv2.warpAffine(picture, np.float32([[1, 0, sway], [0, 1, 0]]), SIZE, borderMode=cv2.BORDER_REPLICATE)
    if shadow:  # soft, across the thing
        moved *= 1 - 0.3 * np.exp(-(((np.arange(SIZE[0]) - 400 - 150 * shadow) / 60) ** 2)).astype(np.float32)
    return np.clip(moved + np.random.default_rng(seed).normal(0, 1.5, moved.shape), 0, 255).astype(np.uint8)


def cells(box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(CELLS[::-1], np.uint8)
    left, top, right, bottom = (edge // 5 for edge in box)
    mask[top:bottom, left:right] = 255
    return mask


PERSON, WALL = cells((200, 40, 400, 360)), cells((0, 0, 150, 360))


def watch(sway: float, person: np.ndarray = PERSON, frames: int = 3 * LONG, shadow: bool = False) -> list[np.ndarray]:
    rest = Rest()
    found = []
    for frame in range(frames):
        moved = sway * np.sin(2 * np.pi * frame / 90)
        found.append(
            rest(
                luma(frame, moved, 0.01 + frame / frames if shadow else 0.0),
                cv2.max(person, cells(THING)),
                person,
                WALL,
            )
        )
    return [each for each in found if each is not None]


def test_what_stands_is_found_and_nothing_beyond_it():
    found = watch(0.0)
    assert found
    assert (found[0][cells(THING) > 0] > 0).mean() > 0.8 and not found[0][cells(THING) == 0].any()


def test_a_soft_shadow_that_passes_is_no_motion():
    assert watch(0.0, shadow=True)


def test_the_part_of_an_outline_that_a_guest_hides_says_nothing():
    """They sway before a box: a part of its outline comes and goes, the rest stands."""
    rest, found = Rest(), []
    for frame in range(3 * LONG):
        left = 445 + round(10 * np.sin(frame / 8))
        picture, person = luma(frame, 0.0), cv2.max(PERSON, cells((300, 40, left, 360)))
        picture[40:, 300:left] = 40
        found.append(rest(picture, cv2.max(person, cells(THING)), person, WALL))
    assert any(each is not None for each in found)


def test_nothing_rests_for_a_camera_that_shakes():
    """Everything moves, walls with edges as well, and so does what a guest holds."""
    rest = Rest()
    for frame in range(3 * LONG):
        seen = luma(frame, 1.5 * float(np.sin(2.1 * frame)))
        assert rest(seen, cv2.max(PERSON, cells(THING)), PERSON, WALL) is None


@pytest.mark.parametrize("sway", [0.5, 2.0])
@pytest.mark.parametrize("shadow", [False, True])
def test_what_sways_with_a_guest_is_theirs(sway, shadow):
    assert not watch(sway, shadow=shadow)


def test_what_the_network_sees_as_somebody_never_rests():
    assert not watch(0.0, person=cv2.max(PERSON, cells(THING)))


def test_it_takes_a_while():
    assert not watch(0.0, frames=LONG)
