"""The room itself, blurred, without the person's colours bleeding into it.

A plain blur of the frame smears the person into a halo round the cut-out. Here the person is masked out and the
blur divided by the blurred mask ("normalised convolution", Knutsson & Westin, CVPR 1993), at a fraction of the
size: a blur has no detail to lose.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np

from edge_bg.frame import I420, Frame, Picture, Pool, Size, planes

_SMALL = 160  # width of the picture that is blurred


class BlurBackground:
    """The room, blurred; `strength` 0..1, where 1 leaves only shades of light."""

    mode: Literal["blend", "alpha", "pass"] = "blend"
    room = True

    def __init__(self, strength: float = 0.5) -> None:
        if not 0 <= strength <= 1:
            raise ValueError(f"blur strength {strength} is outside 0..1")
        self.strength = strength
        self._pool: Pool | None = None

    def open(self, size: Size, fps: float) -> None:
        """Get ready for frames of `size`."""
        del fps
        self._pool = Pool(size)
        width = min(_SMALL, size[0] // 2)
        self._small = (width, max(2, round(width * size[1] / size[0])))
        # Two passes of a box filter are close to a triangle; its reach is up to a fifth of the width.
        self._reach = 2 * max(1, round(self._small[0] * (0.01 + 0.07 * self.strength))) + 1

    def close(self) -> None:
        """Let go of the buffers."""
        self._pool = None

    def __call__(self, frame: Frame, /) -> I420:
        """The blurred room of this frame; needs the frame's alpha."""
        if self._pool is None or self._pool.size != frame.size:
            self.open(frame.size, 30.0)
        assert self._pool is not None
        out = self._pool.take()
        if frame.alpha is None:
            raise ValueError("a blurred room needs the frame's alpha")
        room = self._room(frame.alpha)
        total = self._soften(room)
        for plane, target in zip(planes(frame.data), planes(out), strict=True):
            small: Any = cv2.resize(plane, self._small, interpolation=cv2.INTER_LINEAR).astype(np.float32)
            small *= room
            blurred = self._soften(small)
            blurred /= total
            low = cv2.convertScaleAbs(blurred)
            cv2.resize(low, target.shape[::-1], dst=target, interpolation=cv2.INTER_LINEAR)
        return out

    def _room(self, alpha: Picture) -> Any:
        """How much of each small pixel is surely room: 0 on the person and close round them, never quite 0."""
        person: Any = cv2.resize(alpha, self._small, interpolation=cv2.INTER_LINEAR)
        person = cv2.dilate(person, np.ones((5, 5), np.uint8))
        room: Any = (255 - person).astype(np.float32)
        room += 0.01  # where only person is in reach, the person's own blur must do
        return room

    def _soften(self, plane: Any) -> Any:
        window = (self._reach, self._reach)
        once = cv2.boxFilter(plane, -1, window, borderType=cv2.BORDER_REPLICATE)
        return cv2.boxFilter(once, -1, window, borderType=cv2.BORDER_REPLICATE)
