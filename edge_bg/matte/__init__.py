"""mask -> alpha: steadied over time, sharpened along the picture's own edges, one small file per stage."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge_bg.frame import I420, Frame, Picture, Pool, Size, planes, size_of
from edge_bg.matte.edges import Upsampler
from edge_bg.matte.options import MatteOptions
from edge_bg.matte.temporal import Smoother
from edge_bg.tiles import Grid

__all__ = ["Matte", "MatteOptions"]


class Matte:
    """`matte(mask, frame)` -> alpha420 of the frame's size, laid out like the frame, from a pool.

    size:    (width, height) of the frames.
    options: the fields of `MatteOptions`, by name.

    The mask is uint8 `(h, w)` of any size, 255 = person, and covers exactly the frame. One `Matte` serves one
    stream, in order: it remembers the last frame. The alpha knows which of its tiles are soft (`edge_bg.tiles`).
    """

    def __init__(self, size: Size, **options: Any) -> None:
        self.size = size
        self.options = MatteOptions(**options)
        self.grid = Grid.of(size)
        o = self.options
        self._smoother = Smoother(o.smoothing, o.motion) if o.smoothing else None
        self._upsampler = Upsampler(
            self.grid, guided=o.edges == "guided", radius=o.radius, epsilon=o.epsilon, sharpness=o.sharpness
        )
        self._curve = curve(o.low, o.high)
        self._pool = Pool(size)

    def reset(self) -> None:
        """Forget the past, as after a cut or a cover."""
        if self._smoother:
            self._smoother.reset()

    def __call__(self, mask: Picture, frame: Frame) -> I420:
        """alpha420 `(H * 3 // 2, W)` uint8. ValueError when the frame is of another size than promised."""
        if frame.size != self.size:
            raise ValueError(f"frame of {frame.size}, but this matte was made for {self.size}")
        guide = self._guide(frame)
        mask = self._fit_mask(mask)
        if self._smoother:
            mask = self._smoother(mask, guide)
        curved: Any = cv2.LUT(mask, self._curve)
        return self._upsampler(curved, guide, frame.y, self._pool.take())

    def _guide(self, frame: Frame) -> Picture:
        """The frame's luma at working size: what the network looked at, where that has this size."""
        if frame.small is not None and self.grid.exact and size_of(frame.small) == self.grid.working:
            return planes(frame.small)[0]
        return self._shrink(frame.y, cv2.INTER_LINEAR)

    def _shrink(self, plane: Picture, how: int) -> Picture:
        """A plane of the frame's size at working size."""
        if not self.grid.exact:
            w, h = (side * self.grid.scale for side in self.grid.working)
            below, right = h - plane.shape[0], w - plane.shape[1]
            plane = np.asarray(cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
        return np.asarray(cv2.resize(plane, self.grid.working, interpolation=how), np.uint8)

    def _fit_mask(self, mask: Picture) -> Picture:
        """The mask at working size."""
        if self.grid.exact:
            if (mask.shape[1], mask.shape[0]) == self.grid.working:
                return mask
            return np.asarray(cv2.resize(mask, self.grid.working, interpolation=cv2.INTER_LINEAR), np.uint8)
        # The working picture sticks out of the frame, the mask does not: map pixel centres by hand.
        x, y = (m * self.grid.scale / s for m, s in zip(mask.shape[::-1], self.size, strict=True))
        back = np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(mask, back, self.grid.working, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )


def curve(low: float, high: float) -> Picture:
    """A table of 256 alphas: 0 up to `low`, 255 from `high` on (both 0..1), a straight line between."""
    steps = np.arange(256) / 255
    return np.clip(np.rint((steps - low) / (high - low) * 255), 0, 255).astype(np.uint8)
