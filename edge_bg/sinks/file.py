"""A recording: `.mp4`, `.mkv`, `.mov`, `.webm` (may carry alpha), or numbered PNG pictures (likewise)."""

from __future__ import annotations

import errno
import itertools
import logging
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from edge_bg.errors import SinkError
from edge_bg.frame import Frame, Size
from edge_bg.sinks.pace import Clock
from edge_bg.sinks.sound import Film
from edge_bg.sinks.writers import (
    INSTALL_VIDEO,
    NUMBER,
    AvWriter,
    CvWriter,
    PngWriter,
    Writer,
    has_av,
    has_encoder,
    holds_a_picture,
    numbered,
)

log = logging.getLogger("edge_bg.sinks.file")

LEAST_FREE = 1 << 20  # bytes of the disk without which no recording is begun
SUFFIXES = (".mp4", ".mkv", ".mov", ".m4v", ".webm", ".png")

ENCODERS: dict[str, tuple[str, ...]] = {  # a codec's name -> encoders, best first
    "h264": ("libx264", "libopenh264"),
    "mpeg4": ("mpeg4",),
    "vp9": ("libvpx-vp9",),
}


class File:
    """Writes a video file, or a PNG for each frame.

    path:      its ending chooses the format. `{time}` becomes the time of the start, such as 20260131-235959, so
               that a service finds a new name each time; `out-%06d.png` numbers pictures from 0.
    codec:     "auto", "h264", "mpeg4", "vp9" or an encoder of ffmpeg's. Auto: H.264 where it can be had, else
               MPEG-4; VP9 in `.webm`.
    bitrate:   bits per second; None lets the quality decide.
    overwrite: replace a file that is there; otherwise that is an error.
    alpha:     what VP9 and PNG carry. None: the alpha where the background is `transparent`, else the picture with
               its background; True: always the alpha; False: never.

    Frames carry the time at which they were captured. When the disk is full or the process is killed, what was
    written plays; not so an `.mp4` or `.mov` that OpenCV writes because PyAV is not installed.
    """

    name = "file"
    lossless = True
    retry = False

    def __init__(
        self,
        path: str | Path,
        codec: str = "auto",
        bitrate: int | None = None,
        overwrite: bool = False,
        alpha: bool | None = None,
        audio: Literal["copy", "drop"] = "copy",
    ) -> None:
        self.path = Path(path)
        self.codec = codec
        self.bitrate = bitrate
        self.overwrite = overwrite
        self.alpha = alpha
        self.audio = audio
        self.film: Film | None = None
        self._target = self.path
        self._writer: Writer | None = None
        self._survives = True
        self._written = 0
        self._broken = False  # something could not be written
        self._clock = Clock(1.0, live=False)

    @property
    def once(self) -> bool:
        """Whether a recording that failed must not be begun again: it would be written over, or be there already."""
        return "{time}" not in str(self.path)

    @property
    def target(self) -> Path:
        """The file being written, once open: `path` with `{time}` and `~` filled in."""
        return self._target

    def open(self, size: Size, fps: float, *, live: bool = True) -> None:
        """Create the file. Raises SinkError: no such folder, not writable, there already, disk full, no encoder."""
        self._target = target = self.check()
        self._written, self._broken = 0, False
        if not self.once and target.suffix != ".png":
            with suppress(OSError):
                target.touch()  # the name is taken now: another start within this second finds another
        self._clock = Clock(fps, live=live)
        try:
            self._writer = self._make_writer(target, size, fps)
            self._survives = self._writer.survives
        except SinkError:
            raise
        except (OSError, ValueError) as caught:
            raise SinkError(f"file: cannot write {target}: {_reason(caught)}") from caught

    def write(self, frame: Frame) -> None:
        """Append one frame."""
        if self._writer is None:
            raise SinkError("file: is not open")
        try:
            self._writer.write(frame, self._clock.at(frame))
        except OSError as caught:
            self._broken = True
            raise self._failed(caught) from caught
        self._written += 1

    def close(self) -> None:
        """Complete the file."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.close()
        except OSError as caught:
            self._broken = True
            raise self._failed(caught) from caught
        finally:
            with suppress(OSError):
                if not self._written or (self._broken and not holds_a_picture(self._target)):
                    self._target.unlink()  # a film without a picture is no film, nor is one that met a full disk

    def _failed(self, caught: OSError) -> SinkError:
        full = caught.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        rest = (
            "what was written so far plays"
            if self._survives
            else f"this file will not play; {INSTALL_VIDEO} mends that"
        )
        hint = f"make room (df -h {self._target.parent}); {rest}" if full else ""
        return SinkError(f"file: cannot go on writing {self._target}: {_reason(caught)}", hint=hint)

    def check(self) -> Path:
        """The file that `open` would write now. Raises SinkError where it could not; touches nothing."""
        target = self._named()
        folder, suffix = target.parent, target.suffix.lower()
        if suffix not in SUFFIXES:
            raise SinkError(f"file: {target.name}: unknown ending {suffix!r}", hint=f"use one of {' '.join(SUFFIXES)}")
        if not folder.is_dir():
            raise SinkError(f"file: there is no folder {folder}", hint=f"mkdir -p {folder}")
        if target.is_dir():
            raise SinkError(f"file: {target} is a folder", hint=f"name a file in it: {target}/out.mp4")
        if suffix == ".png" and not NUMBER.search(target.name):
            hint = f"number the pictures: {target.with_name(target.stem + '-%06d.png')}"
            raise SinkError(f"file: {target.name} names one picture, but there is one for each frame", hint=hint)
        first = numbered(target, 0) if suffix == ".png" else target
        if first.exists() and not self.overwrite:
            raise SinkError(f"file: {first} exists", hint=f"set `overwrite: true`, or move it away: mv {first} ...")
        if shutil.disk_usage(folder).free < LEAST_FREE:
            raise SinkError(f"file: the disk of {folder} is full", hint=f"make room: df -h {folder}")
        if not os.access(first if first.exists() else folder, os.W_OK):
            raise SinkError(f"file: no permission to write {first}", hint=f"ls -ld {folder}; it must be yours to write")
        return target

    def _named(self) -> Path:
        """`path` with what stands for something filled in; two starts within a second do not meet."""
        target = Path(str(self.path).replace("{time}", time.strftime("%Y%m%d-%H%M%S"))).expanduser()
        if self.once:
            return target
        names = (target if n == 1 else target.with_stem(f"{target.stem}-{n}") for n in itertools.count(1))
        return next(name for name in names if not name.exists())

    def _make_writer(self, target: Path, size: Size, fps: float) -> Writer:
        suffix = target.suffix.lower()
        film = self._heard(suffix)
        if suffix == ".png":
            return PngWriter(target, self.alpha)
        codec = self.codec
        if codec == "auto":
            if suffix == ".webm":
                codec = "vp9"
            elif not has_av():
                return CvWriter(target, size, fps)
            else:
                codec = "h264" if any(has_encoder(name) for name in ENCODERS["h264"]) else "mpeg4"
        if codec == "mpeg4" and not has_av():
            return CvWriter(target, size, fps)
        encoder = next((name for name in ENCODERS.get(codec, (codec,)) if has_encoder(name)), None)
        if encoder is None and has_av():
            raise SinkError(f"file: no encoder for codec {codec!r} here", hint="use codec: auto, h264, mpeg4 or vp9")
        if encoder is None:
            raise SinkError(f"file: codec {codec!r} needs PyAV", hint=INSTALL_VIDEO)
        return AvWriter(target, size, fps, encoder, self.bitrate, self.alpha, film)

    def _heard(self, suffix: str) -> Film | None:
        """The film whose sound goes along; where it does not, the log says why."""
        if self.film is None:
            return None
        why = ""
        if self.audio == "drop":
            why = "audio: drop"
        elif self.film.loops:
            why = "the film is played again and again"
        elif suffix == ".png":
            why = "pictures have none"
        elif not has_av():
            why = f"it needs PyAV: {INSTALL_VIDEO}"
        if why:
            log.info("%s: without the film's sound (%s)", self.path, why)
        return None if why else self.film


def _reason(caught: BaseException) -> str:
    if isinstance(caught, OSError) and caught.errno:
        return os.strerror(caught.errno)
    return str(caught) or repr(caught)
