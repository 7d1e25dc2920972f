"""mask -> alpha: steadied over time, sharpened along the picture's own edges, one small file per stage."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge_bg.frame import I420, Frame, Picture, Pool, Size, planes, size_of
from edge_bg.frame.tiles import WORKING_PIXELS, Grid, clip
from edge_bg.knobs.matte import MatteOptions
from edge_bg.matte.booth import Booth
from edge_bg.matte.chroma import ChromaKey
from edge_bg.matte.clean import clean
from edge_bg.matte.detail import Detail
from edge_bg.matte.edges import Upsampler
from edge_bg.matte.shift import catch_up
from edge_bg.matte.temporal import Motion, Smoother

__all__ = ["Matte", "MatteOptions"]


class Matte:
    """`matte(mask, frame)` -> alpha420 of the frame's size, laid out like the frame, from a pool.

    `matte(mask, frame, of)` for a mask that was made `of` an older frame: it is moved along with its people first.

    Of a frame with padding give it the picture (`Frame.picture`); it starts afresh where that has another size, or
    where another scene begins. The mask is uint8 `(h, w)` of any size, 255 = person, and covers exactly the picture.
    One `Matte` serves one stream, in order: it remembers the last frame. The alpha knows which of its tiles are soft
    (`edge_bg.frame.tiles`).

    Args:
        size: (width, height) of the frames, in pixels, both even.
        options: The fields of `MatteOptions`, by name; `docs/configuration.md` lists them under `matte`.

    Raises:
        ValueError: An option is out of its bounds.
    """

    def __init__(self, size: Size, **options: Any) -> None:
        self.size = size
        self._scene = 0
        self.options = MatteOptions(**options)
        o = self.options
        self.booth = Booth() if o.booth else None
        self.key = ChromaKey(_rgb(o.key), o.tolerance) if o.key else None
        self._motion = Motion()
        self._smoother = Smoother(o.smoothing, o.certainty, o.motion) if o.smoothing else None
        self._far = False
        self._pixels = WORKING_PIXELS
        self._upsampler = self._make_upsampler(Grid.of(size))
        self._curve = curve(o.low, o.high)
        self._fit(size)

    @property
    def grid(self) -> Grid:
        """How the frame is cut; finer while masks come that are, and while people are far away."""
        return self._upsampler.grid

    def _make_upsampler(self, grid: Grid) -> Upsampler:
        o = self.options
        return Upsampler(
            grid,
            guided=o.edges == "guided",
            radius=o.radius,
            epsilon=o.epsilon,
            sharpness=o.sharpness,
            play=o.play,
        )

    def _suit(self, mask: Picture) -> None:
        """Take the grid that suits the mask's size, of four mask pixels one is worked on, and people far away."""
        if self.booth:
            return  # the learned room has one size
        share = cv2.norm(mask, cv2.NORM_L1) / (255 * mask.size)
        if share > _NOBODY:
            self._far = share < _FAR * (_NEARER if self._far else 1)
        pixels = min(max(mask.size // 4, _FOR_FAR if self._far else WORKING_PIXELS), _FINEST)
        if pixels != self._pixels:
            self._pixels = pixels
            grid = Grid.of(self._picture, pixels)
            if grid != self.grid:
                past = self._upsampler
                self._upsampler = self._make_upsampler(grid)
                self._upsampler.follow(past)

    def _suit_frame(self, *frames: Frame) -> None:
        """Start afresh for a picture of another size or scene; ValueError for frames of another size than promised."""
        for each in frames:
            if (each.outer or each.size) != self.size or each.size != frames[0].size:
                raise ValueError(f"frame of {each.size}, but this matte was made for {self.size}")
        frame = frames[0]
        if frame.scene != self._scene:
            self._scene = frame.scene
            self.reset()
        if frame.size != self._picture:
            self._fit(frame.size)
            self.booth = Booth() if self.booth else None

    def _fit(self, size: Size) -> None:
        """Get ready for pictures of `size`."""
        self._picture = size
        self._pool = Pool(size)
        self._luma = np.empty((size[1] // 2, size[0] // 2), np.uint8)
        self._pixels = WORKING_PIXELS
        self._upsampler = self._make_upsampler(Grid.of(size))
        self.reset()

    def reset(self) -> None:
        """Forget the past, as after a cut or a cover."""
        if self.booth:
            self.booth.reset()
        self._motion.reset()
        if self._smoother:
            self._smoother.reset()
        self._upsampler.reset()

    def __call__(self, mask: Picture, frame: Frame, of: Frame | None = None) -> I420:
        """alpha420 `(H * 3 // 2, W)` uint8. ValueError when a frame is of another size than promised."""
        self._suit_frame(frame, of or frame)
        self._suit(mask)
        then = None if of is None or of is frame else self._colour(of, self._halves(of))
        halves = self._halves(frame)
        colour = self._colour(frame, halves)
        mask = self._fit_mask(mask)
        if then is not None:
            mask = catch_up(mask, then[0], colour[0])
        if self.booth:
            mask = self.booth(mask, colour, halves)
        if self.key:
            mask = self.key(mask, np.asarray(cv2.merge(tuple(colour)), np.uint8))
        moved = self._motion(colour)
        if self._smoother:
            mask, colour = self._smoother(mask, colour, moved)
        mask = clean(mask, self.options.specks)
        curved: Any = cv2.LUT(mask, self._curve)
        known = self._known()
        alpha = self._upsampler(curved, colour, moved, halves, self._pool.take(), known)
        return alpha if frame.clear is None else clip(alpha, frame.clear)

    def _known(self) -> Detail | None:
        """The room that says where edges are, if it is known and there is time for it."""
        return self.booth.known if self.booth and self.options.room_edges is not False else None

    @property
    def draws_edges(self) -> bool:
        """Whether edges come from a room that is known, so that no finer mask is of use. From any thread."""
        return self._known() is not None

    def relearn(self) -> None:
        """The room is empty now: learn it anew, whatever the network sees in it. From any thread."""
        if self.booth:
            self.booth.relearn()

    def forget(self) -> None:
        """Another camera looks on: the room that is known is not the one it sees. From any thread."""
        if self.booth:
            self.booth.forget()

    def follow(self, past: Matte) -> None:
        """Take over from another matte what it knows of the empty room, if that room is seen at the same size."""
        if self.booth and past.booth and past.size == self.size:
            self._fit(past._picture)
            self.booth = past.booth

    def _colour(self, frame: Frame, halves: list[Picture]) -> Picture:
        """Y, U and V at working size, `(3, h, w)` uint8, new: from what the network looked at, where that fits."""
        size, how = self.grid.working, cv2.INTER_LINEAR
        colour: Picture = np.empty((3, *size[::-1]), np.uint8)
        if (
            frame.small is not None
            and self.grid.padded == self._picture
            and size_of(frame.small) == (2 * size[0], 2 * size[1])
        ):
            halves, how = list(planes(frame.small)), cv2.INTER_AREA
        elif self.grid.scale == 8:  # by halves, exactly and quickly; at once, three pixels of four would not count
            how = cv2.INTER_AREA
            halves = [np.asarray(cv2.resize(plane, (2 * size[0], 2 * size[1]), interpolation=how)) for plane in halves]
        for plane, target in zip(halves, colour, strict=True):
            cv2.resize(plane, size, target, interpolation=how)
        return colour

    def _halves(self, frame: Frame) -> list[Picture]:
        """Y, U and V at half size, padded to whole tiles; views of the frame where nothing has to be done."""
        y, u, v = planes(frame.data)
        luma = self._luma if frame.half is None else planes(frame.half)[0]
        if frame.half is None:
            cv2.resize(y, luma.shape[::-1], dst=luma, interpolation=cv2.INTER_AREA)
        halves = [luma, u, v]
        if self.grid.padded == self._picture:
            return halves
        return [self._pad(plane, 2) for plane in halves]

    def _pad(self, plane: Picture, cells: int) -> Picture:
        """`plane`, whose pixels are `cells` frame pixels wide, continued to whole tiles."""
        width, height = (side // cells for side in self.grid.padded)
        below, right = height - plane.shape[0], width - plane.shape[1]
        return np.asarray(cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)

    def _fit_mask(self, mask: Picture) -> Picture:
        """The mask at working size."""
        scale, size = self.grid.scale, self._picture
        if size[0] % scale == 0 and size[1] % scale == 0:
            fitting = (size[0] // scale, size[1] // scale)
            how = cv2.INTER_AREA if mask.shape[1] >= fitting[0] and mask.shape[0] >= fitting[1] else cv2.INTER_LINEAR
            mask = np.asarray(cv2.resize(mask, fitting, interpolation=how), np.uint8)
            return mask if fitting == self.grid.working else self._pad(mask, scale)
        # The working picture sticks out of the frame, the mask does not: map pixel centres by hand.
        x, y = (m * scale / s for m, s in zip(mask.shape[::-1], size, strict=True))
        back = np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(mask, back, self.grid.working, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )


_NOBODY = 0.0005  # share of the picture up to which a mask shows nobody
_FAR = 0.03  # share below which all that it shows is far away, and is small in working pixels
_NEARER = 1.6  # by so much it has to grow until it is near again
_FOR_FAR = 160 * 90  # working pixels then; few of their tiles are soft, so this costs less than somebody near
_FINEST = 320 * 180  # working pixels beyond which a finer mask changes nothing


def _rgb(key: str) -> tuple[int, int, int] | None:
    """(R, G, B) of "#rrggbb"; None for "auto"."""
    return None if key == "auto" else (int(key[1:3], 16), int(key[3:5], 16), int(key[5:7], 16))


def curve(low: float, high: float) -> Picture:
    """A table of 256 alphas: 0 up to `low`, 255 from `high` on (both 0..1), a straight line between."""
    steps = np.arange(256) / 255
    return np.clip(np.rint((steps - low) / (high - low) * 255), 0, 255).astype(np.uint8)
