"""Photos look as the preview did, on every kind of background, then and after the shot."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge_bg.assets import asset_path
from edge_bg.booth.developing import Darkroom
from edge_bg.booth.library import Item
from edge_bg.booth.photo import Photo
from edge_bg.booth.printing import Look, backdrop, compose
from edge_bg.booth.recent import Shot
from edge_bg.booth.template import Template
from edge_bg.composite import BlurBackground, Compositor, Place
from edge_bg.composite import ImageBackground as Picture
from edge_bg.composite.light import Light
from edge_bg.config.kinds import BlurBackground as BlurPart
from edge_bg.config.kinds import ImageBackground, VideoBackground
from edge_bg.errors import NotNow
from edge_bg.frame import Frame, empty, from_rgb, planes
from edge_bg.frame.tiles import Rect, with_soft
from edge_bg.sources.synthetic import Synthetic
from edge_bg.still import Cutout, blurred_room

SIZE = (640, 360)
SCENE = Item("scene", "Scene", "image", ImageBackground(path=asset_path("backdrop.jpg")))
BLUR = Item("blur", "Blur", "blur", BlurPart(strength=0.5))


def alpha420(alpha):
    """As a matte gives it, soft all over."""
    whole = empty((alpha.shape[1], alpha.shape[0]))
    for plane in planes(whole):
        cv2.resize(alpha, plane.shape[::-1], dst=plane, interpolation=cv2.INTER_AREA)
    return with_soft(whole, [Rect(0, 0, alpha.shape[1], alpha.shape[0])], [])


@pytest.fixture(scope="module")
def frame() -> Frame:
    """A guest, with the true alpha."""
    with Synthetic(SIZE, realtime=False, frames=1) as scene:
        seen = next(iter(scene)).copy()
    return replace(seen, alpha420=alpha420(seen.truth))


def live(frame, background, **options):
    with Compositor(background, SIZE, **options) as made:
        return made(frame, frame.alpha420)


def cut(frame):
    return Cutout(frame.rgb(), np.ascontiguousarray(frame.alpha))


@pytest.mark.parametrize(
    "options",
    [{}, {"match": 1.0}, {"wrap": 0.6}, {"match": 0.7, "wrap": 0.4}, {"shift_x": 0.2, "scale": 0.8, "match": 1.0}],
)
def test_a_photo_has_the_light_and_the_place_of_the_preview(frame, options):
    def photo(wrap=0.0, match=0.0, shift_x=0.0, scale=1.0):
        look = Look(SCENE, None, Place(shift_x, 0, scale), wrap, match)
        made = compose(cut(frame), look, backdrop(SCENE, SIZE, cut(frame), None), Light.of(frame.data))
        return made.astype(float)

    shown = live(frame, Picture(asset_path("backdrop.jpg")), **options).rgb().astype(float)
    assert np.abs(photo(**options) - shown).mean() < 1.5
    if options:  # what they change in the preview, they change in the photo
        there = (shown - live(frame, Picture(asset_path("backdrop.jpg"))).rgb()).mean(axis=2)
        here = (photo(**options) - photo()).mean(axis=2)
        assert np.abs(there).max() > 8 and np.abs(here - there).mean() < 0.5 * np.abs(there).mean()


@pytest.mark.parametrize("strength", [0.3, 0.5, 1.0])
def test_a_photos_blurred_room_is_as_blurred_as_it_was_live(frame, strength):
    stripes = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    stripes[:, (np.arange(SIZE[0]) // 40) % 2 == 0] = 255
    none = np.zeros(SIZE[::-1], np.uint8)
    room = Frame(from_rgb(stripes), 0.0, 0, alpha420=alpha420(none))
    shown = live(room, BlurBackground(strength)).y.astype(float)
    photo = cv2.cvtColor(blurred_room(stripes, none, strength), cv2.COLOR_RGB2GRAY).astype(float)
    middle = np.s_[:, SIZE[0] // 4 : -SIZE[0] // 4]
    assert photo[middle].std() <= shown[middle].std() + 1.5


class Booth:
    """Two backgrounds, one that is of the moment; the live cut-out knows what a guest holds."""

    def __init__(self, *items: Item) -> None:
        self.items = {item.id: item for item in items}

    def look(self, background, foreground):
        return Look(self.items[background], None, Place())

    def blurred(self):
        return [item for item in self.items.values() if item.kind == "blur"]

    def holds(self):
        return True


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A video that is red at first and blue from its second picture on."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    made = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 36))
    for colour in ((20, 20, 220), (220, 20, 20), (220, 20, 20)):
        made.write(np.full((36, 64, 3), colour, np.uint8))
    made.release()
    return Item("film", "Film", "video", VideoBackground(path=path))


def corner(files):
    picture = cv2.imdecode(np.frombuffer(files["photo.jpg"], np.uint8), cv2.IMREAD_COLOR)
    return picture[4:40, 4:40].reshape(-1, 3)[:, ::-1].mean(axis=0)


def test_films_and_the_blurred_room_are_behind_a_photo_after_the_shot_too(frame, film):
    blue = np.full((SIZE[1], SIZE[0], 3), (20, 20, 220), np.uint8)
    shot = Shot(frame, frame, from_rgb(blue))
    darkroom = Darkroom(Booth(SCENE, BLUR, film), Template())
    try:
        photo = Photo("a" * 22, 0.0, background="film", shots=[shot])
        files = darkroom.develop(photo)
        assert np.abs(corner(files) - (20, 20, 220)).max() < 25, "the picture of then"
        photo.shots = []
        photo.background = "blur"
        room = frame.rgb()[:60, :60].reshape(-1, 3).mean(axis=0)
        assert np.abs(corner(darkroom.again(photo, list)) - room).max() < 40, "the room, which was kept blurred only"
        assert all(max(then.shape) <= 1024 for then in photo.then.values())
        photo.background = "film"
        assert np.abs(corner(darkroom.again(photo, list)) - (20, 20, 220)).max() < 25, "of then, once more"
        other = Photo("b" * 22, 0.0, background="scene", shots=[shot])
        files = darkroom.develop(other)
        other.background, other.shots, other.cuts = "film", [], []
        again = darkroom.again(other, lambda: [files["cutout.png"]])
        assert np.abs(corner(again) - (220, 20, 20)).max() < 25, "its first picture, where it was not behind then"
        other.background, other.then = "blur", {}
        with pytest.raises(NotNow, match="of the moment of the shot"):
            darkroom.again(other, lambda: [files["cutout.png"]])
    finally:
        darkroom.close()


@pytest.mark.parametrize("own", [False, True], ids=["the frame", "the camera's still"])
def test_what_a_guest_holds_stays_in_the_photo(frame, own):
    picture, alpha = frame.rgb(), np.ascontiguousarray(frame.alpha)
    box = np.s_[150:230, 20:90]  # a sign at arm's length that no network takes for a part of her
    arm = np.s_[215:230, 90:330]
    for part in (box, arm):
        picture[part], alpha[part] = (230, 200, 30), 255
    seen = Frame(from_rgb(picture), 0.0, 0, alpha420=alpha420(alpha))
    full = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) if own else None
    darkroom = Darkroom(Booth(SCENE), Template())
    try:
        photo = Photo("c" * 22, 0.0, background="scene", shots=[Shot(seen, seen, seen.data, full)])
        darkroom.develop(photo)
    finally:
        darkroom.close()
    made = cv2.resize(photo.cuts[0].alpha, SIZE, interpolation=cv2.INTER_AREA)
    assert (made[155:225, 25:85] > 200).mean() > 0.95
    assert (made[:100, :100] < 30).mean() > 0.98, "and not the room"
