"""Conditions: the same pictures as a worse camera, a worse room or a worse moment would have shown them.

A condition is a function `(Scene, rng) -> (BGR uint8 (h, w, 3), true alpha uint8 (h, w))`. All chance comes from `rng`,
so a condition of a picture is the same for every model, on every machine, each time.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.lab import props, rooms
from edge_bg.lab.cutouts import Cutout, from_photo
from edge_bg.lab.data import Item, even
from edge_bg.lab.stage import Actor, Pose, place

Bgr = NDArray[np.uint8]
Alpha = NDArray[np.uint8]
Pair = tuple[Bgr, Alpha]
Rng = np.random.Generator
WIDE = (640, 360)  # pictures that are put together have the shape of a webcam's


@dataclass(frozen=True)
class Scene:
    """One labelled picture and its company: `others` are items whose people may be put beside it."""

    item: Item
    bgr: Bgr
    truth: Alpha
    others: Sequence[Item]


def _linear(bgr: Bgr) -> NDArray[np.float32]:
    return np.asarray((bgr.astype(np.float32) / 255) ** 2.2, np.float32)


def _coded(light: NDArray[np.float32]) -> Bgr:
    return np.asarray(np.rint(np.clip(light, 0, 1) ** (1 / 2.2) * 255), np.uint8)


def as_is(scene: Scene, rng: Rng) -> Pair:
    """The picture as it was taken."""
    return scene.bgr, scene.truth


def dark(scene: Scene, rng: Rng) -> Pair:
    """A dark room: a thirtieth of the light, amplified sevenfold, with the shot and read noise that brings."""
    light = _linear(scene.bgr) * np.float32(900 / 30)  # electrons
    noise = rng.standard_normal(light.shape, np.float32) * np.sqrt(light + np.float32(2.5**2))
    return _coded(np.asarray((light + noise) * np.float32(7 / 900), np.float32)), scene.truth


def bright(scene: Scene, rng: Rng) -> Pair:
    """Over-exposed: two to three times the light, clipped."""
    return _coded(_linear(scene.bgr) * np.float32(rng.uniform(2.0, 3.2))), scene.truth


def cast(scene: Scene, rng: Rng) -> Pair:
    """A colour cast: white balance missed under a light bulb, under fluorescent tubes, or with party lights."""
    gains = ((0.45, 0.8, 1.25), (0.9, 1.25, 0.8), (1.35, 0.75, 0.95), (1.3, 0.6, 1.3))
    return _coded(_linear(scene.bgr) * np.array(gains[int(rng.integers(len(gains)))], np.float32)), scene.truth


def motion(scene: Scene, rng: Rng) -> Pair:
    """Motion blur of the whole picture, 3 to 5 % of its shorter side, in any direction; the truth blurs alike."""
    length = rng.uniform(0.03, 0.05) * min(scene.truth.shape)
    angle = rng.uniform(0, np.pi)
    size = int(np.ceil(length)) | 1
    kernel = np.zeros((size, size), np.float32)
    step = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
    for t in np.linspace(-1, 1, 4 * size):
        x, y = step * t + size // 2
        kernel[round(float(y)), round(float(x))] += 1
    kernel /= kernel.sum()
    return _filtered(scene.bgr, kernel), _filtered(scene.truth, kernel)


def defocus(scene: Scene, rng: Rng) -> Pair:
    """Out of focus: a disc of 0.7 to 1.2 % of the shorter side; the truth blurs alike."""
    radius = max(2.0, float(rng.uniform(0.007, 0.012)) * min(scene.truth.shape))
    n = int(np.ceil(radius))
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    kernel /= kernel.sum()
    return _filtered(scene.bgr, kernel), _filtered(scene.truth, kernel)


def _filtered(picture: NDArray[np.uint8], kernel: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)


def jpeg(scene: Scene, rng: Rng) -> Pair:
    """JPEG at quality 30."""
    coded = cv2.imencode(".jpg", scene.bgr, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8), scene.truth


def backlight(scene: Scene, rng: Rng) -> Pair:
    """Hard backlight: the room too bright, the person in deep and noisy shade, the glare veiling the outline."""
    share = scene.truth.astype(np.float32)[..., None] / 255
    shone = _linear(scene.bgr) * (share * np.float32(0.1) + (1 - share) * np.float32(1.9))
    glare = cv2.GaussianBlur(np.clip(shone, 0, 1.2), (0, 0), 0.04 * min(scene.truth.shape))
    light = shone * np.float32(0.8) + glare * np.float32(0.3)
    noise = rng.standard_normal(light.shape, np.float32) * np.sqrt(light / 300 + np.float32(2e-5))
    return _coded(np.asarray(light + noise, np.float32)), scene.truth


def occluded(scene: Scene, rng: Rng) -> Pair:
    """A box or a pillar stands in the way of a part of the person; what it hides is not person any more."""
    bgr, truth = scene.bgr.copy(), scene.truth.copy()
    left, top, right, bottom = _bounds(truth)
    if rng.random() < 0.5:
        side = int(rng.uniform(0.3, 0.45) * (bottom - top))
        x, y = rng.uniform(left, right) - side / 2, rng.uniform(top + 0.35 * (bottom - top), bottom) - side / 2
        _paste(bgr, truth, props.draw("box", side, rng), int(x), int(y))
    else:
        wide = max(4, int(rng.uniform(0.18, 0.3) * (right - left)))
        x = int(rng.uniform(left + 0.1 * (right - left), right - wide))
        shade = np.interp(np.arange(wide), [0, wide / 3, wide], [0.7, 1.0, 0.45])[None, :, None]
        bgr[:, x : x + wide] = np.clip(shade * np.array([150, 160, 165]) + rng.normal(0, 4, (len(bgr), 1, 1)), 0, 255)
        truth[:, x : x + wide] = 0
    return bgr, truth


def _paste(bgr: Bgr, truth: Alpha, thing: NDArray[np.uint8], x: int, y: int) -> None:
    h, w = truth.shape
    n = thing.shape[0]
    left, top, right, bottom = max(0, x), max(0, y), min(w, x + n), min(h, y + n)
    if left >= right or top >= bottom:
        return
    part = thing[top - y : bottom - y, left - x : right - x].astype(np.float32)
    a, cut = part[..., 3:] / 255, np.s_[top:bottom, left:right]
    bgr[cut] = np.rint(bgr[cut] * (1 - a) + part[..., :3] * a)
    truth[cut] = np.rint(truth[cut] * (1 - a[..., 0]))


def _bounds(truth: Alpha) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(truth >= 128)
    if ys.size == 0:
        return 0, 0, truth.shape[1], truth.shape[0]
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


@lru_cache(maxsize=24)
def _cutout(item: Item) -> Cutout:
    return from_photo(item)


def _together(room: Bgr, people: Sequence[tuple[Cutout, Pose]]) -> Pair:
    height, width = room.shape[:2]
    picture, truth = room.astype(np.float32), np.zeros((height, width), np.float32)
    for cutout, pose in people:
        layer = place(Actor(cutout, lambda _, pose=pose: pose), 0, (width, height))  # type: ignore[misc]
        if layer is None:
            continue
        left, top, right, bottom = layer.box
        cut = np.s_[top:bottom, left:right]
        picture[cut] = picture[cut] * (1 - layer.alpha)[..., None] + layer.color
        truth[cut] = truth[cut] * (1 - layer.alpha) + layer.alpha
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8), np.asarray(np.rint(truth * 255), np.uint8)


def small(scene: Scene, rng: Rng) -> Pair:
    """Far away: the same person at 12 to 25 % of a wide frame's height, in a painted room."""
    pose = Pose(rng.uniform(0.25, 0.75), rng.uniform(0.85, 0.95), rng.uniform(0.12, 0.25))
    return _together(rooms.painted(WIDE, rng, clutter=0.7), [(_cutout(scene.item), pose)])


def group(scene: Scene, rng: Rng) -> Pair:
    """Two to four people side by side in a wide frame, some overlapping."""
    count = int(rng.integers(2, 5))
    items = [scene.item]
    if scene.others:
        items += [scene.others[int(i)] for i in rng.choice(len(scene.others), count - 1)]
    places = (np.arange(len(items)) + 0.5) / len(items) + rng.uniform(-0.05, 0.05, len(items))
    poses = [Pose(float(x), rng.uniform(0.97, 1.05), rng.uniform(0.75, 0.95)) for x in places]
    people = [(_cutout(item), pose) for item, pose in zip(items, poses, strict=True)]
    return _together(rooms.painted(WIDE, rng, clutter=1.0), people)


def clutter(scene: Scene, rng: Rng) -> Pair:
    """The person before a very cluttered wall."""
    pose = Pose(rng.uniform(0.3, 0.7), 1.02, rng.uniform(0.9, 1.3))
    pose = Pose(pose.x, 0.06 + pose.height if pose.height > 1 else 1.02, pose.height)
    return _together(rooms.painted(WIDE, rng, clutter=3.0), [(_cutout(scene.item), pose)])


def figures(scene: Scene, rng: Rng) -> Pair:
    """The person before things with the outline of people: mannequins, coats on stands, printed figures."""
    pose = Pose(rng.uniform(0.3, 0.7), 1.02, rng.uniform(0.85, 0.95))
    return _together(rooms.painted(WIDE, rng, clutter=0.7, figures=3), [(_cutout(scene.item), pose)])


def turned(scene: Scene, rng: Rng) -> Pair:
    """The camera lies on its side: a quarter turn, left or right."""
    turn = 1 if rng.random() < 0.5 else 3
    return np.ascontiguousarray(np.rot90(scene.bgr, turn)), np.ascontiguousarray(np.rot90(scene.truth, turn))


Condition = Callable[[Scene, Rng], Pair]
CONDITIONS: dict[str, Condition] = {
    "as-is": as_is, "dark": dark, "over-exposed": bright, "colour-cast": cast, "motion-blur": motion,
    "defocus": defocus, "jpeg-30": jpeg, "backlight": backlight, "occlusion": occluded, "small": small,
    "group": group, "clutter": clutter, "person-like": figures, "turned": turned,
}  # fmt: skip


def apply(name: str, scene: Scene, seed: int) -> Pair:
    """`scene` under condition `name`: (BGR uint8 (h, w, 3), true alpha uint8 (h, w)), both sides even."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), zlib.crc32(scene.item.name.encode())])
    bgr, truth = CONDITIONS[name](scene, rng)
    return even(bgr), even(truth)


def describe(name: str) -> str:
    """What the condition does, one sentence."""
    return " ".join((CONDITIONS[name].__doc__ or "").split())
