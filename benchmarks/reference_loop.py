"""What peers do per frame, as a yardstick: BGR frames, a float32 NumPy blend, `cv2.imencode` of BGR for MJPEG.

Written from the way the virtual-background programs and the camera examples work: the frame is resized and
turned into a float RGB tensor, the float mask is resized to the frame's size, the blend is
`frame * alpha + background * (1 - alpha)` in float32, and the JPEG encoder converts the colours back.
`edge-bg bench` runs it beside the real loop, on the same picture and mask, everything but `invoke`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


class ReferenceLoop:
    """One frame: `prepare` -> (network) -> `composite` -> `encode`.

    size: (width, height) of the frames. model: (width, height) of the network's input.
    """

    def __init__(self, size: tuple[int, int], model: tuple[int, int], background: NDArray[np.uint8]) -> None:
        self.size, self.model = size, model
        self.background = cv2.resize(background, size).astype(np.float32)

    def prepare(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """BGR `(H, W, 3)` uint8 -> RGB tensor `(1, h, w, 3)` float32 in 0..1."""
        small = cv2.cvtColor(cv2.resize(frame, self.model), cv2.COLOR_BGR2RGB)
        return (small.astype(np.float32) / 255.0)[None]

    def composite(self, frame: NDArray[np.uint8], mask: NDArray[np.float32]) -> NDArray[np.uint8]:
        """BGR frame and float mask `(h, w)` in 0..1 -> BGR `(H, W, 3)` uint8."""
        alpha = cv2.resize(mask, self.size)[..., None]
        return (frame * alpha + self.background * (1.0 - alpha)).astype(np.uint8)

    def encode(self, picture: NDArray[np.uint8], quality: int = 80) -> bytes:
        """BGR picture -> JPEG."""
        return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
