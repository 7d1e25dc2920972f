"""Video files through OpenCV, for where PyAV is not installed. Pictures come as BGR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2

from edge_bg.errors import SourceError
from edge_bg.frame import I420, Pool, from_bgr
from edge_bg.sources.fit import even

LONGEST = 60.0  # seconds between two frames; what says more, or goes back, is a break in the timestamps


class CvReader:
    """One pass over a video; see `file.Reader`. OpenCV turns it upright and hides which packets were damaged."""

    limits = (
        "read by OpenCV: HDR and interlaced films stay as they are, and sound is left out; all of it works with "
        "decoder: auto and `pip install 'edge-bg[video]'`"
    )

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
        self.length = self.expected / self.fps if self.fps > 0 else 0.0
        self.failures = 0
        self.broken = ""
        self.time = self.lasts = 0.0
        self._pool: Pool | None = None
        self._picture: Any = None
        self._grabbed = self._more = False
        # OpenCV 4.6, Bookworm's, takes the angle of videos held upright for its opposite.
        old = tuple(int(part) for part in cv2.__version__.split(".")[:2]) < (4, 7)
        on_its_side = self._capture.get(cv2.CAP_PROP_ORIENTATION_META) in (90, 270)
        self._upside_down = old and on_its_side
        wide, high = (self._capture.get(each) for each in (cv2.CAP_PROP_SAR_NUM, cv2.CAP_PROP_SAR_DEN))
        aspect = wide / high if wide > 0 and high > 0 else 1.0
        self.aspect = 1 / aspect if on_its_side else aspect

    def next(self) -> bool:
        """Go on to the next frame; False at the end."""
        first = not self._grabbed
        if not (self._capture.grab() if first else self._more):
            return False
        ok, picture = self._capture.retrieve()
        if not ok or picture is None:
            return False
        self._grabbed, self._picture = True, picture
        now = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        self.time = now if first else self.time + self.lasts
        self._more = bool(self._capture.grab())
        step = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3 - now
        self.lasts = step if self._more and 0 < step <= LONGEST else 1 / (self.fps or 25.0)
        return True

    def picture(self) -> I420:
        """This frame, upright."""
        picture = self._picture
        if self._upside_down:
            picture = cv2.rotate(picture, cv2.ROTATE_180)
        picture = even(picture)
        size = (picture.shape[1], picture.shape[0])
        if self._pool is None or self._pool.size != size:
            self._pool = Pool(size)
        return from_bgr(picture, self._pool.take())

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()
