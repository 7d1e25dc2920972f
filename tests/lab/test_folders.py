"""Folders of pictures with masks, named as people name them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.errors import PictureError
from edge_bg.lab.data import collect

RED = np.full((6, 8, 3), (10, 20, 200), np.uint8)
MASK = np.zeros((6, 8), np.uint8)
MASK[2:5, 3:6] = 255


def _write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("images/a.jpg", "masks/a.png"),
        ("Image/a.png", "GT/a_mask.png"),
        ("JPEGImages/a.jpg", "SegmentationClass/a.png"),
        ("a.jpg", "a_mask.png"),
        ("a.png", "a-alpha.png"),
        ("a.jpg", "a.png"),
        ("shoes/a.tif", "shoes/a.matte.png"),
        ("shoes/img/a.webp", "shoes/labels/a.bmp"),
    ],
)
def test_pairs_are_found_by_any_usual_name(tmp_path: Path, picture: str, mask: str) -> None:
    _write(tmp_path / picture, RED)
    _write(tmp_path / mask, MASK)
    (item,) = collect(tmp_path).items
    assert (item.name, item.picture, item.mask) == ("a", tmp_path / picture, tmp_path / mask)
    bgr, truth = item.read()
    assert bgr.shape == RED.shape and np.array_equal(truth, MASK)


def test_masks_may_be_zero_and_one_or_colour_or_an_alpha_channel(tmp_path: Path) -> None:
    for name in "abc":
        _write(tmp_path / "images" / f"{name}.png", RED)
    _write(tmp_path / "masks" / "a.png", MASK // 255)
    _write(tmp_path / "masks" / "b.png", cv2.cvtColor(MASK, cv2.COLOR_GRAY2BGR))
    _write(tmp_path / "masks" / "c.png", np.dstack((RED, MASK)))
    for item in collect(tmp_path).items:
        assert np.array_equal(item.read()[1], MASK), item.name


def test_pictures_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("glass", "white"):
        _write(tmp_path / folder / "images" / "1.png", RED)
        _write(tmp_path / folder / "masks" / "1.png", MASK)
    assert [item.name for item in collect(tmp_path).items] == ["glass-1", "white-1"]


def test_a_cutout_is_no_mask_of_itself_and_pictures_without_masks_are_left(tmp_path: Path) -> None:
    _write(tmp_path / "cut.png", np.dstack((RED, MASK)))
    _write(tmp_path / "plain.jpg", RED)
    assert [(item.name, item.mask) for item in collect(tmp_path).items] == [("cut", None)]
    (tmp_path / "cut.png").unlink()
    with pytest.raises(PictureError, match="nothing to evaluate"):
        collect(tmp_path)
