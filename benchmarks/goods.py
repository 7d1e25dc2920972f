"""Things to cut out, made by chance, one function for each condition; `benchmarks/products` renders them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from render import Colour, Floats, Scene, Shape, Thing, ball, box, joined, ring, turned, without

Rng = np.random.Generator
WHITE: Colour = (0.86, 0.87, 0.88)


def hue(rng: Rng) -> Colour:
    """A colour by chance, neither grey nor black."""
    hsv = np.array([[[rng.integers(180), rng.integers(110, 230), rng.integers(110, 235)]]], np.uint8)
    b, g, r = (float(c) / 255 for c in cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0])
    return b, g, r


def plain(colour: Colour) -> Callable[[Floats, Floats], Floats]:
    """A ground of one colour."""
    return lambda x, z: np.broadcast_to(np.array(colour, np.float32), (len(x), 3)).copy()


def planks(rng: Rng) -> Callable[[Floats, Floats], Floats]:
    """A wooden table, its planks and grain."""
    tone, wide = np.array((0.25, 0.42, 0.62), np.float32) * rng.uniform(0.6, 1.1), rng.uniform(0.3, 0.5)
    each = rng.uniform(0.75, 1.1, 64).astype(np.float32)

    def ground(x: Floats, z: Floats) -> Floats:
        shade = each[(x // wide).astype(int) % 64] * (1 + 0.1 * np.sin(90 * x + 4 * np.sin(3 * z)))
        shade = np.where(np.abs(x / wide % 1 - 0.5) > 0.485, 0.35, shade)
        return np.asarray(tone * shade[:, None], np.float32)

    return ground


def checks(rng: Rng) -> Callable[[Floats, Floats], Floats]:
    """A checked table-cloth."""
    one, two, side = np.array(hue(rng), np.float32), np.array(WHITE, np.float32), rng.uniform(0.15, 0.3)

    def ground(x: Floats, z: Floats) -> Floats:
        odd = ((x // side).astype(int) + (z // side).astype(int)) % 2
        return np.where(odd[:, None] == 1, one, two).astype(np.float32)

    return ground


def mug(x: float, z: float, rng: Rng) -> Shape:
    """A mug with its handle, seen from the side."""
    radius, high = rng.uniform(0.3, 0.42), rng.uniform(0.7, 1.0)
    side = 1 if rng.random() < 0.5 else -1
    body = turned(x, z, [(0, radius), (high, radius * rng.uniform(0.95, 1.2))], hollow=0.05)
    return joined(body, ring(x + side * radius * 1.12, 0.5 * high, z, 0.24 * high, 0.05, squash=1.25))


def can(x: float, z: float, rng: Rng) -> Shape:
    """A watering can: body, spout and a thin bow."""
    body = turned(x, z, [(0, 0.42), (0.75, 0.34)], hollow=0.04)
    spout = joined(*(ball(x + 0.4 + 0.09 * i, 0.3 + 0.11 * i, z, 0.07 - 0.004 * i) for i in range(7)))
    return joined(body, spout, ring(x - 0.02, 0.78, z, 0.34, 0.028))


def basket(x: float, z: float, rng: Rng) -> Shape:
    """A bowl with a high thin bow over it."""
    bowl = turned(x, z, [(0, 0.3), (0.2, 0.5), (0.42, 0.58)], hollow=0.05)
    below = box(x, -1.0, z, (2.0, 1.38, 2.0))
    return joined(bowl, without(ring(x, 0.38, z, 0.53, 0.03, squash=rng.uniform(1.0, 1.4)), below))


def vase(x: float, z: float, rng: Rng) -> Shape:
    """A vase by chance."""
    radii = np.convolve(rng.uniform(0.14, 0.5, 9), (0.25, 0.5, 0.25), "valid")
    high = rng.uniform(0.8, 1.4)
    return turned(x, z, [(high * i / 6, float(r)) for i, r in enumerate(radii)], hollow=0.035)


def chair(x: float, z: float, rng: Rng) -> Shape:
    """A stool with a back: legs and bars with room between."""
    w, h, turn = 0.34, 0.62, 0.0
    legs = [box(x + sx * w, h / 2, z + sz * w, (0.035, h / 2, 0.035)) for sx in (-1, 1) for sz in (-1, 1)]
    back = [box(x + sx * w, h + 0.35, z - w, (0.03, 0.38, 0.03)) for sx in (-1, 0, 1)]
    bars = [box(x, y, z - w, (w + 0.03, 0.035, 0.03)) for y in (h + 0.3, h + 0.68)]
    return joined(*legs, *back, *bars, box(x, h, z, (w + 0.06, 0.05, w + 0.06), turn))


def frame(x: float, z: float, rng: Rng) -> Shape:
    """An empty picture frame, or a ring that stands."""
    if rng.random() < 0.5:
        return ring(x, 0.62, z, 0.5, 0.09)
    inner = (rng.uniform(0.25, 0.4), rng.uniform(0.3, 0.45), 0.3)
    outer = (inner[0] + 0.14, inner[1] + 0.14, 0.06)
    return without(box(x, outer[1], z, outer), box(x, outer[1], z, inner))


def parcel(x: float, z: float, rng: Rng) -> Shape:
    """A box, turned."""
    half = tuple(rng.uniform(0.2, 0.45, 3))
    return box(x, half[1], z, (half[0], half[1], half[2]), rng.uniform(0, 1.5))


def _one(shape: Shape, rng: Rng, ground: Callable[[Floats, Floats], Floats] | None = None, **more: bool) -> Scene:
    tone = float(rng.uniform(0.5, 0.85))
    wall: Colour = (tone, tone * 0.98, tone * 0.95)
    return Scene([Thing(shape, hue(rng), **more)], ground or plain(wall), wall)


def handles(rng: Rng) -> Scene:
    """Mugs, cans and baskets with handles: what is behind the handle shows through."""
    return _one((mug, can, basket)[int(rng.integers(3))](0, 0, rng), rng)


def holes(rng: Rng) -> Scene:
    """Frames, rings and chairs: more hole than thing."""
    return _one((frame, chair)[int(rng.integers(2))](0, 0, rng), rng, planks(rng) if rng.random() < 0.4 else None)


def glass(rng: Rng) -> Scene:
    """Glass vases and bottles, tinted a little."""
    scene = _one(vase(0, 0, rng), rng, planks(rng) if rng.random() < 0.5 else None)
    tint = tuple(float(c) for c in rng.uniform(0.72, 0.97, 3))
    return Scene([Thing(scene.things[0].shape, (tint[0], tint[1], tint[2]), 0.5, True)], scene.ground, scene.wall)


def white(rng: Rng) -> Scene:
    """White things on white."""
    shape = (mug, vase, parcel, basket)[int(rng.integers(4))](0, 0, rng)
    tone = float(rng.uniform(0.84, 0.93))
    return Scene([Thing(shape, WHITE, 0.1)], plain((tone, tone, tone)), (tone, tone, tone))


def several(rng: Rng) -> Scene:
    """Two to four things side by side, a gap between them."""
    makers = (mug, vase, parcel, basket)
    count = int(rng.integers(2, 5))
    places = (np.arange(count) - (count - 1) / 2) * 2.4 / count
    scene = _one(parcel(0, 0, rng), rng)
    things = [
        Thing(makers[int(rng.integers(4))](float(x), float(rng.uniform(-0.4, 0.3)), rng), hue(rng)) for x in places
    ]
    return Scene(things, scene.ground, scene.wall, view=0.38)


def busy(rng: Rng) -> Scene:
    """One thing on a checked cloth or planks."""
    ground = checks(rng) if rng.random() < 0.6 else planks(rng)
    return _one((mug, vase, parcel, can)[int(rng.integers(4))](0, 0, rng), rng, ground)


CONDITIONS: dict[str, Callable[[Rng], Scene]] = {
    "handles": handles, "holes": holes, "glass": glass, "white": white, "several": several, "busy": busy,
}  # fmt: skip
