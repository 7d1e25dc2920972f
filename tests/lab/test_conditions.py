"""Conditions do what they say, the same each time; groups are told apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_bg.lab import conditions, groups
from edge_bg.lab.conditions import CONDITIONS, Scene
from edge_bg.lab.data import Item, collect
from edge_bg.lab.metrics import iou


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, labelled_folder: Callable[[Path, int], Path]) -> Scene:
    items = collect(labelled_folder(tmp_path_factory.mktemp("people"), 3)).items
    return Scene(items[0], *items[0].read(), items[1:])


def luma(bgr: NDArray[np.uint8]) -> float:
    return float(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).mean())


@pytest.mark.parametrize("name", sorted(CONDITIONS))
def test_every_condition_repeats_and_keeps_its_form(name: str, scene: Scene) -> None:
    bgr, truth = conditions.apply(name, scene, 5)
    again, truth_again = conditions.apply(name, scene, 5)
    assert np.array_equal(bgr, again) and np.array_equal(truth, truth_again)
    assert bgr.dtype == truth.dtype == np.uint8
    assert bgr.shape == (*truth.shape, 3) and truth.shape[0] % 2 == truth.shape[1] % 2 == 0
    assert (truth >= 128).any(), "somebody is still there"
    assert conditions.describe(name)


def test_another_seed_is_another_chance(scene: Scene) -> None:
    assert not np.array_equal(conditions.apply("dark", scene, 1)[0], conditions.apply("dark", scene, 2)[0])


@pytest.mark.parametrize("name", ["dark", "over-exposed", "colour-cast", "jpeg-30", "backlight"])
def test_light_and_coding_leave_the_truth_alone(name: str, scene: Scene) -> None:
    assert np.array_equal(conditions.apply(name, scene, 0)[1], scene.truth)


def test_light_goes_where_it_says(scene: Scene) -> None:
    base = luma(scene.bgr)
    assert luma(conditions.apply("dark", scene, 0)[0]) < 0.7 * base
    assert luma(conditions.apply("over-exposed", scene, 0)[0]) > 1.2 * base
    lit = conditions.apply("backlight", scene, 0)[0]
    person = scene.truth == 255
    assert lit[person].mean() < 0.7 * scene.bgr[person].mean()
    assert lit[scene.truth == 0].mean() > scene.bgr[scene.truth == 0].mean()


def test_dark_is_noisy_and_defocus_is_not(scene: Scene) -> None:
    def detail(bgr: NDArray[np.uint8]) -> float:
        grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)[:60]  # plain wall
        return float(np.std(grey.astype(float) - cv2.GaussianBlur(grey, (0, 0), 3)))

    assert detail(conditions.apply("dark", scene, 0)[0]) > 5 + detail(scene.bgr)
    soft = [((t > 6) & (t < 249)).sum() for t in (scene.truth, conditions.apply("defocus", scene, 0)[1])]
    assert soft[1] > 1.3 * soft[0]


def test_what_an_obstacle_hides_is_no_person(scene: Scene) -> None:
    _, truth = conditions.apply("occlusion", scene, 0)
    left = (truth >= 128).sum() / (scene.truth >= 128).sum()
    assert 0.3 < left < 0.97
    assert (truth <= scene.truth).all()


def test_small_is_small_and_group_is_more_than_one(scene: Scene) -> None:
    _, truth = conditions.apply("small", scene, 0)
    rows = np.flatnonzero((truth >= 128).any(axis=1))
    assert 0.08 < len(rows) / truth.shape[0] < 0.27
    alone = conditions.apply("person-like", scene, 3)[1]
    columns = [(t >= 128).any(axis=0).sum() for t in (alone, conditions.apply("group", scene, 3)[1])]
    assert columns[1] > 1.3 * columns[0]


def test_turned_is_a_quarter_turn(scene: Scene) -> None:
    _, truth = conditions.apply("turned", scene, 0)
    assert truth.shape == scene.truth.shape[::-1]
    assert max(iou(np.ascontiguousarray(np.rot90(truth, k)), scene.truth) for k in (1, 3)) == 1.0


def face(color: tuple[int, int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A standing figure with a face of one colour (B, G, R)."""
    bgr, truth = np.full((400, 200, 3), 200, np.uint8), np.zeros((400, 200), np.uint8)
    truth[40:360, 60:140] = 255
    bgr[truth > 0] = (120, 60, 30)
    bgr[45:90, 75:125] = color
    return bgr, truth


@pytest.mark.parametrize(
    ("color", "expected"),
    [((180, 205, 240), "light skin"), ((100, 145, 200), "medium skin"), ((40, 65, 105), "dark skin")],
)
def test_skin_classes(color: tuple[int, int, int], expected: str) -> None:
    assert groups.skin(*face(color)).startswith(expected)


def test_ita_is_the_angle_of_the_lab_colour() -> None:
    color = (120, 160, 210)
    lab = cv2.cvtColor(np.array([[color]], np.float32) / 255, cv2.COLOR_BGR2Lab)[0, 0]
    expected = np.degrees(np.arctan2(lab[0] - 50, lab[2]))
    assert groups.ita(*face(color)) == pytest.approx(expected, abs=0.5)


def test_no_face_no_skin() -> None:
    assert groups.ita(*face((200, 40, 40))) is None
    assert groups.ita(np.zeros((50, 50, 3), np.uint8), np.zeros((50, 50), np.uint8)) is None


def test_framing_and_brightness() -> None:
    bgr, truth = face((100, 145, 200))
    assert groups.framing(truth) == "whole body, farther"
    truth[40:] = 255
    assert groups.framing(truth) == "cut off by the frame"
    assert groups.brightness(np.zeros_like(bgr)).startswith("dark")
    assert groups.brightness(np.full_like(bgr, 200)).startswith("bright")


@pytest.mark.data
def test_skin_is_found_in_most_photographs() -> None:
    folder = os.environ.get("EDGE_BG_DATA")
    if not folder:
        pytest.skip("EDGE_BG_DATA is not set: the evaluation pictures are not here")
    items: list[Item] = collect(Path(folder) / "people").items[::10]
    angles = [groups.ita(*item.read()) for item in items]
    assert sum(a is not None for a in angles) >= 0.8 * len(items)
