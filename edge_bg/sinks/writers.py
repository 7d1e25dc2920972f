"""What the file sink writes with: PyAV (the extra `video`), OpenCV where that is missing, and PNG pictures."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from edge_bg.errors import MissingDependency, SinkError
from edge_bg.frame import I420, Frame, Size, compress_range, empty, planes, size_of, unpremultiply
from edge_bg.sinks.sound import Film, Sound

TIME_BASE = Fraction(1, 60000)  # MPEG-4 allows no finer; whole for every usual frame rate
KEYFRAME_SECONDS = 2.0  # a power cut costs at most this much of a recording
# CICP code points (ITU-T H.273): primaries of BT.709 and its transfer, which are those of sRGB cameras; BT.601 matrix.
PRIMARIES, TRANSFER, MATRIX, LIMITED = 1, 1, 6, 1

NUMBER = re.compile(r"%(0?\d?)d")  # in the name of a numbered picture
INDEXED = {".mp4", ".mov", ".m4v"}  # cannot be read without an index, which comes last in a plain file
INSTALL_VIDEO = "pip install 'edge-bg[video]'"


class Writer(Protocol):
    """One file being written. `close` completes it; `survives` tells whether it plays without that."""

    survives: bool

    def write(self, frame: Frame, seconds: float) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


def has_av() -> bool:
    """Whether PyAV is installed."""
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


def has_encoder(name: str) -> bool:
    """Whether the installed PyAV was built with the encoder `name` (libx264 is left out of some builds)."""
    if not has_av():
        return False
    import av

    try:
        av.codec.Codec(name, "w")
    except Exception:  # av's own error class moved between versions
        return False
    return True


def holds_a_picture(path: Path) -> bool:
    """Whether one picture at least can be read from the film at `path`; without PyAV, whether it holds anything."""
    if not has_av():
        return path.stat().st_size > 0
    import av

    try:
        with av.open(str(path)) as film:
            return next(film.decode(video=0), None) is not None
    except (av.error.FFmpegError, IndexError):
        return False


class AvWriter:
    """H.264, MPEG-4 or VP9 through PyAV, with a timestamp for each frame.

    The pixels are written in limited range, the only one that every player reads right, and tagged so. VP9 carries
    alpha, as `opacity` says, and pixels that are all transparent are black: the room is not in the file.
    """

    survives = True

    OPTIONS: dict[str, dict[str, str]] = {  # noqa: RUF012
        # No B-frames: with them a fragmented file starts late, by as many frames as are reordered.
        "libx264": {"preset": "veryfast", "bf": "0"},
        "mpeg4": {},
        # Realtime settings: the others take seconds a frame on a board. Alternate references exclude alpha.
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "auto-alt-ref": "0"},
    }
    QUALITY: dict[str, dict[str, str]] = {  # noqa: RUF012
        "libx264": {"crf": "23"},
        "mpeg4": {"qscale": "4", "flags": "+qscale"},
        "libvpx-vp9": {"crf": "30", "b": "0"},
    }

    def __init__(
        self, path: Path, size: Size, fps: float, encoder: str, bitrate: int | None, alpha: bool | None,
        film: Film | None = None,
    ) -> None:  # fmt: skip
        try:
            import av
        except ImportError as caught:
            raise MissingDependency(f"file: writing {path.name} needs PyAV", hint=INSTALL_VIDEO) from caught
        self._av = av
        self._alpha = alpha
        self._carries_alpha = encoder == "libvpx-vp9" and alpha is not False
        self._last = -1
        self._scratch = empty(size)
        self._container: Any = av.open(str(path), "w", options=_container_options(path, av))
        quality = {} if bitrate else self.QUALITY.get(encoder, {})
        options = {**self.OPTIONS.get(encoder, {}), **quality, "g": str(max(1, round(fps * KEYFRAME_SECONDS)))}
        rate = Fraction(fps).limit_denominator(1001)
        stream: Any = self._container.add_stream(encoder, rate=rate, options=options)
        self._stream = stream
        stream.width, stream.height = size
        stream.pix_fmt = "yuva420p" if self._carries_alpha else "yuv420p"
        if bitrate:
            stream.bit_rate = bitrate
        stream.time_base = stream.codec_context.time_base = TIME_BASE
        stream.codec_context.color_range = LIMITED
        stream.codec_context.colorspace = MATRIX
        stream.codec_context.color_primaries = PRIMARIES
        stream.codec_context.color_trc = TRANSFER
        try:
            stream.codec_context.open(strict=False)  # now, so that what the encoder refuses is told at the start
        except Exception as caught:
            self._container.close()
            raise SinkError(f"file: {encoder} refuses these settings: {caught}") from caught
        self._sound = None if film is None else Sound(film, self._container, path.suffix.lower())
        self._end = 0.0

    def write(self, frame: Frame, seconds: float) -> None:
        """Encode `frame` to be shown `seconds` after the first."""
        opaque = opacity(frame, self._alpha) if self._carries_alpha else None
        picture = compress_range(frame.data if opaque is None else _straight(frame), self._scratch)
        out = self._av.VideoFrame(frame.width, frame.height, self._stream.pix_fmt)
        if opaque is not None:
            _blacken(picture, opaque)
        _fill(out, planes(picture))
        if self._carries_alpha:
            _fill(out, (np.broadcast_to(np.uint8(255), frame.y.shape) if opaque is None else frame.alpha,), first=3)
        self._last = max(round(seconds / TIME_BASE), self._last + 1)
        out.pts, out.time_base = self._last, TIME_BASE
        out.color_range, out.colorspace = LIMITED, MATRIX
        if frame.lasts is not None and hasattr(out, "duration"):
            out.duration = round(frame.lasts / TIME_BASE)
        for packet in self._stream.encode(out):
            self._container.mux(packet)
        self._end = seconds + (frame.lasts or 0.0)
        if self._sound is not None:
            self._sound.until(self._end)

    def close(self) -> None:
        """Encode what is still held back, and write what players need to know."""
        container, self._container = self._container, None
        if container is None:
            return
        try:
            if self._last >= 0:
                for packet in self._stream.encode():
                    container.mux(packet)
                if self._sound is not None:
                    self._sound.close()
        finally:
            container.close()


def _container_options(path: Path, av: Any) -> dict[str, str]:
    if path.suffix.lower() not in INDEXED:
        # Matroska and AVI can be read without an end; what was written goes to the disk within a second, so that a
        # power cut costs little and a full disk is noticed when it is full
        return {"flush_packets": "1"} | ({"cluster_time_limit": "1000"} if path.suffix.lower() != ".avi" else {})
    # Written as fragments, so that the file plays even when the power is cut; turned into a plain one at the end
    # where the library knows how.
    hybrid = av.library_versions.get("libavformat", (0, 0, 0)) >= (61, 7, 100)
    return {"movflags": "hybrid_fragmented+frag_keyframe" if hybrid else "frag_keyframe+empty_moov+default_base_moof"}


def opacity(frame: Frame, alpha: bool | None) -> I420 | None:
    """The alpha420 to write for `frame`, None to write it opaque.

    alpha: True: what the frame carries; False: none; None: what it carries if it was made to be blended, on the
           background `transparent`. On any other the picture itself is what was asked for.
    """
    wanted = frame.premultiplied if alpha is None else alpha
    return frame.alpha420 if wanted else None


def _fill(frame: Any, sources: tuple[Any, ...], first: int = 0) -> None:
    for plane, source in zip(frame.planes[first:], sources, strict=False):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        rows[:, : source.shape[1]] = source


def _straight(frame: Frame) -> I420:
    """The frame's colours, not multiplied by its alpha: files with alpha hold them so."""
    if not frame.premultiplied or frame.alpha420 is None:
        return frame.data
    return unpremultiply(frame.data, frame.alpha420)


def _blacken(picture: I420, alpha: I420) -> None:
    """Limited-range black wherever `alpha` is 0, in place."""
    height = size_of(picture)[1]
    picture[:height][alpha[:height] == 0] = 16
    picture[height:][alpha[height:] == 0] = 128


class CvWriter:
    """MPEG-4 through OpenCV: no timestamps, no alpha, but nothing to install."""

    def __init__(self, path: Path, size: Size, fps: float) -> None:
        self.survives = path.suffix.lower() not in INDEXED  # OpenCV writes an MP4's index at its end, or never
        self._path = path
        self._fps = fps
        self._frames = 0
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer: cv2.VideoWriter | None = cv2.VideoWriter(str(path), code, fps, size)
        if not self._writer.isOpened():
            raise SinkError(f"file: OpenCV cannot write {path.suffix} files here", hint=INSTALL_VIDEO)

    def write(self, frame: Frame, seconds: float) -> None:
        """Write `frame` as often as the constant frame rate asks for; OpenCV itself never reports a full disk."""
        assert self._writer is not None
        picture = frame.bgr()
        lasts = 1 / self._fps if frame.lasts is None else frame.lasts
        while self._frames < round((seconds + lasts) * self._fps):
            self._writer.write(picture)
            self._frames += 1
            if self._frames % 30 == 0 and os.statvfs(self._path.parent).f_bavail == 0:
                raise OSError(28, os.strerror(28), str(self._path))

    def close(self) -> None:
        """Complete the file."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None


def numbered(pattern: Path, number: int) -> Path:
    """`out-%06d.png` -> `out-000012.png`; any other percent sign, and the folder's name, stay as they are."""
    return pattern.with_name(NUMBER.sub(lambda found: f"{number:{found[1] or 0}d}", pattern.name))


class PngWriter:
    """Numbered PNG pictures, with alpha as `opacity` says; each appears under its name only when it is complete."""

    survives = True

    def __init__(self, pattern: Path, alpha: bool | None = None) -> None:
        self._pattern = pattern
        self._alpha = alpha
        self._number = 0

    def write(self, frame: Frame, seconds: float) -> None:
        """Write the next picture."""
        if opacity(frame, self._alpha) is None:
            picture = frame.bgr()
        else:
            picture = np.asarray(cv2.cvtColor(frame.rgba(), cv2.COLOR_RGBA2BGRA), np.uint8)
            picture[frame.alpha == 0] = 0
        ok, data = cv2.imencode(".png", picture, (cv2.IMWRITE_PNG_COMPRESSION, 1))
        if not ok:
            raise SinkError("file: OpenCV could not encode a PNG")
        path = numbered(self._pattern, self._number)
        part = path.with_name(path.name + ".part")
        try:
            part.write_bytes(data.tobytes())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        self._number += 1

    def close(self) -> None:
        """Nothing to complete: every picture is."""
