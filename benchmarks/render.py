"""Things for a shop window, rendered: solid shapes by their distance functions, lit, with their true outline.

`render` walks a ray for every quarter of a pixel (J. C. Hart, "Sphere tracing", 1996). Nothing is taken from any
photograph, so that the pictures and masks may be used, kept and given away like the rest of the project.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Shape = Callable[[Floats], Floats]  # points (n, 3) -> distance (n,), below 0 inside
Colour = tuple[float, float, float]  # B, G, R, 0..1
_STEPS, _NEAR, _FAR = 90, 0.002, 9.0
_EYE, _AIM = np.array((0.0, 1.15, 4.2), np.float32), np.array((0.0, 0.55, 0.0), np.float32)
_SUN = np.array((-0.5, 0.8, 0.45), np.float32) / np.float32(np.sqrt(0.25 + 0.64 + 0.2025))


@dataclass(frozen=True)
class Thing:
    """A shape of one colour. glass: light goes through, with a rim and highlights."""

    shape: Shape
    colour: Colour
    shine: float = 0.35
    glass: bool = False


@dataclass(frozen=True)
class Scene:
    """Things on a ground at y = 0; `ground(x, z)` gives its colour (n, 3) B, G, R 0..1 for float32 (n,) each.

    view: half of what is seen, as a share of the distance.
    """

    things: Sequence[Thing]
    ground: Callable[[Floats, Floats], Floats]
    wall: Colour
    view: float = 0.29


def ball(x: float, y: float, z: float, radius: float) -> Shape:
    """A sphere."""
    middle = np.array((x, y, z), np.float32)
    return lambda p: np.asarray(np.linalg.norm(p - middle, axis=1) - radius, np.float32)


def box(x: float, y: float, z: float, half: tuple[float, float, float], turn: float = 0.0, soft: float = 0.03) -> Shape:
    """A box with rounded edges, turned about the upright by `turn` radians."""
    c, s = np.cos(turn), np.sin(turn)
    size = np.array(half, np.float32) - np.float32(soft)

    def distance(p: Floats) -> Floats:
        dx, dz = p[:, 0] - x, p[:, 2] - z
        q = np.abs(np.stack((c * dx - s * dz, p[:, 1] - y, s * dx + c * dz), axis=1)) - size
        outside = np.linalg.norm(np.maximum(q, 0), axis=1)
        return np.asarray(outside + np.minimum(q.max(axis=1), 0) - soft, np.float32)

    return distance


def ring(x: float, y: float, z: float, large: float, thick: float, axis: int = 2, squash: float = 1.0) -> Shape:
    """A torus around the axis 0, 1 or 2 (x, y, z); `squash` stretches it upright."""

    def distance(p: Floats) -> Floats:
        q = p - np.array((x, y, z), np.float32)
        q = np.stack((q[:, 0], q[:, 1] / squash, q[:, 2]), axis=1)
        flat = np.delete(q, axis, axis=1)
        around = np.linalg.norm(flat, axis=1) - large
        return np.asarray((np.hypot(around, q[:, axis]) - thick) * min(1.0, squash), np.float32)

    return distance


def turned(x: float, z: float, profile: Sequence[tuple[float, float]], hollow: float = 0.0) -> Shape:
    """A body on a lathe: `profile` gives (height, radius) from the ground up; `hollow`: its wall's thickness, open
    above; 0 is solid."""
    heights, radii = (np.array(v, np.float32) for v in zip(*profile, strict=True))

    def distance(p: Floats) -> Floats:
        out = np.hypot(p[:, 0] - x, p[:, 2] - z)
        side = out - np.interp(p[:, 1], heights, radii).astype(np.float32)
        upright = np.maximum(heights[0] - p[:, 1], p[:, 1] - heights[-1])
        d = np.maximum(side, upright)
        if hollow:
            d = np.maximum(d, -np.maximum(side + hollow, heights[0] + hollow - p[:, 1]))
        return np.asarray(0.8 * d, np.float32)  # walls lean: a step must not be longer than what is free

    return distance


def joined(*shapes: Shape) -> Shape:
    """Several shapes as one."""
    return lambda p: np.asarray(np.minimum.reduce([shape(p) for shape in shapes]), np.float32)


def without(shape: Shape, *holes: Shape) -> Shape:
    """A shape with holes of other shapes."""
    return lambda p: np.asarray(np.maximum.reduce([shape(p), *(-hole(p) for hole in holes)]), np.float32)


def render(scene: Scene, side: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(BGR uint8 (side, side, 3), mask uint8 (side, side): how much of a pixel a thing covers, 255 = all)."""
    fine, rough = 2 * side, -(-side // 3)
    # A rough look first: where things are, and how much light the ground gets.
    ways = _ways(rough, scene.view)
    near = _walk(scene.things, ways, np.arange(len(ways)))[0].reshape(rough, rough).astype(np.uint8)
    near = cv2.resize(cv2.dilate(near, np.ones((5, 5), np.uint8)), (fine, fine), interpolation=cv2.INTER_NEAREST)
    light = np.ones(len(ways), np.float32)
    down, points = _below(np.broadcast_to(_EYE, ways.shape), ways)
    light[down] = _shade(scene.things, points)
    light = cv2.resize(light.reshape(rough, rough), (fine, fine), interpolation=cv2.INTER_CUBIC).reshape(-1)
    ways = _ways(fine, scene.view)
    colour = _behind(scene, np.broadcast_to(_EYE, ways.shape), ways, np.clip(light, 0, 1))
    hit, depth, which = _walk(scene.things, ways, np.flatnonzero(near))
    rows = np.flatnonzero(hit)
    points = _EYE + ways[rows] * depth[rows, None]
    colour[rows] = _lit(scene, points, ways[rows], which[rows])
    picture = np.clip(colour, 0, 1).reshape(fine, fine, 3) ** np.float32(1 / 2.2)
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 0.5) * 255 + rng.normal(0, 1.5, (side, side, 1))
    mask = cv2.resize(hit.reshape(fine, fine).astype(np.float32) * 255, (side, side), interpolation=cv2.INTER_AREA)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.5)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8), np.rint(mask).astype(np.uint8)


def _ways(fine: int, view: float) -> Floats:
    """The directions of `fine` times `fine` rays from the eye, row by row, float32 (n, 3)."""
    at = (np.arange(fine, dtype=np.float32) + 0.5) / fine * 2 - 1
    ahead = (_AIM - _EYE) / np.linalg.norm(_AIM - _EYE)
    right = np.cross(ahead, (0, 1, 0))
    up = np.cross(right, ahead)
    x, y = (v.reshape(-1, 1) for v in np.meshgrid(at, -at))
    ways = ahead + view * (x * right + y * up)
    return np.asarray(ways / np.linalg.norm(ways, axis=1, keepdims=True), np.float32)


def _walk(
    things: Sequence[Thing], ways: Floats, alive: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], Floats, NDArray[np.intp]]:
    """(whether each of the rays meets a thing, how far away, which); only those numbered in `alive` are walked."""
    count = len(ways)
    hit, depth, which = np.zeros(count, bool), np.zeros(count, np.float32), np.zeros(count, np.intp)
    for _ in range(_STEPS):
        if not alive.size:
            break
        points = _EYE + ways[alive] * depth[alive, None]
        distances = np.stack([thing.shape(points) for thing in things])
        nearest = distances.min(axis=0)
        here = nearest < _NEAR
        hit[alive[here]] = True
        which[alive[here]] = distances.argmin(axis=0)[here]
        depth[alive] += np.where(here, 0, np.maximum(nearest, _NEAR))
        alive = alive[~here & (depth[alive] < _FAR) & (points[:, 1] > -0.05)]
    return hit, depth, which


def _below(start: Floats, ways: Floats) -> tuple[NDArray[np.intp], Floats]:
    """(which rays come down to the ground, where)."""
    down = np.flatnonzero(ways[:, 1] < -1e-3)
    far = -start[down, 1] / ways[down, 1]
    points = start[down] + ways[down] * far[:, None]
    return down[far < _FAR], np.asarray(points[far < _FAR], np.float32)


def _behind(scene: Scene, start: Floats, ways: Floats, light: Floats | None = None) -> Floats:
    """Ground and wall, where nothing is in the way; `light` on the ground for each ray, if it is known."""
    colour = np.broadcast_to(np.array(scene.wall, np.float32), ways.shape).copy()
    down, points = _below(start, ways)
    shade = _shade(scene.things, points) if light is None else light[down]
    fade = np.clip((points[:, 2] + 3.5) / 2.5, 0, 1)[:, None]  # the ground goes over into the wall
    colour[down] = scene.ground(points[:, 0], points[:, 2]) * shade[:, None] * fade + colour[down] * (1 - fade)
    return colour


def _shade(things: Sequence[Thing], points: Floats) -> Floats:
    """How much of a large lamp each point sees, 0.35..1: I. Quilez' soft shadow, by how near the ray passes."""
    light, way = np.ones(len(points), np.float32), np.full(len(points), 0.02, np.float32)
    for _ in range(28):
        at = points + way[:, None] * _SUN
        near = np.minimum.reduce([thing.shape(at) for thing in things])
        light = np.minimum(light, np.clip(4 * near / way, 0, 1)).astype(np.float32)
        way += np.maximum(near, 0.03)
    return np.asarray(0.35 + 0.65 * light, np.float32)


def _lit(scene: Scene, points: Floats, ways: Floats, which: NDArray[np.intp]) -> Floats:
    """The colour of points on things, seen along `ways`."""
    out = np.zeros_like(points)
    for number, thing in enumerate(scene.things):
        rows = np.flatnonzero(which == number)
        if not rows.size:
            continue
        at, way = points[rows], ways[rows]
        steps = np.eye(3, dtype=np.float32) * np.float32(0.002)
        normal = np.stack([thing.shape(at + step) - thing.shape(at - step) for step in steps], axis=1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        facing = np.clip(-(normal * way).sum(axis=1), 0, 1)[:, None]
        lamp = np.clip(normal @ _SUN, 0, 1)[:, None]
        back = way - 2 * (normal * way).sum(axis=1, keepdims=True) * normal
        glint = np.clip(back @ _SUN, 0, 1)[:, None] ** 40
        if thing.glass:  # what is behind, bent a little, tinted; brighter at the rim and where lamps mirror
            bent = way - np.float32(0.25) * normal * (1 - facing)
            bent /= np.linalg.norm(bent, axis=1, keepdims=True)
            through = _behind(scene, at, bent.astype(np.float32))
            rim = (1 - facing) ** 3
            out[rows] = through * np.array(thing.colour, np.float32) * (1 - 0.6 * rim) + 0.55 * rim * 0.8 + glint
        else:
            shade = _shade(scene.things, at + normal * np.float32(0.03))[:, None]
            sky = 0.45 + 0.2 * normal[:, 1:2]
            out[rows] = np.array(thing.colour, np.float32) * (sky + 0.75 * lamp * shade) + thing.shine * glint * shade
    return out
