"""The metrics have the values that theory gives, and agree with independent libraries."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_bg.lab import metrics

from .shapes import Alpha, disk, square


def test_perfect() -> None:
    truth = cv2.GaussianBlur(disk(), (0, 0), 2)
    assert metrics.iou(truth, truth) == 1.0
    assert metrics.boundary_f(truth, truth) == 1.0
    assert metrics.mad(truth, truth) == 0.0
    assert metrics.gradient_error(truth, truth) == pytest.approx(0.0, abs=1e-12)
    assert metrics.false_foreground(truth, truth) == 0.0


def test_empty() -> None:
    truth, empty = square(), np.zeros((100, 100), np.uint8)
    assert metrics.iou(empty, truth) == 0.0
    assert metrics.boundary_f(empty, truth) == 0.0
    assert metrics.mad(empty, truth) == pytest.approx(1600 / 10000)
    assert np.isnan(metrics.score(empty))
    # Nobody there, and nobody found, is right.
    assert metrics.iou(empty, empty) == 1.0
    assert metrics.boundary_f(empty, empty) == 1.0


@pytest.mark.parametrize("shift", [1, 2, 5, 39, 40])
def test_shifted(shift: int) -> None:
    truth, alpha = square(), square(left=20 + shift)
    assert metrics.iou(alpha, truth) == pytest.approx((40 - shift) / (40 + shift))
    assert metrics.mad(alpha, truth) == pytest.approx(2 * shift * 40 / 10000)


@pytest.mark.parametrize(("grow", "tolerance", "expected"), [(1, 2, 1.0), (2, 2, 1.0), (4, 2, 0.0), (4, 6, 1.0)])
def test_dilated(grow: int, tolerance: float, expected: float) -> None:
    truth, alpha = square(), square(left=20 - grow, top=20 - grow, side=40 + 2 * grow)
    assert metrics.iou(alpha, truth) == pytest.approx(1600 / (40 + 2 * grow) ** 2)
    # Corners aside: those of the larger square lie sqrt(2) * grow away.
    assert metrics.boundary_f(alpha, truth, tolerance) == pytest.approx(expected, abs=0.05)


def test_frame_border_is_no_boundary() -> None:
    alpha = np.zeros((50, 50), np.uint8)
    alpha[20:] = 255
    assert metrics.boundary(alpha >= 128).sum() == 50


def test_gradient_error_of_a_blurred_edge_grows_with_the_blur() -> None:
    truth = disk()
    errors = [metrics.gradient_error(cv2.GaussianBlur(truth, (0, 0), s), truth) for s in (0.5, 1, 2, 4)]
    assert errors == sorted(errors) and errors[0] > 0


def test_gradient_error_of_a_vanished_line_has_its_closed_form() -> None:
    # A ramp of slope 1/255 a pixel against flat: the magnitude is the kernel's response to a unit ramp.
    ramp = np.tile(np.arange(0, 200, dtype=np.uint8), (60, 1))
    flat = np.full_like(ramp, 100)
    x = np.arange(-4, 5)
    gauss = np.exp(-(x**2) / (2 * 1.4**2)) / (1.4 * np.sqrt(2 * np.pi))
    slope = -x * gauss / 1.4**2
    response = (np.outer(gauss, slope) * -x).sum() / np.sqrt((np.outer(gauss, slope) ** 2).sum()) / 255
    inner = metrics.gradient_error(ramp, flat) * 1000 / ramp.size
    assert inner == pytest.approx(response**2, rel=0.06)  # the borders differ


def test_boundary_f_against_scikit_image() -> None:
    pytest.importorskip("skimage")  # dev only: a board has no need of them
    from skimage.morphology import isotropic_dilation
    from skimage.segmentation import find_boundaries

    rng = np.random.default_rng(3)
    for _ in range(8):
        noise = cv2.GaussianBlur(rng.normal(size=(90, 130)), (0, 0), 6)
        truth = np.where(noise > 0, 255, 0).astype(np.uint8)
        noise += 0.4 * noise.std() * cv2.GaussianBlur(rng.normal(size=(90, 130)), (0, 0), 4) / 0.07
        alpha = np.where(noise > 0, 255, 0).astype(np.uint8)
        for tolerance in (1, 2, 3):
            a, t = (find_boundaries(m >= 128, connectivity=1, mode="inner") & (m >= 128) for m in (alpha, truth))
            precision = (a & isotropic_dilation(t, tolerance)).sum() / a.sum()
            recall = (t & isotropic_dilation(a, tolerance)).sum() / t.sum()
            expected = 2 * precision * recall / (precision + recall)
            assert metrics.boundary_f(alpha, truth, tolerance) == pytest.approx(expected, abs=1e-9)


def test_iou_against_scipy() -> None:
    pytest.importorskip("scipy")
    from scipy.spatial.distance import jaccard

    rng = np.random.default_rng(0)
    a, t = (rng.integers(0, 256, (40, 50), dtype=np.uint8) for _ in "at")
    assert metrics.iou(a, t) == pytest.approx(1 - jaccard(a.ravel() >= 128, t.ravel() >= 128))


def coco_ap(alphas: list[Alpha], truths: list[Alpha], scores: list[float]) -> dict[str, float]:
    """AP of the same masks by pycocotools."""
    from pycocotools import mask as rle
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def encode(alpha: Alpha) -> dict[str, object]:
        return dict(rle.encode(np.asfortranarray((alpha >= 128).astype(np.uint8))))

    truth, found = COCO(), COCO()
    images = [{"id": i + 1, "height": t.shape[0], "width": t.shape[1]} for i, t in enumerate(truths)]
    common = {"category_id": 1, "iscrowd": 0}
    truth.dataset = {
        "images": images,
        "categories": [{"id": 1}],
        "annotations": [
            {"id": i + 1, "image_id": i + 1, "segmentation": encode(t), "area": int((t >= 128).sum()), **common}
            for i, t in enumerate(truths)
        ],
    }
    found.dataset = {
        "images": images,
        "categories": [{"id": 1}],
        "annotations": [
            {"id": i + 1, "image_id": i + 1, "segmentation": encode(a), "area": int((a >= 128).sum()), "score": s}
            | common
            for i, (a, s) in enumerate(zip(alphas, scores, strict=True))
            if not np.isnan(s)
        ],
    }
    truth.createIndex()
    found.createIndex()
    run = COCOeval(truth, found, "segm")
    run.evaluate()
    run.accumulate()
    precision = run.eval["precision"][:, :, 0, 0, -1]
    return {
        "ap": precision.mean(),
        "0.50": precision[0].mean(),
        "0.75": precision[5].mean(),
        "0.95": precision[9].mean(),
    }


def test_average_precision_against_pycocotools(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pycocotools")
    rng = np.random.default_rng(1)
    truths, alphas = [], []
    for i in range(40):
        radius = rng.uniform(15, 40)
        truths.append(disk(radius=radius))
        shift = rng.uniform(0, radius)
        soft = cv2.GaussianBlur(disk(radius=radius * rng.uniform(0.8, 1.1), x=60 + shift), (0, 0), 1 + 3 * rng.random())
        alphas.append(soft if i % 9 else np.zeros_like(soft))
    scores = [metrics.score(a) for a in alphas]
    ours = metrics.average_precision([metrics.iou(a, t) for a, t in zip(alphas, truths, strict=True)], scores)
    theirs = coco_ap(alphas, truths, scores)
    for key, value in theirs.items():
        assert ours[key] == pytest.approx(value, abs=1e-9), key
    assert 0.05 < ours["ap"] < 0.95


def test_average_precision_extremes() -> None:
    assert metrics.average_precision([1.0, 1.0], [0.9, 0.8])["ap"] == 1.0
    assert metrics.average_precision([0.0, 0.0], [float("nan")] * 2)["ap"] == 0.0
    assert metrics.average_precision([0.72] * 5, [0.9] * 5)["ap"] == pytest.approx(0.5)  # .50 .55 .60 .65 .70
    assert metrics.average_precision([], [])["ap"] != metrics.average_precision([], [])["ap"]  # NaN


def test_recall_and_false_foreground() -> None:
    truth = square()
    prop = np.zeros((100, 100), bool)
    prop[70:80, 70:80] = True
    kept = truth.copy()
    kept[70:75, 70:80] = 255
    assert metrics.recall(kept, prop) == 0.5
    assert metrics.false_foreground(kept, truth) == pytest.approx(50 / 8400)
    assert np.isnan(metrics.recall(kept, np.zeros_like(prop)))


def test_color_error_looks_at_the_soft_band_only() -> None:
    truth = square()
    truth[20, 20:60] = 128
    picture = np.zeros((100, 100, 3), np.uint8)
    other = picture + np.uint8(50)
    other[20, 20:60] = 12
    assert metrics.color_error(other, picture, truth) == 12.0


def test_leak_is_the_share_of_the_old_room_that_shows() -> None:
    rng = np.random.default_rng(2)
    truth = np.repeat(rng.integers(0, 256, (40, 50)).astype(np.uint8)[..., None], 3, axis=2)
    share = truth / 255
    person, first, second, new = (rng.integers(0, 256, truth.shape) for _ in range(4))
    pictures = [np.rint(person * share + room * (1 - share)).astype(np.uint8) for room in (first, second)]
    perfect = np.rint(person * share + new * (1 - share)).astype(np.uint8)

    def leaked(composites: list[np.ndarray]) -> float:
        return metrics.leak(composites, pictures, truth[..., 0])

    assert leaked([perfect, perfect]) == 0
    assert leaked(pictures) == 1
    for alpha in (0.5, share):  # the plain blend keeps alpha of whatever the camera saw
        blended = [np.rint(seen * alpha + new * (1 - alpha)).astype(np.uint8) for seen in pictures]
        band = metrics.soft_band(truth[..., 0])
        apart = np.abs(first - second)[band] * (1 - share[band])
        kept = (np.broadcast_to(alpha, truth.shape)[band] * apart).sum() / apart.sum()
        assert leaked(blended) == pytest.approx(kept, abs=0.005)
    assert np.isnan(metrics.leak([perfect, perfect], [pictures[0], pictures[0]], truth[..., 0]))


def test_bootstrap_holds_the_mean_and_is_repeatable() -> None:
    values = list(np.random.default_rng(0).normal(5, 1, 400))
    low, high = metrics.bootstrap(values)
    assert low < 5 < high and high - low == pytest.approx(4 * 1 / 20, rel=0.15)
    assert metrics.bootstrap(values) == (low, high)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_bounds_and_symmetry(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, t = (cv2.GaussianBlur(rng.integers(0, 256, (24, 32), dtype=np.uint8), (0, 0), 2) for _ in "at")
    for metric in (metrics.iou, metrics.boundary_f, metrics.mad):
        value = metric(a, t)
        assert 0 <= value <= 1
        assert value == pytest.approx(metric(t, a))


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="one shape"):
        metrics.iou(square(100), square(90))
