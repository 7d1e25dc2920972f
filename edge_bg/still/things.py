"""Where the subject is when it need not be a person: what stands out, and whether people are what is meant."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.network.segment import Segmenter
from edge_bg.still.mask import Mask, person_boxes, two_looks
from edge_bg.still.palette import lab_of, usual

Subject = Literal["auto", "people", "anything"]

LEAST = 0.3  # of the largest value of the first look, below which nothing stands out
MARGIN = 0.12  # about what stands out, for the closer look, as a share of its longer side
SMALL = 0.6  # of the picture: what fills more of it gets no closer look
MEANT = 0.7  # overlap (IoU) of people with what stands out, from which people are meant; see docs/lab/cut-outs.md
ROUND = 0.95  # overlap with the ellipse that fits it best, from which an outline is a disc, a ball, a plate: nobody
SURE = (0.15, 0.85)  # below in every look is room, above in every look is thing; colours settle the rest
WORK = 400  # pixels of the longer side at which they do, and are counted
THICK = 0.008  # of the longer side: half of what is wide enough to be more than an edge
ROUNDS = 3  # of GrabCut
PLAIN = 5.0  # CIE Lab: three quarters of a plain ground are nearer than this to its usual colour
SHARED = 0.15  # of their colours: where thing and room have less in common, colours are heard before any ground


def things_mask(picture: NDArray[np.uint8], segmenter: Segmenter) -> tuple[Mask, Mask]:
    """Two float32 (H, W) in 0..1 for RGB uint8 (H, W, 3), 1 = what stands out: the mask, and what the looks alone say.

    Four looks: at the whole, closer at what stood out, and at the mirror image of both. Where all agree they are right
    with few exceptions. What is seen through a handle or a frame, some take for the thing, others do not: there colours
    decide, where they can, by what is surely thing and surely room (docs/decisions/0160).
    """
    looks = _looks(picture, segmenter)
    mean = np.asarray(sum(looks[1:], looks[0]) / np.float32(len(looks)), np.float32)
    return _settled(picture, looks, mean), mean


def _looks(picture: NDArray[np.uint8], segmenter: Segmenter) -> list[Mask]:
    """Each stretched to 1 where it is surest, as the network's authors do; one that is empty where nothing is seen."""
    high, wide = picture.shape[:2]
    first = two_looks(picture, (0, 0, wide, high), segmenter)
    both: Mask = (first[0] + first[1]) / np.float32(2)
    peak = float(both.max())
    if peak < LEAST:
        return [np.zeros_like(both)]
    whole = [np.minimum(each / np.float32(peak), 1) for each in first]
    boxes = person_boxes(both / np.float32(peak), MARGIN)
    if not boxes:
        return whole
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    if (right - left) * (bottom - top) > SMALL * wide * high:
        return whole
    inside = np.s_[round(top) : round(bottom), round(left) : round(right)]
    closer = two_looks(picture, (left, top, right - left, bottom - top), segmenter)
    peak = max(float((closer[0] + closer[1])[inside].max()) / 2, LEAST)
    out = []
    for each in (*whole, *(np.minimum(each / np.float32(peak), 1) for each in closer)):
        out.append(np.zeros_like(both))
        out[-1][inside] = each[inside]
    return out


def _settled(picture: NDArray[np.uint8], looks: list[Mask], mean: Mask) -> Mask:
    """`mean`, but by colour in pieces that the looks leave open: OpenCV's GrabCut (Rother, Kolmogorov & Blake 2004)."""
    high, wide = mean.shape
    scale = min(1.0, WORK / max(high, wide))
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    small = [np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA)) for each in looks]
    least, most = np.minimum.reduce(small), np.maximum.reduce(small)
    room, thing = most <= SURE[0], least >= SURE[1]
    around = max(1, round(THICK * max(size)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * around + 1, 2 * around + 1))
    unsure = (~room & ~thing).astype(np.uint8)
    pieces: Any = cv2.morphologyEx(unsure, cv2.MORPH_OPEN, disc)
    if not pieces.any() or not room.any() or not thing.any():
        return mean
    rgb = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if not _colours_tell(rgb, thing, room):
        return mean
    guess = np.where(cv2.resize(mean, size, interpolation=cv2.INTER_AREA) > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    label = np.where(thing, cv2.GC_FGD, np.where(room, cv2.GC_BGD, guess)).astype(np.uint8)
    cv2.setRNGSeed(0)  # the same picture has the same cut-out, whatever was done before
    cv2.grabCut(
        cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
        label,
        None,
        np.zeros((1, 65)),
        np.zeros((1, 65)),
        ROUNDS,
        cv2.GC_INIT_WITH_MASK,
    )  # type: ignore[call-overload]
    kept = ((label == cv2.GC_FGD) | (label == cv2.GC_PR_FGD)).astype(np.float32)
    kept = cv2.resize(cv2.GaussianBlur(kept, (0, 0), 0.7), (wide, high), interpolation=cv2.INTER_LINEAR)
    open_ = cv2.resize(cv2.dilate(pieces, disc) & unsure, (wide, high), interpolation=cv2.INTER_NEAREST)
    return np.asarray(np.where(open_ > 0, kept, mean), np.float32)


def _colours_tell(rgb: Any, thing: NDArray[np.bool_], room: NDArray[np.bool_]) -> bool:
    """Whether colours say what is thing: before a plain ground, and where the two have hardly a colour in common."""
    lab = lab_of(rgb)
    ground = lab[room]
    away = np.linalg.norm(ground - np.median(ground, axis=0), axis=1)
    if float(np.percentile(away, 75)) < PLAIN:
        return True
    return float(np.minimum(usual(lab[thing]), usual(ground)).sum()) < SHARED


def people_are_meant(people: Mask, things: Mask) -> bool:
    """Whether what stands out is the people, neither more nor less; masks as `coarse_mask` and `things_mask` give them.

    A network that knows nothing but people takes a cat for one, but not in the cat's outline; and a ball for a head, in
    the ball's own. But nobody's outline is an ellipse (docs/lab/cut-outs.md).
    """
    if float(things.sum()) < 1:
        return float(people.sum()) >= 1
    if _like_an_ellipse(things) >= ROUND:
        return False
    both, either = np.minimum(people, things).sum(), np.maximum(people, things).sum()
    return float(both) >= MEANT * float(either)


def _like_an_ellipse(mask: Mask) -> float:
    """Overlap (IoU) of the largest piece of a mask, its holes filled, with the ellipse of the same area, middle and
    spread; 0 for none."""
    outlines, _ = cv2.findContours((mask > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return 0.0
    piece = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(piece, [max(outlines, key=cv2.contourArea)], -1, 1, -1)  # a ring's outline is one, too
    m = cv2.moments(piece, True)
    spread = np.array([[m["mu20"], m["mu11"]], [m["mu11"], m["mu02"]]]) / m["m00"]
    squares, axes = np.linalg.eigh(spread)
    lengths = 4 * np.sqrt(np.maximum(squares, 0))
    turn = float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))
    ellipse = np.zeros_like(piece)
    middle = (m["m10"] / m["m00"], m["m01"] / m["m00"])
    cv2.ellipse(ellipse, (middle, (float(lengths[1]), float(lengths[0])), turn), 1, -1)
    return float((piece & ellipse).sum() / (piece | ellipse).sum())
