"""The compositor against float arithmetic, and every background there is."""

from __future__ import annotations

import threading
import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_bg.composite import (
    KINDS,
    BlurBackground,
    ColorBackground,
    Compositor,
    ImageBackground,
    NoBackground,
    TransparentBackground,
    cover_picture,
)
from edge_bg.composite.video import VideoBackground
from edge_bg.errors import PictureError
from edge_bg.frame import Frame, filled, planes, to_bgr, unpremultiply
from edge_bg.matte import Matte
from tests.patience import wait_for

SIZE = (320, 240)


def noise(seed: int, size=SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size[1] * 3 // 2, size[0]), np.uint8)


class Painted:
    """A background of given pixels."""

    mode, room = "blend", False

    def __init__(self, picture):
        self.picture, self.opened, self.closed = picture, 0, 0

    def open(self, size, fps):
        self.opened += 1

    def __call__(self, frame):
        return self.picture

    def close(self):
        self.closed += 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**16))
def test_blend_is_within_a_level_of_float(seed):
    person, behind, alpha = noise(seed), noise(seed + 1), noise(seed + 2)
    out = Compositor(Painted(behind), SIZE)(Frame(person, 1.0, 7), alpha)
    weight = alpha.astype(np.float64) / 255
    assert np.abs(out.data - (person * weight + behind * (1 - weight))).max() <= 1.0
    assert (out.data[alpha == 255] == person[alpha == 255]).all()
    assert (out.data[alpha == 0] == behind[alpha == 0]).all()
    assert out.time == 1.0 and out.index == 7 and out.alpha420 is alpha


def test_soft_parts_only_gives_the_same_bytes(disc_alpha):
    person, behind, alpha = noise(1), noise(2), disc_alpha()
    assert alpha.soft
    compositor = Compositor(Painted(behind), SIZE)
    quick, whole = compositor(Frame(person, 0.0, 0), alpha), compositor(Frame(person, 0.0, 0), np.array(alpha))
    assert (quick.data == whole.data).all()


def test_transparent_fades_into_black_so_that_no_sink_can_show_the_room(disc_alpha):
    person, alpha = noise(1), disc_alpha()
    out = Compositor(TransparentBackground(), SIZE)(Frame(person, 0.0, 0), alpha)
    assert (out.data[alpha == 255] == person[alpha == 255]).all()
    black = filled(SIZE, (0, 128, 128))
    assert (out.data[alpha == 0] == black[alpha == 0]).all()
    share = np.asarray(alpha) / 255
    assert np.abs(person * share + black * (1 - share) - out.data).max() <= 1.5
    assert out.premultiplied
    assert not Compositor(ColorBackground("#000"), SIZE)(Frame(person, 0.0, 0), alpha).premultiplied


def test_a_transparent_frame_gives_its_colours_back(disc_alpha):
    person, alpha = noise(1), disc_alpha()
    out = Compositor(TransparentBackground(), SIZE)(Frame(person, 0.0, 0), alpha)
    straight = unpremultiply(out.data, out.alpha420)
    sure = alpha > 64
    assert np.abs(straight[sure].astype(int) - person[sure]).max() <= 5
    assert (straight[alpha == 0] == filled(SIZE, (0, 128, 128))[alpha == 0]).all()
    assert (out.rgba()[..., 3] == out.alpha).all()


def test_none_passes_the_frame_through(disc_alpha):
    frame, alpha = Frame(noise(1), 0.0, 0), disc_alpha()
    out = Compositor(NoBackground(), SIZE)(frame, alpha)
    assert out.data is frame.data and out.alpha420 is alpha


@pytest.mark.parametrize(
    "text,rgb", [("#ff0000", (255, 0, 0)), ("#0f0", (0, 255, 0)), ("Blue", (0, 0, 255)), ("#808080", (128, 128, 128))]
)
def test_colors(text, rgb):
    out = Compositor(ColorBackground(text), SIZE)(Frame(noise(1), 0.0, 0), filled(SIZE, (0, 0, 0)))
    assert np.abs(out.rgb().astype(int) - rgb).max() <= 2


def test_colors_that_are_none():
    for text in ("", "#12", "mauve-ish", "#gg0000"):
        with pytest.raises(ValueError, match="color"):
            ColorBackground(text)


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_image_fits(tmp_path, fit):
    path = tmp_path / "ü b.png"
    picture = np.zeros((100, 400, 3), np.uint8)
    picture[:, :100], picture[:, 100:300], picture[:, 300:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    background = ImageBackground(path, fit)
    background.open(SIZE, 30)
    seen = to_bgr(background(Frame(noise(0), 0.0, 0)))
    green, blue, black = (0, 255, 0), (255, 0, 0), (0, 0, 0)
    expected = {"cover": (green, green), "contain": (blue, black), "stretch": (blue, blue)}[fit]
    assert np.abs(seen[120, 5].astype(int) - expected[0]).max() <= 3
    assert np.abs(seen[5, 5].astype(int) - expected[1]).max() <= 3
    assert np.abs(seen[120, 160].astype(int) - green).max() <= 3


def test_pictures_that_cannot_be_read(tmp_path):
    empty = tmp_path / "empty.png"
    empty.touch()
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(b"\xff\xd8\xff nonsense")
    for path in (empty, torn, tmp_path / "absent.png", tmp_path):
        with pytest.raises(PictureError, match=path.name):
            Compositor(ImageBackground(path), SIZE)
        with pytest.raises(PictureError, match=path.name):
            Compositor(VideoBackground(path), SIZE)
    with pytest.raises(ValueError, match="fit"):
        ImageBackground("x.png", "squash")


def test_one_pixel_and_grey_and_16_bit_pictures(tmp_path):
    for name, picture in {
        "dot.png": np.full((1, 1, 3), 200, np.uint8),
        "grey.png": np.full((30, 50), 200, np.uint8),
        "deep.png": np.full((30, 50, 3), 200 * 257, np.uint16),
        "rgba.png": np.full((30, 50, 4), (200, 200, 200, 255), np.uint8),
    }.items():
        cv2.imwrite(str(tmp_path / name), picture)
        assert np.abs(planes(cover_picture(ImageBackground(tmp_path / name), SIZE))[0].astype(int) - 200).max() <= 2


def test_video_plays_and_loops(tmp_path):
    path = tmp_path / "two.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 50, SIZE)
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no MJPG")
    for value in (40, 200, 40, 200):
        writer.write(np.full((240, 320, 3), value, np.uint8))
    writer.release()
    background = VideoBackground(path)
    background.open(SIZE, 30)
    seen = set()
    frame = Frame(noise(0), 0.0, 0)

    def both() -> bool:
        seen.add(int(background(frame)[100, 100]) > 120)
        return seen == {True, False}

    wait_for(both, "the other picture")
    background.close()
    background.close()


def test_blur_does_not_bleed_the_person():
    data = filled(SIZE, (100, 128, 128))
    alpha = np.zeros_like(data)
    y, u, v = planes(alpha)
    y[60:180, 100:220] = 255
    u[30:90, 50:110] = v[30:90, 50:110] = 255
    data[alpha == 255] = 250
    out = Compositor(BlurBackground(1.0), SIZE)(Frame(data, 0.0, 0), alpha)
    assert np.abs(planes(out.data)[0][y == 0].astype(int) - 100).max() <= 2
    assert np.abs(planes(out.data)[1][u == 0].astype(int) - 128).max() <= 2


def test_blur_blurs_more_with_strength():
    frame, alpha = Frame(noise(3), 0.0, 0), filled(SIZE, (0, 0, 0))
    detail = [float(Compositor(BlurBackground(strength), SIZE)(frame, alpha).y.std()) for strength in (0.0, 0.3, 1.0)]
    assert detail[0] > detail[1] > detail[2]


def test_swapping_live_opens_first_and_closes_the_old():
    old, new = Painted(filled(SIZE, (10, 128, 128))), Painted(filled(SIZE, (200, 128, 128)))
    compositor = Compositor(old, SIZE)
    frame, alpha = Frame(noise(1), 0.0, 0), filled(SIZE, (0, 0, 0))
    assert compositor(frame, alpha).y[0, 0] == 10
    thread = threading.Thread(target=lambda: setattr(compositor, "background", new))
    thread.start()
    thread.join()
    assert compositor(frame, alpha).y[0, 0] == 200
    assert (old.opened, old.closed, new.opened, new.closed) == (1, 1, 1, 0)


def test_a_swap_that_fails_changes_nothing(tmp_path):
    compositor = Compositor(ColorBackground("#ffffff"), SIZE)
    before = compositor.background
    with pytest.raises(PictureError):
        compositor.background = ImageBackground(tmp_path / "absent.png")
    assert compositor.background is before


def test_the_cover_never_shows_the_room():
    for background in (BlurBackground(), NoBackground()):
        with pytest.raises(ValueError, match="room"):
            cover_picture(background, SIZE)
    assert (cover_picture(ColorBackground("black"), SIZE) == filled(SIZE, (0, 128, 128))).all()


def test_every_kind_can_be_imported():
    import importlib

    for path in KINDS.values():
        module, name = path.split(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="compositor of"):
        Compositor(ColorBackground(), SIZE)(Frame(noise(0), 0.0, 0), filled((640, 480), (0, 0, 0)))


def test_steady_state_allocates_no_frames(disc_alpha):
    size = (1280, 720)
    frame, alpha = Frame(noise(1, size), 0.0, 0), disc_alpha(size)
    matte, mask = Matte(size), np.full((144, 256), 255, np.uint8)
    cv2.circle(mask, (128, 72), 40, 0, -1)
    for background in (ColorBackground(), BlurBackground()):
        compositor = Compositor(background, size)
        for _ in range(5):
            compositor(frame, alpha), matte(mask, frame)
        tracemalloc.start()
        kept = tracemalloc.take_snapshot()
        for _ in range(20):
            compositor(frame, alpha), matte(mask, frame)
        peak = tracemalloc.get_traced_memory()[1]
        grown = sum(s.size_diff for s in tracemalloc.take_snapshot().compare_to(kept, "filename"))
        tracemalloc.stop()
        assert grown < 256 * 144 * 8
        assert peak < 1280 * 720 * 3 // 2  # planes of the working picture, all together less than a frame
