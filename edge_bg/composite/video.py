"""A video, looped, behind the person; decoded on a thread of its own so that the loop never waits for it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import cv2

from edge_bg.composite.backgrounds import Fit, Still, check_fit, fit_picture
from edge_bg.errors import PictureError
from edge_bg.frame import Pool, Size, from_bgr

_HINT = "give a video that OpenCV opens, such as an H.264 .mp4; `ffprobe FILE` shows what it holds"


class VideoBackground(Still):
    """A video file at its own pace, from the start again when it ends; `fit` as for a picture.

    `open` raises PictureError when the file is absent or no video. A file that breaks later stays on its last
    good picture.
    """

    def __init__(self, path: str | Path, fit: Fit = "cover") -> None:
        super().__init__()
        self.path = Path(path)
        self.fit = check_fit(fit)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, size: Size, fps: float) -> None:
        """Decode the first picture here, so that errors are seen, then go on in the background."""
        del fps
        self.close()
        if not self.path.is_file():
            raise PictureError(f"background video {self.path}: no such file", hint=_HINT)
        capture: Any = cv2.VideoCapture(str(self.path))
        ok, first = capture.read()
        if not ok:
            capture.release()
            raise PictureError(f"background video {self.path} cannot be decoded", hint=_HINT)
        pool = Pool(size)
        self._picture = from_bgr(fit_picture(first, size, self.fit), pool.take())
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._play, args=(capture, size, pool, self._stop), name="edge-bg-background", daemon=True
        )
        self._thread.start()

    def _play(self, capture: Any, size: Size, pool: Pool, stop: threading.Event) -> None:
        pause = 1.0 / min(max(capture.get(cv2.CAP_PROP_FPS) or 25.0, 1.0), 60.0)
        due = time.monotonic() + pause
        rewound = False
        while not stop.wait(max(0.0, due - time.monotonic())):
            ok, picture = capture.read()
            if ok:
                rewound = False
                self._picture = from_bgr(fit_picture(picture, size, self.fit), pool.take())
            elif rewound:
                break  # nothing to read even at the start
            else:
                rewound = True
                capture.release()
                capture = cv2.VideoCapture(str(self.path))
                continue
            due = max(due + pause, time.monotonic())
        capture.release()

    def close(self) -> None:
        """Stop decoding."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)
        self._thread = None
        super().close()
