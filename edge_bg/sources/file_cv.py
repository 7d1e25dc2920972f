"""Video files through OpenCV, for where PyAV is not installed. Pictures come as BGR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2

from edge_bg.errors import SourceError
from edge_bg.frame import I420, Pool, from_bgr
from edge_bg.sources.fit import even


class CvReader:
    """One pass over a video; see `file.Reader`. OpenCV turns it upright and hides which packets were damaged."""

    def __init__(self, path: Path) -> None:
        self._capture: Any = cv2.VideoCapture()
        try:
            opened = self._capture.open(str(path), cv2.CAP_FFMPEG) or self._capture.open(str(path))
        except cv2.error:
            opened = False
        if not opened:
            self._capture.release()
            raise SourceError(f"{path}: not a video that can be read", hint=f"ffprobe {path}")
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.expected = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        self.failures = 0
        self.broken = ""
        self._pool: Pool | None = None
        # OpenCV 4.6, Bookworm's, takes the angle of videos held upright for its opposite.
        old = tuple(int(part) for part in cv2.__version__.split(".")[:2]) < (4, 7)
        self._upside_down = old and self._capture.get(cv2.CAP_PROP_ORIENTATION_META) in (90, 270)

    def read(self) -> I420 | None:
        """The next frame, upright, or None at the end."""
        ok, picture = self._capture.read()
        if not ok or picture is None:
            return None
        if self._upside_down:
            picture = cv2.rotate(picture, cv2.ROTATE_180)
        picture = even(picture)
        size = (picture.shape[1], picture.shape[0])
        if self._pool is None or self._pool.size != size:
            self._pool = Pool(size)
        return from_bgr(picture, self._pool.take())

    def skip(self) -> bool:
        """Pass over one frame; False at the end."""
        return bool(self._capture.grab())

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()
