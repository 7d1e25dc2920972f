"""Rooms with strong regular patterns, drawn: what edge filters like to follow instead of the person."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.lab.rooms import glow

Bgr = NDArray[np.uint8]
Size = tuple[int, int]
Rng = np.random.Generator
Light = NDArray[np.float32]
Colour = tuple[float, float, float]  # B, G, R
Painter = Callable[[Light, Rng], Colour]


def _colour(rng: Rng, *choices: Colour) -> Colour:
    """One of the choices, a little off."""
    b, g, r = np.clip(np.array(choices[int(rng.integers(len(choices)))]) + rng.uniform(-10, 10, 3), 0, 255)
    return float(b), float(g), float(r)


def _grid(room: Light) -> tuple[Light, Light]:
    """(y, x) of each pixel in heights of the room, float32 `(h, 1)` and `(1, w)`."""
    height, width = room.shape[:2]
    return (
        np.arange(height, dtype=np.float32)[:, None] / height,
        np.arange(width, dtype=np.float32)[None, :] / height,
    )


def _noise(shape: tuple[int, ...], rng: Rng, by: float) -> Light:
    return rng.normal(1, by, shape).astype(np.float32)


def _lattice(room: Light, rng: Rng) -> Colour:
    """A white wall behind a black lattice, aslant or upright, with the lattice's shadow on the wall."""
    wall = _colour(rng, (228, 232, 234))
    room[...] = wall
    y, x = _grid(room)
    pitch, half = rng.uniform(0.1, 0.16), rng.uniform(0.006, 0.011)
    ways = (x + y, x - y) if rng.random() < 0.7 else (x + 0 * y, y + 0 * x)
    for shift, ink in ((0.012, 0.82), (0.0, 0.09)):
        away = [np.abs((way - shift * 1.4 + pitch / 2) % pitch - pitch / 2) for way in ways]
        height = room.shape[0]
        share = np.clip((half - np.minimum(*away)) * height + 0.5, 0, 1)[..., None]
        room *= 1 - share * np.float32(1 - ink)
    return wall


def _tiles(room: Light, rng: Rng) -> Colour:
    """Glazed tiles with dark joints."""
    wall = _colour(rng, (225, 228, 226), (190, 196, 150), (120, 150, 170))
    y, x = _grid(room)
    side = rng.uniform(0.07, 0.11)
    rows, columns = (y / side).astype(int), (x / side).astype(int)
    each = _noise((int(rows.max()) + 1, int(columns.max()) + 1), rng, 0.04)
    shine = 1 + 0.08 * (0.5 - (y / side) % 1) + 0.05 * (0.5 - (x / side) % 1)
    room[...] = np.array(wall, np.float32) * (each[rows, columns] * shine)[..., None]
    joint = ((y / side) % 1 < 0.06) | ((x / side) % 1 < 0.06)
    room[joint] = _colour(rng, (70, 72, 75), (120, 122, 120))
    return wall


def _brick(room: Light, rng: Rng) -> Colour:
    """Bare brick with light mortar."""
    wall = _colour(rng, (60, 75, 150), (70, 95, 135), (110, 120, 140))
    y, x = _grid(room)
    high, long = 0.052, 0.155
    rows = (y / high).astype(int)
    along = x / long + 0.5 * (rows % 2)
    columns = along.astype(int)
    each = _noise((int(rows.max()) + 1, int(columns.max()) + 1, 3), rng, 0.13)
    room[...] = np.array(wall, np.float32) * each[rows + 0 * columns, columns]
    room *= _noise((*room.shape[:2], 1), rng, 0.05)
    mortar = ((y / high) % 1 < 0.16) | (along % 1 < 0.055)
    room[mortar] = np.array(_colour(rng, (165, 172, 178))) * _noise((int(mortar.sum()), 1), rng, 0.05)
    return wall


def _blinds(room: Light, rng: Rng) -> Colour:
    """Blinds with the day behind them, and their cords."""
    wall = _colour(rng, (215, 225, 230), (150, 175, 190))
    y, x = _grid(room)
    slat = (y / rng.uniform(0.032, 0.045)) % 1
    shade = np.where(slat < 0.82, 1.0 - 0.45 * slat, 0.2)
    room[...] = (np.array(wall, np.float32) * shade[..., None]) + 0 * x[..., None]
    for at in np.arange(rng.uniform(0.1, 0.3), room.shape[1] / room.shape[0], 0.45):
        room[:, np.abs(x[0] - at) < 0.004] = (120, 130, 135)
    return wall


def _shelves(room: Light, rng: Rng) -> Colour:
    """A wall of books."""
    wall = _colour(rng, (45, 70, 105), (190, 200, 205))
    height, width = room.shape[:2]
    room[...] = np.array(wall, np.float32) * 0.35
    step = int(height * rng.uniform(0.17, 0.22))
    for top in range(-int(rng.integers(step)), height, step):
        left = 0
        while left < width:
            wide, high = int(height * rng.uniform(0.014, 0.04)), int(step * rng.uniform(0.6, 0.9))
            if rng.random() < 0.93:
                book = np.array([[[rng.integers(180), rng.integers(30, 230), rng.integers(40, 240)]]], np.uint8)
                ink = np.asarray(cv2.cvtColor(book, cv2.COLOR_HSV2BGR)[0, 0], np.float32)
                back = 1 - 0.35 * np.abs(np.linspace(-1, 1, wide, dtype=np.float32)) ** 3
                part = room[max(0, top + step - high) : top + step, left : left + wide]
                part[...] = ink * back[None, : part.shape[1], None]
                label = room[max(0, top + step - int(0.7 * high)) : max(0, top + step - int(0.5 * high)), left:][
                    :, :wide
                ]
                label[...] = 0.4 * label + 0.6 * np.array((200, 225, 235), np.float32) * (rng.random() < 0.5)
            left += wide + 1
        room[max(0, top + step) : max(0, top + step + max(2, height // 50))] = wall
    return wall


def _curtain(room: Light, rng: Rng) -> Colour:
    """A striped curtain in folds."""
    wall = _colour(rng, (60, 50, 160), (120, 70, 40), (70, 140, 60))
    y, x = _grid(room)
    fold = rng.uniform(35, 55)
    cloth = x + 0.006 * np.sin(fold * x + 2 * y)
    stripe = np.clip(0.5 + 40 * np.sin(2 * np.pi * cloth / rng.uniform(0.07, 0.12)), 0, 1)[..., None]
    light = (1 + 0.22 * np.sin(fold * x + 2 * y))[..., None]
    room[...] = (np.array(wall, np.float32) * stripe + np.array((225, 230, 232), np.float32) * (1 - stripe)) * light
    return wall


def _lights(room: Light, rng: Rng) -> Colour:
    """A dark wall with strings of fairy lights."""
    wall = _colour(rng, (60, 50, 45), (45, 60, 75))
    room[...] = wall
    height, width = room.shape[:2]
    bulbs: Light = np.zeros((height, width), np.float32)
    for top in np.arange(0.02, 1.0, rng.uniform(0.08, 0.12)):
        xs = np.arange(0, width, height * 0.045) + rng.uniform(0, 0.03) * height
        ys = height * (top + 0.025 * np.sin(xs / height * 7 + 9 * top)) + rng.normal(0, 0.003 * height, xs.size)
        points = np.rint(np.stack((xs, ys), axis=1)).astype(np.int32)
        cv2.polylines(room, [points], False, (12, 14, 12), max(1, height // 240), cv2.LINE_AA)
        for px, py in points:
            cv2.circle(bulbs, (int(px), int(py)), max(2, height // 130), 1.0, -1, cv2.LINE_AA)
    halo = cv2.GaussianBlur(bulbs, (0, 0), height / 70)
    room += (220 * bulbs + 500 * halo)[..., None] * np.array((0.55, 0.85, 1.0), np.float32)
    return wall


PATTERNS: dict[str, Painter] = {
    "lattice": _lattice, "tiles": _tiles, "brick": _brick, "blinds": _blinds, "shelves": _shelves,
    "curtain": _curtain, "lights": _lights,
}  # fmt: skip


def draw(kind: str, size: Size, rng: Rng) -> tuple[Bgr, Colour]:
    """A room of that kind, one of `PATTERNS`: (BGR uint8 (height, width, 3), B, G, R of what most of it is)."""
    width, height = size
    room: Light = np.zeros((height, width, 3), np.float32)
    wall = PATTERNS[kind](room, rng)
    lit = cv2.GaussianBlur(room, (0, 0), max(0.4, height / 1200)) * glow(size, rng)  # as sharp as a lens is
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8), wall
