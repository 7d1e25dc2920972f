"""An alpha that knows its soft parts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_bg.frame import Frame, filled
from edge_bg.matte import Matte


@pytest.fixture
def disc_alpha():
    """`disc_alpha(size)`: alpha420 of a disc with a soft edge, from the matte."""

    def draw(size=(320, 240)):
        mask = np.zeros((144, 256), np.uint8)
        cv2.circle(mask, (128, 72), 40, 255, -1)
        frame = Frame(filled(size, (90, 128, 128)), 0.0, 0)
        return Matte(size)(cv2.blur(mask, (9, 9)), frame)

    return draw
