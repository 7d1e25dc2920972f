"""Framing around a segmenter that finds bright discs, but only those large enough in what it is shown."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.frame import Frame, filled
from edge_bg.matte.framing import Framing, FramingOptions

SIZE = (1280, 720)


class Discs:
    """A real, if simple, segmenter: bright is person; what is lower than 15 % of the view is missed."""

    def __init__(self):
        self.views = []
        self.closed = False

    def __call__(self, frame, region=None):
        self.views.append(region)
        x, y, w, h = region or (0, 0, *frame.size)
        assert not (x | y | w | h) % 2 and x >= 0 and y >= 0 and x + w <= frame.width and y + h <= frame.height
        mask = (cv2.resize(frame.y[y : y + h, x : x + w], (256, 144), interpolation=cv2.INTER_AREA) > 128).astype(
            np.uint8
        )
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
        found = [i for i in range(1, count) if stats[i, cv2.CC_STAT_HEIGHT] > 0.15 * 144]
        return np.where(np.isin(labels, found), 255, 0).astype(np.uint8)

    def close(self):
        self.closed = True


def room(*discs: tuple[int, int, int]) -> Frame:
    data = filled(SIZE, (40, 128, 128))
    for x, y, radius in discs:
        cv2.circle(data[:720], (x, y), radius, 220, -1)
    return Frame(data, 0.0, 0)


def overlap(mask: np.ndarray, frame: Frame) -> float:
    seen = cv2.resize(mask, SIZE, interpolation=cv2.INTER_LINEAR) > 127
    true = frame.y > 128
    return float((seen & true).sum() / (seen | true).sum())


def test_someone_far_away_is_found_and_cropped_to():
    inner = Discs()
    framing = Framing(inner, crop=True)
    frame = room((900, 500, 40))
    assert overlap(inner(frame), frame) == 0
    masks = [framing(frame) for _ in range(40)]
    assert overlap(masks[-1], frame) > 0.9
    assert framing.region is not None and framing.region[2] < 400
    assert masks[-1].shape == (432, 768)  # finer, as the crop enlarged


def test_the_crop_stays_while_they_stay_and_follows_when_they_leave_it():
    framing = Framing(Discs(), crop=True)
    for _ in range(5):
        framing(room((600, 360, 150)))
    before = framing.region
    assert before is not None
    for step in range(5):
        framing(room((600 + 2 * step, 360, 150)))
    assert framing.region == before
    for step in range(20):
        frame = room((600 + 20 * step, 360, 150))
        mask = framing(frame)
    assert framing.region != before and overlap(mask, frame) > 0.9


def test_others_who_come_are_seen():
    framing = Framing(Discs(), crop=True, look=4)
    for _ in range(5):
        framing(room((300, 360, 120)))
    frame = room((300, 360, 120), (900, 360, 130))
    for _ in range(12):
        mask = framing(frame)
    assert overlap(mask, frame) > 0.9


def test_the_whole_is_looked_at_again_when_nobody_is_left():
    framing = Framing(Discs(), crop=True)
    for _ in range(5):
        framing(room((300, 360, 120)))
    for _ in range(6):
        mask = framing(room())
    assert framing.region is None and not mask.any()


def test_large_people_are_not_cropped():
    inner = Discs()
    framing = Framing(inner, crop=True)
    for _ in range(10):
        framing(room((640, 360, 340)))
    assert framing.region is None and set(inner.views) == {None}


def test_the_largest_is_kept_and_stayed_with():
    framing = Framing(Discs(), keep="largest")
    guest = room((400, 360, 200))
    assert overlap(framing(room((400, 360, 200), (900, 360, 150))), guest) > 0.95
    assert overlap(framing(room((400, 360, 200), (900, 360, 230))), guest) > 0.95  # not yet half as large again
    assert overlap(framing(room((400, 360, 120), (900, 360, 230))), room((900, 360, 230))) > 0.95


@pytest.mark.parametrize("crop", [False, True])
def test_only_those_in_the_zone_are_kept(crop):
    left = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    framing = Framing(Discs(), keep="zone", zone=left, crop=crop)
    for _ in range(8):
        mask = framing(room((300, 360, 150), (900, 360, 200)))
    assert overlap(mask, room((300, 360, 150))) > 0.9


def test_off_means_untouched():
    inner = Discs()
    frame = room((640, 360, 200))
    assert (Framing(inner)(frame) == inner(frame)).all()
    assert inner.views == [None, None]


def test_the_rest_is_the_inner_segmenters():
    inner = Discs()
    with Framing(inner) as framing:
        assert framing.views is inner.views
    assert inner.closed


@pytest.mark.parametrize(
    "wrong",
    [{"keep": "me"}, {"keep": "zone"}, {"zone": [(0, 0), (1, 0), (1, 1)]}, {"margin": 2}, {"look": 1},
     {"zone": [(0, 0), (2, 0), (1, 1)], "keep": "zone"}],
)  # fmt: skip
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FramingOptions(**wrong)
