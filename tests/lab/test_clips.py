"""The labelled clips: their truth is true, and the same seed makes the same clip."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.frame import from_bgr, planes
from edge_bg.lab import cutouts, props
from edge_bg.lab.clips import MARGIN, Camera, Clip
from edge_bg.lab.data import labelled
from edge_bg.lab.kit import Kit
from edge_bg.lab.scenes import SCENES, clips
from edge_bg.lab.stage import Actor, Held, Pose

SIZE = (320, 180)


@pytest.fixture
def data() -> Path:
    folder = os.environ.get("EDGE_BG_DATA")
    if not folder:
        pytest.skip("EDGE_BG_DATA is not set: the evaluation pictures are not here")
    return Path(folder)


def test_same_seed_same_pixels_and_another_seed_others() -> None:
    (a,), (b,), (c,) = (clips(s, SIZE, names=["props"], frames=48) for s in (1, 1, 2))
    for one, two, three in zip(a, b, c, strict=True):
        assert np.array_equal(one.frame.data, two.frame.data)
        assert np.array_equal(one.truth, two.truth)
        assert not np.array_equal(one.frame.data, three.frame.data)


def test_a_clip_plays_again_from_the_start() -> None:
    (clip,) = clips(0, SIZE, names=["fast"], frames=5)
    first = [s.frame.data.copy() for s in clip]
    assert all(np.array_equal(a, s.frame.data) for a, s in zip(first, clip, strict=True))


def test_every_scene_is_playable_without_any_pictures() -> None:
    for clip in clips(0, SIZE, frames=2):
        shot = next(iter(clip))
        assert shot.frame.size == SIZE and shot.truth.shape == (180, 320)
        assert shot.frame.truth is shot.truth
        assert bool(shot.truth.any()) == (clip.empty == 0), clip.name
    with pytest.raises(ValueError, match="no clip nothing"):
        clips(0, SIZE, names=["nothing"])
    assert len(SCENES) >= 10


def test_truth_explains_the_picture() -> None:
    """Without noise the frame is the kept people over the empty room: nothing else is in the truth."""
    (clip,) = clips(3, SIZE, names=["portrait"], frames=3)
    clip.camera, clip.shadow = Camera(read_noise=0, shot_noise=0), 0.0
    for shot in clip:
        room = clip.room[MARGIN : MARGIN + 180, MARGIN : MARGIN + 320]
        assert np.abs(shot.frame.data.astype(int) - from_bgr(shot.over(room))).max() <= 2


def test_soft_edges_are_soft_and_bodies_are_solid() -> None:
    (clip,) = clips(0, (640, 360), names=["portrait"], frames=1)
    truth = next(iter(clip)).truth
    soft = ((truth > 6) & (truth < 249)).mean()
    assert 0.002 < soft < 0.05
    assert (truth == 255).mean() > 0.15


def test_empty_stretch_then_guests_and_their_props() -> None:
    (clip,) = clips(0, SIZE, names=["booth"])
    seen = [(s.truth.any(), s.props.any()) for s in clip]
    assert not any(person for person, _ in seen[: clip.empty])
    assert all(person for person, _ in seen[clip.empty + 10 :])
    assert seen[-1] == (True, True)


def test_passers_by_are_no_guests() -> None:
    (clip,) = clips(0, SIZE, names=["passers"])
    shots = list(clip)[40:60:5]
    assert any(s.ignore.mean() > 0.01 for s in shots)
    assert all(not (s.ignore & (s.truth >= 128)).any() for s in shots)


def test_fast_motion_is_blurred_in_picture_and_truth_alike() -> None:
    who = cutouts.portrait()

    def soft(speed: float) -> float:
        room = np.full((180 + 2 * MARGIN, 320 + 2 * MARGIN, 3), 90, np.uint8)
        actor = Actor(who, lambda f: Pose(0.4 + speed * f, 1.0, 0.9))
        clip = Clip("x", "", SIZE, 1, room, [actor], 0)
        truth = next(iter(clip)).truth
        return float(((truth > 6) & (truth < 249)).mean())

    assert soft(0.05) > 1.8 * soft(0.0)


def test_light_switch_and_bump_happen_when_they_say() -> None:
    (clip,) = clips(0, SIZE, names=["switch"])
    levels = [float(s.frame.y.mean()) for s in clip]
    switch = clip.events["switch"]
    assert levels[switch] < 0.75 * levels[switch - 1]
    shots = {s.frame.index: s for s in clip if s.frame.index in (138, 139, 140)}
    moved = [np.abs(shots[a].frame.y.astype(int) - shots[b].frame.y).mean() for a, b in ((138, 139), (139, 140))]
    assert moved[1] > 1.5 * moved[0]


def test_before_the_green_cloth_somebody_wears_its_colour() -> None:
    (clip,) = clips(0, SIZE, names=["wall"], frames=1)
    shot = next(iter(clip))
    _, u, v = (plane.astype(int) for plane in planes(shot.frame.data))
    truth = cv2.resize(shot.truth, u.shape[::-1], interpolation=cv2.INTER_AREA)
    green = (u < 115) & (v < 100)
    assert green[truth == 0].mean() > 0.8, "the cloth"
    left, right = np.s_[:, :80], np.s_[:, 80:]
    assert green[left][truth[left] == 255].mean() < 0.1 and green[right][truth[right] == 255].mean() > 0.2


@pytest.mark.parametrize("kind", sorted(props.PAINTERS))
def test_props_have_soft_edges_and_a_body(kind: str) -> None:
    bgra = props.draw(kind, 80, np.random.default_rng(0))
    assert bgra.shape == (80, 80, 4)
    alpha = bgra[..., 3]
    assert 0.05 < (alpha >= 128).mean() < 0.95
    assert ((alpha > 6) & (alpha < 249)).any()


def test_a_prop_counts_only_where_it_is_outside_the_body() -> None:
    who = cutouts.portrait()
    actor = Actor(who, lambda f: Pose(0.5, 1.0, 0.7), (Held("hat", "head"),))
    room = np.full((180 + 2 * MARGIN, 320 + 2 * MARGIN, 3), 90, np.uint8)
    dressed = next(iter(Clip("x", "", SIZE, 1, room, [actor], 0)))
    bare = next(iter(Clip("x", "", SIZE, 1, room, [Actor(who, actor.path)], 0)))
    assert dressed.props.sum() > 50
    assert (bare.truth[dressed.props] < 160).all()
    assert (dressed.truth[dressed.props] >= 128).all()


@pytest.mark.data
def test_people_cut_from_photographs(data: Path) -> None:
    item = labelled(data / "people")[10]
    person = cutouts.from_photo(item)
    alpha, drawn = person.bgra[..., 3], item.read()[1]
    assert (alpha >= 128).sum() == pytest.approx((drawn >= 128).sum(), rel=0.08)
    assert 0.005 < ((alpha > 6) & (alpha < 249)).mean() < 0.15
    assert 0 < person.head[0] < alpha.shape[1]


@pytest.mark.data
def test_clips_with_photographs_differ_from_those_without(data: Path) -> None:
    (with_data,) = clips(0, SIZE, names=["group"], data=data, frames=1)
    (without,) = clips(0, SIZE, names=["group"], frames=1)
    assert not np.array_equal(next(iter(with_data)).truth, next(iter(without)).truth)


def test_a_label_that_marks_nobody_is_passed_over(tmp_path: Path):
    (tmp_path / "people/images").mkdir(parents=True)
    (tmp_path / "people/masks").mkdir()
    picture = np.full((80, 60, 3), 90, np.uint8)
    for name, mark in (("a", 0), ("b", 255)):
        mask = np.zeros((80, 60), np.uint8)
        mask[10:70, 20:40] = mark
        cv2.imwrite(str(tmp_path / f"people/images/{name}.png"), picture)
        cv2.imwrite(str(tmp_path / f"people/masks/{name}.png"), mask)
    kit = Kit("still", 0, (320, 180), tmp_path, np.random.default_rng(0))
    assert {kit.person().name for _ in range(8)} == {"b"}


def test_an_album_shows_each_photograph_in_turn(data: Path) -> None:
    (clip,) = clips(0, SIZE, names=["people"], data=data, frames=12)
    shots = list(clip)
    assert [s.frame.index for s in shots if s.cut] == [0, 6]
    assert [s.frame.index for s in shots if s.counted] == [5, 11] and not clip.costly(shots[0])
    for shot in shots:
        assert shot.frame.size == SIZE and shot.truth.shape == SIZE[::-1]
        assert set(np.unique(shot.truth)) == {0, 255}, "the label as it was drawn"
    assert (shots[0].truth == shots[5].truth).all() and (shots[5].truth != shots[6].truth).any()
    assert (shots[0].frame.data != shots[1].frame.data).any(), "the camera's noise"
    assert (clips(1, SIZE, names=["people"], data=data, frames=1)[0].items[0].name) != clip.items[0].name


def test_an_album_without_photographs_has_the_portrait() -> None:
    (clip,) = clips(0, SIZE, names=["people"])
    assert len(clip) == 6 and [shot.counted for shot in clip] == [False] * 5 + [True]
