"""Films as people have them, through the whole loop: what is padding, which picture goes with which, and time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import edge_bg
from edge_bg.frame import Area, Frame

from ..sources.films import film, needs_ffmpeg, portrait, walk

pytestmark = needs_ffmpeg


def play(path: Path, frames: int | None = None, **options: Any) -> list[Frame]:
    """The composited frames of a film or picture, over nothing."""
    kind = "images" if path.is_dir() or path.suffix == ".png" else "file"
    background = options.pop("background", "transparent")
    config = {"source": {"kind": kind, "path": str(path), **options}, "background": background, "sinks": ["null"]}
    shown: list[Frame] = []
    with edge_bg.open(config) as booth:
        for frame in booth:
            shown.append(frame.copy())
            if len(shown) == frames:
                break
    return shown


def kept(frame: Frame, truth: np.ndarray | None = None) -> float:
    """Share of the frame that is person, or overlap with `truth` (intersection over union)."""
    assert frame.alpha is not None
    person = frame.alpha > 127
    if truth is None:
        return float(person.mean())
    return float((person & (truth > 127)).sum() / (person | (truth > 127)).sum())


# What is in the film, its size on the way in, and where the picture lies in the frame.
PADDED: dict[str, tuple[tuple[int, int], str, dict[str, object], Area]] = {
    "wide film in 4:3": ((640, 360), "null", {"size": "640x480"}, Area(0, 60, 640, 420)),
    "scope in the file": ((640, 268), "pad=640:360:0:46", {}, Area(0, 46, 640, 314)),
    "scope in the file, in 4:3": ((640, 268), "pad=640:360:0:46", {"size": "640x480"}, Area(0, 106, 640, 374)),
    "3:2 in the file": ((540, 360), "pad=640:360:50:0", {}, Area(50, 0, 590, 360)),
    "4:3 in wide": ((480, 360), "null", {"size": "640x360"}, Area(80, 0, 560, 360)),
    "upright phone in wide": ((360, 640), "null", {"size": "640x360"}, Area(220, 0, 422, 360)),
}


@pytest.mark.parametrize("decoder", ["av", "opencv"])
@pytest.mark.parametrize("name", sorted(PADDED))
def test_padding_is_not_picture(name: str, decoder: str, tmp_path: Path) -> None:
    size, filters, options, area = PADDED[name]
    path = film(tmp_path / "film.mp4", walk(size, 8), filters=filters)
    shown = play(path, decoder=decoder, **options)
    assert len(shown) == 8
    for frame in shown:
        assert frame.alpha is not None and frame.area is not None
        assert max(abs(one - two) for one, two in zip(frame.area, area, strict=True)) <= 2
        padding = np.ones(frame.alpha.shape, bool)
        padding[frame.area.at(0)] = False
        assert not frame.alpha[padding].any() and not frame.data[: frame.height][padding].any()
        assert 0.05 < kept(frame) < 0.4


def test_the_cut_out_is_that_of_the_picture_alone(tmp_path: Path) -> None:
    """With bars round it, and in a frame of another shape, the same pixels are kept to the last one."""
    pictures = walk((640, 268), 8)
    lossless = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p")
    plain = play(film(tmp_path / "plain.mp4", pictures, *lossless))
    barred = play(film(tmp_path / "barred.mp4", pictures, *lossless, filters="format=yuv420p,pad=640:360:0:46"))
    padded = play(tmp_path / "plain.mp4", size="640x480")
    for one, two, three in zip(plain, barred, padded, strict=True):
        assert one.alpha is not None and two.alpha is not None and three.alpha is not None
        assert np.array_equal(one.alpha, two.alpha[46:314])
        assert np.array_equal(one.alpha, three.alpha[106:374])


@pytest.mark.parametrize("background", ["#20a040", "blur"])
def test_padding_shows_the_background(background: str, tmp_path: Path) -> None:
    shown = play(film(tmp_path / "film.mp4", walk((640, 360), 4)), size="640x480", background=background)
    top = shown[-1].bgr()[:56]
    assert top.mean() > 40  # no black slab
    if background != "blur":
        assert np.abs(top.astype(int) - (0x40, 0xA0, 0x20)).max() <= 2


def test_a_cut_is_a_new_beginning(tmp_path: Path) -> None:
    """Small, then close: the first frame after the cut is cut out as if nothing had been before."""
    small, close = portrait((640, 360), 0.4, (0.25, 0.95)), portrait((640, 360), 1.5, (0.6, 1.45))
    both = play(film(tmp_path / "both.mkv", [small] * 10 + [close] * 3, "-c:v", "ffv1", "-pix_fmt", "yuv420p"))
    alone = play(film(tmp_path / "alone.mkv", [close] * 3, "-c:v", "ffv1", "-pix_fmt", "yuv420p"))
    assert [frame.scene for frame in both] == [0] * 10 + [1] * 3
    for one, two in zip(both[10:], alone, strict=True):
        assert np.array_equal(np.asarray(one.alpha), np.asarray(two.alpha))


def test_clear_pixels_are_nobody(tmp_path: Path) -> None:
    """Left half clear, over colours of somebody else that a program hid there."""
    rgba = np.dstack((portrait((640, 360), 0.9, (0.7, 1.0)), np.full((360, 640), 255, np.uint8)))
    rgba[:, :320, :3] = portrait((640, 360), 0.9, (0.25, 1.0))[:, :320]
    rgba[:, :320, 3] = 0
    cv2.imwrite(str(tmp_path / "rgba.png"), rgba)
    (frame,) = play(tmp_path / "rgba.png")
    assert frame.alpha is not None and frame.area == Area(320, 0, 640, 360)
    assert not frame.alpha[:, :320].any() and kept(frame) > 0.1
    assert (play(tmp_path / "rgba.png", background="#ffffff")[0].bgr()[:, :318] == 255).all()


def test_a_hole_in_a_picture_shows_the_background(tmp_path: Path) -> None:
    rgba = np.dstack((portrait((640, 360), 1.2, (0.5, 1.2)), np.full((360, 640), 255, np.uint8)))
    solid = np.zeros((360, 640), np.uint8)
    cv2.circle(solid, (320, 260), 60, 255, -1)
    rgba[solid > 0, 3] = 0
    cv2.imwrite(str(tmp_path / "hole.png"), rgba)
    rgba[..., 3] = 255
    cv2.imwrite(str(tmp_path / "whole.png"), rgba)
    (hole,), (whole,) = play(tmp_path / "hole.png"), play(tmp_path / "whole.png")
    assert hole.alpha is not None and whole.alpha is not None
    assert not hole.alpha[solid > 0].any() and (whole.alpha[solid > 0] > 200).mean() > 0.9
    (on_white,) = play(tmp_path / "hole.png", background="#ffffff")
    assert (on_white.bgr()[cv2.erode(solid, np.ones((5, 5))) > 0] >= 254).all()


def test_each_picture_of_a_folder_starts_afresh(tmp_path: Path) -> None:
    """A small person, then a close-up of the same size: what the second gives is what it gives alone."""
    folder, alone = tmp_path / "both", tmp_path / "alone"
    folder.mkdir()
    alone.mkdir()
    close = portrait((640, 360), 1.5, (0.6, 1.45))
    cv2.imwrite(str(folder / "1.png"), portrait((640, 360), 0.4, (0.25, 0.95)))
    for path in (folder / "2.png", alone / "2.png"):
        cv2.imwrite(str(path), close)
    first, second = play(folder)
    (lone,) = play(alone)
    assert kept(first) > 0.02 and kept(second) > 0.3
    assert np.array_equal(np.asarray(second.alpha), np.asarray(lone.alpha))
