"""What every figure of a picture means. Pure functions on alpha planes: uint8 (H, W), 255 = person. Figures over time
are in `temporal.py`.

`Alpha` arguments called `truth` are the true alpha, `alpha` the one under test; both have the same shape.
"A person's pixel" in a binary figure is one with alpha >= 128.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Alpha = NDArray[np.uint8]

HALF = 128  # alpha from which a pixel is foreground
AP_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
_RECALLS = np.linspace(0.0, 1.0, 101)


def check_pair(alpha: Alpha, truth: Alpha) -> None:
    """ValueError where two planes are not uint8 of one shape."""
    if alpha.shape != truth.shape or alpha.dtype != np.uint8 or truth.dtype != np.uint8:
        raise ValueError(
            f"alpha {alpha.dtype}{alpha.shape} and truth {truth.dtype}{truth.shape}: both must be uint8 of one shape"
        )


def _area(mask: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(mask))


def iou(alpha: Alpha, truth: Alpha) -> float:
    """Intersection over union of the persons' pixels, 0..1; 1 where neither has any."""
    check_pair(alpha, truth)
    a, t = alpha >= HALF, truth >= HALF
    union = _area(a | t)
    return _area(a & t) / union if union else 1.0


def boundary(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Inner boundary of a binary mask: 1 on its pixels that touch (4-connected) the outside, else 0.

    The picture's border is no boundary: a person cut off by the frame has no edge there.
    """
    m = mask.view(np.uint8)
    inside = cv2.erode(m, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return np.asarray(cv2.subtract(m, inside), dtype=np.uint8)


def _near(edge: NDArray[np.uint8], tolerance: float) -> NDArray[np.bool_]:
    """Pixels within `tolerance` pixels (Euclidean) of an edge pixel."""
    if not edge.any():
        return np.zeros(edge.shape, dtype=bool)
    if tolerance < 6:  # the same disc, faster
        reach = int(tolerance)
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        disc = (np.hypot(x, y) <= tolerance + 1e-3).astype(np.uint8)
        return np.asarray(cv2.dilate(edge, disc) > 0)
    distance = cv2.distanceTransform(1 - edge, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= tolerance + 1e-3)


def boundary_f(alpha: Alpha, truth: Alpha, tolerance: float | None = None) -> float:
    """F measure of the outlines, 0..1 (Martin et al. 2004, as in DAVIS): the share of each outline's pixels that lie
    within `tolerance` pixels of the other's, precision and recall in a harmonic mean. 1 where neither has an outline.

    `tolerance` in pixels; None takes 2 px at 720 lines, in proportion to the shorter side (at least 1).
    """
    check_pair(alpha, truth)
    if tolerance is None:
        tolerance = boundary_tolerance(truth.shape)
    a, t = boundary(alpha >= HALF), boundary(truth >= HALF)
    na, nt = int(a.sum()), int(t.sum())
    if na == 0 and nt == 0:
        return 1.0
    if na == 0 or nt == 0:
        return 0.0
    precision = _area(_near(t, tolerance) & (a > 0)) / na
    recall = _area(_near(a, tolerance) & (t > 0)) / nt
    total = precision + recall
    return 2.0 * precision * recall / total if total else 0.0


def boundary_tolerance(shape: tuple[int, ...]) -> float:
    """The tolerance `boundary_f` takes by default for a picture of `shape`, in pixels."""
    return max(1.0, 2.0 * min(shape[0], shape[1]) / 720.0)


def mad(alpha: Alpha, truth: Alpha) -> float:
    """Mean absolute difference of the alphas over the whole picture, 0..1."""
    check_pair(alpha, truth)
    return float(cv2.norm(alpha, truth, cv2.NORM_L1)) / (255.0 * alpha.size)


def _gradient(alpha: Alpha, sigma: float = 1.4) -> NDArray[np.float32]:
    # First-order Gaussian derivatives as in Rhemann et al.; the kernel is cut where it falls below 1 %.
    half = int(np.ceil(sigma * np.sqrt(-2.0 * np.log(np.sqrt(2.0 * np.pi) * sigma * 0.01))))
    x = np.arange(-half, half + 1, dtype=np.float64)
    gauss = np.exp(-(x**2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    slope = -x * gauss / sigma**2
    kernel = np.outer(gauss, slope)
    norm = float(np.sqrt((kernel**2).sum()))
    plane = alpha.astype(np.float32) / np.float32(255)
    gx = cv2.sepFilter2D(plane, cv2.CV_32F, slope / norm, gauss, borderType=cv2.BORDER_REPLICATE)
    gy = cv2.sepFilter2D(plane, cv2.CV_32F, gauss, slope / norm, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.magnitude(gx, gy), dtype=np.float32)


def gradient_error(alpha: Alpha, truth: Alpha) -> float:
    """Gradient error of alphamatting.com (Rhemann et al. 2009): the squared differences of the alphas' gradient
    magnitudes (Gaussian derivative, sigma 1.4) summed over the whole picture, in thousands. 0 is perfect; it grows
    with the length of the outline, so compare it at one picture size only."""
    check_pair(alpha, truth)
    difference = _gradient(alpha) - _gradient(truth)
    return float((difference.astype(np.float64) ** 2).sum()) / 1000.0


def recall(alpha: Alpha, region: NDArray[np.bool_]) -> float:
    """Share of `region`'s pixels (a held prop, say) that the alpha keeps, 0..1; NaN where the region is empty."""
    n = _area(region)
    return _area((alpha >= HALF) & region) / n if n else float("nan")


def false_foreground(alpha: Alpha, truth: Alpha) -> float:
    """Share of the pixels whose true alpha is 0 that the alpha keeps, 0..1; 0 where there is no such pixel."""
    check_pair(alpha, truth)
    room = truth == 0
    n = _area(room)
    return _area((alpha >= HALF) & room) / n if n else 0.0


def soft_band(truth: Alpha, low: int = 6, high: int = 249) -> NDArray[np.bool_]:
    """Pixels of the soft edge: true alpha strictly between about 2 % and 98 %."""
    return np.asarray((truth > low) & (truth < high))


def color_error(picture: NDArray[np.uint8], true_picture: NDArray[np.uint8], truth: Alpha) -> float:
    """Mean absolute difference of two composites (H, W, 3) in the soft band of the true alpha, in levels of 255 per
    channel: how wrong hair and edges look on the new background. NaN without a soft band."""
    band = soft_band(truth)
    if not band.any():
        return float("nan")
    return float(np.abs(picture[band].astype(np.int16) - true_picture[band]).mean())


def leak(composites: Sequence[NDArray[np.uint8]], pictures: Sequence[NDArray[np.uint8]], truth: Alpha) -> float:
    """Share of the old room's light that is still in the composite, in the soft band of the true alpha, 0..1.

    The same person is pictured before two old rooms and put on one background by one alpha; what differs between the
    two `composites` `(H, W, 3)` is old room, what differs between the two `pictures` is all of it that the camera saw.
    The sum of the one over the sum of the other, so that rooms count by how far they differ. Perfect foreground colours
    leak nothing, whatever is kept whole leaks 1, a plain blend leaks what its alpha keeps. It says nothing of a person
    who is lost: an alpha of 0 leaks nothing either. NaN where the pictures do not differ.
    """
    band = soft_band(truth)
    shown, seen = (
        float(np.abs(first[band].astype(np.int16) - second[band]).sum()) for first, second in (composites, pictures)
    )
    return shown / seen if seen else float("nan")


def shows_somebody(truth: Alpha) -> bool:
    """Whether a mask marks anybody. One that does not is more often a fault of the label than an empty room, and an
    IoU would say nothing: such pictures are left out of every figure, and named."""
    return bool((truth >= HALF).any())


# -- a set of pictures ------------------------------------------------------------------------------------------


def average_precision(
    ious: Sequence[float], scores: Sequence[float], thresholds: Sequence[float] = AP_THRESHOLDS
) -> dict[str, float]:
    """COCO's AP for one object a picture: `{"ap": mean over thresholds, "0.50": ..., "0.95": ...}`, each 0..1.

    `ious[i]` is the IoU of picture i's mask with its truth, `scores[i]` the confidence of the mask (see `score`), NaN
    where the network found nobody: then nothing was detected and only recall suffers. At each threshold a picture
    counts as found when its IoU reaches it; precision is interpolated at 101 recalls as pycocotools does. People of
    one picture are one object, as the network does not tell them apart.
    """
    values, confidence = np.asarray(ious, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if values.shape != confidence.shape or values.ndim != 1:
        raise ValueError("one IoU and one score a picture are expected")
    found = np.flatnonzero(~np.isnan(confidence))
    order = found[np.argsort(-confidence[found], kind="stable")]
    result: dict[str, float] = {}
    for threshold in thresholds:
        result[f"{threshold:.2f}"] = _ap_at(values[order] >= threshold, len(values))
    return {"ap": float(np.mean(list(result.values()))) if result else float("nan"), **result}


def _ap_at(hits: NDArray[np.bool_], positives: int) -> float:
    if positives == 0:
        return float("nan")
    true_positives = np.cumsum(hits)
    reached = true_positives / positives
    precision = true_positives / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1] if len(hits) else precision
    at = np.searchsorted(reached, _RECALLS, side="left")
    return float(np.where(at < len(precision), np.append(precision, 0.0)[np.minimum(at, len(precision))], 0.0).mean())


def score(alpha: Alpha) -> float:
    """Confidence of a mask: mean alpha of its person's pixels, 0..1; NaN where it has none (nothing detected)."""
    person = alpha >= HALF
    return float(alpha[person].mean()) / 255.0 if person.any() else float("nan")


def bootstrap(values: Sequence[float], *, seed: int = 0, rounds: int = 1000) -> tuple[float, float]:
    """95 % confidence interval of the mean by the percentile bootstrap; NaNs are left out; (NaN, NaN) when empty."""
    data = np.asarray(values, dtype=np.float64)
    data = data[~np.isnan(data)]
    if data.size == 0:
        return float("nan"), float("nan")
    picks = np.random.default_rng(seed).integers(0, data.size, (rounds, data.size))
    low, high = np.percentile(data[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
