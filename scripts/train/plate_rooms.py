"""Rooms with nobody in them, to be known: drawn ones with and without strong patterns, and views of panoramas.

Each is BGR float32 `(side, side, 3)`, 0..255.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def colour(rng: np.random.Generator) -> Floats:
    """A colour a wall or a thing could have: mostly dull, at times loud, often white, grey or black."""
    kind = rng.random()
    if kind < 0.3:
        return np.full(3, rng.choice([rng.uniform(5, 40), rng.uniform(60, 180), rng.uniform(200, 250)]), np.float32)
    hsv = np.array([[[rng.integers(0, 180), rng.integers(10, 90 if kind < 0.7 else 255), rng.integers(30, 250)]]])
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)  # type: ignore[no-any-return]


def smooth(side: int, cells: int, spread: float, rng: np.random.Generator) -> Floats:
    """Normal numbers that change slowly over a picture, `(side, side)`."""
    coarse = rng.normal(0, spread, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


def _turned(side: int, rng: np.random.Generator, upright: float = 0.6) -> tuple[Floats, Floats]:
    y, x = np.mgrid[:side, :side].astype(np.float32)
    a = rng.normal(0, 0.04) if rng.random() < upright else rng.uniform(0, np.pi)
    return x * np.cos(a) + y * np.sin(a) + side, y * np.cos(a) - x * np.sin(a) + side


def _mixed(share: Floats, rng: np.random.Generator) -> Floats:
    share = np.clip(share, 0, 1)[..., None]
    return np.asarray(colour(rng) * (1 - share) + colour(rng) * share, np.float32)


def _soft(hard: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    return cv2.GaussianBlur(hard.astype(np.float32), (0, 0), float(rng.uniform(0.4, 1.5)))  # type: ignore[return-value]


def wall(side: int, rng: np.random.Generator) -> Floats:
    """Plain plaster in uneven light."""
    made = np.ones((side, side, 1), np.float32) * colour(rng)
    return np.asarray(made * (1 + smooth(side, 3, 0.12, rng))[..., None] + smooth(side, side // 2, 2.0, rng)[..., None])


def lattice(side: int, rng: np.random.Generator) -> Floats:
    """Bars in one or two directions: a lattice, stripes, tiles, blinds."""
    u, v = _turned(side, rng)
    pitch, width = rng.uniform(5, 60), rng.uniform(0.08, 0.5)
    bars = (u % pitch) / pitch < width
    if rng.random() < 0.6:
        other = pitch * rng.choice([1.0, 1.0, rng.uniform(0.5, 2)])
        bars |= (v % other) / other < width
    return _mixed(_soft(bars, rng), rng)


def bricks(side: int, rng: np.random.Generator) -> Floats:
    """Bricks, each of a shade of its own."""
    u, v = _turned(side, rng, 0.9)
    high = rng.uniform(5, 25)
    wide = high * rng.uniform(1.5, 3)
    row = (v // high).astype(int)
    u = u + (row % 2) * wide / 2
    column = (u // wide).astype(int)
    shades = 1 + rng.normal(0, 0.12, (64, 64))
    joint = ((v % high) < rng.uniform(0.8, 2.5)) | ((u % wide) < rng.uniform(0.8, 2.5))
    made = colour(rng) * shades[row % 64, column % 64][..., None]
    joints = _soft(joint, rng)[..., None]
    return np.asarray(made * (1 - joints) + colour(rng) * joints, np.float32)


def shelves(side: int, rng: np.random.Generator) -> Floats:
    """Books in rows."""
    made = np.ones((side, side, 1), np.float32) * colour(rng)
    high = int(rng.integers(16, 60))
    top = -int(rng.integers(0, high))
    while top < side:
        x = 0
        while x < side:
            wide = int(rng.integers(2, 9))
            tall = int(high * rng.uniform(0.6, 0.92))
            made[max(0, top + high - tall) : max(0, top + high - 2), x : x + wide] = colour(rng)
            x += wide + int(rng.random() < 0.3)
        top += high
    return cv2.GaussianBlur(made, (0, 0), float(rng.uniform(0.4, 1.0)))  # type: ignore[return-value]


def lights(side: int, rng: np.random.Generator) -> Floats:
    """Fairy lights before something dim."""
    made = wall(side, rng) * rng.uniform(0.2, 0.9)
    spots = np.zeros((side, side, 3), np.float32)
    warm = np.array([150, 210, 255], np.float32)
    for _ in range(int(rng.integers(8, 60))):
        x, y = rng.integers(0, side, 2)
        hue = warm if rng.random() < 0.7 else colour(rng)
        cv2.circle(spots, (int(x), int(y)), int(rng.integers(1, 4)), [float(c) for c in hue], -1)
    glow = cv2.GaussianBlur(spots, (0, 0), float(rng.uniform(0.6, 2)))
    return np.asarray(made + glow + cv2.GaussianBlur(spots, (0, 0), 7.0) * 1.5, np.float32)


def things(side: int, rng: np.random.Generator) -> Floats:
    """Rectangles, discs and lines before a wall: pictures, furniture, lamps, cables."""
    made = wall(side, rng)
    for _ in range(int(rng.integers(2, 14))):
        x, y, w, h = (int(n) for n in (*rng.integers(-20, side, 2), *rng.integers(4, side // 2, 2)))
        hue = [float(c) for c in colour(rng)]
        kind = rng.random()
        if kind < 0.55:
            cv2.rectangle(made, (x, y), (x + w, y + h), hue, -1)
        elif kind < 0.75:
            cv2.ellipse(made, (x, y), (w // 2, h // 2), float(rng.uniform(0, 180)), 0, 360, hue, -1)
        else:
            cv2.line(
                made, (x, y), (int(rng.integers(0, side)), int(rng.integers(0, side))), hue, int(rng.integers(1, 5))
            )
    return cv2.GaussianBlur(made, (0, 0), float(rng.uniform(0.4, 1.2)))  # type: ignore[return-value]


def noise(side: int, rng: np.random.Generator) -> Floats:
    """Texture at several scales: foliage, curtains, carpets."""
    share = sum(smooth(side, int(c), 0.3, rng) for c in (5, 14, 40, side)[: int(rng.integers(2, 5))])
    return _mixed(np.asarray(0.5 + share, np.float32), rng)


def view(panorama: Floats, side: int, rng: np.random.Generator) -> Floats:
    """What a camera in the middle of a panorama (equirectangular, BGR, linear light) sees, exposed by chance."""
    half = np.tan(np.deg2rad(rng.uniform(12, 50)) / 2)
    x, y = np.meshgrid(np.linspace(-half, half, side), np.linspace(-half, half, side))
    pitch, yaw = np.deg2rad(rng.normal(0, 18)), rng.uniform(-np.pi, np.pi)
    down, ahead = y * np.cos(pitch) + np.sin(pitch), np.cos(pitch) - y * np.sin(pitch)
    h, w = panorama.shape[:2]
    u = ((np.arctan2(x, ahead) + yaw) / (2 * np.pi) % 1 * w).astype(np.float32)
    v = ((np.arctan2(down, np.hypot(x, ahead)) / np.pi + 0.5) * h).astype(np.float32)
    seen = cv2.remap(panorama, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    exposed = seen * (0.25 * np.exp(rng.normal(0, 0.5)) / max(float(np.median(seen)), 1e-4))
    return np.asarray(np.clip(exposed, 0, 1) ** (1 / 2.2) * 255, np.float32)


DRAWN: tuple[Callable[[int, np.random.Generator], Floats], ...] = (
    wall, wall, lattice, lattice, bricks, shelves, lights, things, things, noise,
)  # fmt: skip


def room(side: int, panoramas: list[Floats], rng: np.random.Generator) -> Floats:
    """Any room."""
    if panoramas and rng.random() < 0.3:
        made = view(panoramas[rng.integers(len(panoramas))], side, rng)
    else:
        made = DRAWN[rng.integers(len(DRAWN))](side, rng)
        if rng.random() < 0.4:
            made = made * (1 + smooth(side, 3, 0.15, rng))[..., None]
    if rng.random() < 0.3:
        made = cv2.GaussianBlur(made, (0, 0), float(rng.uniform(0.5, 3)))  # type: ignore[assignment]
    return np.clip(made, 0, 255).astype(np.float32)
