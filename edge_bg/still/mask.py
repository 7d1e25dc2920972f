"""Where the person is: the network looks at the whole picture, then ever closer at the person it found."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame, from_rgb
from edge_bg.network.segment import Segmenter

Rgb = NDArray[np.uint8]
Mask = NDArray[np.float32]
Box = tuple[float, float, float, float]  # x, y, width, height in pixels of the picture; may stick out

MARGINS = (0.06, 0.03)  # about the person's box, as a share of its longer side: one look each
SLIMMEST = 0.5  # width to height of a look; the network takes people squeezed so far, and sees more of them then
TILE = 0.6  # a long body is also seen in two overlapping parts, each so much of its length
DETAIL = 0.7  # how far the parts decide, near the edge of the mask
LEAST_PIECE, MOST_PIECES = 0.1, 12  # what counts as a person beside the largest, and how many
FAR, FARTHER = 0.5, 3  # where nobody was found: size of a part, as a share of the picture, and how many along each side
FINER = 2  # the network's input is made from a picture so many times larger, to keep its chroma whole


def coarse_mask(picture: Rgb, segmenter: Segmenter, *, closer: bool = True) -> Mask:
    """float32 (H, W) in 0..1 for RGB uint8 (H, W, 3): 1 = person. With `closer` false, one look at the whole.

    Each look is averaged with its mirror image. On the people pictures the closer looks are worth 1.4 points of IoU
    and 7 of boundary F over one look; in a group each person, or those who overlap, gets closer looks of their own.
    """
    high, wide = picture.shape[:2]
    first = look(picture, (0, 0, wide, high), segmenter)
    if not closer:
        return first
    parts = _parts(wide, high)
    if parts:
        first = np.maximum(first, _together(picture, parts, segmenter))
    boxes = person_boxes(first, MARGINS[0])
    if not boxes:
        first = _far_away(picture, segmenter)
        boxes = person_boxes(first, MARGINS[0])
    mask = np.zeros_like(first)
    for box in boxes:
        mask = np.maximum(mask, _closer(picture, _inside(first, box), segmenter))
    return mask


def _closer(picture: Rgb, mask: Mask, segmenter: Segmenter) -> Mask:
    """Closer looks at the one person, or the ones side by side, of `mask`."""
    for margin in MARGINS:
        box = _around(person_boxes(mask, margin))
        if box is None:
            return mask
        box = _widened(box, SLIMMEST)
        mask = _inside(look(picture, box, segmenter), box)
    box = _around(person_boxes(mask, MARGINS[-1]))
    return mask if box is None else _with_detail(picture, mask, box, segmenter)


def person_boxes(mask: Mask, margin: float) -> list[Box]:
    """A box, with a margin, around each piece that is probably a person; overlapping ones are joined. Largest first."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    pieces = sorted(stats[1:].tolist(), key=lambda piece: -piece[cv2.CC_STAT_AREA])
    high, wide = mask.shape
    boxes: list[Box] = []
    for x, y, across, down, area in pieces[:MOST_PIECES]:
        if area < LEAST_PIECE * pieces[0][cv2.CC_STAT_AREA]:
            break
        around = margin * max(across, down)
        left, top = max(0.0, x - around), max(0.0, y - around)
        right, bottom = min(float(wide), x + across + around), min(float(high), y + down + around)
        boxes.append((left, top, right - left, bottom - top))
    joined: list[Box] = []
    while boxes:
        box = boxes.pop(0)
        touching = [each for each in boxes if _overlap(box, each)]
        if touching:
            boxes = [_around([box, *touching]) or box, *(each for each in boxes if each not in touching)]
        else:
            joined.append(box)
    return joined


def _around(boxes: list[Box]) -> Box | None:
    """The box around all `boxes`."""
    if not boxes:
        return None
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top


def _overlap(one: Box, two: Box) -> bool:
    across = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    down = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    return across > 0 and down > 0


def _parts(wide: int, high: int) -> list[Box]:
    """Overlapping squares along a long picture, in which people would be squeezed too far at one look."""
    long, side = max(wide, high), min(wide, high)
    count = int(np.ceil(1.5 * long / side))
    if long < 1.6 * side or count > MOST_PIECES:  # ordinary, or a ribbon
        return []
    starts = np.linspace(0, long - side, count)
    return [(float(at), 0.0, side, side) if wide > high else (0.0, float(at), side, side) for at in starts]


def _together(picture: Rgb, parts: list[Box], segmenter: Segmenter) -> Mask:
    """The mean of looks at overlapping `parts`, each trusted most at its middle, where nobody is cut in two."""
    high, wide = picture.shape[:2]
    total, weights = np.zeros((high, wide), np.float32), np.full((high, wide), 1e-3, np.float32)
    columns, rows = np.arange(wide, dtype=np.float32), np.arange(high, dtype=np.float32)
    for part in parts:
        x, y, across, down = part
        along = columns if wide > high else rows
        start, length = (x, across) if wide > high else (y, down)
        trust = np.clip(1 - np.abs(along - start - length / 2) / (length / 2), 0, 1)
        share = np.broadcast_to(trust[None, :] if wide > high else trust[:, None], total.shape)
        total += share * look(picture, part, segmenter)
        weights += share
    return np.asarray(total / weights, np.float32)


def _far_away(picture: Rgb, segmenter: Segmenter) -> Mask:
    """What overlapping parts show: people who are too small for a look at the whole. What is none goes at the closer
    looks, as it did in all of 15 drawn rooms (docs/lab/two-networks.md)."""
    high, wide = picture.shape[:2]
    out = np.zeros((high, wide), np.float32)
    for top in np.linspace(0, (1 - FAR) * high, FARTHER):
        for left in np.linspace(0, (1 - FAR) * wide, FARTHER):
            part = (float(left), float(top), FAR * wide, FAR * high)
            out = np.maximum(out, _inside(look(picture, part, segmenter, mirror=False), part))
    return out


def _widened(box: Box, slimmest: float) -> Box:
    """`box` grown about its middle until it is not slimmer, and not flatter, than `slimmest`."""
    x, y, wide, high = box
    new_wide, new_high = max(wide, high * slimmest), max(high, wide * slimmest)
    return x - (new_wide - wide) / 2, y - (new_high - high) / 2, new_wide, new_high


def _inside(mask: Mask, box: Box) -> Mask:
    """`mask` within `box`, nothing outside: what the last look did not show is no person."""
    high, wide = mask.shape
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    right, bottom = min(wide, round(box[0] + box[2])), min(high, round(box[1] + box[3]))
    out = np.zeros_like(mask)
    out[top:bottom, left:right] = mask[top:bottom, left:right]
    return out


def _with_detail(picture: Rgb, mask: Mask, box: Box, segmenter: Segmenter) -> Mask:
    """The mask, its edge drawn finer by two looks at half a long body each."""
    x, y, wide, high = box
    long = max(wide, high)
    if long < 1.25 * min(wide, high):
        return mask
    side = max(TILE * long, min(wide, high))
    upright = high > wide
    first: Box = (x, y, wide, side) if upright else (x, y, side, high)
    second: Box = (x, y + high - side, wide, side) if upright else (x + wide - side, y, side, high)
    start, length = (y, high) if upright else (x, wide)
    along = np.arange(mask.shape[0 if upright else 1], dtype=np.float32)
    share = np.clip((start + side - along) / max(1.0, 2 * side - length), 0, 1)
    share = share[:, None] if upright else share[None, :]
    one, two = (look(picture, _widened(part, 0.7), segmenter) for part in (first, second))
    fine = one * share + two * (1 - share)
    reach = max(3, int(0.02 * long)) | 1
    edge = ((mask > 0.05) & (mask < 0.95)).astype(np.uint8)
    near = cv2.blur(cv2.dilate(edge, np.ones((reach, reach), np.uint8)).astype(np.float32), (9, 9))
    return np.asarray(mask + DETAIL * near * (fine - mask), np.float32)


def look(picture: Rgb, box: Box, segmenter: Segmenter, *, mirror: bool = True) -> Mask:
    """What the network sees in `box`, as a mask of the whole picture; with `mirror` the mean with that of the mirrored
    box."""
    seen = _seen(picture, box, segmenter, mirror)
    return _placed(sum(seen[1:], seen[0]) / np.float32(len(seen)), box, picture, segmenter)


def two_looks(picture: Rgb, box: Box, segmenter: Segmenter) -> tuple[Mask, Mask]:
    """What the network sees in `box`, and in the mirrored box, as masks of the whole picture."""
    one, two = (_placed(seen, box, picture, segmenter) for seen in _seen(picture, box, segmenter, True))
    return one, two


def _seen(picture: Rgb, box: Box, segmenter: Segmenter, mirror: bool) -> list[Mask]:
    """Masks of the network's own size."""
    across, down = segmenter.card.size
    x, y, wide, high = box
    size = (across * FINER, down * FINER)
    step = (wide / size[0], high / size[1])
    if max(step) > 1.2:  # softened before sampling, or fine patterns turn into false ones
        sigma = (max(0.01, 0.4 * step[0]), max(0.01, 0.4 * step[1]))
        picture = cv2.GaussianBlur(picture, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])  # type: ignore[assignment]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    part: Any = cv2.warpAffine(picture, _view(*step, x, y), size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    out = []
    for mirrored in (False, True)[: 1 + mirror]:
        rgb = np.ascontiguousarray(part[:, ::-1]) if mirrored else part
        seen = segmenter(Frame(from_rgb(rgb), 0.0, 0)).astype(np.float32) / np.float32(255)
        out.append(seen[:, ::-1] if mirrored else seen)
    return out


def _placed(seen: Mask, box: Box, picture: Rgb, segmenter: Segmenter) -> Mask:
    x, y, wide, high = box
    columns, rows = segmenter.card.mask_size
    back = (columns / wide, rows / high)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (picture.shape[1], picture.shape[0])
    view = _view(*back, -x * back[0], -y * back[1])
    mask = np.asarray(cv2.warpAffine(seen, view, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)
    return np.clip(mask, 0, 1, out=mask)


def _view(across: float, down: float, x: float, y: float) -> NDArray[np.float64]:
    """Matrix from pixels of the result to pixels of the source, middle on middle."""
    return np.array([[across, 0, x + 0.5 * (across - 1)], [0, down, y + 0.5 * (down - 1)]], np.float64)
