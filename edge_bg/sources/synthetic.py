"""A person who is really a photograph, in a room that is drawn: a camera that every machine has.

The portrait sways, leans in and out and is lit from side to side over a cluttered room, always the same way for
the same seed and frame number, and each frame carries its true alpha. It drives the demo, the benchmarks and CI.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.assets import asset_path
from edge_bg.errors import SourceError
from edge_bg.frame import I420, SHARE, Frame, Pool, Size, from_bgr, planes
from edge_bg.sources.base import SourceBase
from edge_bg.sources.fit import Fitter, asked_size
from edge_bg.sources.room import draw_room

Plane = NDArray[np.uint8]

SHOWN = 0.87  # of the portrait's height; the rest is below the frame at all times
ZOOM = 0.97  # height of what is shown at her nearest, in frame heights: head and shoulders


class Synthetic(SourceBase):
    """Frames with `truth`, for ever or for `frames` frames.

    size: (width, height), even; None for 1280x720.
    drawn: the size the scene is drawn at, as if a camera gave that one; None for `size`.  fit, rotate: how it gets from
    there into the frame, see `fit.Fitter`.
    fps: pace when `realtime`, and the speed of the movement in any case.
    seed: which room, and which way she moves.  realtime: at the pace of a camera, or as fast as taken.
    noise: standard deviation of sensor noise in luma levels, 0..20.
    """

    def __init__(
        self,
        size: Size | None = None,
        fps: float = 30.0,
        seed: int = 0,
        realtime: bool = True,
        frames: int | None = None,
        noise: float = 0.0,
        drawn: Size | None = None,
        fit: str = "contain",
        rotate: int = 0,
    ) -> None:
        super().__init__()
        self._fitter = Fitter("synthetic source", fit, rotate)
        asked, drawn = (asked_size(each, "synthetic source") for each in (size, drawn))
        self.size = asked or self._fitter.turned((1280, 720))
        self.drawn = drawn or self._fitter.turned(self.size)
        if not 0 < fps <= 1000:
            raise SourceError(f"synthetic source: fps {fps} is out of range", hint="between 1 and 1000")
        self.name = "synthetic source"
        self.fps = float(fps)
        self.seed = seed
        self.live = realtime
        self.frames = frames
        self.noise = min(max(float(noise), 0.0), 20.0)
        self._index = 0
        self._scene: Scene | None = None

    def _open(self) -> None:
        self._index = 0
        self._scene = Scene(self.drawn, self.seed, self.noise)
        self._pool, self._truths = Pool(self.drawn), Pool(self.drawn)
        self._fitter.open(self.size)

    def _next(self) -> Frame | None:
        if self._scene is None or (self.frames is not None and self._index >= self.frames):
            return None
        index = self._index
        self._index += 1
        data, truth = self._pool.take(), self._truths.take()[: self.drawn[1]]
        self._scene.draw(index, index / self.fps, data, truth)
        return self._fitter(data, time.monotonic(), index, truth=truth)

    def _skip(self, frames: int) -> None:
        self._index += frames

    def _release(self) -> None:
        self._scene = None


@dataclass(slots=True)
class Layer:
    """One plane of the person: light times alpha under a lamp on the left and on the right, and what shines through."""

    left: Plane
    right: Plane
    through: Plane  # 255 - alpha


class Sprite:
    """One plane of the person at the size and in the light of this frame; memory allocated once."""

    def __init__(self, area: int) -> None:
        self.store = (np.empty(area, np.uint8), np.empty(area, np.uint8))
        self.through, self.light = self.store


class Scene:
    """Draws frame number `index` of a seed into buffers that are given to it."""

    def __init__(self, size: Size, seed: int, noise: float = 0.0) -> None:
        self.size = size
        self.room: I420 = from_bgr(draw_room(size, seed))
        self._layers, self._alpha = _person(size)
        rng = np.random.default_rng((seed, 1))
        self._phase = [float(p) for p in rng.uniform(0, 2 * math.pi, 4)]
        self._sprites = [Sprite(layer.left.size) for layer in self._layers]
        self._lit = np.empty_like(self._layers[0].left)
        self._posed = (0, 0, -1.0)
        self._noise: tuple[Plane, Plane] | None = None
        if noise > 0:
            grain = rng.normal(0, noise, (size[1] + 64, size[0] + 64))
            self._noise = (np.clip(grain, 0, 255).astype(np.uint8), np.clip(-grain, 0, 255).astype(np.uint8))

    def draw(self, index: int, seconds: float, data: I420, truth: Plane) -> None:
        """Frame `index`, `seconds` into the scene, to `data` (I420) and its alpha to `truth` `(H, W)`."""
        left, top, width, height, lamp = self._pose(seconds)
        np.copyto(data, self.room)
        truth.fill(0)
        frame_planes = planes(data)
        self._pose_person(width, height, lamp)
        for number, (sprite, target) in enumerate(zip(self._sprites, frame_planes, strict=True)):
            half = 1 if number == 0 else 2
            here, there = _overlap(target.shape, left // half, top // half, width // half, height // half)
            box = target[here]
            cv2.multiply(box, sprite.through[there], dst=box, scale=SHARE)
            cv2.add(box, sprite.light[there], dst=box)
        here, there = _overlap(truth.shape, left, top, width, height)
        cv2.bitwise_not(self._sprites[0].through[there], dst=truth[here])
        if self._noise is not None:
            # The same grain from another place each time looks like new grain, for the price of two additions.
            dx, dy = (index * 37 + index // 64) % 64, (index * 23 + index // 16) % 64
            w, h = self.size
            cv2.add(frame_planes[0], self._noise[0][dy : dy + h, dx : dx + w], dst=frame_planes[0])
            cv2.subtract(frame_planes[0], self._noise[1][dy : dy + h, dx : dx + w], dst=frame_planes[0])

    def _pose(self, seconds: float) -> tuple[int, int, int, int, float]:
        """(left, top, width, height) in even pixels, and the share of the left lamp 0..1, at a time."""
        sway, lean, bob, glow = self._phase
        turn = 2 * math.pi * seconds
        full_h, full_w = self._alpha.shape
        scale = 0.94 + 0.06 * math.sin(turn / 9.1 + lean)
        # In steps too small to see, so that neighbouring frames can share their sprites.
        width = min(2 * _even(full_w * scale / 2), full_w // 4 * 4)
        height = _even(full_h * width / full_w)
        frame_w, frame_h = self.size
        # Where she sways to and fro, and by how much, leaves her whole in a wide frame and centred in a narrow one.
        room_left = max(frame_w - width, 0.12 * frame_w)
        centre = frame_w / 2 + 0.36 * room_left * math.sin(turn / 7.3 + sway) + 0.03 * frame_w * math.sin(turn / 1.9)
        # Her face stays at about one height, whatever the distance; the frame's bottom always cuts her off.
        top = _even(frame_h * (0.13 + 0.02 * math.sin(turn / 3.1 + bob)) + 0.35 * (full_h - height))
        left = _even(centre - width / 2)
        top = max(top, _even(frame_h - height))
        return left, top, width, height, round(32 + 32 * math.sin(turn / 11.3 + glow)) / 64

    def _pose_person(self, width: int, height: int, lamp: float) -> None:
        """Bring the sprites to a size and a light, as far as they are not there from the frame before."""
        resized, relit = (width, height) != self._posed[:2], lamp != self._posed[2]
        for number, (layer, sprite) in enumerate(zip(self._layers, self._sprites, strict=True)):
            size = (width, height) if number == 0 else (width // 2, height // 2)
            if resized:
                sprite.through = self._view(sprite.store[0], size)
                sprite.light = self._view(sprite.store[1], size)
                cv2.resize(layer.through, size, dst=sprite.through, interpolation=cv2.INTER_LINEAR)
            if resized or (relit and layer.right is not layer.left):
                light = layer.left
                if layer.right is not layer.left:
                    light = self._lit
                    cv2.addWeighted(layer.left, lamp, layer.right, 1 - lamp, 0, dst=light)
                cv2.resize(light, size, dst=sprite.light, interpolation=cv2.INTER_LINEAR)
        self._posed = (width, height, lamp)

    @staticmethod
    def _view(store: Plane, size: Size) -> Plane:
        return store[: size[0] * size[1]].reshape(size[1], size[0])


def _even(value: float) -> int:
    return 2 * round(value / 2)


def _overlap(shape: tuple[int, ...], x: int, y: int, w: int, h: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a w x h box at (x, y) lies in a plane of `shape`, and which part of the box that is."""
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, shape[1]), min(y + h, shape[0])
    x1, y1 = max(x1, x0), max(y1, y0)
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))


def _person(size: Size) -> tuple[list[Layer], Plane]:
    """The portrait at the largest size it is shown at, as layers for Y, U, V, and its alpha."""
    path = asset_path("portrait.png")
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        raise SourceError(f"{path} is missing or damaged", hint="pip install --force-reinstall edge-bg")
    portrait: Plane = np.asarray(picture[: round(picture.shape[0] * SHOWN)], np.uint8)
    rows, columns = portrait.shape[:2]
    scale = min(ZOOM * size[1] / rows, 1.3 * size[0] / columns)
    width, height = max(_even(columns * scale), 4), max(_even(rows * scale), 4)
    weight = portrait[..., 3:].astype(np.float32) / 255
    # Scaled with alpha multiplied in, so that what lies under transparent pixels cannot bleed in.
    ready = np.dstack([portrait[..., :3] * weight, weight * 255])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    ready = np.clip(cv2.resize(ready, (width, height), interpolation=way), 0, 255)
    alpha = np.rint(ready[..., 3]).astype(np.uint8)
    colour = ready[..., :3] / np.maximum(ready[..., 3:] / 255, 1e-3)
    yuv = planes(from_bgr(np.clip(np.rint(colour), 0, 255).astype(np.uint8)))
    half = np.asarray(cv2.resize(alpha, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
    ramp = np.linspace(1.18, 0.72, width, dtype=np.float32)[None, :]
    layers = []
    for number, plane in enumerate(yuv):
        cover = alpha if number == 0 else half
        weight = cover / np.float32(255)
        left = right = np.rint(plane * weight).astype(np.uint8)
        if number == 0:  # a lamp changes how bright she is, hardly her colours
            left, right = (np.rint(np.clip(plane * r, 0, 255) * weight).astype(np.uint8) for r in (ramp, ramp[:, ::-1]))
        layers.append(Layer(left, right, 255 - cover))
    return layers, alpha
