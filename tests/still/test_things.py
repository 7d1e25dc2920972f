"""Cut-outs of what is no person, and who decides what is meant."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.assets import asset_path
from edge_bg.errors import ModelError, PictureError
from edge_bg.lab import metrics
from edge_bg.still import Cutter, cut_out
from edge_bg.still.mask import coarse_mask
from edge_bg.still.things import _colours_tell, people_are_meant


@pytest.fixture(scope="module")
def cutter():
    with Cutter(subject="auto") as made:
        yield made


def mug() -> tuple[np.ndarray, np.ndarray]:
    """(picture, its mask): a red mug with a handle on a pale table, with shading and grain."""
    mask = np.zeros((360, 480), np.uint8)
    cv2.ellipse(mask, (310, 190), (60, 70), 0, 0, 360, 255, 22)
    cv2.rectangle(mask, (160, 90), (300, 290), 255, -1)
    rng = np.random.default_rng(0)
    rgb = np.full((360, 480, 3), (205, 200, 190), np.float32)
    rgb += np.linspace(-15, 15, 360)[:, None, None]
    light = np.linspace(1.15, 0.65, 480)[None, :, None]
    rgb = np.where(mask[..., None] > 0, np.array((190, 40, 35), np.float32) * light, rgb) + rng.normal(0, 3, rgb.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8), mask


def portrait() -> np.ndarray:
    bgra = cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED)
    share = bgra[..., 3:] / 255
    return np.ascontiguousarray(np.rint(bgra[..., 2::-1] * share + 120 * (1 - share)).astype(np.uint8))


def test_a_thing_is_cut_out_with_its_hole(cutter: Cutter):
    picture, mask = mug()
    cutout = cutter(picture)
    assert cutout.subject == "anything"
    assert metrics.iou(cutout.alpha, mask) > 0.93
    assert cutout.alpha[190, 325] < 60, "what is seen through the handle is table"
    assert cutout.confidence > 0.7


def test_what_is_seen_through_a_bow_is_ground(cutter: Cutter):
    """Half of the looks take it for the basket. The picture: `benchmarks/products`, handles, the sixth of seed 0."""
    here = Path(__file__).parent
    mask = cv2.imread(str(here / "basket-mask.png"), cv2.IMREAD_GRAYSCALE)
    assert metrics.iou(cutter(here / "basket.jpg").alpha, mask) > 0.96


def test_colours_are_heard_only_where_they_tell():
    """A room of the thing's own colours says nothing; a plain one does, even where the thing is as white."""
    rng = np.random.default_rng(0)
    motley = rng.integers(0, 256, (60, 60, 3)).astype(np.uint8)
    thing, room = np.zeros((60, 60), np.bool_), np.zeros((60, 60), np.bool_)
    thing[20:40, 20:40], room[:, :10] = True, True
    assert not _colours_tell(motley, thing, room)
    red = motley.copy()
    red[thing] = (200, 10, 10)
    assert _colours_tell(red, thing, room)
    assert _colours_tell(np.full((60, 60, 3), 240, np.uint8), thing, room)


def test_people_are_people(cutter: Cutter):
    assert cutter(portrait()).subject == "people"
    assert cutter(np.full((120, 160, 3), 128, np.uint8)).subject == "anything"


def test_a_ball_is_nobody(cutter: Cutter):
    """The network for people takes it for a head, in the outline of the ball itself: the retina of an eye, too."""
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(np.arange(300) - 150, np.arange(300) - 155)
    far = (across**2 + down**2) / 95**2
    light = 0.2 + 0.8 * np.clip((np.sqrt(np.clip(1 - far, 0, 1)) - (across + down) / 95) / 1.75, 0, 1)
    blotches = cv2.GaussianBlur(rng.normal(0, 1, far.shape), (0, 0), 8)
    light *= 1 + 0.1 * blotches / blotches.std()
    picture = np.where(far[..., None] < 1, np.array((190, 150, 130)) * light[..., None], np.array((150, 160, 170)))
    picture = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
    assert coarse_mask(picture, cutter.segmenter)[155, 150] > 0.9, "no head to the network: draw another ball"
    cutout = cutter(picture)
    assert cutout.subject == "anything"
    assert metrics.iou(cutout.alpha, np.uint8(255) * (far < 1)) > 0.97


def test_the_rule():
    people, things = np.zeros((10, 10), np.float32), np.zeros((10, 10), np.float32)
    things[2:8, 2:8] = 1
    assert not people_are_meant(people, things)
    people[2:8, 2:4] = 1  # a hand that holds it
    assert not people_are_meant(people, things)
    people[2:8, 2:7] = 1
    assert people_are_meant(people, things)
    assert not people_are_meant(np.ones_like(people), things), "a cat that is all over the picture"
    assert people_are_meant(people, np.zeros_like(things))


@pytest.mark.parametrize("shape", [(30, 30), (40, 12)])
def test_nobody_is_an_ellipse(shape: tuple[int, int]):
    disc, bust = np.zeros((100, 100), np.float32), np.zeros((100, 100), np.float32)
    cv2.ellipse(disc, (50, 50), shape, 30, 0, 360, 1.0, -1)
    cv2.ellipse(bust, (50, 35), (14, 18), 0, 0, 360, 1.0, -1)
    cv2.ellipse(bust, (50, 100), (38, 45), 0, 0, 360, 1.0, -1)
    assert not people_are_meant(disc, disc)
    ring = disc.copy()
    cv2.ellipse(ring, (50, 50), (shape[0] * 2 // 3, shape[1] * 2 // 3), 30, 0, 360, 0.0, -1)
    assert not people_are_meant(ring, ring)
    assert people_are_meant(bust, bust)


def test_a_subject_that_there_is_not():
    with pytest.raises(ModelError, match="no subject 'cats'"):
        cut_out(mug()[0], subject="cats")  # type: ignore[arg-type]


@pytest.mark.long
def test_many_go_on_after_one_that_is_none(cutter: Cutter):
    given = [mug()[0], "absent.jpg", mug()[0]]
    found = [result for _, result in cutter.many(given)]
    assert isinstance(found[1], PictureError)
    assert np.array_equal(found[0].alpha, found[2].alpha)
