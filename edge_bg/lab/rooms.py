"""Rooms without anybody in them: painted ones, and real ones where the evaluation pictures are at hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.lab import data

Bgr = NDArray[np.uint8]
Size = tuple[int, int]


def _color(rng: np.random.Generator, saturation: tuple[int, int], value: tuple[int, int]) -> tuple[int, int, int]:
    hsv = np.array([[[rng.integers(0, 180), rng.integers(*saturation), rng.integers(*value)]]], np.uint8)
    b, g, r = (int(c) for c in cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0])
    return b, g, r


def _rectangle(room: Bgr, x: float, y: float, w: float, h: float, color: tuple[int, int, int]) -> None:
    height, width = room.shape[:2]
    corner, far = (int(x * width), int(y * height)), (int((x + w) * width), int((y + h) * height))
    cv2.rectangle(room, corner, far, color, -1, cv2.LINE_AA)


def _shelf(room: Bgr, x: float, y: float, rng: np.random.Generator) -> None:
    for row in range(3):
        top = y + 0.14 * row
        _rectangle(room, x, top + 0.12, 0.24, 0.015, (50, 80, 110))
        left = x + 0.005
        while left < x + 0.22:
            wide, high = rng.uniform(0.008, 0.022), rng.uniform(0.07, 0.115)
            _rectangle(room, left, top + 0.12 - high, wide, high, _color(rng, (40, 220), (50, 230)))
            left += wide + 0.001


def _plant(room: Bgr, x: float, y: float, rng: np.random.Generator) -> None:
    h, w = room.shape[:2]
    for _ in range(26):
        angle, length = rng.uniform(-2.9, -0.2), rng.uniform(0.08, 0.22) * h
        end = (int(x * w + length * np.cos(angle)), int(y * h + length * np.sin(angle)))
        green = (int(rng.integers(20, 70)), int(rng.integers(80, 170)), int(rng.integers(20, 80)))
        cv2.line(room, (int(x * w), int(y * h)), end, green, max(2, int(0.008 * h)), cv2.LINE_AA)
    _rectangle(room, x - 0.03, y, 0.06, 0.12, (60, 90, 160))


def _person_shape(room: Bgr, x: float, y: float, height: float, rng: np.random.Generator) -> None:
    """Something the outline of a person: a coat on a stand, a mannequin, a poster's figure."""
    h, w = room.shape[:2]
    shape = np.zeros((h, w), np.uint8)
    unit = height * h
    cx, top = x * w, y * h
    cv2.ellipse(shape, (int(cx), int(top + 0.07 * unit)), (int(0.05 * unit), int(0.065 * unit)), 0, 0, 360, 255, -1)
    body = [(-0.03, 0.12), (-0.13, 0.17), (-0.15, 0.5), (-0.1, 0.52), (-0.09, 1), (0.09, 1), (0.1, 0.52), (0.15, 0.5),
            (0.13, 0.17), (0.03, 0.12)]  # fmt: skip
    cv2.fillPoly(shape, [np.array([(cx + dx * unit, top + dy * unit) for dx, dy in body]).astype(np.int32)], 255)
    cloth = np.empty_like(room)
    cloth[...] = _color(rng, (20, 160), (50, 190))
    folds = 1 + 0.2 * np.sin(np.arange(w) / rng.uniform(5, 12) + rng.uniform(0, 6))
    cloth = np.clip(cloth * folds[None, :, None], 0, 255).astype(np.uint8)
    soft = cv2.GaussianBlur(shape, (0, 0), 1.2)[..., None] / 255.0
    room[...] = np.rint(room * (1 - soft) + cloth * soft).astype(np.uint8)


def painted(size: Size, rng: np.random.Generator, *, clutter: float = 1.0, figures: int = 0) -> Bgr:
    """A room as BGR uint8 (height, width, 3): wall, floor, window, shelves, pictures, plants; `figures` shapes that
    look like people from afar. `clutter` 0..3 is how much stands around."""
    width, height = size
    room = np.empty((height, width, 3), np.uint8)
    room[...] = _color(rng, (5, 70), (120, 225))
    _rectangle(room, 0, rng.uniform(0.76, 0.86), 1, 0.4, _color(rng, (30, 110), (60, 140)))
    if rng.random() < 0.6:
        x = rng.uniform(0.05, 0.7)
        _rectangle(room, x, 0.08, 0.22, 0.4, (250, 250, 250))
        _rectangle(room, x + 0.01, 0.1, 0.095, 0.36, (250, 235, 205))
        _rectangle(room, x + 0.115, 0.1, 0.095, 0.36, (250, 240, 215))
    for _ in range(round(2 * clutter)):
        _shelf(room, rng.uniform(-0.05, 0.85), rng.uniform(0.1, 0.4), rng)
        x, y = rng.uniform(0, 0.9), rng.uniform(0.03, 0.4)
        _rectangle(room, x, y, 0.12, 0.16, _color(rng, (30, 200), (40, 240)))
        _rectangle(room, x + 0.01, y + 0.015, 0.1, 0.13, _color(rng, (30, 200), (40, 240)))
        if rng.random() < 0.6:
            _plant(room, rng.uniform(0.02, 0.98), rng.uniform(0.6, 0.85), rng)
    for _ in range(figures):
        _person_shape(room, rng.uniform(0.05, 0.95), rng.uniform(0.1, 0.35), rng.uniform(0.45, 0.65), rng)
    lamp = glow(size, rng)
    cell = rng.normal(0, 1, (max(2, height // 3), max(2, width // 3))).astype(np.float32)
    grain = cv2.resize(cell, size, interpolation=cv2.INTER_LINEAR)
    return np.clip(room * lamp + 2.5 * grain[..., None], 0, 255).astype(np.uint8)


def glow(size: Size, rng: np.random.Generator) -> NDArray[np.float32]:
    """Light that falls off from somewhere above: factor (h, w, 1) about 1."""
    width, height = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    cx, cy = rng.uniform(0.1, 0.9) * width, rng.uniform(-0.3, 0.3) * height
    distance = ((x - cx) ** 2 + (y - cy) ** 2) / (width * width)
    return np.asarray(1.15 / (1 + 0.9 * distance), np.float32)[..., None]


def hang(room: Bgr, colour: tuple[int, int, int], rng: np.random.Generator) -> None:
    """Hang a cloth of that `colour` (BGR) before nine tenths of the room's width: folds, and light of 0.6 to 1.1."""
    height, width = room.shape[:2]
    side = width // 20
    y, x = np.mgrid[:height, : width - 2 * side].astype(np.float32)
    x, y = x / width, y / height
    away = (x - rng.uniform(0.2, 0.7)) ** 2 + (y - rng.uniform(0.1, 0.5)) ** 2
    light = 0.6 + 0.5 * np.exp(-away / 0.35)
    folds = 1 + 0.06 * np.sin(rng.uniform(30, 50) * x + 3 * y + rng.uniform(0, 6))
    cloth = np.array(colour, np.float32) * (light * folds)[..., None]
    room[:, side : width - side] = np.clip(np.rint(cloth), 0, 255)


def from_photo(size: Size, picture: Bgr, mask: NDArray[np.uint8]) -> Bgr | None:
    """A real place: what a photograph shows beside the person, mirrored until it fills `size`; None where the person
    leaves too little. `mask` uint8 (h, w), 255 = person."""
    columns = np.flatnonzero((cv2.dilate(mask, np.ones((25, 25), np.uint8)) >= 128).any(axis=0))
    left = int(columns[0]) if columns.size else picture.shape[1]
    right = picture.shape[1] - int(columns[-1]) - 1 if columns.size else 0
    strip = picture[:, :left] if left >= right else picture[:, picture.shape[1] - right :]
    if strip.shape[1] < 0.16 * picture.shape[1]:
        return None
    pair = np.hstack((strip, strip[:, ::-1]))
    width, height = size
    scale = height / picture.shape[0]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(pair, (round(pair.shape[1] * scale), height), interpolation=way)
    tiled = np.tile(scaled, (1, -(-width // scaled.shape[1]), 1))
    return np.ascontiguousarray(tiled[:, :width], np.uint8)


def office(size: Size, clips: Path) -> Bgr | None:
    """The office of the webcam clips in the folder `clips`, without the person: the median of all, and where people
    stood the wall from the left to the right of them. None where the clips are not there."""
    frames = [frame for path in sorted(clips.glob("*.mkv")) for frame in data.frames(path, 1)]
    if not frames or any(f.shape[:2] != (480, 640) for f in frames):
        return None
    room = np.median(np.stack(frames), axis=0).astype(np.float32)
    left, right = room[:, 140:155].mean(axis=1), room[:, 466:476].mean(axis=1)
    left, right = (cv2.GaussianBlur(side, (1, 9), 0) for side in (left, right))
    blend = np.linspace(0, 1, 476 - 155, dtype=np.float32)[None, :, None]
    room[:, 155:476] = left[:, None] * (1 - blend) + right[:, None] * blend
    width, height = size
    scale = max(width / 640, height / 480)
    big = cv2.resize(room, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top = (big.shape[0] - height) // 2
    return np.asarray(np.clip(big[top : top + height, :width], 0, 255), np.uint8)
