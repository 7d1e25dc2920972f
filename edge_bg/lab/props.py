"""Things people hold and wear, drawn: cups, signs, hats, glasses, balloons; and boxes that stand in the way."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Bgra = NDArray[np.uint8]
Painter = Callable[[NDArray[np.uint8], NDArray[np.uint8], int, np.random.Generator], None]

_OVER = 4  # drawn four times larger, then averaged: soft edges


def _hue(rng: np.random.Generator, value: tuple[int, int] = (120, 250)) -> tuple[int, int, int]:
    hsv = np.array([[[rng.integers(0, 180), rng.integers(60, 240), rng.integers(*value)]]], np.uint8)
    b, g, r = (int(c) for c in cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0])
    return b, g, r


def _cup(color: NDArray[np.uint8], shape: NDArray[np.uint8], n: int, rng: np.random.Generator) -> None:
    body = np.array([(0.2, 0.1), (0.7, 0.1), (0.63, 0.95), (0.27, 0.95)]) * n
    points = [np.rint(body).astype(np.int32)]
    cv2.fillPoly(shape, points, 255)
    cv2.ellipse(shape, (int(0.7 * n), int(0.45 * n)), (int(0.2 * n), int(0.22 * n)), 0, -90, 90, 255, int(0.07 * n))
    color[...] = _hue(rng)
    cv2.rectangle(color, (0, int(0.4 * n)), (n, int(0.6 * n)), _hue(rng), -1)


def _sign(color: NDArray[np.uint8], shape: NDArray[np.uint8], n: int, rng: np.random.Generator) -> None:
    cv2.rectangle(shape, (int(0.02 * n), int(0.05 * n)), (int(0.98 * n), int(0.55 * n)), 255, -1)
    cv2.rectangle(shape, (int(0.47 * n), int(0.5 * n)), (int(0.53 * n), n), 255, -1)
    color[...] = _hue(rng, (200, 255))
    cv2.rectangle(color, (int(0.06 * n), int(0.09 * n)), (int(0.94 * n), int(0.51 * n)), (245, 245, 240), -1)
    words = ("HOORAY", "LOVE", "PARTY", "30!")
    word, ink = words[int(rng.integers(len(words)))], _hue(rng, (60, 160))
    cv2.putText(color, word, (int(0.12 * n), int(0.4 * n)), cv2.FONT_HERSHEY_DUPLEX, n / 200, ink, n // 45)
    color[int(0.56 * n) :] = (60, 110, 160)


def _hat(color: NDArray[np.uint8], shape: NDArray[np.uint8], n: int, rng: np.random.Generator) -> None:
    cv2.rectangle(shape, (int(0.25 * n), int(0.15 * n)), (int(0.75 * n), int(0.85 * n)), 255, -1)
    cv2.ellipse(shape, (n // 2, int(0.85 * n)), (int(0.48 * n), int(0.12 * n)), 0, 0, 360, 255, -1)
    color[...] = _hue(rng, (30, 140))
    cv2.rectangle(color, (0, int(0.62 * n)), (n, int(0.74 * n)), _hue(rng), -1)


def _glasses(color: NDArray[np.uint8], shape: NDArray[np.uint8], n: int, rng: np.random.Generator) -> None:
    for x in (0.27, 0.73):
        cv2.circle(shape, (int(x * n), n // 2), int(0.22 * n), 255, -1)
    cv2.line(shape, (0, int(0.44 * n)), (n, int(0.44 * n)), 255, int(0.06 * n))
    color[...] = _hue(rng)
    for x in (0.27, 0.73):
        cv2.circle(color, (int(x * n), n // 2), int(0.16 * n), (25, 20, 20), -1)


def _balloon(color: NDArray[np.uint8], shape: NDArray[np.uint8], n: int, rng: np.random.Generator) -> None:
    cv2.ellipse(shape, (n // 2, int(0.32 * n)), (int(0.25 * n), int(0.31 * n)), 0, 0, 360, 255, -1)
    cv2.line(shape, (n // 2, int(0.6 * n)), (n // 2, n), 255, max(1, int(0.015 * n)))
    color[...] = _hue(rng)
    cv2.circle(color, (int(0.42 * n), int(0.2 * n)), int(0.06 * n), (250, 250, 250), -1)


def _box(color: NDArray[np.uint8], shape: NDArray[np.uint8], n: int, rng: np.random.Generator) -> None:
    cv2.rectangle(shape, (int(0.05 * n), int(0.15 * n)), (int(0.95 * n), int(0.9 * n)), 255, -1)
    color[...] = (90, 140, 190)
    cv2.rectangle(color, (int(0.44 * n), 0), (int(0.56 * n), n), (140, 190, 220), -1)
    cv2.rectangle(color, (int(0.6 * n), int(0.5 * n)), (int(0.85 * n), int(0.75 * n)), (235, 235, 235), -1)


PAINTERS: dict[str, Painter] = {
    "cup": _cup, "sign": _sign, "hat": _hat, "glasses": _glasses, "balloon": _balloon, "box": _box,
}  # fmt: skip


def draw(kind: str, side: int, rng: np.random.Generator) -> Bgra:
    """A prop as BGRA uint8 (side, side, 4), soft edges, colour not multiplied by alpha; kinds: see `PAINTERS`."""
    n = max(8, side) * _OVER
    color, shape = np.zeros((n, n, 3), np.uint8), np.zeros((n, n), np.uint8)
    PAINTERS[kind](color, shape, n, rng)
    # Shading from the left, and a little texture, so that it looks like a thing under a lamp.
    shade = np.linspace(1.1, 0.75, n, dtype=np.float32)[None, :, None]
    grain = cv2.resize(rng.normal(0, 5, (side, side)).astype(np.float32), (n, n))[..., None]
    lit = np.clip(color * shade + grain, 0, 255).astype(np.uint8)
    size = (max(8, side), max(8, side))
    return np.dstack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (lit, shape)])
