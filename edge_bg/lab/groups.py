"""Groups of pictures, so that a network that fails some people more often than others shows it as a number."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Bgr = NDArray[np.uint8]
Alpha = NDArray[np.uint8]

# Individual typology angle (Chardon et al. 1991), degrees; six classes merged to three: photographs are not
# taken in a laboratory, and light shifts the angle by more than a finer class is wide.
ITA_CLASSES = (("light skin (ITA above 41)", 41.0), ("medium skin (ITA 10 to 41)", 10.0))
DARKEST = "dark skin (ITA below 10)"
ENOUGH = 60  # pixels of skin


def ita(bgr: Bgr, truth: Alpha) -> float | None:
    """Individual typology angle of the skin in the face region, degrees, or None where too little skin is seen.

    The face is looked for where a head has it: for a whole body 5 to 11 % of the height below the crown, as wide as
    it is tall, about the head's middle; for a bust in proportion to the width. Skin is what has skin's chroma there
    (YCrCb), without the darkest third (hair, brows, sunglasses); the angle is that of the median L* and b*. It is the
    skin *as pictured*: light and exposure shift it.
    """
    solid = truth >= 250
    ys, xs = np.nonzero(solid)
    if ys.size == 0:
        return None
    top, unit = int(ys.min()), float(ys.max() - ys.min() + 1)
    if _is_bust(truth):
        unit = max(unit, 1.6 * float(xs.max() - xs.min() + 1))
    crown = xs[ys < top + 0.1 * unit]
    middle, reach = float(crown.mean()), 0.035 * unit
    rows = slice(int(top + 0.045 * unit), int(top + 0.11 * unit) + 1)
    face = np.s_[rows, max(0, int(middle - reach)) : int(middle + reach) + 1]
    if solid[face].size == 0:
        return None
    ycc = cv2.cvtColor(np.ascontiguousarray(bgr[face]), cv2.COLOR_BGR2YCrCb).astype(np.int16)
    y, cr, cb = ycc[..., 0], ycc[..., 1], ycc[..., 2]
    likely = solid[face] & (cr > 135) & (cr < 180) & (cb > 80) & (cb < 127) & (cr - cb > 8) & (y < 248)
    if np.count_nonzero(likely) < max(ENOUGH, 0.3 * likely.size):
        return None
    likely &= y >= np.percentile(y[likely], 33)
    lab = cv2.cvtColor(np.ascontiguousarray(bgr[face]).astype(np.float32) / np.float32(255), cv2.COLOR_BGR2Lab)[likely]
    light, blue_yellow = float(np.median(lab[:, 0])), float(np.median(lab[:, 2]))
    return math.degrees(math.atan2(light - 50.0, max(blue_yellow, 1e-3)))


def _is_bust(truth: Alpha) -> bool:
    """Whether the lower edge of the frame cuts the person off broadly."""
    low = (truth[-2:] >= 128).any(axis=0).sum()
    return bool(low > 0.25 * truth.shape[1])


def skin(bgr: Bgr, truth: Alpha) -> str:
    """Class of skin brightness, or "skin not seen"."""
    angle = ita(bgr, truth)
    if angle is None:
        return "skin not seen"
    return next((name for name, least in ITA_CLASSES if angle > least), DARKEST)


def framing(truth: Alpha) -> str:
    """How the person is framed: cut off below, or whole and near or far."""
    if _is_bust(truth):
        return "cut off by the frame"
    ys = np.flatnonzero((truth >= 128).any(axis=1))
    tall = (ys[-1] - ys[0] + 1) / truth.shape[0] if ys.size else 0.0
    return "whole body, near (over 80 % of the height)" if tall > 0.8 else "whole body, farther"


def brightness(bgr: Bgr) -> str:
    """How bright the scene is: mean luma below 90, to 150, or above."""
    luma = float(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).mean())
    return (
        "dark scene (mean luma under 90)" if luma < 90 else "medium scene" if luma < 150 else "bright scene (over 150)"
    )


def of(bgr: Bgr, truth: Alpha) -> dict[str, str]:
    """`{"skin": ..., "framing": ..., "brightness": ...}` of one picture as it was taken."""
    return {"skin": skin(bgr, truth), "framing": framing(truth), "brightness": brightness(bgr)}
