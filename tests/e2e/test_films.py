"""Films as people have them, through the whole loop: what is padding, which picture goes with which, and time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
