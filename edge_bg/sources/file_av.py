"""Video files through PyAV: the decoder's planes go into I420 with one copy."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.error
import av.filter
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from edge_bg.errors import SourceError
from edge_bg.frame import I420, MAX_SIDE, Pool, expand_range, planes
from edge_bg.sources.file_cv import LONGEST
from edge_bg.sources.tone import HLG, PQ, Tone

log = logging.getLogger(__name__)

Plane = NDArray[np.uint8]
BT601, FULL = 5, 2  # FFmpeg's AVCOL_SPC_BT470BG and AVCOL_RANGE_JPEG
LIKE_BT601 = {2, 5, 6}  # "unspecified" counts as BT.601, as FFmpeg itself takes it
LOOKED_AT = 300  # packets of a film whose rate varies
DAMAGED_IN_A_ROW = 100  # packets; then it is not a scratch but a broken file


class AvReader:
    """One pass over the first video stream of a file; see `file.Reader`."""

    limits = ""

    def __init__(self, path: Path) -> None:
        try:
            self._container = av.open(str(path))
        except (av.error.FFmpegError, ValueError, OSError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise SourceError(f"{path}: not a video that can be read ({why})", hint=f"ffprobe {path}") from None
        if not self._container.streams.video:
            self._container.close()
            raise SourceError(f"{path}: it has no video stream", hint=f"ffprobe {path}")
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        self.fps = _rate(path, stream)
        self.aspect = float(stream.sample_aspect_ratio or 1) or 1.0
        self.time = self.lasts = 0.0
        self.expected = int(stream.frames or 0)
        self.length = float(self._container.duration or 0) / av.time_base
        self.failures = 0
        self.broken = ""
        self._frames: Any = self._progressive(self._decode(stream), stream)
        self._now: Any = None
        self._ahead: Any = None  # the frame after, which tells how long this one lasts
        self._tone: Tone | None = None
        self._trc = int(getattr(stream.codec_context, "color_trc", 2))
        self._reformatter = VideoReformatter()  # keeps its tables from frame to frame
        self._pool: Pool | None = None

    def next(self) -> bool:
        """Decode on to the next frame; False at the end."""
        first = self._now is None
        self._now = next(self._frames, None) if first else self._ahead
        if self._now is None:
            return False
        if first:
            self.time = self._now.time or 0.0
            turns = round(getattr(self._now, "rotation", 0) / 90) % 4
            self.aspect = 1 / self.aspect if turns % 2 else self.aspect
        else:
            self.time += self.lasts
        self._ahead = next(self._frames, None)
        usual = 1 / (self.fps or 25.0)
        if self._ahead is None:
            duration = getattr(self._now, "duration", 0)  # from PyAV 14 on
            step = float(duration * self._now.time_base) if duration and self._now.time_base else usual
        else:
            step = (self._ahead.time or 0.0) - (self._now.time or 0.0)
        self.lasts = step if 0 < step <= LONGEST else usual
        return True

    def picture(self) -> I420:
        """This frame, upright."""
        return self._convert(self._now)

    def close(self) -> None:
        """Let go of the file."""
        self._frames.close()
        self._container.close()

    def _decode(self, stream: Any) -> Any:
        """Frames as they are decoded; damaged packets are counted and passed over."""
        in_a_row = 0
        packets: Iterator[Any] = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                self.failures += 1
                self.broken = str(error.strerror or error)
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                self.failures += 1
                in_a_row += 1
                if in_a_row >= DAMAGED_IN_A_ROW:
                    self.broken = str(error.strerror or error)
                    return
                continue
            for frame in frames:
                in_a_row = 0
                yield frame

    def _progressive(self, frames: Iterator[Any], stream: Any) -> Iterator[Any]:
        """Frames of which both halves show one moment: what is interlaced goes through bwdif, frame by frame."""
        graph: Any = None
        for frame in frames:
            if graph is None and not getattr(frame, "interlaced_frame", False):
                yield frame
                continue
            if graph is None:
                log.info("the film is interlaced: each frame is made whole (bwdif)")
                graph = av.filter.Graph()
                graph.link_nodes(
                    graph.add_buffer(template=stream),
                    graph.add("bwdif", "mode=send_frame:deint=interlaced"),
                    graph.add("buffersink"),
                ).configure()
            graph.push(frame)
            yield from _pulled(graph)
        if graph is not None:
            graph.push(None)
            yield from _pulled(graph)

    def _convert(self, frame: Any) -> I420:
        trc = int(getattr(frame, "color_trc", self._trc))
        if trc in (PQ, HLG):
            return self._toned(frame, trc)
        full = int(frame.color_range) == FULL or frame.format.name == "yuvj420p"
        if frame.width > MAX_SIDE or frame.height > MAX_SIDE:
            raise SourceError(f"a frame of {frame.width}x{frame.height} is too large", hint=f"at most {MAX_SIDE}")
        if frame.format.name not in ("yuv420p", "yuvj420p") or int(frame.colorspace) not in LIKE_BT601:
            # Another layout, bit depth or colour matrix: swscale brings it to ours.
            source = BT601 if int(frame.colorspace) in LIKE_BT601 else int(frame.colorspace)
            rgb = frame.format.is_rgb
            frame = self._reformatter.reformat(
                frame,
                format="yuv420p",
                src_colorspace=None if rgb else source,
                dst_colorspace=BT601,
                src_color_range=FULL if full or rgb else 1,
                dst_color_range=FULL,
            )
            full = True
        parts = [_plane(frame.planes[0], frame.width, frame.height)]
        parts += [_plane(p, (frame.width + 1) // 2, (frame.height + 1) // 2) for p in frame.planes[1:3]]
        return self._finish(parts, frame, full)

    def _toned(self, frame: Any, trc: int) -> I420:
        """A frame of a film with more than the usual range of light."""
        if frame.format.name != "yuv420p10le":
            frame = self._reformatter.reformat(frame, format="yuv420p10le")
        full = int(frame.color_range) == FULL
        if self._tone is None or self._tone.kind != (trc, full):
            log.info("%s film: its light is brought to that of a usual screen", "HLG" if trc == HLG else "PQ")
            self._tone = Tone(trc, full)
        parts = [_plane(frame.planes[0], frame.width, frame.height, np.uint16)]
        parts += [_plane(p, (frame.width + 1) // 2, (frame.height + 1) // 2, np.uint16) for p in frame.planes[1:3]]
        return self._finish(self._tone(*parts), frame, True)

    def _finish(self, parts: list[Plane], frame: Any, full: bool) -> I420:
        """Y, U and V turned upright, in a buffer of their own, in full range."""
        turns = round(getattr(frame, "rotation", 0) / 90) % 4
        if turns:
            way = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)[turns - 1]
            parts = [np.asarray(cv2.rotate(part, way), np.uint8) for part in parts]
        height, width = (side // 2 * 2 for side in parts[0].shape)
        if min(width, height) < 2:
            raise SourceError(f"a frame of {frame.width}x{frame.height} is too small", hint="at least 2x2")
        if self._pool is None or self._pool.size != (width, height):
            self._pool = Pool((width, height))
        out = self._pool.take()
        for target, part in zip(planes(out), parts, strict=True):
            np.copyto(target, part[: target.shape[0], : target.shape[1]])
        return out if full else expand_range(out, out)


def _plane(plane: Any, width: int, height: int, dtype: Any = np.uint8) -> Any:
    """A view of the picture inside a decoder's plane, whose rows are padded."""
    rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // np.dtype(dtype).itemsize)
    return rows[:height, :width]


def _pulled(graph: Any) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _rate(path: Path, stream: Any) -> float:
    """Frames a second. Of a film that has now more, now fewer, it is the rate of its quick parts, at most 120."""
    mean = float(stream.average_rate or stream.guessed_rate or 0)
    base = float(stream.base_rate or 0)
    even = any(abs(mean * part - round(mean * part)) < 0.01 for part in (1, 1.001))  # as cameras have it, 25 or 29.97
    if mean and even and base <= 1.02 * mean:
        return mean
    with av.open(str(path)) as container:  # timestamps only, nothing is decoded
        packets = itertools.islice(container.demux(video=0), LOOKED_AT)
        times = sorted(float(packet.pts * packet.time_base) for packet in packets if packet.pts is not None)
    steps = sorted(two - one for one, two in itertools.pairwise(times) if two - one > 1e-4)
    if not steps:
        return mean
    quick = [step for step in steps if step < 1.5 * steps[len(steps) // 10]]
    rate = min(max(len(quick) / sum(quick), mean), 120.0)
    return float(round(rate)) if abs(rate - round(rate)) < 0.01 * rate else rate  # timestamps are rounded themselves
