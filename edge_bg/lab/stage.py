"""People on a stage: they carry props, walk, sway and blur; what comes out is a picture with its true alpha."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.lab import props
from edge_bg.lab.cutouts import Cutout

Size = tuple[int, int]
Plane = NDArray[np.float32]
SHUTTER = 0.5  # of the time between two frames the shutter is open


@dataclass(frozen=True)
class Pose:
    """Where somebody is: middle of the feet `x`, `y` and `height` in parts of the frame's width, height, height;
    `lean` in degrees. A bust "stands" on its lower edge."""

    x: float
    y: float
    height: float
    lean: float = 0.0


@dataclass(frozen=True)
class Held:
    """A prop: `kind` of `props.PAINTERS`, `where` left | right | up | head | eyes, shown from frame `start` on."""

    kind: str
    where: str
    start: int = 0
    stop: int = 1 << 30


# Side of a prop in radii of the head, and where its middle lies from the anchor, in sides.
_FIT = {"cup": (1.9, 0.0, -0.1), "sign": (6.0, 0.0, -0.3), "hat": (3.2, 0.0, -0.36), "glasses": (2.0, 0.0, 0.0),
        "balloon": (5.0, 0.0, -0.5), "box": (3.0, 0.0, 0.2)}  # fmt: skip

_LARGEST = 0.4  # of a cut-out's height: what somebody holds, a bust with its large head above all


@dataclass
class Actor:
    """One person with a path through the clip. `passer`: somebody who is not to be kept."""

    cutout: Cutout
    path: Callable[[float], Pose | None]
    held: tuple[Held, ...] = ()
    passer: bool = False
    seed: int = 0
    _dressed: dict[tuple[float, tuple[Held, ...]], _Dressed] = field(default_factory=dict)

    def dressed(self, frame: int, scale: float) -> _Dressed:
        """The cut-out with the props of that frame, brought to about `scale` (frame pixels per cut-out pixel)."""
        shown = tuple(h for h in self.held if h.start <= frame < h.stop)
        step = 2.0 ** (math.ceil(math.log2(scale) * 4) / 4) if scale < 1 else 1.0
        key = (step, shown)
        if key not in self._dressed:
            self._dressed[key] = _dress(self.cutout, shown, step, self.seed)
        return self._dressed[key]


@dataclass(frozen=True)
class _Dressed:
    """premultiplied: uint8 (h, w, 4), colour times alpha, alpha. prop: uint8 (h, w). foot: x, y in it; scale: its
    pixels per cut-out pixel."""

    premultiplied: NDArray[np.uint8]
    prop: NDArray[np.uint8]
    foot: tuple[float, float]
    scale: float


def _dress(cutout: Cutout, held: tuple[Held, ...], scale: float, seed: int) -> _Dressed:
    h, w = cutout.bgra.shape[:2]
    hx, hy, radius = cutout.head
    pad = int(7 * radius) if held else 4
    size = (h + pad + 4, w + 2 * pad)
    alpha, color = np.zeros(size, np.float32), np.zeros((*size, 3), np.float32)
    alpha[pad : pad + h, pad : pad + w] = cutout.bgra[..., 3] / 255.0
    color[pad : pad + h, pad : pad + w] = cutout.bgra[..., :3]
    color *= alpha[..., None]
    body, prop = alpha.copy(), np.zeros(size, np.float32)
    for number, thing in enumerate(held):
        side, dx, dy = _FIT[thing.kind]
        n = max(8, int(side * radius if thing.where in ("head", "eyes") else min(side * radius, _LARGEST * h)))
        bgra = props.draw(thing.kind, n, np.random.default_rng([seed, number]))
        (lx, ly), (rx, ry) = cutout.hands
        x, y = {"left": (lx, ly), "right": (rx, ry), "up": (rx, hy + 2 * radius), "head": (hx, hy - 0.45 * radius),
                "eyes": (hx, hy - 0.1 * radius)}[thing.where]  # fmt: skip
        left, top = int(x + pad + (dx - 0.5) * n), int(y + pad + (dy - 0.5) * n)
        left, top = min(max(left, 0), size[1] - n), min(max(top, 0), size[0] - n)
        cut = np.s_[top : top + n, left : left + n]
        a = bgra[..., 3].astype(np.float32) / 255.0
        color[cut] = color[cut] * (1 - a[..., None]) + bgra[..., :3] * a[..., None]
        alpha[cut] = alpha[cut] + a - alpha[cut] * a
        prop[cut] = np.maximum(prop[cut], a)
    prop *= body < 0.5
    whole = np.dstack((color, alpha * 255))
    prop *= 255
    if scale < 1:
        whole = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        prop = cv2.resize(prop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    real = whole.shape[0] / size[0]
    foot = ((pad + w / 2) * real, (pad + h) * real)
    return _Dressed(_bytes(whole), _bytes(prop), foot, real)


def _bytes(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(plane), 0, 255).astype(np.uint8)


@dataclass
class Layer:
    """Somebody in one frame, cut to the box `left, top, right, bottom`: color float32 (h, w, 3) already times alpha,
    alpha float32 (h, w) 0..1, prop float32 (h, w) 0..1."""

    box: tuple[int, int, int, int]
    color: Plane
    alpha: Plane
    prop: Plane


def place(actor: Actor, frame: int, size: Size) -> Layer | None:
    """Somebody as seen in `frame`, blurred by their motion while the shutter is open; None when out of the picture."""
    middle = actor.path(frame)
    if middle is None:
        return None
    scale = middle.height * size[1] / actor.cutout.height
    worn = actor.dressed(frame, scale)
    ends = [actor.path(frame - SHUTTER / 2), actor.path(frame + SHUTTER / 2)]
    way = max((abs(p.x - middle.x) * size[0] + abs(p.y - middle.y) * size[1] for p in ends if p), default=0.0) * 2
    steps = int(min(8, max(1, round(way / 1.5))))
    poses = [actor.path(frame + SHUTTER * ((i + 0.5) / steps - 0.5)) for i in range(steps)]
    maps = [_matrix(p or middle, worn, actor.cutout, size) for p in poses]
    box = _box(maps, worn.prop.shape, size)
    if box is None:
        return None
    left, top, right, bottom = box
    shape = (right - left, bottom - top)
    color = np.zeros((shape[1], shape[0], 4), np.float32)
    prop = np.zeros((shape[1], shape[0]), np.float32)
    for matrix in maps:
        moved = matrix - np.array([[0, 0, left], [0, 0, top]])
        color += cv2.warpAffine(worn.premultiplied, moved, shape, flags=cv2.INTER_LINEAR)
        prop += cv2.warpAffine(worn.prop, moved, shape, flags=cv2.INTER_LINEAR)
    color /= np.float32(steps)
    return Layer(box, color[..., :3], color[..., 3] / np.float32(255), prop / np.float32(255 * steps))


def _matrix(pose: Pose, worn: _Dressed, cutout: Cutout, size: Size) -> NDArray[np.float64]:
    s = pose.height * size[1] / (cutout.height * worn.scale)
    angle = math.radians(pose.lean)
    c, n = s * math.cos(angle), s * math.sin(angle)
    fx, fy = worn.foot
    return np.array(
        [[c, -n, pose.x * size[0] - c * fx + n * fy], [n, c, pose.y * size[1] - n * fx - c * fy]], np.float64
    )


def _box(maps: list[NDArray[np.float64]], shape: tuple[int, ...], size: Size) -> tuple[int, int, int, int] | None:
    h, w = shape[:2]
    corners = np.array([[0, 0, 1], [w, 0, 1], [0, h, 1], [w, h, 1]], np.float64).T
    points = np.hstack([m @ corners for m in maps])
    left, top = np.floor(points.min(axis=1)).astype(int) - 1
    right, bottom = np.ceil(points.max(axis=1)).astype(int) + 1
    left, top, right, bottom = max(0, left), max(0, top), min(size[0], right), min(size[1], bottom)
    return (int(left), int(top), int(right), int(bottom)) if left < right and top < bottom else None
