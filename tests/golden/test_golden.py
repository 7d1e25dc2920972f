"""Golden pictures: the built-in portrait through matte and compositor must look as it did.

`python tests/golden/test_golden.py` draws them anew; look at them before committing. Tolerances are wide enough for
OpenCV 4.6 to 5 on x86 and Arm, which round a product differently, and far too narrow for a visible change.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_bg.assets import asset_path
from edge_bg.composite import Background, BlurBackground, ColorBackground, Compositor, TransparentBackground
from edge_bg.frame import Frame, from_bgr
from edge_bg.matte import Matte

HERE = Path(__file__).resolve().parent
SIZE = (480, 270)
MEAN, WORST = 1.0, 24  # levels: mean over the picture, and what 99.9 % of its values stay within

BACKGROUNDS: dict[str, tuple[Background, bool]] = {
    "color": (ColorBackground("#20a040"), False),
    "color-clean": (ColorBackground("#20a040"), True),
    "blur": (BlurBackground(0.6), False),
    "transparent": (TransparentBackground(), False),
}


def scene() -> tuple[Frame, np.ndarray]:
    """The portrait before a painted room, and the washed-out mask that a network would give."""
    width, height = SIZE
    portrait = cv2.imread(str(asset_path("portrait.png")), cv2.IMREAD_UNCHANGED)
    scale = height / portrait.shape[0]
    portrait = cv2.resize(portrait, (round(portrait.shape[1] * scale), height), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    room = np.dstack((90 + 60 * np.sin(x / 17), 120 + 70 * np.cos(y / 23), 140 + 50 * np.sin((x + y) / 31)))
    left = (width - portrait.shape[1]) // 2
    at = np.s_[:, left : left + portrait.shape[1]]
    alpha = np.zeros((height, width), np.float32)
    alpha[at] = portrait[..., 3] / 255
    room[at] = room[at] * (1 - alpha[at][..., None]) + portrait[..., :3] * alpha[at][..., None]
    mask = cv2.GaussianBlur(cv2.resize(alpha, (256, 144), interpolation=cv2.INTER_AREA), (0, 0), 2.0)
    return Frame(from_bgr(np.rint(room).astype(np.uint8)), 0.0, 0), np.rint(mask * 255).astype(np.uint8)


def draw(name: str) -> np.ndarray:
    """The composite, BGR, with its alpha beside it."""
    background, clean = BACKGROUNDS[name]
    frame, mask = scene()
    alpha = Matte(SIZE)(mask, frame)
    with Compositor(background, SIZE, clean=clean) as compositor:
        out = compositor(frame, alpha)
    return np.hstack((out.bgr(), cv2.cvtColor(np.array(out.alpha), cv2.COLOR_GRAY2BGR)))


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_golden(name):
    expected = cv2.imread(str(HERE / f"{name}.png"))
    difference = np.abs(draw(name).astype(int) - expected)
    assert difference.mean() <= MEAN
    assert np.percentile(difference, 99.9) <= WORST


if __name__ == "__main__":
    for each in BACKGROUNDS:
        cv2.imwrite(str(HERE / f"{each}.png"), draw(each))
