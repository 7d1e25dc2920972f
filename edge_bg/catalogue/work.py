"""One picture from its file to its file: what each worker does, in this process, another one, or on another machine."""

from __future__ import annotations

import errno
import os
import threading
import time
from hashlib import sha256
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.board.logs import debugging
from edge_bg.catalogue import store
from edge_bg.catalogue.job import Job, Outcome, Settings
from edge_bg.errors import EdgeBgError, NothingFound
from edge_bg.listing import FORMATS, arrange
from edge_bg.pictures import decode
from edge_bg.pictures.write import encode, exif_of
from edge_bg.still import Cutter

THUMB = 160  # pixels of the longer side of a picture on the contact sheet
SHEET_GROUND = (222, 232, 222)  # RGB behind cut-outs on the contact sheet: pale, so that white things show


class Worker:
    """`worker(job) -> Outcome`, the networks loaded once. Never raises for a picture; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        subject: Any = settings.subject
        self.cutter = Cutter(settings.model, delegates=settings.delegates, threads=settings.threads, subject=subject)

    def __call__(self, job: Job) -> Outcome:
        """Read, cut out, lay out, write."""
        start = time.monotonic()
        try:
            return self._cut(job, start)
        except (EdgeBgError, OSError, MemoryError) as error:
            if debugging():
                raise
            return Outcome(job, words=reason(job, error), seconds=time.monotonic() - start)
        except (cv2.error, ValueError, ArithmeticError) as error:  # a fault in edge-bg costs its picture, not the rest
            if debugging():
                raise
            words = f"{job.source}: a fault in edge-bg: {error!r}; --debug shows where"
            return Outcome(job, words=words, seconds=time.monotonic() - start)

    def _cut(self, job: Job, start: float) -> Outcome:
        look = self.settings.look
        data = store.read(job.source)
        photo = decode(data, job.source, max_megapixels=self.settings.max_megapixels, profile=look.profile)
        cutout = self.cutter(photo)
        before = _thumb(photo.rgb) if self.settings.thumbs else b""
        try:
            made = arrange(photo, cutout, look)
        except NothingFound as nothing:
            return Outcome(
                job,
                words=reason(job, nothing),
                notes=photo.notes,
                found=False,
                subject=cutout.subject,
                confidence=0.0,
                source_bytes=len(data),
                source_hash=sha256(data).hexdigest(),
                seconds=time.monotonic() - start,
                before=before,
            )
        exif = exif_of(data) if look.metadata == "keep" else b""
        ending = os.path.splitext(job.target)[1] or FORMATS[look.format]  # noqa: PTH122 - may be an address
        out = encode(
            made.pixels, ending, quality=look.quality, max_bytes=look.max_bytes, icc=photo.icc, exif=exif
        )  # fmt: skip
        store.write(job.target, out)
        return Outcome(
            job,
            notes=(*photo.notes, *(f"{job.source}: {note}" for note in made.notes)),
            subject=cutout.subject,
            confidence=cutout.confidence,
            source_bytes=len(data),
            source_hash=sha256(data).hexdigest(),
            target_bytes=len(out),
            target_hash=sha256(out).hexdigest(),
            seconds=time.monotonic() - start,
            before=before,
            after=_thumb(made.pixels) if self.settings.thumbs else b"",
        )

    def close(self) -> None:
        """Let go of the networks."""
        self.cutter.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def reason(job: Job, error: BaseException) -> str:
    """Why a picture failed, in one line that names it."""
    if isinstance(error, MemoryError):
        return f"{job.source}: too large for this machine's memory"
    if isinstance(error, OSError) and error.strerror and not isinstance(error, EdgeBgError):
        place = error.filename or job.source
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            place = os.path.dirname(job.target)  # noqa: PTH120 - may be an address
        return f"{job.source}: {error.strerror}" + (f" ({place})" if str(place) != job.source else "")
    text = str(error)
    return text if text.startswith(job.source) else f"{job.source}: {text}"


def _thumb(pixels: NDArray[np.uint8]) -> bytes:
    high, wide = pixels.shape[:2]
    scale = min(1.0, THUMB / max(high, wide))
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    small: Any = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    if small.ndim == 3 and small.shape[2] == 4:
        share = small[..., 3:].astype(np.uint16)
        small = ((small[..., :3] * share + np.array(SHEET_GROUND, np.uint16) * (255 - share)) // 255).astype(np.uint8)
    return encode(small, ".webp", quality=70)


# --- in a process of its own

_local = threading.local()


def begin(settings: Settings) -> None:
    """Called once in each worker process."""
    cv2.setNumThreads(1)
    _local.worker = Worker(settings)


def work(job: Job) -> Outcome:
    """One job, in a process where `begin` was called."""
    worker: Worker = _local.worker
    return worker(job)


def work_anywhere(job: Job, settings: Settings) -> Outcome:
    """One job on a machine of an engine: the networks are kept for the next one of the same settings."""
    kept: tuple[str, Worker] | None = getattr(_local, "kept", None)
    key = repr(settings)
    if kept is None or kept[0] != key:
        if kept is not None:
            kept[1].close()
        kept = (key, Worker(settings))
        _local.kept = kept
    return kept[1](job)
