"""One picture at full quality, in RGB: where the loop has 30 milliseconds, a photograph has a second.

cutout = edge_bg.cut_out("party.jpg")
cutout.rgba()               # (H, W, 4): the person's own colours, nothing of the room
cutout.on((0, 177, 64))     # (H, W, 3): on a new background
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import ModelError, PictureError
from edge_bg.network.card import ModelCard, find
from edge_bg.network.segment import Segmenter
from edge_bg.pictures import Photo, read_photo
from edge_bg.still import matting
from edge_bg.still.confidence import expected_overlap, expected_overlap_of_people, expected_overlap_of_thing
from edge_bg.still.edges import Drawn, Edges
from edge_bg.still.full import at_full_size, stretched
from edge_bg.still.mask import coarse_mask
from edge_bg.still.things import Subject, people_are_meant, things_mask

Rgb = NDArray[np.uint8]
Gray = NDArray[np.uint8]
Picture = str | Path | Photo | NDArray[np.uint8]

ROOMY = 900_000_000  # bytes of memory of a board that is sold with a gigabyte
THINGS = "objects"  # the model for what is no person
WORK = 1024  # longest side, in pixels, at which the person is found and the edge is fitted
STRIP = 256  # rows of the full picture at a time: memory stays bounded however large it is
SURE = (0.35, 0.65)  # of the network's mask: below is room, above is person
WIDE, NARROW = 0.012, 0.0055  # reach of the two edge fits, as a share of the longer side
CLEAR_WIDE, CLEAR = (0.15, 0.85), (0.1, 0.9)  # of the fitted alpha: the rest is haze and pinholes
COLOUR_REACH = ((0.06, 6), (0.015, 3), (0.006, 2))  # of the colour estimates: share of the longer side, least pixels
LIVE_BLUR = 0.95  # of a radius: three boxes of it blur no less than two boxes of that radius at live's small size
CONTRAST = 1e-4  # variance of colour, in 0..1 squared, below which the edge fit only smooths


@dataclass(frozen=True)
class Cutout:
    """A person cut out. Far from the person `rgb` is black: a cut-out holds nothing of the room.

    Attributes:
        rgb: uint8 (H, W, 3), the person's own colours even in the soft edge.
        alpha: uint8 (H, W), 255 = person.
        confidence: 0 to 1, the overlap with the truth that can be expected; see `edge_bg.still.confidence`.
        subject: What was looked for, "people" or "anything".
    """

    rgb: Rgb
    alpha: Gray
    confidence: float = 1.0
    subject: str = "people"

    def rgba(self) -> NDArray[np.uint8]:
        """Uint8 (H, W, 4), alpha not multiplied in (as PNG has it)."""
        return np.asarray(cv2.merge((self.rgb, self.alpha)), np.uint8)

    def on(self, background: Rgb | tuple[int, int, int]) -> Rgb:
        """The person on a colour, or on a picture of the same size.

        Args:
            background: (red, green, blue) of 0..255, or RGB uint8 (H, W, 3).

        Returns:
            RGB uint8 (H, W, 3).

        Raises:
            PictureError: The background has another size.
        """
        behind = np.asarray(background, np.uint8)
        if behind.ndim != 1 and behind.shape != self.rgb.shape:
            raise PictureError(f"background of {behind.shape} does not fit a picture of {self.rgb.shape}")
        out = np.empty_like(self.rgb)
        for top in range(0, out.shape[0], STRIP):
            rows = slice(top, top + STRIP)
            share = self.alpha[rows, :, None].astype(np.uint32)
            under = behind if behind.ndim == 1 else behind[rows]
            out[rows] = (self.rgb[rows] * share + under * (255 - share) + 127) // 255
        return out


def cut_out(
    picture: str | Path | NDArray[np.uint8],
    model: str | ModelCard = "general",
    *,
    delegates: Sequence[Any] = ("cpu",),
    threads: int | None = None,
    subject: Subject = "people",
) -> Cutout:
    """Cut the people, or anything, out of a picture. For many pictures make one `Cutter` and call it for each.

    Args:
        picture: A file, or RGB uint8 (H, W, 3).
        model: A name from `edge-bg models`, the path of a card, or a `ModelCard`.
        delegates: What the network runs on, tried in this order.
        threads: Threads of the network, 1 to 64; None: as many as pay.
        subject: "people", "anything" (what stands out: a product, an animal), or "auto", which decides for each
            picture; `Cutout.subject` says what it took.

    Returns:
        A `Cutout` of the picture's size.

    Raises:
        PictureError: The picture cannot be read, or is too large.
        ModelError: The model is missing or damaged.
    """
    with Cutter(model, delegates=delegates, threads=threads, subject=subject) as cutter:
        return cutter(picture)


class Cutter:
    """`cutter(picture) -> Cutout`, the models loaded once. A context manager; for one thread at a time.

    sharp: also ask the installed networks for edges (`portrait`) about people.
    vote: where the two differ, ask `objects` whom to believe, which takes 120 MB more; None: where there are `ROOMY`.
    """

    def __init__(
        self,
        model: str | ModelCard = "general",
        *,
        delegates: Sequence[Any] = ("cpu",),
        threads: int | None = None,
        subject: Subject = "people",
        sharp: bool = True,
        vote: bool | None = None,
    ) -> None:
        card = model if isinstance(model, ModelCard) else find(model)
        if subject not in ("auto", "people", "anything"):
            raise ModelError(f"there is no subject {subject!r}", hint="one of auto, people, anything")
        self.subject = subject
        self.segmenter = Segmenter(card, delegates=delegates, threads=threads)
        self._things: Segmenter | None = None  # loaded when it is first wanted: it is ten times as large
        self._delegates, self._threads = delegates, threads
        vote = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >= ROOMY if vote is None else vote
        third = self._for_things if vote else None
        self._edges = Edges(third, delegates=delegates, threads=threads) if sharp and card.use == "people" else None

    def __call__(
        self,
        picture: str | Path | Photo | NDArray[np.uint8],
        *,
        also: Gray | None = None,
        within: Gray | None = None,
    ) -> Cutout:
        """Cut out. The picture's own alpha, if it has any, is kept as an upper limit.

        also, within: uint8 of any size, stretched over the picture: what is kept beside what the network finds (255),
        such as things that somebody holds, and outside of what nothing is (0), such as people who do not belong to it.
        """
        photo = _photo(picture)
        work = _shrunk(photo.rgb)
        guide = work.astype(np.float32) / np.float32(255)
        coarse, subject, sure = self._found(work)
        mask = stretched(coarse, SURE)
        if also is not None:
            mask = np.maximum(mask, _over(also, mask))
        if within is not None:
            mask = np.minimum(mask, _over(within, mask))
        longer = max(work.shape[:2])
        fit = matting.guided_coefficients(guide, mask, max(2, round(WIDE * longer)), CONTRAST)
        mask = stretched(matting.apply_coefficients(fit, guide), CLEAR_WIDE)
        drawn = Drawn(mask)
        if self._edges and subject == "people":
            held = mask * _over(also, mask) if also is not None else np.float32(0)
            drawn = self._edges.drawn(work, mask, twice=also is None and within is None)
            mask = np.maximum(drawn.mask, held)
        fit = matting.guided_coefficients(guide, mask, max(2, round(NARROW * longer)), CONTRAST)
        alpha = stretched(matting.apply_coefficients(fit, guide), CLEAR)
        if drawn.seen is not None and drawn.mirrored is not None:
            told = expected_overlap_of_people(alpha, drawn.seen, drawn.mirrored)
            sure = sure if told is None else told
        radii = tuple(max(least, round(share * longer)) for share, least in COLOUR_REACH)
        front, back = matting.smooth_colours(guide, alpha, (radii[0], radii[1], radii[2]))
        reach = max(3, round(0.01 * longer))
        near = cv2.dilate((alpha > 0).astype(np.uint8), np.ones((reach, reach), np.uint8))
        front = np.asarray(cv2.bitwise_and(front, front, mask=near), np.float32)
        return Cutout(*at_full_size(photo, fit, front, back, CLEAR), sure, subject)

    def _found(self, work: Rgb) -> tuple[NDArray[np.float32], str, float]:
        """The networks' mask, what it is of, and how sure it is."""
        people = coarse_mask(work, self.segmenter) if self.subject != "anything" else None
        if people is not None and self.subject == "people":
            return people, "people", expected_overlap(people)
        things, looks = things_mask(work, self._for_things())
        if people is not None and people_are_meant(people, looks):
            return people, "people", expected_overlap(people)
        return things, "anything", expected_overlap_of_thing(work, things)

    def _for_things(self) -> Segmenter:
        if self._things is None:
            self._things = Segmenter(find(THINGS), delegates=self._delegates, threads=self._threads)
        return self._things

    def many(self, pictures: Iterable[Picture]) -> Iterator[tuple[Picture, Cutout | PictureError]]:
        """Each picture with its cut-out, or with the error that says why there is none; one is in memory at a time."""
        for picture in pictures:
            try:
                yield picture, self(picture)
            except PictureError as error:
                yield picture, error

    def close(self) -> None:
        """Let go of the model; idempotent."""
        self.segmenter.close()
        if self._things is not None:
            self._things.close()
        if self._edges is not None:
            self._edges.close()

    def __enter__(self) -> Cutter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _photo(picture: str | Path | Photo | NDArray[np.uint8]) -> Photo:
    if isinstance(picture, Photo):
        return picture
    if isinstance(picture, (str, Path)):
        return read_photo(picture)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise PictureError(f"picture of {picture.dtype} {picture.shape}: RGB uint8 (H, W, 3) was expected")
    return Photo(picture)


def _shrunk(rgb: Rgb) -> Rgb:
    """At most WORK pixels on the longer side."""
    high, wide = rgb.shape[:2]
    scale = WORK / max(high, wide)
    if scale >= 1:
        return rgb
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _over(mask: Gray, like: matting.Plane) -> matting.Plane:
    """`mask` in 0..1 at the size of `like`."""
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.float32) / np.float32(255)


def blurred_room(rgb: Rgb, alpha: Gray, strength: float = 0.5) -> Rgb:
    """RGB uint8 (H, W, 3): the room behind, blurred, without the person's colours in it; `strength` 0..1, as live."""
    work = _shrunk(rgb)
    high, wide = work.shape[:2]
    person = np.asarray(cv2.resize(alpha, (wide, high), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)
    radius = max(1, math.ceil(LIVE_BLUR * (0.01 + 0.07 * strength) * wide))
    weight = np.clip(1 - person, 1e-3, 1).astype(np.float32)
    room = work.astype(np.float32)
    for _ in range(3):  # three boxes are nearly a Gaussian
        room = matting.weighted_mean(room, weight, radius)
        weight = np.asarray(cv2.blur(weight, (2 * radius + 1, 2 * radius + 1)), np.float32)
    size = (rgb.shape[1], rgb.shape[0])
    return np.asarray(cv2.resize(np.rint(room).astype(np.uint8), size, interpolation=cv2.INTER_CUBIC), np.uint8)


__all__ = ["Cutout", "Cutter", "Photo", "blurred_room", "cut_out", "read_photo"]
