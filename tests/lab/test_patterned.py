"""Patterned rooms and clothes: the truth stays true, what is drawn is what is said, and the worst room is named."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from edge_bg.cli import run
from edge_bg.lab import clothes, cutouts, patterned, patterns
from edge_bg.lab.scenes import clips
from edge_bg.lab.stages import play
from edge_bg.lab.ways import Way, raw

SIZE = (320, 180)


@pytest.mark.parametrize("kind", patterns.PATTERNS)
def test_a_patterned_room_has_edges_everywhere_and_is_the_same_for_a_seed(kind: str) -> None:
    room, wall = patterns.draw(kind, (640, 360), np.random.default_rng(3))
    again, _ = patterns.draw(kind, (640, 360), np.random.default_rng(3))
    other, _ = patterns.draw(kind, (640, 360), np.random.default_rng(4))
    assert np.array_equal(room, again) and not np.array_equal(room, other)
    assert all(0 <= c <= 255 for c in wall)
    step = cv2.dilate(room, np.ones((3, 3), np.uint8)) - cv2.erode(room, np.ones((3, 3), np.uint8))
    strong = (step.max(axis=2) > 50).astype(np.float32)
    blocks = cv2.resize(strong, (8, 4), interpolation=cv2.INTER_AREA)
    assert (blocks > 0.02).all()  # in each of 32 parts of the room


def test_clothes_change_the_shirt_and_nothing_of_the_outline() -> None:
    who = cutouts.portrait()
    chest = np.s_[int(who.head[1] + 2.5 * who.head[2]) : -10, int(who.head[0]) - 20 : int(who.head[0]) + 20]
    shown = {kind: clothes.dressed(who, kind, (200, 60, 30)) for kind in clothes.CLOTHES}
    for each in shown.values():
        assert np.array_equal(each.bgra[..., 3], who.bgra[..., 3])
    luma = {kind: each.bgra[chest][..., :3].mean(axis=2) for kind, each in shown.items()}
    assert luma["black"].mean() < 40 and luma["white"].mean() > 130
    assert np.ptp(luma["striped"].mean(axis=1)) > 80
    assert np.abs(shown["wall"].bgra[chest][..., :3].mean(axis=(0, 1)) - (200, 60, 30)).max() < 60


def test_hair_is_soft_behind_the_person_and_nothing_else_changes() -> None:
    who = cutouts.portrait()
    haired = clothes.strands(who, np.random.default_rng(0))
    pad = round(haired.head[0] - who.head[0])
    before = cv2.copyMakeBorder(who.bgra, pad, 0, pad, pad, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    assert haired.bgra.shape == before.shape
    alpha, old = haired.bgra[..., 3].astype(int), before[..., 3].astype(int)
    assert (alpha >= old).all()
    solid = old == 255
    assert np.array_equal(haired.bgra[solid], before[solid])
    new = alpha[old == 0]
    soft = ((new > 10) & (new < 245)).sum()
    assert soft > 0.3 * (new > 10).sum() > 1000


def test_every_room_has_every_clothes() -> None:
    assert len(patterned.PATTERNED) == len(patterns.PATTERNS) * len(clothes.CLOTHES)
    with pytest.raises(ValueError, match="lattice/black"):
        patterned.chosen(["portrait"])
    assert clips(0, SIZE, names=["brick/wall"])[0].name == "brick/wall"
    assert "brick/wall" not in {clip.name for clip in clips(0, SIZE)}


def test_no_figure_is_taken_before_the_guest_stands() -> None:
    clip = clips(0, SIZE, names=["tiles/white"])[0]
    shots = list(clip)
    assert not any(shot.truth.any() for shot in shots[: clip.empty])
    assert [shot.lead for shot in shots] == [n < patterned.STANDS for n in range(patterned.END)]
    assert all((shot.truth >= 128).mean() > 0.1 for shot in shots[patterned.STANDS :])
    # A network that is right from then on, and nothing before: not one figure suffers from the beginning.
    truths = {shot.frame.index: shot.truth for shot in shots}
    wrong = np.full(SIZE[::-1], 255, np.uint8)
    _, figures, _ = play(
        clip, [Way("raw", "", raw)], lambda frame: wrong if frame.index < patterned.STANDS else truths[frame.index]
    )
    assert figures["raw"]["iou"] == pytest.approx(1.0) and figures["raw"]["false"] == 0.0
    assert figures["raw"]["flicker"] == pytest.approx(0.0, abs=1e-6)


def test_the_worst_room_is_held_against_the_mean() -> None:
    def row(value: float) -> dict[str, float | None]:
        return {"iou": value, "boundary_f": value, "false": 1.0, "flicker": None}

    made = patterned.split({"a/black": row(0.9), "a/white": row(0.7), "b/black": row(0.5), "b/white": row(0.3)})
    assert made["rooms"]["a"]["boundary_f"] == pytest.approx(0.8)
    assert made["clothes"]["white"]["iou"] == pytest.approx(0.5)
    assert made["worst"] == "b" and made["below"] == pytest.approx(20.0)
    assert made["mean"]["flicker"] is None


@pytest.mark.long
def test_the_command_prints_rooms_clothes_and_the_worst(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGE_BG_DATA", raising=False)
    names = "lattice/black,tiles/white,all,all + booth"
    assert run(["evaluate", "--patterns", "--only", names, "--size", "160x90", "--workers", "1"]) == 0
    shown = capsys.readouterr().out
    for word in ("lattice", "tiles", "black", "white", "worst room:", "all + booth"):
        assert word in shown
    assert run(["evaluate", "--patterns", "--only", "portrait"]) == 2
    assert "not before a patterned room: portrait" in capsys.readouterr().err


def test_json_holds_what_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGE_BG_DATA", raising=False)
    only = ["--only", "lights/wall,raw", "--size", "160x90", "--workers", "1"]
    assert run(["evaluate", "--patterns", *only, "--json", "-"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["patterns"]["raw"]["worst"] == "lights" and table["patterns"]["raw"]["below"] == 0.0
