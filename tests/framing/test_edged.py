"""A network for edges beside the one that finds people: finer edges, carried along, and nobody lost."""

from __future__ import annotations

import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge_bg import build, config
from edge_bg.errors import DelegateError, ModelError
from edge_bg.frame import Frame, from_bgr
from edge_bg.framing import Framing
from edge_bg.framing.edged import Edged
from edge_bg.lab import metrics
from edge_bg.lab.scenes import clips
from edge_bg.loop.stats import Stats
from edge_bg.network.segment import Segmenter

SIZE = (640, 360)
CELLS = (320, 180)


class Says:
    """In the place of a network: says the masks it is given, in turn, the last one again and again."""

    def __init__(self, *masks: np.ndarray, error: Exception | None = None) -> None:
        self.masks, self.error = list(masks), error
        self.regions: list[tuple[int, int, int, int]] = []
        self.info = {"model": "says"}

    def shrink(self, frame: Frame) -> None: ...

    def close(self) -> None: ...

    def __call__(self, frame: Frame, region=None) -> np.ndarray:
        return self.masks.pop(0) if len(self.masks) > 1 else self.masks[0]

    def prepare(self, frame: Frame, region) -> tuple[int, int, int, int]:
        self.regions.append(region)
        return region

    def invoke(self) -> bool:
        if self.error:
            raise self.error
        return True

    def mask(self, region) -> np.ndarray:
        x, y, wide, high = region
        return cv2.resize(self(None), SIZE)[y : y + high, x : x + wide]


def disc(radius: int, at: tuple[int, int] = (160, 90)) -> np.ndarray:
    return cv2.circle(np.zeros(CELLS[::-1], np.uint8), at, radius, 255, -1)


NOISE = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 255, (500, 800, 3)).astype(np.uint8), (0, 0), 6)


def frame(index: int = 0, shift: int = 0, scene: int = 0) -> Frame:
    """A picture with something to follow, which moved `shift` pixels to the right."""
    bgr = np.ascontiguousarray(NOISE[50 : 50 + SIZE[1], 100 - shift : 100 - shift + SIZE[0]])
    return Frame(from_bgr(cv2.equalizeHist(bgr.reshape(-1)).reshape(bgr.shape)), index / 30, index, scene=scene)


def plain(*masks: np.ndarray) -> Framing:
    return Framing(Says(*masks), crop=False, motion_gate=False)


def test_edges_are_nearer_to_the_truth_on_a_clip() -> None:
    clip = clips(5, SIZE, names=["portrait"], frames=8)[0]
    stats, found = Stats(), {"plain": [], "finer": []}
    with Edged(Framing(Segmenter("landscape", threads=1)), Segmenter("portrait-192x320"), every=4, stats=stats) as both:
        for shot in clip:
            seen = replace(shot.frame, truth=None)
            masks = {"finer": both(seen), "plain": both.framing.segmenter(seen)}
            for name, mask in masks.items():
                found[name].append(metrics.iou(np.asarray(cv2.resize(mask, SIZE)), shot.truth))
    assert stats.snapshot()["edges.looks"] == 2
    assert np.mean(found["finer"]) > np.mean(found["plain"])


def test_it_looks_at_the_people_alone_and_at_each_nth_frame() -> None:
    sharp = Says(disc(42))
    both = Edged(plain(disc(40)), sharp, every=3)
    said = [both(frame(i)) for i in range(7)]
    assert len(sharp.regions) == 3
    x, y, wide, high = sharp.regions[0]
    assert x > 200 and y > 60 and wide < 220 and high < 220
    for mask in said:
        assert mask.shape == CELLS[::-1] and metrics.iou(mask, disc(42)) > 0.99


@pytest.mark.parametrize("says", [np.zeros(CELLS[::-1], np.uint8), disc(12), disc(40, (60, 40))])
def test_whom_the_sharp_one_does_not_see_stays(says: np.ndarray) -> None:
    both = Edged(plain(disc(40)), Says(says))
    assert np.array_equal(both(frame()), disc(40))


def test_of_two_people_one_may_be_lost_by_the_sharp_one() -> None:
    two, finer = np.maximum(disc(30, (80, 90)), disc(30, (240, 90))), disc(32, (80, 90))
    said = Edged(plain(two), Says(finer))(frame())
    assert metrics.iou(said, np.maximum(finer, disc(30, (240, 90)))) > 0.99


def test_a_head_that_the_sharp_one_loses_comes_back() -> None:
    """The two agree about most of the body: it is a piece, and no edge, that is lost."""
    body = np.maximum(disc(20, (160, 50)), cv2.rectangle(disc(0), (125, 70), (195, 170), 255, -1))
    headless = body.copy()
    headless[:66] = 0
    said = Edged(plain(body), Says(headless))(frame())
    assert metrics.iou(said, body) > 0.98
    doubtful = body.copy()
    doubtful[:66] = np.minimum(doubtful[:66], 150)  # a patch of wall that the fast one is not sure of
    gone = Edged(plain(doubtful), Says(headless))(frame())
    assert metrics.iou(gone, headless) > 0.95


def test_whom_only_the_sharp_one_sees_is_not_there() -> None:
    sharp = Says(disc(40))
    assert not Edged(plain(np.zeros(CELLS[::-1], np.uint8)), sharp)(frame()).any()
    assert not sharp.regions


def test_the_detail_goes_along_with_who_moves() -> None:
    both = Edged(plain(disc(40), disc(40, (165, 90))), Says(disc(43)), every=9)
    both(frame(0))
    moved = both(frame(1, shift=10))  # five cells
    assert metrics.iou(moved, disc(43, (165, 90))) > 0.985


def test_where_the_person_has_changed_the_detail_is_left_out() -> None:
    other = np.maximum(disc(40), cv2.rectangle(np.zeros(CELLS[::-1], np.uint8), (160, 78), (290, 102), 255, -1))
    both = Edged(plain(disc(40), other), Says(disc(43)), every=9)
    both(frame(0))
    assert metrics.iou(both(frame(1)), np.maximum(other, disc(43))) > 0.99


def test_another_scene_begins_afresh() -> None:
    both = Edged(plain(disc(40), disc(20)), Says(disc(43), disc(0)), every=9)
    both(frame(0))
    assert metrics.iou(both(frame(1, scene=1)), disc(20)) > 0.99


def test_beside_it_is_heard_once_it_has_said() -> None:
    both = Edged(plain(disc(40)), Says(disc(43)), every=100, beside=True)
    assert np.array_equal(both(frame(0)), disc(40))
    assert both._pending is not None
    both._pending[1].result(timeout=60)
    assert metrics.iou(both(frame(1)), disc(43)) > 0.99
    both.close()


def test_it_does_not_look_while_edges_are_known_otherwise() -> None:
    both = Edged(plain(disc(40)), sharp := Says(disc(42)), every=2)
    asked = iter([True, False, False, False, True])
    both.needed = lambda: next(asked)
    said = [both(frame(i)) for i in range(5)]
    assert len(sharp.regions) == 2, "at once when it is needed, and again as soon as it is"
    assert [metrics.iou(mask, disc(42)) > 0.99 for mask in said] == [True, False, False, False, True]
    assert all(np.array_equal(mask, disc(40)) for mask in said[1:4])


@pytest.mark.parametrize("beside", [False, True])
def test_pictures_go_on_where_it_fails(beside: bool, caplog: pytest.LogCaptureFixture) -> None:
    both = Edged(plain(disc(40)), Says(disc(43), error=DelegateError("the stick is gone")), beside=beside)
    with caplog.at_level(logging.WARNING):
        for i in range(3):
            assert np.array_equal(both(frame(i)), disc(40))
            if both._pending is not None:
                both._pending[1].exception(timeout=60)
    assert caplog.text.count("the stick is gone") == 1
    both.close()


def made(**model: object) -> config.Config:
    return config.from_dict({
        "source": {"kind": "synthetic", "size": "320x180", "realtime": False, "frames": 3},
        "model": {"name": "landscape", **model},
        "sinks": ["null"],
    })  # fmt: skip


def test_a_config_turns_it_on() -> None:
    with build.open(made(edges="portrait-192x320", edges_every=2)) as booth:
        assert isinstance(booth.segmenter, Edged) and booth.segmenter.every == 2
        assert sum(not each.covered for each in booth) == 3
        assert booth.health()["edges"] == "portrait-192x320-int8"
        assert booth.stats.snapshot()["edges.looks"] == 2


def test_it_rests_while_the_learned_room_says_where_edges_are() -> None:
    live = made(edges="portrait-light", edges_every=1).model_dump(exclude_unset=True)
    live["source"] |= {"realtime": True, "size": "640x360", "fps": 15, "frames": 150}
    with build.open(config.from_dict({**live, "matte": {"booth": True}})) as booth:
        assert booth.segmenter.beside and booth.segmenter.needed()
        frames = iter(booth)
        while not booth.matte.draws_edges:
            next(frames)
        for _ in range(5):  # what was under way when the room became known
            next(frames)
        looks = booth.stats.snapshot()["edges.looks"]
        for _ in range(15):
            next(frames)
        assert looks > 0 and booth.stats.snapshot()["edges.looks"] == looks and booth.matte.draws_edges


def test_it_is_off_otherwise() -> None:
    for model in ({}, {"edges": "none"}, {"name": "auto"}):
        with build.open(made(**model)) as booth:
            assert isinstance(booth.segmenter, Framing)
            assert booth.health()["edges"] is None


def test_a_network_for_people_is_none_for_edges() -> None:
    with pytest.raises(ModelError, match="made for people, not for edges"):
        build.open(made(edges="large")).close()
