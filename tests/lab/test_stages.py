"""The table of stages: truth scores perfectly, a late way shows its lag, a restless one its flicker; the sheet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from edge_bg.commands.evaluate import evaluate as command
from edge_bg.frame import Frame, Picture, Size
from edge_bg.lab import sheet, stages, ways
from edge_bg.lab.ways import Run, Way

TASK = stages.Task(seed=1, size=(320, 180), scenes=("fast",), frames=36)


def truths() -> list[NDArray[np.uint8]]:
    return [shot.truth for shot in TASK.clip("fast")]


def told(change: Callable[[list[NDArray[np.uint8]], int], NDArray[np.uint8]]) -> Callable[[Size], Run]:
    """A way that knows the truth and spoils it."""

    def start(size: Size) -> Run:
        known = truths()

        def run(mask: Picture, frame: Frame) -> NDArray[np.uint8]:
            assert frame.truth is None, "nobody may look"
            return change(known, frame.index)

        return run

    return start


def restless(known: list[NDArray[np.uint8]], i: int) -> NDArray[np.uint8]:
    return np.clip(known[i].astype(int) + (20 if i % 2 else 0), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, float]]:
    contenders = [
        Way("perfect", "", told(lambda known, i: known[i])),
        Way("late", "", told(lambda known, i: known[max(0, i - 2)])),
        Way("restless", "", told(restless)),
        Way("nothing", "", told(lambda known, i: np.zeros_like(known[i]))),
    ]
    made = stages.measure(TASK, contenders=contenders, predict=lambda frame: np.zeros((18, 32), np.uint8))
    assert "perfect" in stages.text(made) and "| late |" in stages.markdown(made, "fast")
    return {name: entry["mean"] for name, entry in made["ways"].items()}


def test_the_truth_is_perfect(table: dict[str, dict[str, float]]) -> None:
    perfect = table["perfect"]
    assert perfect["iou"] == perfect["boundary_f"] == 1
    assert perfect["mad"] == perfect["flicker"] == perfect["false"] == 0
    assert perfect["lag"] == pytest.approx(0, abs=0.02)
    assert perfect["color"] > 0, "the old room shows in hair: alpha alone does not mend that"
    assert 20 < perfect["leak"] < 60, "likewise"
    assert table["nothing"]["leak"] == 0


def test_a_late_way_is_late(table: dict[str, dict[str, float]]) -> None:
    assert table["late"]["lag"] == pytest.approx(2, abs=0.1)
    assert table["late"]["iou"] < table["perfect"]["iou"]


def test_a_restless_way_flickers(table: dict[str, dict[str, float]]) -> None:
    assert 20 / 255 * 1000 * 0.4 < table["restless"]["flicker"] < 20 / 255 * 1000
    assert table["restless"]["dtssd"] > 3


def test_nobody_found_has_no_lag(table: dict[str, dict[str, float]]) -> None:
    assert table["nothing"]["lag"] is None and table["nothing"]["iou"] == 0


def test_every_stage_can_be_switched_off_and_each_does_something() -> None:
    made = stages.measure(stages.Task(seed=0, size=(320, 180), scenes=("portrait",), frames=12))
    everything = made["ways"]["all"]["mean"]
    assert {"raw", "all"} < set(made["ways"])
    figures = ("iou", "mad", "gradient", "flicker", "boundary_f")
    for name in ways.OFF:
        without = made["ways"][f"no {name}"]["mean"]
        assert any(without[f] != everything[f] for f in figures), name
    assert everything["mad"] < made["ways"]["raw"]["mean"]["mad"]
    cleaned = made["ways"]["all + clean"]["mean"]
    assert cleaned["color"] < everything["color"] and cleaned["leak"] < everything["leak"]


def test_names_are_checked() -> None:
    assert stages.split_names(["fast", "raw"]) == (["fast"], ["raw"])
    assert stages.split_names([]) == (None, None)
    with pytest.raises(ValueError, match="neither a clip nor a stage: slow"):
        stages.split_names(["slow"])


def test_command_and_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGE_BG_DATA", raising=False)
    path = tmp_path / "sheet.png"
    arguments = ["--clips", "--only", "portrait,still,raw,all", "--limit", "6", "--size", "320x180", "--workers", "1"]
    run = CliRunner().invoke(command, [*arguments, "--sheet", str(path)], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    assert run.output.count("\nraw ") == run.output.count("\nall ") == 1
    picture = cv2.imread(str(path))
    assert picture is not None
    columns = 4  # camera, raw, all, truth
    assert picture.shape[1] == columns * sheet.CROP[0] + (columns - 1) * 4
    assert picture.shape[0] == 26 + 2 * (180 + 4), "a row for each clip that was asked for"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--clips", "--sheet", "nowhere/sheet.png"], "mkdir -p"),
        (["--clips", "--sheet", "sheet.xyz"], "name it .png"),
        (["--clips", "--json", "nowhere/figures.json"], "mkdir -p"),
        (["--clips", "--seed", "-1"], "not in the range"),
        (["--clips", "--models", "small,large"], "one model is measured at a time"),
        (["--clips", "--conditions", "dark"], "--conditions counts only without --clips"),
        ([".", "--only", "fast"], "--only counts only with --clips"),
    ],
)
def test_what_cannot_be_is_said_before_the_work(arguments: list[str], said: str) -> None:
    run = CliRunner().invoke(command, arguments)
    assert run.exit_code == 2 and said in " ".join(run.output.split()), run.output


def test_a_way_may_look_for_itself_and_paint_for_itself() -> None:
    asked: list[int] = []
    known = truths()

    def closer(predict: Callable[[Frame], Picture]) -> Callable[[Frame], Picture]:
        def look(frame: Frame) -> Picture:
            asked.append(frame.index)
            return known[frame.index]

        return look

    def white(size: Size, background: Picture) -> Callable[[Frame, Picture], Picture]:
        return lambda frame, alpha: np.full((size[1], size[0], 3), 255, np.uint8)

    contenders = [Way("closer", "", ways.raw, look=closer), Way("white", "", ways.raw, look=closer, brush=white)]
    task = stages.Task(seed=1, size=(320, 180), scenes=("fast",), frames=4)
    made = stages.measure(task, contenders=contenders, predict=lambda frame: np.zeros((18, 32), np.uint8))["ways"]
    assert asked == [0, 0, 1, 1, 2, 2, 3, 3]
    assert made["closer"]["mean"]["iou"] == made["white"]["mean"]["iou"] == 1
    assert made["white"]["mean"]["color"] > 2 * made["closer"]["mean"]["color"]


def test_passers_by_count_only_for_who_claims_to_leave_them_out() -> None:
    everyone = ways.Way("everyone", "", ways.raw)
    strict = ways.Way("strict", "", ways.raw, strict=True)
    task = stages.Task(size=(320, 180), scenes=("passers",), frames=40)
    made = stages.measure(task, contenders=[everyone, strict], predict=lambda f: np.full((18, 32), 255, np.uint8))
    figures = {name: entry["mean"] for name, entry in made["ways"].items()}
    assert figures["strict"]["false"] == 100 > figures["everyone"]["false"]
    assert figures["strict"]["iou"] < figures["everyone"]["iou"]
    assert figures["everyone"]["flicker"] == 0, "an alpha that never changes does not flicker where somebody passes"
