"""Guests for frame_scenes.py and pattern_pictures.py: busts, or heads with a body below, and what they hold."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import plate_rooms as rooms
import plate_scenes as scenes
from numpy.typing import NDArray
from plate_rooms import Floats, smooth

scenes.SIDE = SIDE = 640  # pictures are squares, of which a frame of 640x360 is the middle
TOP, BOTTOM = 140, 500
K = 2.5  # sizes are those of a frame of 256x144, times this


def texture(room: Floats, rng: np.random.Generator) -> Floats:
    """Cloth, `(SIDE, SIDE, 3)`: plain, patterned, skin, or of the wall's colours."""
    kind = rng.random()
    if kind < 0.3:
        made = rooms.room(SIDE, [], rng)
    elif kind < 0.42:
        made = cv2.GaussianBlur(room, (0, 0), 4.0) * rng.uniform(0.5, 1.1)
    elif kind < 0.55:
        skin = np.array((rng.uniform(60, 150), rng.uniform(90, 180), rng.uniform(130, 240)))
        made = np.ones((SIDE, SIDE, 3), np.float32) * skin
    else:
        made = np.ones((SIDE, SIDE, 3), np.float32) * rooms.colour(rng)
    folds = 1 + smooth(SIDE, 40, 0.08, rng) + smooth(SIDE, 12, 0.08, rng)
    return np.clip(made * folds[..., None], 0, 255).astype(np.float32)


def _shape(points: Any) -> Floats:
    """A polygon, soft at its outline, `(SIDE, SIDE)` 0..1. points: x, y."""
    over = 2
    made = np.zeros((SIDE * over, SIDE * over), np.uint8)
    cv2.fillPoly(made, [np.rint(np.array(points) * over).astype(np.int32)], 255)
    return cv2.resize(made, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255  # type: ignore[return-value]


def _line(points: Any, widths: Any) -> Floats:
    """A limb along x, y, as thick as `widths` at each point."""
    over = 2
    made = np.zeros((SIDE * over, SIDE * over), np.uint8)
    points, widths = np.array(points, np.float64), np.array(widths, np.float64)
    for k in range(len(points) - 1):
        for t in np.linspace(0, 1, 60):
            p, w = points[k] * (1 - t) + points[k + 1] * t, widths[k] * (1 - t) + widths[k + 1] * t
            cv2.circle(made, (int(p[0] * over), int(p[1] * over)), max(1, int(w * over / 2)), 255, -1)
    return cv2.resize(made, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255  # type: ignore[return-value]


def guest(
    people: list[NDArray[np.uint8]], room: Floats, rng: np.random.Generator, plain: bool = False
) -> tuple[Floats, Floats]:
    """(BGR, alpha) of one guest: a bust at the frame's lower edge, or a head with a body drawn below it.

    plain: a bust, and no arms are drawn.
    """
    bgra = people[rng.integers(len(people))]
    h, w = bgra.shape[:2]
    whole = rng.random() < 0.6 and not plain
    tall = K * (rng.uniform(26, 62) if whole else rng.uniform(70, 190))  # of the portrait
    scale = tall / h
    x = rng.uniform(*((0.12, 0.88) if rng.random() < 0.6 else (-0.25, 1.25))) * SIDE  # at the side they come in
    low = BOTTOM + rng.uniform(0, 0.3) * tall  # of the portrait's lower edge
    if whole:
        low = rng.uniform(TOP + 0.5 * tall, min(BOTTOM, TOP + 80 * K)) + 0.5 * tall
    turn, flip = rng.normal(0, 0.06), -1 if rng.random() < 0.5 else 1
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    m = np.array([[flip * c, -s], [flip * s, c]])
    m = np.hstack([m, (np.array([x, low]) - m @ np.array([w / 2, h]))[:, None]])
    source = cv2.GaussianBlur(bgra, (0, 0), 0.35 / scale) if scale < 0.7 else bgra
    seen = cv2.warpAffine(source, m, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    f, a = seen[..., :3].astype(np.float32), seen[..., 3].astype(np.float32) / 255
    f = np.clip(f * rng.uniform(0.5, 1.3) * rng.uniform(0.93, 1.07, 3) + rng.uniform(-12, 12), 0, 255)
    unit = w * scale  # about as wide as the shoulders of a portrait

    def put(shape: Floats, cloth: Floats) -> None:
        nonlocal f, a
        f = f * (1 - shape[..., None]) + cloth * shape[..., None]
        a = a + shape * (1 - a)

    if whole:
        top, cloth, skin = texture(room, rng), texture(room, rng), texture(room, rng)
        waist, hip, feet = low + 0.75 * unit, low + 1.1 * unit, low + rng.uniform(2.2, 3.0) * unit
        half = 0.5 * unit * rng.uniform(0.75, 1.1)
        if rng.random() < 0.6:  # legs
            wide = 0.3 * unit * rng.uniform(0.7, 1.3)
            for side in (-1, 1):
                knee = (x + side * unit * rng.uniform(0.1, 0.35), (hip + feet) / 2)
                foot = (knee[0] + side * unit * rng.uniform(-0.1, 0.3), feet)
                leg = [(x + side * 0.18 * unit, hip - 0.1 * unit), knee, foot]
                put(_line(leg, [wide, wide * 0.9, wide * 0.6]), cloth)
        else:  # a skirt
            spread, end = half * rng.uniform(1.0, 2.0), hip + (feet - hip) * rng.uniform(0.3, 1)
            for side in (-1, 1):
                leg = [(x + side * 0.2 * unit, hip), (x + side * 0.22 * unit, feet)]
                put(_line(leg, [0.2 * unit, 0.14 * unit]), skin)
            put(_shape([(x - half * 0.7, waist), (x + half * 0.7, waist), (x + spread, end), (x - spread, end)]), cloth)
        outline = ((1, low - 0.06 * unit), (0.8, waist), (0.85, hip))
        right, left = ([(x + side * part * half, y) for part, y in outline] for side in (1, -1))
        put(_shape([left[0], *right, *left[:0:-1]]), top)
        for side in (-1, 1):
            elbow = (x + side * (half + unit * rng.uniform(-0.1, 0.5)), low + unit * rng.uniform(0.1, 0.7))
            hand = (elbow[0] + unit * rng.normal(-side * 0.15, 0.4), elbow[1] + unit * rng.uniform(-0.8, 0.7))
            thick = 0.22 * unit * rng.uniform(0.7, 1.2)
            arm = _line([(x + side * 0.85 * half, low), elbow, hand], [thick, thick * 0.9, thick * 0.7])
            put(arm, top if rng.random() < 0.6 else skin)
    else:
        if rng.random() < 0.4:
            cloth = texture(room, rng)
            below = np.mgrid[:SIDE, :SIDE][0] > low - rng.uniform(0.15, 0.45) * tall
            where = cv2.GaussianBlur(below.astype(np.float32), (0, 0), 1.0)[..., None]
            folds = f.mean(axis=2, keepdims=True) / max(1.0, float(f[a > 0.5].mean()) if (a > 0.5).any() else 1.0)
            f = f * (1 - where) + cloth * np.clip(0.6 + 0.4 * folds, 0.4, 1.4) * where
        for _ in range(0 if plain else int(rng.integers(0, 3))):  # arms that are raised
            side = rng.choice((-1, 1))
            start = (x + side * 0.4 * unit, low - 0.1 * tall)
            elbow = (x + side * unit * rng.uniform(0.4, 0.9), low - tall * rng.uniform(-0.1, 0.4))
            hand = (x + side * unit * rng.uniform(0, 0.8), low - tall * rng.uniform(0.1, 1.0))
            thick = 0.2 * unit * rng.uniform(0.7, 1.2)
            put(_line([start, elbow, hand], [thick, thick * 0.9, thick * 0.6]), texture(room, rng))
    return f, a


def guests(
    people: list[NDArray[np.uint8]], room: Floats, rng: np.random.Generator, plain: bool = False
) -> tuple[Floats, Floats]:
    """(BGR, alpha) of all who are there, with what they hold; `plain`: busts as they were photographed."""
    f, a = np.zeros((SIDE, SIDE, 3), np.float32), np.zeros((SIDE, SIDE), np.float32)
    if rng.random() < 0.06:
        return f, a
    for _ in range(1 + int(rng.integers(0, 3) * (rng.random() < 0.4))):
        more, alpha = guest(people, room, rng, plain)
        f = f * (1 - alpha[..., None]) + more * alpha[..., None]
        a = alpha + a * (1 - alpha)
    if rng.random() < 0.3:
        strands = scenes.hair(a, rng)
        dark = f[a > 0.5].mean(axis=0) * rng.uniform(0.2, 1.2) if (a > 0.5).any() else rooms.colour(rng)
        share = (strands * (1 - a))[..., None]
        f, a = f * (1 - share) + dark * share, a + strands * (1 - a)
    ys, xs = np.where(a > 0.6)
    inside = (ys > TOP) & (ys < BOTTOM)
    for _ in range(0 if plain else int(rng.integers(0, 4))):
        if not inside.any():
            break
        k = int(rng.choice(np.flatnonzero(inside)))
        thing = scenes.blob(rng, float(K * rng.uniform(4, 26))) if rng.random() < 0.4 else prop(rng)
        cy, cx = (float(v.mean()) for v in np.where(thing > 0.5)) if (thing > 0.5).any() else (128.0, 128.0)
        to = np.array([[1, 0, xs[k] - cx + rng.normal(0, 9 * K)], [0, 1, ys[k] - cy + rng.normal(0, 9 * K)]])
        thing = cv2.warpAffine(thing, to, (SIDE, SIDE))
        f = f * (1 - thing[..., None]) + texture(room, rng) * thing[..., None]
        a = a + thing * (1 - a)
    return np.clip(f, 0, 255), np.clip(a, 0, 1)


def shadow(rng: np.random.Generator) -> Floats:
    """The share of the light that is left, `(SIDE, SIDE, 1)`, in a shadow that may end as sharply as a thing does."""
    form = prop(rng) if rng.random() < 0.5 else scenes.blob(rng, 70 * K)
    to = np.float32(((1, 0, K * rng.uniform(-90, 90)), (0, 1, K * rng.uniform(-60, 60))))
    form = cv2.GaussianBlur(cv2.warpAffine(form, to, (SIDE, SIDE)), (0, 0), float(rng.uniform(0.6, 12)))
    return np.asarray(1 - rng.uniform(0.1, 0.5) * form[..., None], np.float32)


def prop(rng: np.random.Generator) -> Floats:
    """A sign, a box, a balloon on its string, a hat: as alpha `(SIDE, SIDE)`, about its middle."""
    turn, half = rng.normal(0, 0.12), K * np.array((rng.uniform(3, 45), rng.uniform(3, 28)))
    kind = rng.random()
    if kind < 0.6:
        corners = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1))) * half
        if kind > 0.45:
            corners[:2] *= (rng.uniform(0.3, 0.9), 1)
    else:
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        corners = np.stack((np.cos(angles), np.sin(angles)), 1) * np.minimum(half, 26 * K)
    c, s = np.cos(turn), np.sin(turn)
    made = _shape(corners @ np.array(((c, s), (-s, c))) + SIDE / 2)
    if kind > 0.8 or rng.random() < 0.2:
        end = (SIDE / 2 + rng.normal(0, 10 * K), SIDE / 2 + half[1] + K * rng.uniform(5, 40))
        made = np.maximum(made, _line([(SIDE / 2, SIDE / 2), end], [rng.uniform(1.2, 9)] * 2))
    return made
