"""Three networks for films: two find people, the majority decides who is there, the sharp one draws the edges."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg import build
from edge_bg.config import Config
from edge_bg.errors import DelegateError
from edge_bg.framing import Framing
from edge_bg.framing.edged import Edged
from edge_bg.framing.thorough import FINE, Thorough
from edge_bg.lab import metrics
from tests.framing.test_edged import CELLS, SIZE, Says, disc, frame, plain

WHOLE = (0, 0, *SIZE)
NOBODY = np.zeros(CELLS[::-1], np.uint8)


def fine(mask: np.ndarray) -> np.ndarray:
    return cv2.resize(mask, None, fx=FINE, fy=FINE)


def asked(first: np.ndarray, second: np.ndarray, sharp: np.ndarray) -> tuple[np.ndarray, Says]:
    says = Says(sharp)
    return Thorough(plain(first), plain(second), says)(frame()), says


def test_the_sharp_one_draws_the_edges_on_a_finer_canvas() -> None:
    said, says = asked(disc(60), disc(60), disc(64))
    assert said.shape == (FINE * CELLS[1], FINE * CELLS[0])
    assert metrics.iou(said, fine(disc(64))) > 0.98
    assert says.regions == [WHOLE]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_whom_two_of_three_see_is_there(lost: int) -> None:
    masks = [disc(60)] * 3
    masks[lost] = NOBODY
    said, _ = asked(*masks)
    assert metrics.iou(said, fine(disc(60))) > 0.97


@pytest.mark.parametrize("sees", [0, 1, 2])
def test_whom_one_alone_sees_is_not_there(sees: int) -> None:
    """A patch of wall that one of the networks takes for somebody, beside a guest whom all see."""
    guest, wall = disc(40, (90, 90)), disc(30, (250, 90))
    masks = [guest] * 3
    masks[sees] = np.maximum(guest, wall)
    said, _ = asked(*masks)
    assert metrics.iou(said, fine(guest)) > 0.97


def test_people_far_away_are_looked_at_closely() -> None:
    said, says = asked(disc(20), disc(20), disc(22))
    assert metrics.iou(said, fine(disc(22))) > 0.93
    x, y, wide, high = says.regions[0]
    assert x > 200 and y > 80 and wide < 200 and high < 160


def test_where_nobody_is_found_the_sharp_one_is_not_asked() -> None:
    said, says = asked(NOBODY, NOBODY, disc(60))
    assert not said.any() and not says.regions


def test_a_film_goes_on_where_the_sharp_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    says = Says(disc(60), error=DelegateError("no memory"))
    with caplog.at_level(logging.WARNING), Thorough(plain(disc(60)), plain(disc(60)), says) as three:
        for i in range(3):
            assert metrics.iou(three(frame(i)), fine(disc(60))) > 0.97
    assert caplog.text.count("no memory") == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pictures")
    for name in "ab":
        cv2.imwrite(str(made / f"{name}.png"), np.full((90, 160, 3), 90, np.uint8))
    return made


@pytest.mark.parametrize(
    ("model", "source", "kind"),
    [
        ({}, {}, Thorough),
        ({"edges": "none"}, {}, Framing),
        ({"edges": "portrait-light"}, {}, Edged),
        ({}, {"realtime": True}, Framing),
    ],
)
def test_a_film_that_nobody_waits_for_is_looked_at_so(folder: Path, model: dict, source: dict, kind: type) -> None:
    with build.open({
        "source": {"kind": "images", "path": str(folder), **source}, "model": model, "sinks": ["null"]
    }) as booth:  # fmt: skip
        assert type(booth.segmenter) is kind
        if kind is not Framing:
            assert booth.segmenter.every == 1 and booth.health()["edges"].startswith("portrait")


def test_the_second_network_is_another_one_and_upright_films_have_an_upright_one(folder: Path, tmp_path: Path) -> None:
    upright = tmp_path / "tall"
    upright.mkdir()
    cv2.imwrite(str(upright / "a.png"), np.full((160, 90, 3), 90, np.uint8))
    for at, model, names in (
        (folder, "landscape", ("landscape", "large", "portrait-288x512")),
        (folder, "large", ("large", "landscape", "portrait-288x512")),
        (upright, "general", ("general", "large", "portrait-512x288")),
    ):
        with build.open({"source": {"kind": "images", "path": str(at)}, "model": model, "sinks": ["null"]}) as booth:
            info = booth.segmenter.info
            found = (info["model"], info["second"]["model"], info["edges"]["model"])
            assert all(each.startswith(name) for each, name in zip(found, names, strict=True)), found
            booth.run()


def test_who_is_kept_may_change_while_a_film_runs(folder: Path) -> None:
    with build.open({"source": {"kind": "images", "path": str(folder)}, "sinks": ["null"]}) as booth:
        made = booth.segmenter
        changed = {**booth.config.model_dump(), "framing": {"keep": "largest"}}
        assert booth.apply(Config.model_validate(changed)) == ["framing"]
        assert booth.segmenter is made and isinstance(made, Thorough)
        assert made.framing.options.keep == made.second.options.keep == "largest"
