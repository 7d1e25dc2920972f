"""`evaluate` end to end: known answers come out, the report holds them, the same run gives the same bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge_bg.commands.evaluate import evaluate as command
from edge_bg.errors import PictureError
from edge_bg.frame import Frame, Picture
from edge_bg.lab import report
from edge_bg.lab.data import collect
from edge_bg.lab.record import Record
from edge_bg.lab.run import Worker, evaluate
from edge_bg.lab.scenes import clips
from edge_bg.lab.summary import kind_of, summarise


class Oracle:
    """Knows the pictures' truth; `change` spoils it."""

    def __init__(self, folder: Path, change: str = "") -> None:
        self.change = change
        self.truths = [item.read() for item in collect(folder).items]

    def __call__(self, frame: Frame) -> Picture:
        if self.change == "empty":
            return np.zeros((36, 64), np.uint8)
        bgr = frame.bgr().astype(int)
        if bgr.shape != self.truths[0][0].shape:  # put together or turned: a guess, always the same
            return np.full((36, 64), 200, np.uint8)
        truth = min(self.truths, key=lambda pair: np.abs(pair[0].astype(int) - bgr).mean())[1]
        if self.change == "shifted":
            return np.ascontiguousarray(np.roll(truth, 12, axis=1))
        return truth


@pytest.fixture
def folder(tmp_path: Path, labelled_folder: Callable[[Path, int], Path]) -> Path:
    return labelled_folder(tmp_path / "people", 4)


def test_known_answers(folder: Path) -> None:
    predictors = {name: Oracle(folder, name) for name in ("perfect", "empty", "shifted")}
    result = evaluate(folder, conditions=["as-is", "jpeg-30"], predictors=predictors)
    models = result.summary["models"]
    perfect, empty, shifted = (models[m]["conditions"]["as-is"] for m in ("perfect", "empty", "shifted"))
    assert perfect["iou"]["mean"] == perfect["ap"]["ap"] == perfect["boundary_f"]["mean"] == 1.0
    assert perfect["mad"]["mean"] == 0.0
    assert empty["iou"]["mean"] == empty["ap"]["ap"] == empty["boundary_f"]["mean"] == 0.0
    assert empty["not_found"] == 4
    assert 0.7 < shifted["iou"]["mean"] < 0.95 and shifted["boundary_f"]["mean"] < 0.5
    assert shifted["iou"]["low"] <= shifted["iou"]["mean"] <= shifted["iou"]["high"]
    assert any("saw nobody" in sentence for sentence in models["empty"]["words"])
    assert models["perfect"]["words"][0] == "as-is: all 4 pictures reach an IoU of 0.8."


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.outward: list[str] = []
        self.pictures = self.plots = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pictures += tag == "img"
        self.plots += tag == "svg"
        links = [v for k, v in attrs if k in ("src", "href") and v and not v.startswith("data:")]
        self.outward += links


def test_report_is_whole_and_alone(folder: Path, tmp_path: Path) -> None:
    predictors = {name: Oracle(folder, name) for name in ("perfect", "shifted")}
    result = evaluate(folder, conditions=["as-is", "dark", "occlusion"], predictors=predictors)
    path = report.write(result, tmp_path / "out", {"command": "x <y>"}, Worker(result.job, predictors))
    page = _Page()
    page.feed(path.read_text())
    assert page.outward == [] and page.plots == 3
    assert page.pictures > 10
    assert "x &lt;y&gt;" in path.read_text()
    figures = json.loads((path.parent / "report.json").read_text())
    assert figures["models"] == json.loads(json.dumps(result.summary["models"]))


def test_the_same_run_gives_the_same_bytes(folder: Path) -> None:
    def go() -> str:
        result = evaluate(folder, predictors={"shifted": Oracle(folder, "shifted")}, seed=3)
        return report.to_json(result)

    assert go() == go()


def test_a_mask_that_marks_nobody_is_left_out_and_told(folder: Path) -> None:
    cv2.imwrite(str(folder / "masks" / "01.png"), np.zeros((300, 260), np.uint8))
    result = evaluate(folder, conditions=["as-is", "group"], predictors={"perfect": Oracle(folder)})
    assert result.summary["left_out"] == ["01"]
    assert result.summary["pictures"] == 3


def test_overlay_shows_what_was_lost_and_what_was_kept_too_much() -> None:
    bgr = np.full((60, 60, 3), 100, np.uint8)
    truth, alpha = np.zeros((60, 60), np.uint8), np.zeros((60, 60), np.uint8)
    truth[10:50, 10:40] = 255
    alpha[10:50, 20:55] = 255
    shown = report.overlay(bgr, truth, alpha)
    lost, spilt, kept, room = shown[30, 15], shown[30, 50], shown[30, 30], shown[55, 57]
    assert lost[2] > 120 > lost[0] and spilt[0] > 120 > spilt[2]
    assert tuple(kept) == (100, 100, 100) and max(room) < 50


@pytest.mark.parametrize(
    ("iou", "recall", "spill", "score", "kind"),
    [
        (0.9, 0.95, 0.05, 0.9, "good"), (0.0, 0.0, 0.0, float("nan"), "nobody found"),
        (0.4, 0.5, 0.1, 0.9, "much missed"), (0.6, 0.95, 0.5, 0.9, "room kept"),
        (0.7, 0.75, 0.05, 0.9, "part missed"), (0.75, 0.9, 0.2, 0.9, "ragged"),
    ],
)  # fmt: skip
def test_kinds_of_failure(iou: float, recall: float, spill: float, score: float, kind: str) -> None:
    assert kind_of(Record("a", "as-is", "m", iou, 0, 0, 0, score, recall, spill, {})) == kind


def test_a_bias_shows_as_a_sentence() -> None:
    def record(i: int, skin: str, iou: float) -> Record:
        return Record(f"{i}{skin}", "as-is", "m", iou + 0.001 * i, 0.5, 0.1, 1, 0.9, 0.9, 0, {"skin": skin})

    records = [record(i, s, v) for i in range(20) for s, v in (("dark", 0.7), ("light", 0.9))]
    words = summarise(records, [], ["as-is"])["models"]["m"]["words"]
    assert any("dark has the lowest" in w and "larger than chance" in w for w in words)


def test_what_cannot_be_evaluated_is_told(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(PictureError, match="nothing to evaluate"):
        evaluate(tmp_path / "nothing", predictors={})
    cv2.imwrite(str(folder / "masks" / "00.png"), np.zeros((30, 26), np.uint8))
    with pytest.raises(PictureError, match="26x30, its picture is 260x300"):
        evaluate(folder, predictors={})
    with pytest.raises(ValueError, match="no condition rain"):
        evaluate(folder, conditions=["rain"], predictors={})


def test_cutouts_with_alpha_are_labelled_pictures(tmp_path: Path) -> None:
    bgra = np.zeros((40, 60, 4), np.uint8)
    bgra[10:30, 20:40] = 255
    cv2.imwrite(str(tmp_path / "a.png"), bgra)
    cv2.imwrite(str(tmp_path / "b.png"), bgra[..., :3])
    (item,) = collect(tmp_path).items
    assert item.name == "a" and (item.read()[1] == bgra[..., 3]).all()


def test_command_with_a_shipped_model_and_a_video(folder: Path, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(folder / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (260, 300))
    picture = cv2.imread(str(folder / "images" / "00.png"))
    assert picture is not None
    for _ in range(4):
        writer.write(picture)
    writer.release()
    out = tmp_path / "out"
    run = CliRunner().invoke(
        command, [str(folder), "-c", "as-is,dark", "--workers", "1", "--report", str(out)], catch_exceptions=False
    )
    assert run.exit_code == 0, run.output
    assert "landscape" in run.output and "videos: flicker" in run.output
    figures = json.loads((out / "report.json").read_text())
    (model,) = figures["models"].values()
    assert model["conditions"]["as-is"]["iou"]["mean"] > 0.9
    assert model["videos"]["each"]["clip"]["frames"] == 4
    assert model["videos"]["flicker"]["mean"] < 1.0  # the same picture four times


def test_processes_share_the_work_and_agree(folder: Path) -> None:
    one, two = (report.to_json(evaluate(folder, conditions=["as-is", "small"], workers=n)) for n in (1, 2))
    assert one == two


@pytest.mark.data
def test_photographs_reach_the_level_that_the_cards_claim() -> None:
    data = os.environ.get("EDGE_BG_DATA")
    if not data:
        pytest.skip("EDGE_BG_DATA is not set: the evaluation pictures are not here")
    result = evaluate(Path(data) / "people", conditions=["as-is"], limit=30, workers=1)
    (model,) = result.summary["models"].values()
    assert model["conditions"]["as-is"]["iou"]["mean"] > 0.87


def test_labelled_clips_on_disk(tmp_path: Path) -> None:
    (clip,) = clips(0, (160, 90), names=["portrait"], frames=16)
    for folder in ("images", "masks"):
        (tmp_path / "portrait" / folder).mkdir(parents=True)
    (tmp_path / "portrait" / "clip.json").write_text("{}")
    late: list[Picture] = []
    for shot in clip:
        name = f"{shot.frame.index:04d}.png"
        cv2.imwrite(str(tmp_path / "portrait" / "images" / name), shot.frame.bgr())
        cv2.imwrite(str(tmp_path / "portrait" / "masks" / name), shot.truth)
        late.append(shot.truth)
    result = evaluate(tmp_path, predictors={"late": lambda frame: late[max(0, frame.index - 2)]})
    (video,) = result.videos
    assert video.frames == 16 and video.iou is not None and 0.9 < video.iou < 1
    assert video.dtssd is not None and video.dtssd > 0
    assert result.records == []
    assert "Videos" in report.page(result, {}, Worker(result.job, {}))
