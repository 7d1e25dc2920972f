"""A painted room, a guest in it with a cup in the hand, and a matte that has learned the room."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from edge_bg.frame import Frame, filled, planes
from edge_bg.matte import Matte
from edge_bg.matte.booth import LEARN, STILL

SIZE = (640, 360)


def room(seed: int = 0, *, light: float = 1.0, push: int = 0) -> np.ndarray:
    """I420 of a room with shelves and a coloured wall, with sensor noise of its own for each seed."""
    return _room(seed, light, push).copy()


@lru_cache(256)  # 90 MB; a picture takes longer to make than to judge
def _room(seed: int, light: float, push: int) -> np.ndarray:
    rng = np.random.default_rng(99)
    data = filled(SIZE, (120, 118, 134)).astype(np.float32)
    y = data[: SIZE[1]]
    for _ in range(60):
        left, top = rng.integers(0, 600), rng.integers(0, 330)
        y[top : top + 24, left : left + 30] = rng.integers(40, 220)
    if push:
        y[:] = np.roll(y, push, axis=1)
    y *= light
    data[: SIZE[1]] += np.random.default_rng(seed).normal(0, 2, y.shape)
    return np.clip(data, 0, 255).astype(np.uint8)


def put(data: np.ndarray, box: tuple[int, int, int, int], yuv: tuple[int, int, int]) -> np.ndarray:
    left, top, right, bottom = box
    for plane, value, step in zip(planes(data), yuv, (1, 2, 2), strict=True):
        plane[top // step : bottom // step, left // step : right // step] = value
    return data


PERSON, CUP = (200, 80, 320, 360), (330, 160, 380, 220)


def mask_of(box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((144, 256), np.uint8)
    left, top, right, bottom = (round(edge * 0.4) for edge in box)
    mask[top:bottom, left:right] = 255
    return mask


def guest(seed: int, **how: float) -> np.ndarray:
    return put(put(room(seed, **how), PERSON, (90, 110, 150)), CUP, (200, 90, 180))


def learned(**options: float) -> Matte:
    matte = Matte(SIZE, booth=True, **options)
    for seed in range(LEARN + 5):
        matte(np.zeros((144, 256), np.uint8), Frame(room(seed), 0.0, seed))
    assert matte.booth.state == "known"
    return matte


def kept(alpha: np.ndarray, box: tuple[int, int, int, int]) -> float:
    left, top, right, bottom = box
    return float((alpha[top:bottom, left:right] > 127).mean())


POSTER, FAR_CUP = (450, 40, 560, 300), (40, 60, 90, 120)


def with_poster() -> Matte:
    """A matte that has long seen a poster which the network takes for somebody."""
    matte = Matte(SIZE, booth=True)
    for seed in range(STILL + 45):
        alpha = matte(mask_of(POSTER), Frame(room(seed), 0.0, seed))
    assert matte.booth.state == "known" and kept(alpha, POSTER) < 0.01
    return matte
