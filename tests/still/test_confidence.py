"""The figure that says at which pictures a person should look."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.lab import metrics
from edge_bg.still import Cutter
from edge_bg.still.confidence import (
    DOUBTFUL,
    expected_overlap,
    expected_overlap_of_people,
    expected_overlap_of_thing,
)


def test_a_mask_that_is_sure_counts_for_more_than_a_grey_one():
    firm, grey = np.zeros((50, 50), np.float32), np.zeros((50, 50), np.float32)
    firm[10:40, 10:40] = 1
    grey[10:40, 10:40] = 0.6
    assert expected_overlap(firm) == 1
    assert expected_overlap(grey) < 0.5
    assert expected_overlap(np.zeros((50, 50), np.float32)) == 0


def test_people_of_whom_a_second_look_sees_less_are_doubtful():
    alpha = np.zeros((100, 100), np.float32)
    alpha[20:80, 20:80] = 1
    lost, grey = alpha.copy(), alpha.copy()
    lost[20:80, 20:30] = 0  # an arm
    grey[20:50, 20:80] = 0.6
    fine, less, soft = (
        expected_overlap_of_people(alpha, *seen) for seen in ((alpha,) * 2, (alpha, lost), (grey, alpha))
    )
    assert fine is not None and fine > 0.97
    assert less is not None and less < DOUBTFUL
    assert soft is not None and soft < DOUBTFUL
    nothing = np.zeros_like(alpha)
    assert expected_overlap_of_people(alpha, nothing, nothing) is None, "not heard, so it says nothing"


def test_a_thing_that_has_the_colours_of_the_room_is_doubtful():
    """A frame with what is seen through it, both as firm as can be."""
    mask, picture = np.zeros((100, 100), np.float32), np.full((100, 100, 3), 210, np.uint8)
    mask[20:80, 20:80] = 1
    picture[20:80, 20:80] = (150, 40, 30)
    assert expected_overlap_of_thing(picture, mask) > 0.95
    picture[30:70, 30:70] = 210
    assert expected_overlap_of_thing(picture, mask) < DOUBTFUL
    spots = picture.copy()
    spots[20:80, 20:80] = (150, 40, 30)
    spots[20:80:4, 20:80] = 210  # a quarter of it, but in stripes: fur, spokes
    assert DOUBTFUL < expected_overlap_of_thing(spots, mask) < 0.95
    mask[30:70, 30:70] = 0
    assert expected_overlap_of_thing(picture, mask) > 0.95
    assert expected_overlap_of_thing(picture, np.zeros_like(mask)) == 0


def test_a_thing_is_not_doubtful_for_a_soft_edge_alone():
    mask, picture = np.zeros((100, 100), np.float32), np.full((100, 100, 3), 210, np.uint8)
    mask[20:80, 20:80] = 1
    picture[20:80, 20:80] = (150, 40, 30)
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.5), np.float32)
    assert expected_overlap(soft) < DOUBTFUL < expected_overlap_of_thing(picture, soft)
    assert expected_overlap_of_thing(picture, 0.65 * mask) < DOUBTFUL, "vague all over"


@pytest.mark.data
@pytest.mark.slow
def test_it_follows_the_true_overlap_of_people(data: Path):
    """Of the half that was not used to choose it; on most of that half: benchmarks/subjects."""
    pairs = []
    with Cutter() as cutter:
        for path in sorted((data / "people/images").glob("*.jpg"))[1::6]:
            truth = cv2.imread(str(data / "people/masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
            if truth.any():
                cutout = cutter(path)
                pairs.append((metrics.iou(cutout.alpha, truth), cutout.confidence))
    true, said = np.array(pairs).T
    assert np.median(np.abs(true - said)) < 0.02
    assert np.corrcoef(true.argsort().argsort(), said.argsort().argsort())[0, 1] > 0.5
    order = np.argsort(said)
    assert true[order[: len(order) // 3]].mean() < true[order[-(len(order) // 3) :]].mean()
