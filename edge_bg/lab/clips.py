"""What a labelled clip is: people with a true soft alpha move over a room, as a booth's camera would see them.

for clip in edge_bg.lab.scenes.clips(seed=0, size=(1280, 720), data="/path/to/evaluation/pictures"):
    for shot in clip:
        shot.frame   # edge_bg.frame.Frame: I420 data, time, index, truth
        shot.truth   # true alpha, uint8 (H, W): whom and what to keep
        shot.props   # bool (H, W): things held or worn, outside the body
        shot.ignore  # bool (H, W): passers-by, who are people but not guests
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame, Size, from_bgr, planes
from edge_bg.lab.stage import Actor, Layer, place

Bgr = NDArray[np.uint8]
MARGIN = 32  # pixels of room around the frame, for a camera that gets pushed
FPS = 30.0
COSTLY = 3  # outline, gradient and colour are measured on every third frame


@dataclass(frozen=True)
class Camera:
    """What the camera and the lamps do. Levels are of 255, frequencies in cycles a frame."""

    read_noise: float = 1.2  # standard deviation in the dark
    shot_noise: float = 0.06  # variance per level
    gain: Callable[[int], float] = lambda frame: 1.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)  # B, G, R
    bands: float = 0.0  # a lamp on alternating current under a rolling shutter: strength of the bands
    beat: float = 0.17
    push: Callable[[int], tuple[int, int]] = lambda frame: (0, 0)
    jpeg: int | None = None


@dataclass
class Shot:
    """One frame of a clip with its truth. `foreground`: float32 (H, W, 3) BGR, the kept people's light times alpha.

    cut: another picture begins, and what was before says nothing of it. counted: figures are to be taken. lead: what
    is asked has not begun, so that not even flicker counts.
    """

    frame: Frame
    truth: NDArray[np.uint8]
    props: NDArray[np.bool_]
    ignore: NDArray[np.bool_]
    foreground: NDArray[np.float32]
    cut: bool = False
    counted: bool = True
    lead: bool = False

    def over(self, background: Bgr) -> Bgr:
        """The perfect composite before `background`, BGR uint8 (H, W, 3)."""
        keep = 1 - self.truth.astype(np.float32)[..., None] / np.float32(255)
        return np.asarray(cv2.convertScaleAbs(self.foreground + background * keep), np.uint8)


@dataclass
class Clip:
    """A clip that can be played again and again, the same each time.

    empty: leading frames without anybody. lead: leading frames in which no figure is taken. events: frame numbers at
    which something happens ("switch", "bump").
    """

    name: str
    about: str
    size: Size
    frames: int
    room: Bgr
    actors: Sequence[Actor]
    seed: int
    camera: Camera = field(default_factory=Camera)
    empty: int = 0
    lead: int = 0
    shadow: float = 0.25
    events: dict[str, int] = field(default_factory=dict)
    fps: float = FPS

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[Shot]:
        grain = self.grain()
        for index in range(self.frames):
            yield self._shoot(index, grain)

    def grain(self) -> NDArray[np.float32]:
        """Normal noise to cut a frame's own from, (4, H + 64, W + 64)."""
        rng = np.random.default_rng([self.seed, 7])
        return rng.normal(0, 1, (4, self.size[1] + 64, self.size[0] + 64)).astype(np.float32)

    def costly(self, shot: Shot) -> bool:
        """Whether the figures that take long are due in this frame."""
        return not shot.lead and shot.frame.index % COSTLY == 0

    def _shoot(self, index: int, grain: NDArray[np.float32]) -> Shot:
        width, height = self.size
        dx, dy = self.camera.push(index)
        room = self.room[MARGIN + dy : MARGIN + dy + height, MARGIN + dx : MARGIN + dx + width].astype(np.float32)
        truth, prop = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
        passing = np.zeros((height, width), np.float32)
        people = np.zeros((height, width, 3), np.float32)
        layers = [(actor, place(actor, index, self.size)) for actor in self.actors]
        for _, layer in layers:
            if layer is not None and self.shadow:
                _cast_shadow(room, layer, self.shadow)
        for actor, layer in layers:  # from back to front
            if layer is None:
                continue
            left, top, right, bottom = layer.box
            cut = np.s_[top:bottom, left:right]
            hidden = 1 - layer.alpha
            people[cut] *= hidden[..., None]
            truth[cut] *= hidden
            prop[cut] *= hidden
            passing[cut] *= hidden
            if actor.passer:
                room[cut] = room[cut] * hidden[..., None] + layer.color
                passing[cut] += layer.alpha
            else:
                people[cut] += layer.color
                truth[cut] += layer.alpha
                prop[cut] += layer.prop
        light = self._light(index)
        if light is not None:
            people *= light
            room *= light
        boxes = [layer.box for actor, layer in layers if layer is not None and not actor.passer]
        if boxes:  # nothing outside the box around all of them has any of them in it
            left, top, right, bottom = (
                f(side) for f, side in zip((min, min, max, max), zip(*boxes, strict=True), strict=True)
            )
            cut = np.s_[top:bottom, left:right]
            room[cut] = people[cut] + room[cut] * (1 - truth[cut])[..., None]
        data = self.expose(room, index, grain)
        alpha = np.asarray(cv2.convertScaleAbs(truth, alpha=255), np.uint8)
        frame = Frame(data, index / self.fps, index, truth=alpha)
        props, passers = (prop > 0.5) & (alpha >= 128), (passing > 0.1) & (alpha < 26)
        return Shot(frame, alpha, props, passers, people, lead=index < self.lead)

    def _light(self, index: int) -> NDArray[np.float32] | None:
        """Factor (H, 1, 3) of this frame's light; None for plain light."""
        camera = self.camera
        if not camera.bands and camera.gain(index) == 1 and camera.cast == (1.0, 1.0, 1.0):
            return None
        row = np.arange(self.size[1], dtype=np.float32) / self.size[1]
        bands = 1 + camera.bands * np.sin(2 * np.pi * (1.3 * row + camera.beat * index))
        level = bands.astype(np.float32) * np.float32(camera.gain(index))
        return np.asarray(level[:, None, None] * np.array(camera.cast, np.float32), np.float32)

    def expose(self, picture: NDArray[np.float32], index: int, grain: NDArray[np.float32]) -> NDArray[np.uint8]:
        """I420 data of `picture`, BGR float32 (H, W, 3), as the camera delivers it; `grain`: normal noise (n, H, W)."""
        camera = self.camera
        data = from_bgr(np.asarray(cv2.convertScaleAbs(picture), np.uint8))
        rng = np.random.default_rng([self.seed, index])
        for number, plane in enumerate(planes(data)):
            h, w = plane.shape
            down, right = (int(n) for n in rng.integers(0, 64, 2))
            noise = grain[(index + number) % len(grain), down : down + h, right : right + w]
            # Chroma is noisier than its half size would make it: it is a difference of two channels.
            if number == 0:
                spread = np.sqrt(camera.read_noise**2 + camera.shot_noise * np.arange(256)).astype(np.float32)
                noise = np.asarray(cv2.multiply(noise, cv2.LUT(plane, spread)), np.float32)
            else:
                noise = noise * np.float32(0.9 * camera.read_noise)
            plane[...] = cv2.add(plane, noise, dtype=cv2.CV_8U)
        if camera.jpeg is not None:
            for plane in planes(data):
                coded = cv2.imencode(".jpg", plane, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg])[1]
                plane[...] = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
        return data


def _cast_shadow(room: NDArray[np.float32], layer: Layer, strength: float) -> None:
    """Darken the room behind somebody: their outline, blurred, a little to the right of and below them."""
    left, top, right, bottom = layer.box
    height, width = room.shape[:2]
    reach = max(4, (right - left) // 8)
    l2, r2, b2 = left + reach, min(width, right + reach), min(height, bottom + reach // 2)
    t2 = top + reach // 2
    if l2 >= r2 or t2 >= b2:
        return
    quarter = (max(1, (right - left) // 4), max(1, (bottom - top) // 4))
    small = cv2.resize(layer.alpha, quarter, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), max(1.0, reach / 10)), (right - left, bottom - top))
    part = soft[: b2 - t2, : r2 - l2]
    room[t2:b2, l2:r2] *= (1 - np.float32(strength) * part)[..., None]
