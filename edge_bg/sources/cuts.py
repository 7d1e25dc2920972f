"""Hard cuts in a film: from one frame to the next, another picture."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from edge_bg.frame import I420
from edge_bg.frame.alike import SAME, cells, likeness

_FALL = 0.3  # by which it lies below that of the frames before: a camera that is swung is unlike itself all the time
_PAST = 5  # frames whose likeness is remembered


class Cuts:
    """`cuts(picture)` -> whether an I420 picture begins another scene than the one before; the first one does not.

    A flash and a fade change the light and no shapes, and a person who walks changes a part: neither is a cut.
    """

    def __init__(self) -> None:
        self._before: Any = None
        self._likeness: deque[float] = deque(maxlen=_PAST)

    def __call__(self, picture: I420) -> bool:
        """Compare with the last picture, and remember this one."""
        now = cells(picture)
        before, self._before = self._before, now
        if before is None:
            return False
        alike = likeness(now, before)
        usual = min(float(np.median(self._likeness)), 1.0) if self._likeness else 1.0
        self._likeness.append(alike)
        return alike < SAME and alike < usual - _FALL
