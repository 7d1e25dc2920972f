"""Backgrounds that move and have clear pixels: what other tools hid there does not come back."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_bg.composite.video import PictureBackground, VideoBackground
from edge_bg.frame import Frame, filled, to_rgb
from tests.patience import PATIENCE, no_descriptors, wait_for

SIZE = (64, 48)


def half_clear(colour: str) -> Image.Image:
    """The left half shows `colour`; white is hidden in the right."""
    picture = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    picture.paste(colour, (0, 0, 32, 48))
    return picture


def shown(background: PictureBackground | VideoBackground) -> np.ndarray:
    return to_rgb(background(Frame(filled(SIZE, (0, 128, 128)), 0.0, 0)))


@pytest.mark.parametrize("kind", ["webp", "png"])
def test_an_animated_picture_plays_and_hides_what_is_clear(kind: str, tmp_path: Path):
    path = tmp_path / f"a.{kind}"
    options = {"lossless": True, "exact": True, "minimize_size": False} if kind == "webp" else {}
    half_clear("red").save(
        path, save_all=True, append_images=[half_clear("blue")], duration=[60, 60], loop=0, **options
    )
    background = PictureBackground(path)
    background.open(SIZE, 30)
    try:
        seen, end = set(), time.monotonic() + PATIENCE
        while len(seen) < 2 and time.monotonic() < end:
            picture = shown(background)
            seen.add("red" if picture[20, 10, 0] > 150 else "blue" if picture[20, 10, 2] > 150 else "?")
            assert picture[20, 50].max() < 30
            time.sleep(0.02)
        assert seen == {"red", "blue"}
    finally:
        background.close()


def test_a_video_that_was_away_for_a_while_plays_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its disk had gone, or no descriptors were left as it began anew: it stood still from then on."""
    monkeypatch.setattr("edge_bg.composite.video.AGAIN", 0.05)
    path, away = tmp_path / "a.webp", tmp_path / "away"
    frames = [half_clear("red"), half_clear("blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[60, 60], loop=0, lossless=True)
    background = VideoBackground(path)
    background.open(SIZE, 30)
    try:
        path.rename(away)
        time.sleep(0.4)
        assert shown(background)[20, 10].max() > 150, "the last picture stays"
        away.rename(path)
        red = shown(background)[20, 10, 0] > 150
        wait_for(lambda: (shown(background)[20, 10, 0] > 150) != red, "motion")
        with no_descriptors():
            time.sleep(0.4)
        red = shown(background)[20, 10, 0] > 150
        wait_for(lambda: (shown(background)[20, 10, 0] > 150) != red, "motion")
    finally:
        background.close()


def test_a_picture_that_stands_still_is_one(tmp_path: Path):
    half_clear("red").save(tmp_path / "a.webp", lossless=True)
    background = PictureBackground(tmp_path / "a.webp")
    background.open(SIZE, 30)
    assert background._moving is None
    assert shown(background)[20, 10, 0] > 240


def test_a_webm_with_alpha_hides_what_is_clear(tmp_path: Path):
    pytest.importorskip("av", reason="PyAV reads a WebM with alpha")
    path = tmp_path / "bgx.webm"
    raw = np.asarray(half_clear("red")).tobytes() * 8
    command = ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgba", "-s", "64x48", "-r", "25", "-i", "-"]
    command += ["-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-b:v", "1M", "-auto-alt-ref", "0", str(path)]
    try:
        subprocess.run(command, input=raw, check=True)
    except FileNotFoundError:
        pytest.skip("ffmpeg is not installed: it writes the WebM")
    background = VideoBackground(path)
    background.open(SIZE, 30)
    try:
        for _ in range(20):  # also after it was rewound
            assert shown(background)[20, 50].max() < 30
            assert shown(background)[20, 10, 0] > 150
            time.sleep(0.03)
    finally:
        background.close()
