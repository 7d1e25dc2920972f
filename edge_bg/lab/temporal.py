"""What the figures of a clip mean: flicker, dtSSD and lag, from alpha planes in order: uint8 (H, W), 255 = person."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.lab.metrics import Alpha, check_pair


def still_pixels(luma: NDArray[np.uint8], past: NDArray[np.uint8], threshold: int = 6) -> NDArray[np.bool_]:
    """Pixels of two pictures (H, W) that show the same thing: their lumas, box-blurred over 5x5 so that sensor noise
    does not count, differ by at most `threshold` levels, and so does all around them (5x5)."""
    moved = cv2.absdiff(cv2.blur(luma, (5, 5)), cv2.blur(past, (5, 5))) > threshold
    return np.asarray(cv2.dilate(moved.view(np.uint8), np.ones((5, 5), np.uint8)) == 0)


@dataclass
class Temporal:
    """Flicker, dtSSD and lag of one clip, frame by frame: `add` each frame in order, then read the figures.

    With the true alpha, "still" pixels are those whose true alpha is the same as in the frame before; without it (an
    unlabelled webcam clip) pass `still` (see `still_pixels`).
    """

    lags: int = 7
    leads: int = 6
    _alphas: list[Alpha] = field(default_factory=list)
    _truths: list[Alpha] = field(default_factory=list)
    _flicker: list[float] = field(default_factory=list)
    _dtssd: list[float] = field(default_factory=list)
    _normal: NDArray[np.float64] | None = None
    _right: NDArray[np.float64] | None = None

    def add(self, alpha: Alpha, truth: Alpha | None = None, still: NDArray[np.bool_] | None = None) -> None:
        """Note the next frame's alpha, and its true alpha or its still pixels."""
        if truth is not None:
            check_pair(alpha, truth)
        past, past_truth = (x[0] if x else None for x in (self._alphas, self._truths))
        if past is not None:
            if truth is not None and past_truth is not None:
                same = truth == past_truth
                still = same if still is None else still & same
                change = cv2.subtract(alpha, past, dtype=cv2.CV_16S)
                wanted = cv2.subtract(truth, past_truth, dtype=cv2.CV_16S)
                self._dtssd.append(cv2.norm(change, wanted, cv2.NORM_L2) / np.sqrt(alpha.size) / 255.0 * 100.0)
            if still is not None and still.any():
                self._flicker.append(float(cv2.absdiff(alpha, past)[still].mean()) / 255.0 * 1000.0)
        self._alphas.insert(0, alpha.copy())
        del self._alphas[self.leads + 2 :]
        if truth is not None:
            self._truths.insert(0, truth.copy())
            del self._truths[self.leads + self.lags + 1 :]
            if len(self._truths) > self.leads + self.lags:
                self._regress()

    def cut(self) -> None:
        """Another picture begins: what was seen so far counts, but not the step to it."""
        self._alphas.clear()
        self._truths.clear()

    def _regress(self) -> None:
        """The share that the change of alpha `leads` frames ago has in the least squares behind `lag`."""
        step = 2 if self._truths[0].size > 400_000 else 1  # a quarter of a large picture's pixels is plenty
        truths = [t[::step, ::step] for t in self._truths]
        alpha, past = (self._alphas[self.leads + i][::step, ::step] for i in (0, 1))
        moved = np.zeros(alpha.shape, dtype=bool)
        for new, old in itertools.pairwise(truths):
            moved |= cv2.absdiff(np.ascontiguousarray(new), np.ascontiguousarray(old)) > 25
        if not moved.any():
            return
        columns = [t[moved].astype(np.float32) / np.float32(255) for t in truths]
        steps = np.stack([a - b for a, b in itertools.pairwise(columns)])
        change = (alpha[moved].astype(np.float32) - past[moved]) / np.float32(255)
        normal, right = (steps @ steps.T).astype(np.float64), (steps @ change).astype(np.float64)
        self._normal = normal if self._normal is None else self._normal + normal
        self._right = right if self._right is None else self._right + right

    @property
    def flicker(self) -> float:
        """Mean change of alpha from one frame to the next on still pixels, times 1000 (alpha 0..1); 0 is perfect.
        NaN before the second frame."""
        return float(np.mean(self._flicker)) if self._flicker else float("nan")

    @property
    def dtssd(self) -> float:
        """dtSSD of Erofeev et al. 2015, times 100: root mean square, over the pixels of a frame, of the change of alpha
        that is not a change of the true alpha; the mean over the frames. NaN without truth."""
        return float(np.mean(self._dtssd)) if self._dtssd else float("nan")

    @property
    def motion(self) -> float:
        """How much the true alpha moved in all, in squared steps: the weight of a clip's `lag` in a mean over clips."""
        return 0.0 if self._normal is None else float(np.trace(self._normal)) / len(self._normal)

    @property
    def lag(self) -> float:
        """How many frames the alpha is behind the true alpha at moving edges; NaN where nothing moved.

        The change of alpha is explained, by least squares over all pixels that move, as the true alpha's changes of
        `leads` frames ahead to `lags` - 1 frames before, each with a weight; the lag is the weights' centre. An alpha
        that is d frames late has lag d; an exponential mean with weight w for the new frame, (1 - w) / w. An outline
        that is everywhere too wide or too narrow does not count: leading and trailing edges cancel. Nor does a
        person who is not found at all; NaN when less than a quarter of the motion is followed. Needs
        leads + lags + 1 frames.
        """
        if self._normal is None or self._right is None:
            return float("nan")
        # A touch of ridge: steps that hardly ever happen alone must not decide.
        size = len(self._right)
        ridge = 1e-3 * float(np.trace(self._normal)) / size * np.eye(size)
        weights = np.linalg.solve(self._normal + ridge, self._right)
        followed = float(weights.sum())
        if followed < 0.25:
            return float("nan")
        return float(weights @ (np.arange(size) - self.leads)) / followed
