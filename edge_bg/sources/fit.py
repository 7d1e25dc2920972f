"""Makes pictures of any size and shape, lying on any side, into frames of one even size."""

from __future__ import annotations

from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import SourceError
from edge_bg.frame import I420, MAX_SIDE, Area, Frame, Pool, Size, check_size, crop, planes, size_of

Picture = NDArray[np.uint8]
Fit = Literal["contain", "cover", "stretch"]
Rotate = Literal[0, 90, 180, 270]

LEAST = 32  # pixels: a picture whose bars would leave less is taken whole
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def asked_size(size: Size | None, whose: str) -> Size | None:
    """`size` checked, as whole even numbers; SourceError names `whose` otherwise. None stays None."""
    if size is None:
        return None
    try:
        return check_size((int(size[0]), int(size[1])))
    except ValueError as error:
        raise SourceError(f"{whose}: {error}", hint="such as size: 1280x720") from None


def even(picture: Picture) -> Picture:
    """`(H, W, ...)` with even sides: an odd last row or column is cut off, a side of one pixel is doubled.

    What is larger than 8192 pixels is scaled down first.
    """
    longest = max(picture.shape[:2])
    if longest > MAX_SIDE:
        scale = MAX_SIDE / longest
        size = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    for axis in (0, 1):
        if picture.shape[axis] == 1:
            picture = np.repeat(picture, 2, axis=axis)
    height, width = picture.shape[:2]
    return picture[: height // 2 * 2, : width // 2 * 2]


class Fitter:
    """`fitter(picture, time, index)` -> a Frame of `size`: the picture turned, mirrored and fitted in.

    fit:    "contain": whole, with padding, which `Frame.area` leaves out; "cover": without padding, what is too much
            cut off on both sides; "stretch": whole and without padding, out of shape.
    rotate: degrees clockwise, 0, 90, 180 or 270, before anything else; hflip, vflip: then mirrored.
    whose:  what errors call the source.

    `size` is set once it is known, `open` makes the buffers. A picture that needs nothing done is the frame's own.
    """

    def __init__(
        self, whose: str, fit: str = "contain", rotate: int = 0, *, hflip: bool = False, vflip: bool = False
    ) -> None:
        if fit not in get_args(Fit):
            raise SourceError(f"{whose}: fit {fit!r} is unknown", hint=f"one of: {', '.join(get_args(Fit))}")
        if rotate not in get_args(Rotate):
            raise SourceError(f"{whose}: rotate {rotate!r} is none of 0, 90, 180, 270", hint="degrees clockwise")
        self.fit = fit
        self.rotate = rotate
        self._flip = {(True, True): -1, (True, False): 1, (False, True): 0}.get((hflip, vflip))
        self._pools: dict[Size, Pool] = {}
        self._placed: dict[tuple[Size, float], tuple[Area, Area]] = {}

    def open(self, size: Size) -> None:
        """Frames have `size` from now on."""
        self.size = size
        self._pools = {}
        self._placed = {}

    def turned(self, size: Size) -> Size:
        """`size` (width, height) on its side, where pictures are turned so."""
        return size[::-1] if self.rotate in (90, 270) else size

    def natural(self, size: Size, aspect: float = 1.0) -> Size:
        """The size of a frame that shows a picture of `size` as it is; `aspect`: width of its pixels over height."""
        width = size[0] if abs(aspect - 1) < 1e-3 else _even(size[0] * aspect, MAX_SIDE)
        return self.turned((width, size[1]))

    def __call__(
        self,
        picture: I420,
        time: float,
        index: int,
        *,
        aspect: float = 1.0,
        bars: Area | None = None,
        small: I420 | None = None,
        clear: Picture | None = None,
        truth: Picture | None = None,
        scene: int = 0,
    ) -> Frame:
        """The frame.

        aspect: width of a pixel over its height.  bars: what of the picture is none of them, None: all.
        small:  of all of the picture, as `Frame.small`.  clear, truth: planes `(H, W)` of the picture, for the frame.
        """
        given = size_of(picture)
        if (self.rotate or self._flip is not None) and bars is not None:
            bars = self._turn_area(bars, given)
        picture, given = self._turn(picture), self.turned(given)
        shown, place = self._place(given, 1 / aspect if self.rotate in (90, 270) else aspect)
        area = place
        if bars is not None:
            area = _within(bars, shown, place)
        whole = Area(0, 0, *self.size)
        data = picture
        if not (given == self.size and shown == whole == place):
            data = self._pool(self.size).take()
            for number, (source, target) in enumerate(zip(planes(picture), planes(data), strict=True)):
                if place != whole:
                    target.fill(128 if number else 0)
                resize_plane(source[shown.at(number)], target[place.at(number)])
        frame = Frame(data, time, index, scene=scene, area=None if area == whole else area)
        if small is not None and area == place and shown.size == given:
            frame.small = self._turn(small)
        for name, plane in (("clear", clear), ("truth", truth)):
            if plane is not None:
                setattr(frame, name, self._plane(plane, shown, place))
        if frame.area is not None:
            inside = frame.area.size
            frame.inner = Frame(
                crop(data, frame.area, self._pool(inside).take()), time, index, small=frame.small, scene=scene,
                outer=self.size,
            )  # fmt: skip
            if frame.clear is not None and int((inside_of := frame.clear[frame.area.at(0)]).min()) < 255:
                frame.inner.clear = inside_of
            frame.small = None
        return frame

    def upright(self, picture: Picture) -> Picture:
        """A picture `(H, W, 3)` turned and mirrored as frames are."""
        turned = cv2.rotate(picture, _TURNS[self.rotate]) if self.rotate else picture
        return np.asarray(turned if self._flip is None else cv2.flip(turned, self._flip), np.uint8)

    def _pool(self, size: Size) -> Pool:
        found = self._pools.get(size)
        if found is None:
            if len(self._pools) >= 8:  # a folder of pictures of ever new sizes must not pile up
                self._pools = {self.size: self._pools[self.size]} if self.size in self._pools else {}
            found = self._pools[size] = Pool(size)
        return found

    def _turn(self, picture: I420) -> I420:
        if not self.rotate and self._flip is None:
            return picture
        out = self._pool(self.turned(size_of(picture))).take()
        for source, target in zip(planes(picture), planes(out), strict=True):
            self._turn_plane(source, target)
        return out

    def _turn_plane(self, plane: Picture, out: Picture) -> None:
        if self.rotate:
            cv2.rotate(plane, _TURNS[self.rotate], dst=out)
            plane = out
        if self._flip is not None:
            cv2.flip(plane, self._flip, dst=out)

    def _turn_area(self, area: Area, size: Size) -> Area:
        """Where `area` of a picture of `size` lies once that is turned and mirrored."""
        left, top, right, bottom = area
        width, height = size
        for _ in range(self.rotate // 90):
            left, top, right, bottom = height - bottom, left, height - top, right
            width, height = height, width
        if self._flip in (-1, 1):
            left, right = width - right, width - left
        if self._flip in (-1, 0):
            top, bottom = height - bottom, height - top
        return Area(left, top, right, bottom)

    def _plane(self, plane: Picture, shown: Area, place: Area) -> Picture:
        """A plane `(H, W)` of the picture as one of the frame, 0 where it does not reach."""
        turned: Any = plane
        if self.rotate or self._flip is not None:
            turned = np.empty(plane.shape[::-1] if self.rotate in (90, 270) else plane.shape, np.uint8)
            self._turn_plane(plane, turned)
        if turned.shape[::-1] == self.size and shown == place == Area(0, 0, *self.size):
            return np.asarray(turned, np.uint8)
        out = np.zeros(self.size[::-1], np.uint8)
        resize_plane(turned[shown.at(0)], out[place.at(0)])
        return out

    def _place(self, given: Size, aspect: float) -> tuple[Area, Area]:
        """(the part of a picture of `given` size that is shown, where in the frame it goes)."""
        found = self._placed.get((given, aspect))
        if found is None:
            if len(self._placed) >= 64:
                self._placed.clear()
            found = self._placed[given, aspect] = self._measure(given, aspect)
        return found

    def _measure(self, given: Size, aspect: float) -> tuple[Area, Area]:
        (wide, high), (width, height) = given, self.size
        whole, frame = Area(0, 0, wide, high), Area(0, 0, width, height)
        across = wide * aspect  # its width in square pixels
        if self.fit == "stretch":
            return whole, frame
        scale = (max if self.fit == "cover" else min)(width / across, height / high)
        if self.fit == "cover":
            return _centred((_even(width / scale / aspect, wide), _even(height / scale, high)), given), frame
        inner = _even(across * scale, width), _even(high * scale, height)
        if aspect != 1 and width - inner[0] <= 2 and height - inner[1] <= 2:
            return whole, frame  # the frame's own sides are rounded, too
        return whole, _centred(inner, self.size)


def resize_plane(plane: Picture, out: Picture) -> None:
    """`plane` stretched to the size of `out`, which may be a view, area-averaged where it shrinks."""
    if plane.shape == out.shape:
        np.copyto(out, plane)
        return
    shrinks = out.shape[0] <= plane.shape[0] and out.shape[1] <= plane.shape[1]
    cv2.resize(plane, out.shape[::-1], dst=out, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _within(bars: Area, shown: Area, place: Area) -> Area:
    """Where in the frame what is within `bars` lies, when `shown` of the picture goes to `place`: even, and no more.

    Where it is scaled, pixels at the edge are mixed with the bar's, and are left out.
    """
    edges = []
    for axis in (0, 1):
        scale = place.size[axis] / shown.size[axis]
        mixed = 0 if scale == 1 else 1
        low = max(bars[axis] - shown[axis], 0) * scale
        high = min(bars[axis + 2] - shown[axis], shown.size[axis]) * scale
        start = -(-int(np.ceil(low) + mixed) // 2) * 2 if low > 0 else 0
        end = int(high - mixed) // 2 * 2 if high < place.size[axis] else place.size[axis]
        edges.append((place[axis] + start, place[axis] + end))
    area = Area(edges[0][0], edges[1][0], edges[0][1], edges[1][1])
    return area if min(area.size) >= LEAST else place


def _centred(size: Size, within: Size) -> Area:
    left, top = ((outer - inner) // 4 * 2 for inner, outer in zip(size, within, strict=True))
    return Area(left, top, left + size[0], top + size[1])


def _even(value: float, most: int) -> int:
    return min(max(2 * round(value / 2), 2), most)
