"""What peers do per frame, as a yardstick: BGR frames, a float32 NumPy blend, `cv2.imencode` of BGR for MJPEG.

Written from the way virtual-background programs and camera examples work: the frame is shrunk and turned into a
float RGB tensor, the float mask is resized to the frame's size, the blend is `frame * alpha + background *
(1 - alpha)` in float32 on the uint8 pictures that the camera and `imread` gave, and the JPEG encoder converts the
colours back. Many also soften the mask at the frame's size and average it over time (`soften`: Gaussian 7x7,
dilation 5x5, box 10x10 and a running mean, as Linux-Fake-Background-Webcam does); that step is measured apart.

`edge-bg bench` runs it beside the real loop, on the same picture and mask, everything but `invoke`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


class ReferenceLoop:
    """One frame: `prepare` -> (network) -> `upsample` -> [`soften`] -> `composite` -> `encode`.

    size: (width, height) of the frames. model: (width, height) of the network's input. background: BGR uint8.
    """

    def __init__(self, size: tuple[int, int], model: tuple[int, int], background: NDArray[np.uint8]) -> None:
        self.size, self.model = size, model
        self.background = cv2.resize(background, size)
        self.old: NDArray[np.float32] | None = None

    def prepare(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """BGR `(H, W, 3)` uint8 -> RGB tensor `(1, h, w, 3)` float32 in 0..1."""
        small = cv2.cvtColor(cv2.resize(frame, self.model), cv2.COLOR_BGR2RGB)
        return (small.astype(np.float32) / 255.0)[None]

    def upsample(self, mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mask `(h, w)` float32 in 0..1 at the frame's size."""
        return cv2.resize(mask, self.size)

    def soften(self, mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mask with smoother edges and less flicker, at the frame's size."""
        mask = cv2.GaussianBlur(mask, (7, 7), 0)
        mask = cv2.blur(cv2.dilate(mask, np.ones((5, 5), np.uint8)), (10, 10))
        if self.old is None:
            self.old = mask.copy()
        return cv2.accumulateWeighted(mask, self.old, 0.5)

    def composite(self, frame: NDArray[np.uint8], mask: NDArray[np.float32]) -> NDArray[np.uint8]:
        """BGR frame and float mask of its size -> BGR `(H, W, 3)` uint8."""
        alpha = mask[..., None]
        return (frame * alpha + self.background * (1.0 - alpha)).astype(np.uint8)

    def encode(self, picture: NDArray[np.uint8], quality: int = 80) -> bytes:
        """BGR picture -> JPEG."""
        return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
