"""Time: the mask leans on its past where nothing moves, and follows at once where something does.

A network's mask shimmers on a scene that stands still. How much of the new mask is taken (`gain`) grows with

- motion: the luma of the working picture changed, so the old mask says nothing about this pixel any more;
- agreement of the mask with itself: a sure mask (near 0 or 1) is taken sooner than an unsure one. The idea is
  that of MediaPipe's `segmentation_smoothing_calculator` (Apache-2.0), which weighs by uncertainty alone.

Work: a dozen passes over the working picture, none over the frame.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Picture


class Smoother:
    """mask + luma -> steadier mask, both `(h, w)` uint8 of one size; remembers the last of each.

    strength: share of the past kept where nothing moves, 0..0.98.
    motion:   luma change in levels from which the new mask is taken whole.
    """

    def __init__(self, strength: float, motion: float) -> None:
        self.strength = strength
        self.motion = motion
        self._past: NDArray[np.float32] | None = None
        self._luma: Picture | None = None

    def reset(self) -> None:
        """Forget the past: the next mask is taken whole."""
        self._past = self._luma = None

    def __call__(self, mask: Picture, luma: Picture) -> Picture:
        """The steadier mask, a new array or `mask` itself."""
        calm: Any = cv2.blur(luma, (3, 3))
        past, before = self._past, self._luma
        self._luma = calm
        if past is None or before is None or past.shape != mask.shape:
            self._past = mask.astype(np.float32)
            return mask
        moved = cv2.dilate(cv2.absdiff(calm, before), _CROSS).astype(np.float32)
        # Sensor noise after the 3x3 mean is below half of `motion`; the gain opens between there and `motion`.
        moved *= 2.0 / self.motion
        moved -= 1.0
        np.clip(moved, 0.0, 1.0, out=moved)
        step = mask.astype(np.float32)
        sure = step - 127.5
        np.abs(sure, out=sure)
        sure *= 1 / 127.5
        sure *= sure
        gain = sure
        gain *= (1.0 - self.strength) * 0.5
        gain += (1.0 - self.strength) * 0.5
        np.maximum(gain, moved, out=gain)
        step -= past
        step *= gain
        past += step
        return np.asarray(cv2.convertScaleAbs(past), np.uint8)


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
