"""HLG, PQ and interlaced films come in as a usual screen shows them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_bg.frame import to_rgb
from edge_bg.sources.file import VideoFile

from .films import ffmpeg, film, needs_ffmpeg

pytestmark = needs_ffmpeg
av = pytest.importorskip("av", reason="PYAV ABSENT: pip install 'edge-bg[video]'")

Floats = NDArray[np.float64]
# Linear RGB of BT.709 in BT.2020's (ITU-R BT.2087).
WIDER = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
SUIT, SKIN, WALL, GREY = (221, 104, 67), (230, 190, 170), (60, 90, 160), (128, 128, 128)


def pq(light: Floats) -> Floats:
    """SMPTE ST 2084, white at 203 cd/m2."""
    power = (light * 203 / 10000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg(light: Floats) -> Floats:
    """ARIB STD-B67, white at 75 %."""
    scene = light * 0.26496
    above = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), above)


def bright(path: Path, transfer: str, curve: Callable[[Floats], Floats], *more: object) -> Path:
    """Four stripes of known colours as such a film, 10 bits."""
    lit = np.array([SUIT, SKIN, WALL, GREY]) / 255
    light = np.where(lit <= 0.04045, lit / 12.92, ((lit + 0.055) / 1.055) ** 2.4) @ WIDER.T
    r, g, b = curve(light).T
    luma = 0.2627 * r + 0.678 * g + 0.0593 * b
    codes = 64 + 876 * luma, 512 + 896 * (b - luma) / 1.8814, 512 + 896 * (r - luma) / 1.4746
    planes = [np.repeat(np.rint(plane).astype("<u2"), 32 // n)[None].repeat(64 // n, 0)
              for plane, n in zip(codes, (1, 2, 2), strict=True)]  # fmt: skip
    raw = b"".join(plane.tobytes() for plane in planes) * 2
    tags = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc", "-color_range", "tv")
    given = ("-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "128x64", *tags, "-i", "-")
    ffmpeg(*given, *(more or ("-c:v", "ffv1", "-pix_fmt", "yuv420p10le")), *tags, path, data=raw)
    return path


@pytest.mark.parametrize(("transfer", "curve"), [("arib-std-b67", hlg), ("smpte2084", pq)], ids=["HLG", "PQ"])
@pytest.mark.parametrize(
    "coded", [(), ("-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv422p10le")]
)
def test_colours_are_those_of_the_plain_film(
    transfer: str, curve: Callable[[Floats], Floats], coded: tuple[str, ...], tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    with caplog.at_level(logging.INFO), VideoFile(bright(tmp_path / "film.mkv", transfer, curve, *coded)) as source:
        shown = to_rgb(next(iter(source)).data)
    assert "light is brought to that of a usual screen" in caplog.text
    for stripe, colour in enumerate((SUIT, SKIN, WALL, GREY)):
        mean = shown[16:48, 32 * stripe + 10 : 32 * stripe + 22].mean(axis=(0, 1))
        assert np.abs(mean - colour).max() < 6, (colour, mean)


def test_what_is_brighter_than_white_keeps_its_shape(tmp_path: Path) -> None:
    """Lamps of 1, 2, 3 and 4 times white: none darker than the one before, none of another hue, none beyond white."""
    from edge_bg.sources.tone import PQ, Tone

    levels = [round(64 + 876 * float(pq(np.array(white)))) for white in (1.0, 2.0, 3.0, 4.0)]
    luma = np.repeat(np.array(levels, np.uint16), 8)[None].repeat(8, 0)
    y, u, v = Tone(PQ, False)(luma, np.full((4, 16), 512, np.uint16), np.full((4, 16), 512, np.uint16))
    assert (np.diff(y[0].astype(int)) >= 0).all() and y[0, 0] > 235 and len(set(y[0].tolist())) >= 3
    assert (u == 128).all() and (v == 128).all()


def test_interlaced_films_show_no_combs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A bar that moves by 8 pixels a field: woven, its edge is a comb in every row."""
    fields = []
    for number in range(16):
        picture = np.full((96, 128, 3), 40, np.uint8)
        cv2.rectangle(picture, (10 + 5 * number, 0), (30 + 5 * number, 95), (220, 220, 220), -1)
        fields.append(picture)
    woven = ("-flags", "+ilme+ildct", "-c:v", "mpeg2video", "-qscale:v", "2", "-top", "1")
    path = film(tmp_path / "film.mpg", fields, *woven, fps=50, filters="tinterlace=interleave_top,setfield=tff")
    with caplog.at_level(logging.INFO), VideoFile(path, decoder="av") as source:
        pictures = [frame.y.astype(int) for frame in source]
    assert "interlaced" in caplog.text and len(pictures) == 8
    combs = [np.abs(2 * y[1:-1] - y[:-2] - y[2:])[8:-8].mean() for y in pictures[2:]]
    with av.open(str(path)) as container:  # as they lie in the file
        raw = [frame.to_ndarray()[:96].astype(int) for frame in container.decode(video=0)]
    woven_combs = [np.abs(2 * y[1:-1] - y[:-2] - y[2:])[8:-8].mean() for y in raw[2:]]
    assert max(combs) < 0.25 * min(woven_combs)


def test_what_opencv_cannot_do_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = bright(tmp_path / "film.mkv", "smpte2084", pq)
    with caplog.at_level(logging.INFO), VideoFile(path, decoder="opencv") as source:
        next(iter(source))
    assert caplog.text.count("HDR and interlaced films stay as they are, and sound is left out") == 1
