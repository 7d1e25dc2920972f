"""Light: the new background's light on the person, round the edge (wrap) and in exposure and white balance (match)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from edge_bg.composite.colour import blend
from edge_bg.composite.smooth import Smooth
from edge_bg.frame import I420, SHARE, Picture, planes
from edge_bg.frame.tiles import Grid, Rect, Scratch

_GLOW = (5, 5)  # working pixels over which the background's light is gathered
_REACH = (3, 3)  # working pixels over which it spills
_ROUND = 2  # tiles round the soft parts that are looked at
_FAINT = 64  # levels of the spill that are dropped, so that it ends within the soft parts, without a seam
_TILE = (128, 256)  # rows and columns of a still at a time: most of it has no soft edge
_STEP = 24  # every so many-th pixel, across and down, tells a picture's light
_DARK, _BRIGHT = 0.7, 1.35  # bounds of the gain of the middle tones
_TINT = 14.0  # levels of U and V by which a person is tinted at most
_FLAT = 6.0  # standard deviation of luma below which a background is a colour and no scene
_HOLD = 0.7  # levels by which the wanted light moves before the tables do: noise does not make them tremble
_SLOW = 1 / 45  # share of a new frame in the light that is followed: 1.5 s at 30 frames a second


class LightWrap:
    """Lets the new background's light spill over the person's edge; `look` first, then `part` for each rectangle.

    amount: 0..1, the background's share at the very edge. What compositors do by hand under this name: the blurred
    background is laid over the person by the blurred outside of the alpha. Both are made at working size, so the light
    reaches about as far as a working pixel, a seventieth of the height.
    """

    def __init__(self, grid: Grid, amount: float) -> None:
        self.amount = amount
        self._light = Smooth(grid, "light")
        self._spill = Smooth(grid, "spill")

    def look(self, behind: I420, alpha: I420, rects: Sequence[Rect]) -> None:
        """Gather the light of the background that falls on `rects`, given the frame's alpha420."""
        for smooth in (self._light, self._spill):
            smooth.near(rects, _ROUND)
        self._light.keep([cv2.blur(self._light.shrink(plane), _GLOW) for plane in planes(behind)])
        outside: Any = cv2.bitwise_not(self._spill.shrink(planes(np.asarray(alpha))[1]))
        self._spill.keep([cv2.subtract(cv2.blur(outside, _REACH), _FAINT)])  # type: ignore[call-overload]

    def part(self, plane: int, rect: Rect, alpha: Picture, out: Picture, scratch: Scratch) -> None:
        """Change `out`, the composite under `rect` in that plane, in place; `alpha` lies there too."""
        spill = self._spill.part(plane, rect, scratch)
        cv2.multiply(spill, alpha, spill, self.amount * SHARE * 255 / (255 - _FAINT))
        blend(self._light.part(plane, rect, scratch), spill, out, scratch)


class LightMatch:
    """Brings the person to the new background's exposure and white balance: tables for Y, U and V.

    After E. Reinhard et al., "Color Transfer between Images", IEEE CG&A 21(5), 2001, which gives a picture the mean
    colours of another. Three departures: what is compared with the background is the camera's whole picture, not the
    person, who would else be brightened for a black suit or a dark skin and tinted against a red dress (measured:
    docs/decisions/0060); exposure moves the middle tones by a power, so that nothing clips; and everything is bounded
    and follows slowly, so that neither a flickering lamp nor somebody passing by shows.

    strength: 0..1, how much of the difference is taken up.
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self.reset()

    def reset(self) -> None:
        """A new background: take its light at once."""
        self._camera: Any = None
        self._scene: Any = None
        self._made: Any = None
        self._tables: list[Picture] = []

    def __call__(self, picture: I420, behind: I420) -> list[Picture] | None:
        """Three tables of 256 uint8, or None where the background is one colour and has no light to match."""
        seen = Light.of(behind)
        if seen.flat:
            self._scene = None
            return None
        scene, camera = np.array(seen.mean), np.array(Light.of(picture).mean)
        if self._camera is None or self._scene is None:
            self._camera, self._scene = camera, scene
        else:
            self._camera += _SLOW * (camera - self._camera)
            self._scene += _SLOW * (scene - self._scene)
        gain, tint = _wanted(self._camera, self._scene, self.strength)
        wanted = np.array([128 * gain, *tint])
        if self._made is None or np.abs(wanted - self._made).max() > _HOLD:
            self._made, self._tables = wanted, _tables(gain, *tint)
        return self._tables


@dataclass(frozen=True)
class Light:
    """The light of a picture: its mean Y, U and V, and the standard deviation of its Y. Nothing else is known of it."""

    mean: tuple[float, float, float]
    spread: float

    @classmethod
    def of(cls, picture: I420) -> Light:
        """Of a frame."""
        y, u, v = planes(picture)
        luma = y[_STEP // 2 :: _STEP, _STEP // 2 :: _STEP]
        chroma = (plane[_STEP // 4 :: _STEP // 2, _STEP // 4 :: _STEP // 2] for plane in (u, v))
        return cls((max(float(luma.mean()), 1.0), *(float(plane.mean()) for plane in chroma)), float(luma.std()))  # type: ignore[arg-type]

    @classmethod
    def of_rgb(cls, picture: Picture) -> Light:
        """Of RGB uint8 (H, W, 3)."""
        few = np.ascontiguousarray(picture[_STEP // 2 :: _STEP, _STEP // 2 :: _STEP])
        y, v, u = cv2.split(cv2.cvtColor(few, cv2.COLOR_RGB2YCrCb))
        return cls((max(float(y.mean()), 1.0), float(u.mean()), float(v.mean())), float(y.std()))

    @property
    def flat(self) -> bool:
        """True of a colour, which has no light to match."""
        return self.spread < _FLAT


def tables(camera: Light, scene: Light, strength: float) -> list[Picture] | None:
    """What brings a person from the camera's light to the scene's, as `LightMatch` at once; None for a flat scene."""
    if scene.flat:
        return None
    gain, tint = _wanted(np.array(camera.mean), np.array(scene.mean), strength)
    return _tables(gain, *tint)


def wrapped(out: Picture, behind: Picture, alpha: Picture, amount: float) -> None:
    """`LightWrap` for a still, in place: RGB uint8 (H, W, 3) of a composite and what is behind, alpha (H, W)."""
    high, wide = alpha.shape
    scale = Grid.of((wide // 2 * 2, high // 2 * 2)).scale
    few = np.s_[scale // 2 : high // scale * scale : scale, scale // 2 : wide // scale * scale : scale]
    light = cv2.blur(np.ascontiguousarray(behind[few]), _GLOW)
    outside: Any = cv2.bitwise_not(np.ascontiguousarray(alpha[few]))
    spill = cv2.subtract(cv2.blur(outside, _REACH), np.full_like(outside, _FAINT))
    soft = cv2.multiply(cv2.resize(spill, (wide, high)), alpha, scale=amount * SHARE * 255 / (255 - _FAINT))
    light = cv2.resize(light, (wide, high))
    for top in range(0, high, _TILE[0]):
        for left in range(0, wide, _TILE[1]):
            at = np.s_[top : top + _TILE[0], left : left + _TILE[1]]
            if cv2.hasNonZero(soft[at]):
                share = cv2.merge([soft[at]] * 3)
                there = cv2.multiply(light[at], share, scale=SHARE)
                cv2.add(cv2.multiply(out[at], cv2.bitwise_not(share), scale=SHARE), there, out[at])


def _wanted(camera: Any, scene: Any, strength: float) -> tuple[float, Any]:
    """The gain of the middle tones, and what U and V are moved by."""
    gain = float(np.clip(scene[0] / camera[0], _DARK, _BRIGHT)) ** strength
    return gain, strength * np.clip(scene[1:] - camera[1:], -_TINT, _TINT)


def _tables(gain: float, tint_u: float, tint_v: float) -> list[Picture]:
    """Tables for Y, U and V: black and white stay, a mid grey is multiplied by `gain`, U and V are moved."""
    level = np.arange(256)
    middle = 110 / 255
    power = 1 + np.log(gain) / np.log(middle)
    tables = [255 * (level / 255) ** power, level + tint_u, level + tint_v]
    return [np.clip(np.rint(table), 0, 255).astype(np.uint8) for table in tables]
