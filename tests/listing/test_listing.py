"""Pictures for listings: layout, shadows, presets with their sources, and the checker."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edge_bg.errors import ConfigError, NothingFound, PictureError
from edge_bg.listing import Behind, Look, arrange, check, preset, presets, subject_box
from edge_bg.listing.arrange import cast_shadow
from edge_bg.listing.options import parse_aspect, parse_margin, parse_size
from edge_bg.pictures import Photo, read_photo
from edge_bg.pictures.write import encode, exif_of
from edge_bg.still import Cutout

from ..pictures import made

WHITE = Behind("color", (255, 255, 255))


def thing(left: int = 100, top: int = 60, wide: int = 80, high: int = 120, size: tuple[int, int] = (400, 300)) -> tuple:
    """A red box on a grey ground, (photo, cut-out)."""
    rgb = np.full((size[1], size[0], 3), 150, np.uint8)
    alpha = np.zeros((size[1], size[0]), np.uint8)
    rgb[top : top + high, left : left + wide] = (200, 30, 30)
    alpha[top : top + high, left : left + wide] = 255
    return Photo(rgb), Cutout(rgb * (alpha[..., None] > 0), alpha)


def red(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """left, top, width, height of what is red."""
    mask = (pixels[..., 0].astype(int) - pixels[..., 1] > 60) & (pixels[..., 0] > 100)
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]


def test_nothing_asked_is_the_picture_itself():
    photo, cutout = thing()
    assert np.array_equal(arrange(photo, cutout, Look()).pixels, cutout.rgba())


def test_margin_aspect_and_size():
    photo, cutout = thing()
    out = arrange(photo, cutout, Look(WHITE, margin=0.1, aspect=1.0, size=(500, 500))).pixels
    assert out.shape == (500, 500, 3)
    left, top, wide, high = red(out)
    assert abs(high - 400) <= 2, "the longer side fills what the margin leaves"
    assert abs(left - (500 - left - wide)) <= 2
    assert abs(top - (500 - top - high)) <= 2
    assert tuple(out[2, 2]) == (255, 255, 255)
    assert arrange(photo, cutout, Look(crop=True)).pixels.shape == (120, 80, 4)
    assert arrange(photo, cutout, Look(aspect=2.0)).pixels.shape == (300, 600, 4), "grown, nothing is cut off"
    assert arrange(photo, cutout, Look(size=(200, 0))).pixels.shape == (150, 200, 4)
    assert arrange(photo, cutout, Look(mask_only=True)).pixels.shape == (300, 400)


def test_what_stands_on_the_lower_edge_stays_there():
    photo, cutout = thing(top=180)
    out = arrange(photo, cutout, Look(WHITE, margin=0.1, aspect=1.0, size=(500, 500))).pixels
    _, top, _, high = red(out)
    assert top + high == 500


def test_specks_are_no_part_of_the_subject():
    _, cutout = thing()
    alpha = cutout.alpha.copy()
    alpha[5:7, 390:392] = 255
    box = subject_box(alpha)
    assert box is not None
    assert (box.left, box.top, box.wide, box.high) == (100, 60, 80, 120)
    assert subject_box(np.zeros((30, 30), np.uint8)) is None


@pytest.mark.parametrize("seen", [0, 20])
def test_a_cut_out_of_nothing_is_no_picture(seen: int):
    """A haze that nobody sees is nothing, too."""
    photo, cutout = thing()
    for subject, words in (("people", "nobody found"), ("anything", "nothing found")):
        empty = Cutout(cutout.rgb, np.full_like(cutout.alpha, seen), 0.0, subject)
        for look in (Look(), Look(WHITE), Look(mask_only=True), preset("amazon").look()):
            with pytest.raises(NothingFound, match=words):
                arrange(photo, empty, look)


def test_small_pictures_are_enlarged_and_it_is_said():
    photo, cutout = thing()
    assert "enlarged" in arrange(photo, cutout, preset("amazon").look()).notes[0]
    with pytest.raises(PictureError, match="too large"):
        arrange(photo, cutout, Look(size=(20000, 20000)))


def test_shadows():
    photo, cutout = thing()
    look = Look(WHITE, margin=0.2)
    plain = arrange(photo, cutout, look).pixels
    drop = arrange(photo, cutout, Look(WHITE, margin=0.2, shadow="drop")).pixels
    left, top, wide, high = red(plain)
    below = np.s_[top + high + 2, left + wide // 2]
    assert plain[below].min() == 255
    assert 120 < drop[below].min() < 245
    assert np.array_equal(drop[top + 5, left + 5], plain[top + 5, left + 5])
    clear = arrange(photo, cutout, Look(margin=0.2, shadow="drop")).pixels
    assert 20 < clear[below][3] < 150
    assert clear[below][:3].max() == 0


def test_the_shadow_in_the_photograph_is_kept():
    photo, cutout = thing()
    rgb = photo.rgb.copy()
    rgb[180:195, 100:200] = 75  # half as bright as the ground
    shade = cast_shadow(rgb, cutout.alpha)
    assert shade is not None
    assert 90 < shade[186, 150] < 150
    assert shade[20, 380] == 0
    assert shade[100, 300] < 12
    kept = arrange(Photo(rgb), cutout, Look(WHITE, shadow="keep")).pixels
    assert 110 < kept[186, 150].mean() < 165
    assert kept[20, 380].min() == 255


def test_a_room_is_not_kept_as_a_shadow():
    photo, cutout = thing()
    rgb = photo.rgb.copy()
    room = np.random.default_rng(0).integers(30, 230, (10, 13)).astype(np.uint8)
    room = cv2.resize(room, (400, 300), interpolation=cv2.INTER_CUBIC)[..., None]
    rgb = np.where(cutout.alpha[..., None] > 0, rgb, room).astype(np.uint8)
    made = arrange(Photo(rgb), cutout, Look(WHITE, shadow="keep"))
    assert "not plain" in made.notes[0]
    assert (made.pixels[cutout.alpha == 0] == 255).all()


def test_every_preset_has_its_sources_and_makes_what_it_checks(tmp_path: Path):
    assert set(presets()) == {"amazon", "ebay", "google", "shopify", "etsy", "plain"}
    photo, cutout = thing(400, 300, 700, 1000, (1600, 1600))
    for name, each in presets().items():
        assert all(how in ("official", "quoted", "advised", "ours") for _, _, how in each.sources)
        assert all(source == "ours" or source.startswith("https://") for _, source, _ in each.sources)
        look = each.look()
        path = tmp_path / f"{name}.{look.format}"
        pixels = arrange(photo, cutout, look).pixels
        path.write_bytes(encode(pixels, path.suffix, quality=look.quality, max_bytes=look.max_bytes))
        wrong = [finding for finding in check(path, each) if not finding.ok]
        assert wrong == [], name


def test_what_a_shop_would_refuse_is_found(tmp_path: Path):
    photo, _ = thing(10, 10, 60, 60, (400, 300))
    grey = Image.fromarray(photo.rgb)
    grey.save(tmp_path / "bad.webp", icc_profile=made.matrix_profile("Display P3", made.DISPLAY_P3, None))
    found = {each.rule: each.ok for each in check(tmp_path / "bad.webp", preset("amazon"))}
    assert found == {
        "format": False, "one picture": True, "bytes": True, "sRGB": None, "size": False, "not too large": True,
        "shape": None, "background": False, "share filled": None,
    }  # fmt: skip
    advised = {each.rule: each for each in check(tmp_path / "bad.webp", preset("ebay"))}
    assert advised["format"].ok is False
    assert advised["background"].ok is None, "eBay asks for none"
    assert "our advice" in advised["background"].words
    Image.new("CMYK", (1000, 1000)).save(tmp_path / "printed.jpg")
    Image.new("RGB", (1200, 900)).save(tmp_path / "wide.png")
    advised = {each.rule: each for each in check(tmp_path / "wide.png", preset("google"))}
    assert advised["shape"].ok is None
    assert "the shop's advice" in advised["shape"].words
    printed = {each.rule: each for each in check(tmp_path / "printed.jpg", preset("plain"))}
    assert (printed["sRGB"].ok, printed["sRGB"].words[:4]) == (False, "CMYK")
    nearly = np.full((1000, 1000, 3), 254, np.uint8)
    nearly[300:700, 300:700] = 40
    Image.fromarray(nearly).save(tmp_path / "nearly.png")
    words = {each.rule: each for each in check(tmp_path / "nearly.png", preset("amazon"))}
    assert words["background"].ok is False
    assert "is not pure" in words["background"].words
    assert words["share filled"].ok is False
    assert "40%" in words["share filled"].words


def test_a_bust_on_the_lower_edge_is_no_grey_ground_but_a_floor_is(tmp_path: Path):
    bust = np.full((1600, 1600, 3), 255, np.uint8)
    bust[200:, 400:1200] = 40
    floor = bust.copy()
    floor[1200:] = 200
    found = {}
    for name, pixels in (("bust", bust), ("floor", floor)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        found[name] = {each.rule: each.ok for each in check(tmp_path / f"{name}.png", preset("amazon"))}
    assert found["bust"]["background"] is True
    assert found["bust"]["whole"] is None
    assert found["floor"]["background"] is False
    assert "whole" not in found["floor"]


@pytest.mark.parametrize(("text", "value"), [("5%", 0.05), ("0.05", 0.05), ("30", 0.3), (".1", 0.1), ("0", 0)])
def test_margins(text: str, value: float):
    assert parse_margin(text) == pytest.approx(value)


@pytest.mark.parametrize("parse", [parse_margin, parse_aspect, parse_size])
@pytest.mark.parametrize("text", ["", "x", "-1", "99%", "1:0", "0x0", "a:b", "50000x50000"])
def test_words_that_are_none(parse, text: str):
    with pytest.raises(ConfigError):
        parse(text)


def test_bytes_are_kept_to_by_quality():
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3)).astype(np.uint8)
    free = encode(noise, ".jpg", quality=95)
    assert len(encode(noise, ".jpg", quality=95, max_bytes=len(free) // 2)) <= len(free) // 2
    with pytest.raises(PictureError, match="smaller --size"):
        encode(noise, ".jpg", max_bytes=1000)
    with pytest.raises(PictureError, match="--format jpg"):
        encode(noise, ".png", max_bytes=1000)


def test_metadata_and_colours_are_kept_on_wish(tmp_path: Path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "A camera", 6
    source = tmp_path / "a.jpg"
    p3 = made.matrix_profile("Display P3", made.DISPLAY_P3, None)
    Image.new("RGB", (40, 20), (166, 101, 87)).save(source, exif=exif, icc_profile=p3, quality=100)
    photo = read_photo(source, profile="keep")
    for ending in (".png", ".jpg", ".webp"):
        data = encode(photo.rgb, ending, icc=photo.icc, exif=exif_of(source.read_bytes()))
        path = tmp_path / f"out{ending}"
        path.write_bytes(data)
        with Image.open(path) as out:
            assert out.getexif()[0x010F] == "A camera"
            assert 0x0112 not in out.getexif(), "it is upright now"
            assert out.info["icc_profile"] == p3
            assert out.size == (20, 40)
    assert cv2.imdecode(np.frombuffer(encode(photo.rgb, ".png"), np.uint8), -1).shape == (40, 20, 3)
