"""Somebody dressed anew: a shirt of another colour, stripes, and hair that stands off, drawn with its true alpha."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.lab.cutouts import Cutout

Colour = tuple[float, float, float]  # B, G, R
BLACK: Colour = (24, 22, 22)
WHITE: Colour = (236, 238, 238)
NAVY: Colour = (80, 45, 30)
CLOTHES = ("black", "white", "striped", "wall")
_FINE = 4  # hair is drawn so many times larger, then averaged


def dyed(cutout: Cutout, colour: Colour, stripes: Colour | None = None) -> Cutout:
    """The same person in a shirt of that `colour` (BGR), with `stripes` across it of another: from below the chin to
    the hips, or to where a bust ends."""
    height = cutout.height
    _, y, radius = cutout.head
    top, bottom = int(y + 1.5 * radius), int(0.5 * height) if cutout.standing else height
    bgra = cutout.bgra.copy()
    shirt = bgra[top:bottom]
    grey = np.asarray(cv2.cvtColor(shirt, cv2.COLOR_BGRA2GRAY), np.float32)
    # Its own light and folds, about the cloth's middle brightness.
    light = np.clip(0.75 + 0.5 * (grey / max(1.0, float(grey[shirt[..., 3] > 127].mean())) - 1), 0.3, 1.3)
    cloth = np.broadcast_to(np.array(colour, np.float32), (*shirt.shape[:2], 3)).copy()
    if stripes is not None:
        pitch = max(4.0, 0.35 * radius)
        rows = np.clip(0.5 + pitch * np.sin(2 * np.pi * np.arange(len(shirt)) / pitch), 0, 1)[:, None, None]
        cloth += (np.array(stripes, np.float32) - cloth) * rows
    shirt[..., :3] = np.clip(cloth * light[..., None], 0, 255)
    return replace(cutout, bgra=bgra)


def dressed(cutout: Cutout, kind: str, wall: Colour) -> Cutout:
    """The same person in clothes of that kind, one of `CLOTHES`; `wall` is the colour of the room behind them."""
    if kind == "striped":
        return dyed(cutout, WHITE, NAVY)
    # The light on a shirt is three quarters of a wall's in the mean.
    like = tuple(min(255.0, c / 0.75) for c in wall)
    return dyed(cutout, {"black": BLACK, "white": WHITE}.get(kind, (like[0], like[1], like[2])))


def strands(cutout: Cutout, rng: np.random.Generator, count: int = 260) -> Cutout:
    """The same person with hair that stands off the head, behind them: thin, soft, with its true alpha."""
    _, _, radius = cutout.head
    pad = int(1.6 * radius)
    bgra = cv2.copyMakeBorder(cutout.bgra, pad, 0, pad, pad, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    x, y = cutout.head[0] + pad, cutout.head[1] + pad
    side = int(2.8 * radius)
    left, top = max(0, int(x) - side), max(0, int(y) - side)
    right, bottom = min(bgra.shape[1], int(x) + side), min(bgra.shape[0], int(y) + side)
    hair = _hair((bottom - top, right - left), (x - left, y - top), radius, rng, count)
    tone = _tone(cutout)
    part = bgra[top:bottom, left:right]
    front = part[..., 3].astype(np.float32) / 255
    alpha = front + (1 - front) * hair
    light = rng.normal(1, 0.12, (*hair.shape, 1)).astype(np.float32)
    own = np.clip(np.array(tone, np.float32) * light, 0, 255)
    mixed = part[..., :3] * front[..., None] + own * ((1 - front) * hair)[..., None]
    part[..., :3] = np.clip(np.rint(mixed / np.maximum(alpha, 1e-3)[..., None]), 0, 255)
    part[..., 3] = np.rint(255 * alpha)
    (lx, ly), (rx, ry) = cutout.hands
    hands = ((lx + pad, ly + pad), (rx + pad, ry + pad))
    return replace(cutout, bgra=np.asarray(bgra, np.uint8), head=(x, y, radius), hands=hands)


def _hair(
    shape: tuple[int, int], head: tuple[float, float], radius: float, rng: np.random.Generator, count: int
) -> NDArray[np.float32]:
    """Alpha 0..1 of a mass of hair around the head and single strands off it."""
    large = np.zeros((shape[0] * _FINE, shape[1] * _FINE), np.uint8)
    x, y = head
    for _ in range(count):
        angle = rng.uniform(-1.15 * np.pi, 0.15 * np.pi)  # around the crown, from ear to ear
        out = np.array((np.cos(angle), np.sin(angle)))
        bend = np.array((-out[1], out[0])) * rng.normal(0, 0.35)
        start, length = rng.uniform(0.5, 0.9), rng.uniform(0.25, 0.8)
        t = np.linspace(0, 1, 9)[:, None]
        fall = np.array((0.0, 0.35)) * t**2
        line = np.array((x, y)) + radius * (out * (start + length * t) + (bend * t**2 + fall) * length)
        wide = max(1, round(_FINE * rng.uniform(0.012, 0.03) * radius))
        cv2.polylines(large, [np.rint(line * _FINE).astype(np.int32)], False, 255, wide, cv2.LINE_AA)
    fine = cv2.resize(large, shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    mass: NDArray[np.float32] = np.zeros(shape, np.float32)
    axes = (max(1, int(0.95 * radius)), max(1, int(1.05 * radius)))
    cv2.ellipse(mass, (int(x), int(y)), axes, 0, 180, 360, 1.0, -1, cv2.LINE_AA)
    mass = np.asarray(cv2.GaussianBlur(mass, (0, 0), max(0.8, 0.06 * radius)), np.float32)
    return np.asarray(np.clip(fine + mass * (1 - fine), 0, 1), np.float32)


def _tone(cutout: Cutout) -> Colour:
    """The colour of the crown of the head: median of what is solid there."""
    x, y, radius = cutout.head
    top, bottom = max(0, int(y - radius)), max(1, int(y - 0.6 * radius))
    left, right = max(0, int(x - 0.5 * radius)), max(1, int(x + 0.5 * radius))
    part = cutout.bgra[top:bottom, left:right].reshape(-1, 4)
    solid = part[part[:, 3] > 200]
    if not len(solid):
        return (40, 50, 60)
    b, g, r = np.median(solid[:, :3], axis=0)
    return float(b), float(g), float(r)
