"""One reader for `image`, for folders as a source, and for backgrounds: colour, turns, alpha, what hangs on behind."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from edge_bg.composite.backgrounds import ImageBackground
from edge_bg.errors import PictureError
from edge_bg.frame import to_rgb
from edge_bg.pictures import Photo, decode, facts, read_photo
from edge_bg.pictures.colour import is_srgb, profile_name
from edge_bg.sources.images import Images

from . import made

SKIN = (176, 97, 83)
P3 = made.matrix_profile("Display P3", made.DISPLAY_P3, None)
ADOBE = made.matrix_profile("Adobe RGB (1998)", made.ADOBE_RGB, 563 / 256)


def saved(path: Path, colour: tuple[int, int, int], icc: bytes, **options: object) -> Path:
    Image.new("RGB", (64, 48), colour).save(path, icc_profile=icc, **options)
    return path


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".tif", ".avif", ".heic"])
@pytest.mark.parametrize(("icc", "stored"), [(P3, (166, 101, 87)), (ADOBE, (157, 97, 84))])
def test_other_colours_become_srgb(icc: bytes, stored: tuple[int, int, int], ending: str, tmp_path: Path):
    if ending == ".heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    path = saved(tmp_path / f"a{ending}", stored, icc, quality=100)
    assert np.abs(read_photo(path).rgb[20, 30].astype(int) - SKIN).max() <= 3
    assert not read_photo(path).notes


def test_the_source_and_the_background_read_them_too(tmp_path: Path):
    path = saved(tmp_path / "a.png", (166, 101, 87), P3)
    with Images(path) as source:
        frame = next(iter(source))
    assert np.abs(frame.rgb()[20, 30].astype(int) - SKIN).max() <= 3
    background = ImageBackground(path)
    background.open((64, 48), 30)
    assert np.abs(to_rgb(background(frame))[20, 30].astype(int) - SKIN).max() <= 3


def test_colours_are_kept_with_their_profile_on_wish(tmp_path: Path):
    photo = read_photo(saved(tmp_path / "a.png", (166, 101, 87), P3), profile="keep")
    assert photo.icc == P3
    assert tuple(photo.rgb[0, 0]) == (166, 101, 87)


def test_srgb_itself_is_not_touched(tmp_path: Path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert is_srgb(srgb)
    assert not is_srgb(P3)
    assert tuple(read_photo(saved(tmp_path / "a.png", SKIN, srgb)).rgb[0, 0]) == SKIN
    assert (profile_name(P3), profile_name(b"\0" * 140)) == ("Display P3", "unknown")


def test_a_broken_profile_is_said_and_the_picture_read(tmp_path: Path):
    photo = read_photo(saved(tmp_path / "a.png", SKIN, P3[:140] + bytes(len(P3) - 140)))
    assert tuple(photo.rgb[0, 0]) == SKIN
    assert "cannot be used" in photo.notes[0]


def test_without_pillow_a_line_says_what_would_do(tmp_path: Path):
    saved(tmp_path / "p3.png", (166, 101, 87), P3)
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'PIL' else find(name, *a)\n"
        "from edge_bg.pictures import read_photo\n"
        "p = read_photo('p3.png'); print(tuple(map(int, p.rgb[0, 0])), p.notes[0])\n"
        "try: read_photo('phone.heic')\n"
        "except Exception as e: print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (
        "(166, 101, 87) p3.png: its colours are Display P3 and are taken for sRGB; pip install 'edge-bg[pictures]'"
        in (done.stdout)
    )
    assert "phone.heic: HEIC is not read by this OpenCV\n  pip install 'edge-bg[pictures]' reads it" in done.stdout


# --- turns and alpha


def corner(wide: int = 64, high: int = 48) -> np.ndarray:
    """RGBA: only the top left quarter is to be seen, and red; white is hidden under the rest."""
    rgba = np.full((high, wide, 4), 255, np.uint8)
    rgba[..., 3] = 0
    rgba[: high // 2, : wide // 2] = (255, 0, 0, 255)
    return rgba


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "webp"])
def test_alpha_is_turned_with_its_colours(orientation: int, kind: str, tmp_path: Path):
    stored = made.turned(corner(), orientation)
    path = tmp_path / f"a.{kind}"
    if kind == "png":
        png = cv2.imencode(".png", cv2.cvtColor(stored, cv2.COLOR_RGBA2BGRA))[1].tobytes()
        path.write_bytes(made.with_chunk(png, b"eXIf", made.exif(orientation)))
    else:
        Image.fromarray(stored).save(path, lossless=True, exact=True, exif=b"Exif\0\0" + made.exif(orientation))
    photo = read_photo(path)
    assert photo.rgb.shape == (48, 64, 3)
    assert np.array_equal(photo.alpha, corner()[..., 3])
    assert tuple(photo.rgb[5, 5]) == (255, 0, 0)
    assert not photo.on_black()[:, 32:].any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned(orientation: int):
    upright = corner()[..., :3].copy()
    upright[:, 32:] = upright[24:] = 0
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(made.turned(upright, orientation), cv2.COLOR_RGB2BGR))[1].tobytes()
    body = b"Exif\0\0" + made.exif(orientation)
    photo = decode(jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:], "a.jpg")
    assert photo.rgb.shape == (48, 64, 3)
    assert photo.rgb[8, 8, 0] > 200
    assert photo.rgb[40:, 40:].max() < 60


def test_a_background_hides_what_its_alpha_hides(tmp_path: Path):
    Image.fromarray(corner()).save(tmp_path / "logo.png")
    background = ImageBackground(tmp_path / "logo.png")
    background.open((64, 48), 30)
    drawn = to_rgb(background._draw((64, 48)))
    assert drawn[30:, 40:].max() == 0, "the white that was hidden would be the old room of somebody's cut-out"
    assert drawn[8, 8, 0] > 240


def test_half_clear_fades():
    photo = Photo(np.full((2, 2, 3), 200, np.uint8), np.full((2, 2), 128, np.uint8))
    assert (photo.on_black() == 100).all()


# --- what hangs on behind, and what breaks off


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


@pytest.mark.parametrize(
    "behind", [b"\0\0\0\x20ftypmp42" + b"\xff\xd9\xff\xd8" * 9 + bytes(99), bytes(70_000), b"\xff" * 99]
)
def test_what_follows_a_jpeg_is_no_matter(behind: bytes, jpeg: bytes, tmp_path: Path):
    path = tmp_path / "motion.jpg"
    path.write_bytes(jpeg + behind + bytes(200_000))
    assert np.array_equal(read_photo(path).rgb, decode(jpeg, "plain").rgb)
    with Images(path) as source:
        assert next(iter(source)).size == (120, 90)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_breaks_off_is_told_whatever_follows(progressive: bool, jpeg: bytes):
    plain = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(plain, "JPEG", progressive=progressive, restart_marker_blocks=3)
    whole = plain.getvalue()
    assert facts(whole).end == len(whole)
    for cut in (100, len(whole) // 2, len(whole) - 3):
        for behind in (b"", bytes(80_000)):
            with pytest.raises(PictureError, match="the JPEG breaks off early"):
                decode(whole[:cut] + behind, "a.jpg")


def test_a_thumbnail_with_an_end_of_its_own_is_not_the_end(jpeg: bytes):
    body = b"Exif\0\0" + made.exif(1) + jpeg[:20_000]
    whole = jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]
    assert facts(whole).whole
    assert facts(whole).end == len(whole)
    assert not facts(whole[: len(body) + 300]).whole


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP", "AVIF"])
def test_other_kinds_that_break_off_are_no_pictures(kind: str):
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    Image.fromarray(noise).save(whole, kind)
    assert decode(whole.getvalue(), "a").rgb.shape == (90, 120, 3)
    with pytest.raises(PictureError):
        decode(whole.getvalue()[: len(whole.getvalue()) // 2], "a")


def test_an_animation_is_said_to_be_one(tmp_path: Path):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    for name, pause in (("a.webp", 100), ("a.png", 100), ("a.gif", 100), ("at-once.gif", 0)):
        path = tmp_path / name
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=pause)
        photo = read_photo(path)
        assert "an animation; its first picture is taken" in photo.notes[0]
        assert photo.rgb[5, 5, 0] > 200
    frames[0].save(tmp_path / "one.gif", duration=100)
    assert read_photo(tmp_path / "one.gif").notes == ()


def test_cmyk_with_a_profile_that_is_none(tmp_path: Path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", icc_profile=P3)  # a profile of another kind
    photo = read_photo(tmp_path / "a.jpg")
    assert "cannot be used" in photo.notes[0]
    assert photo.rgb[5, 5, 0] > 200
    assert photo.rgb[5, 5, 1:].max() < 60


@pytest.mark.parametrize("seed", range(40))
def test_bytes_of_any_kind_end_in_a_picture_or_a_picture_error(seed: int, jpeg: bytes):
    rng = np.random.default_rng(seed)
    png = io.BytesIO()
    Image.fromarray(corner()).save(png, "PNG", icc_profile=P3, exif=made.exif(6))
    data = bytearray((jpeg, png.getvalue())[seed % 2])
    for place in rng.integers(0, len(data), rng.integers(1, 30)):
        data[place] = rng.integers(0, 256)
    with contextlib.suppress(PictureError):
        assert decode(bytes(data), "a", max_megapixels=4).rgb.ndim == 3
