"""Where requests wait their turn: a few at work, a few in line, and no more."""

from __future__ import annotations

import asyncio
import io
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.cutserver.asked import Asked
from edge_bg.errors import PictureError
from edge_bg.listing import Look, arrange, check_photo, preset
from edge_bg.pictures import Photo, decode
from edge_bg.pictures.write import encode
from edge_bg.still import Cutout, Cutter

MEDIA = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "tif": "image/tiff", "zip": "application/zip"}


class Busy(Exception):
    """As many requests are under way as may be; `wait` is seconds after which it is worth asking again."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"as many pictures are under way as may be; ask again in {wait} seconds")
        self.wait = wait


@dataclass(frozen=True)
class Answer:
    """data: the file, of the type `media`.  size: (width, height).

    box: (left, top, width, height) of the subject in the photograph.
    canvas: likewise, what of the photograph the file shows; it may stick out.
    missed: the shop's rules that the file does not meet, None where no shop was named.
    """

    data: bytes
    media: str
    size: tuple[int, int]
    box: tuple[int, int, int, int]
    subject: str
    confidence: float
    notes: tuple[str, ...]
    canvas: tuple[int, int, int, int]
    missed: tuple[str, ...] | None = None


class Desk:
    """Pictures are done by `workers` threads, each with networks of its own; `line` more may wait."""

    def __init__(
        self, make: Callable[[], Cutter], *, workers: int = 1, line: int = 4, max_megapixels: float = 50.0
    ) -> None:
        self.most = workers + line
        self.under_way = 0
        self.max_megapixels = max_megapixels
        self._seconds = 2.0  # a picture takes, about
        self._make = make
        self._cutters: list[Cutter] = []
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="edge-bg-cut")
        self._workers = workers

    async def take(self, asked: Asked) -> Answer:
        """Wait for a turn and do it. Raises Busy at once where the line is full, PictureError, NothingFound."""
        if self.under_way >= self.most:
            raise Busy(max(1, round(self._seconds * self.most / self._workers)))
        self.under_way += 1
        try:
            loop = asyncio.get_running_loop()
            start = loop.time()
            work = loop.run_in_executor(self._pool, self._do, asked)
            try:
                answer = await asyncio.shield(work)
            except asyncio.CancelledError:  # who asked has gone; the thread cannot be stopped, so its place stays taken
                await asyncio.wait([work])
                raise
            self._seconds += 0.2 * (loop.time() - start - self._seconds)
            return answer
        finally:
            self.under_way -= 1

    def _do(self, asked: Asked) -> Answer:
        cutter: Cutter | None = getattr(self._local, "cutter", None)
        if cutter is None:
            cutter = self._local.cutter = self._make()
            self._cutters.append(cutter)
        photo = _shrunk(decode(asked.data, asked.name, max_megapixels=self.max_megapixels), asked.megapixels)
        cutter.subject = asked.subject
        cutout = cutter(photo)
        if asked.region is not None:
            cutout = _within(cutout, asked.region)
        look = asked.look_for(photo.rgb.shape[1], photo.rgb.shape[0])
        made = arrange(photo, cutout, look)
        kind = "zip" if asked.zipped else look.format
        data = _file(made.pixels, kind, look)
        high, wide = made.pixels.shape[:2]
        where = (made.box.left, made.box.top, made.box.wide, made.box.high)
        notes = [*photo.notes, *made.notes]
        missed: list[str] | None = None
        if asked.shop and not asked.zipped:
            written = decode(data, asked.name, max_megapixels=256)
            wrong = [each for each in check_photo(data, written, preset(asked.shop)) if each.ok is False]
            missed = [each.rule for each in wrong]
            notes += [f"{each.rule}: {each.words}" for each in wrong]
        shown = (made.canvas.left, made.canvas.top, made.canvas.wide, made.canvas.high)
        told = None if missed is None else tuple(missed)
        sure = cutout.confidence
        return Answer(data, MEDIA[kind], (wide, high), where, cutout.subject, sure, tuple(notes), shown, told)

    def close(self) -> None:
        """Let what is begun end, and let go of the networks."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for cutter in self._cutters:
            cutter.close()


def _file(pixels: NDArray[np.uint8], kind: str, look: Look) -> bytes:
    """A picture file; or, as `zip`, remove.bg's: color.jpg, the colours alone, and alpha.png, 8 bits of grey."""
    if kind != "zip":
        return encode(pixels, f".{kind}", quality=look.quality, max_bytes=look.max_bytes)
    alpha = pixels[..., 3] if pixels.shape[2] == 4 else np.full(pixels.shape[:2], 255, np.uint8)
    colours = encode(np.ascontiguousarray(pixels[..., :3]), ".jpg", quality=look.quality, max_bytes=look.max_bytes)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:  # pictures do not get smaller
        for name, data in (("color.jpg", colours), ("alpha.png", encode(np.ascontiguousarray(alpha), ".png"))):
            packed.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def _shrunk(photo: Photo, megapixels: float | None) -> Photo:
    high, wide = photo.rgb.shape[:2]
    if megapixels is None or wide * high <= megapixels * 1e6:
        return photo
    scale = (megapixels * 1e6 / (wide * high)) ** 0.5
    size = (max(1, int(wide * scale)), max(1, int(high * scale)))

    def smaller(plane: Any) -> Any:
        return None if plane is None else np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)

    return Photo(smaller(photo.rgb), smaller(photo.alpha), photo.icc, photo.notes)


def _within(cutout: Cutout, region: tuple[tuple[float, bool], ...]) -> Cutout:
    """Nothing outside a region: four (value, is it a percentage?) for left, top, right, bottom."""
    high, wide = cutout.alpha.shape
    sides = [wide, high, wide, high]
    edges = [
        int(value * side / 100 if share else value) for (value, share), side in zip(region, sides, strict=True)
    ]  # fmt: skip
    left, top, right, bottom = edges
    if not (0 <= left < right and 0 <= top < bottom):
        raise PictureError("roi: the region has no inside", hint="left top right bottom, such as 0% 0% 100% 100%")
    alpha = np.zeros_like(cutout.alpha)
    alpha[top:bottom, left:right] = cutout.alpha[top:bottom, left:right]
    return Cutout(cutout.rgb, alpha, cutout.confidence, cutout.subject)
