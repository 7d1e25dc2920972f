"""The synthetic source: the same scene for the same seed, a truth that is true, and a person worth segmenting."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.assets import asset_path
from edge_bg.errors import SourceError
from edge_bg.frame import Frame, planes
from edge_bg.sources.room import draw_room
from edge_bg.sources.synthetic import Scene, Synthetic
from tests.patience import crowd

SIZE = (320, 180)


def frames(count: int = 6, **options: object) -> list[Frame]:
    options = {"size": SIZE, "realtime": False, "frames": count, **options}
    with Synthetic(**options) as source:  # type: ignore[arg-type]
        return list(source)


def test_same_seed_same_frames() -> None:
    for one, two in zip(frames(seed=3), frames(seed=3), strict=True):
        assert np.array_equal(one.data, two.data)
        assert one.truth is not None
        assert two.truth is not None
        assert np.array_equal(one.truth, two.truth)
    assert not np.array_equal(frames(seed=3)[0].data, frames(seed=4)[0].data)


def test_a_frame_does_not_depend_on_those_before_it() -> None:
    late = frames(40)[39]
    scene = Scene(SIZE, 0)
    data, truth = np.empty_like(late.data), np.empty((SIZE[1], SIZE[0]), np.uint8)
    scene.draw(39, 39 / 30, data, truth)
    assert np.array_equal(data, late.data)
    assert np.array_equal(truth, late.truth)


def test_truth_is_where_the_room_is_covered() -> None:
    room = Scene(SIZE, 0).room
    for frame in frames(300)[::60]:
        assert frame.truth is not None
        y, _, _ = planes(frame.data)
        outside = frame.truth == 0
        beside = np.abs(y[outside].astype(int) - planes(room)[0][outside])
        assert beside.max() <= 1, "where nobody is, the room is untouched"  # 1: OpenCV 5 rounds so on arm64
        # One blend gives the frame back: data = light + room * (255 - alpha) / 255, light <= alpha.
        behind = planes(room)[0].astype(float) * (255 - frame.truth) / 255
        light = y - behind
        assert light.min() >= -1.01
        assert (light <= frame.truth + 1.01).all()


def test_the_person_is_upright_large_soft_edged_and_cut_by_the_bottom() -> None:
    positions, sizes = set(), set()
    for frame in frames(600, fps=10)[::40]:
        truth = frame.truth
        assert truth is not None
        assert truth.shape == (SIZE[1], SIZE[0])
        inside = truth > 127
        assert 0.2 < inside.mean() < 0.7
        assert inside[-1].mean() > 0.3, "she reaches the bottom"
        assert not inside[: SIZE[1] // 20].any(), "and has air above her"
        rows = np.flatnonzero(inside.any(axis=1))
        assert inside[rows[0] + 20].sum() < inside[-10].sum(), "head above shoulders"
        soft = (truth > 10) & (truth < 245)
        assert soft.sum() > 100
        number, _, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
        assert stats[1:, cv2.CC_STAT_AREA].max() > 0.99 * inside.sum(), f"{number - 1} pieces"
        positions.add(int(np.flatnonzero(inside[rows[0] + 10]).mean()))
        sizes.add(int(inside.sum()))
    assert max(positions) - min(positions) > SIZE[0] * 0.1, "she moves"
    assert max(sizes) > 1.05 * min(sizes), "she comes nearer"


def test_the_light_on_her_changes() -> None:
    def side(frame: Frame) -> float:
        assert frame.truth is not None
        columns = np.flatnonzero(frame.truth[-1] > 250)
        middle = int(columns.mean())
        row = frame.y[-40:]
        return float(row[:, columns[0] : middle].mean()) - float(row[:, middle : columns[-1]].mean())

    values = [side(frame) for frame in frames(400, fps=10)[::20]]
    assert max(values) - min(values) > 25


def test_the_room_is_cluttered() -> None:
    for seed in range(4):
        room = draw_room((640, 360), seed)
        assert room.shape == (360, 640, 3)
        edges = cv2.Canny(room, 10, 30)  # soft ones: the lens is focused on her
        assert (edges > 0).mean() > 0.02, "no edges in the room"
        assert room.std() > 25
        assert np.array_equal(room, draw_room((640, 360), seed))


def test_noise_is_as_strong_as_asked_and_new_in_each_frame() -> None:
    quiet, noisy = frames(3), frames(3, noise=4.0)
    for plain, loud in zip(quiet, noisy, strict=True):
        difference = loud.y.astype(float) - plain.y
        assert 3.2 < difference.std() < 4.8
        assert abs(difference.mean()) < 0.6
        assert np.array_equal(plain.truth, loud.truth)  # type: ignore[arg-type]
    a, b = (noisy[i].y.astype(float) - quiet[i].y for i in (0, 1))
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("size", [(2, 2), (16, 16), (64, 48), (48, 64), (1280, 96), (90, 1600), (1920, 1080)])
def test_any_even_size(size: tuple[int, int]) -> None:
    for frame in frames(3, size=size):
        assert frame.size == size
        assert frame.truth is not None
        if min(size) >= 48:
            assert frame.truth.max() == 255


def test_realtime_keeps_the_pace() -> None:
    with Synthetic(size=SIZE, fps=50) as source:
        start = time.monotonic()
        last = [frame.index for frame, _ in zip(source, range(26), strict=False)][-1]
        elapsed = time.monotonic() - start
    assert elapsed > 0.4
    assert abs(last - elapsed * 50) <= 6 * crowd()


def test_bad_options() -> None:
    for options, match in (({"size": (0, 0)}, "even"), ({"size": (3, 4)}, "even"), ({"fps": -1}, "range")):
        with pytest.raises(SourceError, match=match):
            Synthetic(**options)  # type: ignore[arg-type]


def test_a_missing_portrait_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("edge_bg.sources.synthetic.asset_path", lambda name: tmp_path / name)
    with pytest.raises(SourceError, match="missing or damaged") as caught:
        Synthetic(size=SIZE).open()
    assert "pip install" in caught.value.hint


@pytest.mark.long
def test_the_portrait_is_made_by_its_script(data: Path, root: Path, tmp_path: Path) -> None:
    made = tmp_path / "portrait.png"
    command = [sys.executable, str(root / "scripts/make_portrait"), str(data / "astronaut.png"), "-o", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    fresh, kept = (cv2.imread(str(p), cv2.IMREAD_UNCHANGED).astype(int) for p in (made, asset_path("portrait.png")))
    assert fresh.shape == kept.shape
    # Other versions of OpenCV may round GrabCut's border differently by a pixel here and there.
    assert (np.abs(fresh - kept).max(axis=2) > 8).mean() < 0.002
