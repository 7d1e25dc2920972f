"""Video files through PyAV: the decoder's planes go into I420 with one copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from edge_bg.errors import SourceError
from edge_bg.frame import I420, MAX_SIDE, Pool, expand_range, planes

Plane = NDArray[np.uint8]
BT601, FULL = 5, 2  # FFmpeg's AVCOL_SPC_BT470BG and AVCOL_RANGE_JPEG
LIKE_BT601 = {2, 5, 6}  # "unspecified" counts as BT.601, as FFmpeg itself takes it
DAMAGED_IN_A_ROW = 100  # packets; then it is not a scratch but a broken file


class AvReader:
    """One pass over the first video stream of a file; see `file.Reader`."""

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
        self.fps = float(stream.average_rate or stream.guessed_rate or 0)
        self.expected = int(stream.frames or 0)
        self.failures = 0
        self.broken = ""
        self._frames = self._decode(stream)
        self._reformatter = VideoReformatter()  # keeps its tables from frame to frame
        self._pool: Pool | None = None

    def read(self) -> I420 | None:
        """The next frame, upright, or None at the end."""
        frame = next(self._frames, None)
        return None if frame is None else self._convert(frame)

    def skip(self) -> bool:
        """Decode and drop one frame; False at the end."""
        return next(self._frames, None) is not None

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

    def _convert(self, frame: Any) -> I420:
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
        turns = round(getattr(frame, "rotation", 0) / 90) % 4
        parts = [_plane(frame.planes[0], frame.width, frame.height)]
        parts += [_plane(p, (frame.width + 1) // 2, (frame.height + 1) // 2) for p in frame.planes[1:3]]
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


def _plane(plane: Any, width: int, height: int) -> Plane:
    """A view of the picture inside a decoder's plane, whose rows are padded."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[:height, :width]
