"""Bars that are in a film: found at once where they are plain, not taken for dark scenes, and given up when they go."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.frame import Area, from_bgr
from edge_bg.sources.bars import Bars

from .films import Bgr, portrait, walk

SIZE = (320, 180)


def barred(picture: Bgr, left: int = 0, top: int = 0, right: int = 0, bottom: int = 0, noise: int = 0) -> Bgr:
    """`picture` with that much of each side black."""
    out = picture.copy()
    height, width = out.shape[:2]
    inside = np.zeros((height, width), bool)
    inside[top : height - bottom, left : width - right] = True
    grain = np.random.default_rng(1).integers(0, noise + 1, (height, width, 1), np.uint8)
    out[~inside] = np.broadcast_to(grain, out.shape)[~inside]
    return out


@pytest.mark.parametrize("noise", [0, 12])
@pytest.mark.parametrize("sides", [(0, 22, 0, 22), (40, 0, 40, 0), (110, 0, 110, 0), (30, 20, 30, 20), (0, 0, 0, 31)])
def test_plain_bars_are_found_in_the_first_frame(sides: tuple[int, int, int, int], noise: int) -> None:
    bars = Bars()
    for number, picture in enumerate(walk(SIZE, 5)):
        area = bars(from_bgr(barred(picture, *sides, noise=noise)), number == 0)
        left, top, right, bottom = sides
        assert area == Area(left, top, SIZE[0] - right, SIZE[1] - bottom)


def test_a_film_without_bars_has_none() -> None:
    bars = Bars()
    assert all(bars(from_bgr(picture), number == 0) is None for number, picture in enumerate(walk(SIZE, 40, seed=3)))


@pytest.mark.parametrize("height", [0.5, 0.9, 1.4])
def test_a_person_before_black_is_no_bar(height: float) -> None:
    bars = Bars()
    for number in range(30):
        shown = portrait(SIZE, height, (0.5 + 0.002 * number, 1.1), wall=(4, 4, 4))
        assert bars(from_bgr(shown), number == 0) is None


def test_a_dark_blue_wall_is_no_bar() -> None:
    picture = walk(SIZE, 1)[0]
    picture[:40] = (90, 6, 6)
    bars = Bars()
    assert [bars(from_bgr(picture), number == 0) for number in range(30)] == [None] * 30


def test_bars_that_go_are_none_at_once_and_come_back_at_a_cut() -> None:
    bars, pictures = Bars(), walk(SIZE, 6)
    inside = Area(0, 22, 320, 158)
    letterboxed = [from_bgr(barred(picture, top=22, bottom=22)) for picture in pictures]
    assert bars(letterboxed[0], True) == inside
    assert bars(from_bgr(pictures[1]), False) is None
    assert bars(letterboxed[2], True) == inside


def test_bars_that_come_without_a_cut_count_once_they_stay() -> None:
    bars, picture = Bars(), walk(SIZE, 1)[0]
    assert bars(from_bgr(picture), True) is None
    letterboxed = from_bgr(barred(picture, top=22, bottom=22))
    found = [bars(letterboxed, False) for _ in range(20)]
    assert found[5] is None and found[-1] == Area(0, 22, 320, 158)


def test_a_film_that_fades_in_and_out_keeps_its_bars() -> None:
    bars, picture = Bars(), barred(walk(SIZE, 1)[0], top=22, bottom=22)
    levels = [0.0, 0.0, 0.3, 0.6, 1.0, 1.0, 0.5, 0.05, 0.0, 1.0]
    found = [bars(from_bgr(cv2.convertScaleAbs(picture, alpha=level)), i == 0) for i, level in enumerate(levels * 3)]
    assert found[0] is None and found[len(levels) * 2 :] == [Area(0, 22, 320, 158)] * len(levels)


def test_a_line_of_text_in_a_bar_is_picture_while_it_is_there() -> None:
    bars, picture = Bars(), barred(walk(SIZE, 1)[0], top=22, bottom=22)
    assert bars(from_bgr(picture), True) == Area(0, 22, 320, 158)
    titled = picture.copy()
    cv2.putText(titled, "as she says", (90, 174), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
    area = bars(from_bgr(titled), False)
    assert area is not None and area.top == 22 and area.bottom > 170
    assert [bars(from_bgr(picture), False) for _ in range(20)][-1] == Area(0, 22, 320, 158)
