"""The sharp network's edges, about the people whom the fast one found."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg import still
from edge_bg.assets import asset_path
from edge_bg.lab import metrics
from edge_bg.network.segment import Segmenter
from edge_bg.still.edges import Edges
from edge_bg.still.mask import coarse_mask


@pytest.fixture(scope="module")
def edges():
    with Segmenter("objects", threads=1) as third:
        made = Edges(lambda: third, threads=1)
        yield made
        made.close()


@pytest.mark.long
def test_edges_are_sharper_with_it_on_photographs(data: Path, edges: Edges) -> None:
    """Pictures at odd places, on which nothing was chosen."""
    better = []
    with Segmenter("general", threads=1) as fast:
        for path in sorted((data / "people" / "images").glob("*.jpg"))[21::80]:
            rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            truth = cv2.imread(str(data / "people" / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
            mask = coarse_mask(rgb, fast)
            both = [np.rint(m * 255).astype(np.uint8) for m in (mask, edges(rgb, mask))]
            better.append([metrics.boundary_f(b, truth) for b in both])
    plain, sharp = np.mean(better, axis=0)
    assert sharp > plain + 0.02


def test_a_dark_arm_before_a_dark_flag_has_no_hole(data: Path) -> None:
    """Once the edges cut one into Grace Hopper's sleeve."""
    rgb = cv2.cvtColor(cv2.imread(str(data / "grace_hopper.jpg")), cv2.COLOR_BGR2RGB)
    with still.Cutter(threads=1) as cutter:
        alpha = cutter(rgb).alpha
    room = (alpha < 128).astype(np.uint8)
    pieces, _, boxes, _ = cv2.connectedComponentsWithStats(room)
    inside = [
        box
        for box in boxes[1:].tolist()
        if box[4] > 1 and box[0] and box[1] and box[0] + box[2] < 512 and box[1] + box[3] < 600
    ]
    assert pieces > 1 and not inside, f"holes at {inside}"
    assert alpha[560:, 60:500].min() == 255, "all of both arms, down to the picture's edge"


def test_nobody_is_looked_for_where_nobody_was_found(edges: Edges) -> None:
    opened = dict(edges._open)
    empty = np.zeros((90, 160), np.float32)
    assert not edges(np.full((90, 160, 3), 90, np.uint8), empty).any()
    assert edges._open == opened


def test_a_board_with_little_memory_asks_two_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(still, "ROOMY", 1 << 60)
    portrait = cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED)
    with still.Cutter(threads=1) as cutter, still.Cutter(threads=1, vote=True) as voting:
        made = cutter(np.ascontiguousarray(portrait[..., 2::-1]))
        assert cutter._edges and cutter._edges._open and cutter._things is None
        assert metrics.iou(made.alpha, portrait[..., 3]) > 0.9
        assert voting._edges and voting._edges._third


def test_only_a_network_for_people_is_followed_by_one_for_edges() -> None:
    with still.Cutter("general") as people, still.Cutter("general", sharp=False) as plain:
        assert people._edges and not plain._edges
    with still.Cutter("objects") as anything:
        assert not anything._edges
