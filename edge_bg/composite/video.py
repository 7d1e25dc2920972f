"""A video, looped, behind the person; decoded on a thread of its own so that the loop never waits for it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

from edge_bg.composite.backgrounds import Fit, ImageBackground, Still, check_fit, fit_picture
from edge_bg.composite.clips import HINT, Clip, is_animated, open_clip
from edge_bg.errors import PictureError
from edge_bg.frame import I420, Frame, Pool, Size, from_bgr
from edge_bg.pictures.colour import has_pillow

AGAIN: Final = 1.0  # seconds until a file that cannot be read is tried again


class VideoBackground(Still):
    """A video file at its own pace, from the start again when it ends; `fit` as for a picture.

    `open` raises PictureError when the file is absent or no video. While a file that broke later cannot be
    read, its last good picture stays.
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
        clip = open_clip(self.path)
        first = clip.read()
        if first is None:
            clip.close()
            raise PictureError(f"background video {self.path} cannot be decoded", hint=HINT)
        pool = Pool(size)
        self._picture = from_bgr(fit_picture(first, size, self.fit), pool.take())
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._play, args=(clip, size, pool, self._stop), name="edge-bg-background", daemon=True
        )
        self._thread.start()

    def _play(self, clip: Clip, size: Size, pool: Pool, stop: threading.Event) -> None:
        """Show picture after picture, again and again. While the file cannot be read, its last picture stays."""
        now: Clip | None = clip
        due = time.monotonic() + clip.pause
        rewound = False
        while not stop.wait(max(0.0, due - time.monotonic())):
            try:
                now = now or open_clip(self.path)
                picture = now.read()
            except (PictureError, OSError):  # it was taken away, or no descriptors are left just now
                picture, rewound = None, True
            if picture is not None and now is not None:
                rewound = False
                self._picture = from_bgr(fit_picture(picture, size, self.fit), pool.take())
                due = max(due + now.pause, time.monotonic())
                continue
            if now is not None:
                now.close()
            if rewound:  # nothing to read even at the start
                due = time.monotonic() + AGAIN
            now, rewound = None, True
        if now is not None:
            now.close()

    def close(self) -> None:
        """Stop decoding."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)
        self._thread = None
        super().close()


class PictureBackground(ImageBackground):
    """A picture file; one that moves (WebP, PNG, AVIF) plays as a video does, where Pillow is installed."""

    _moving: VideoBackground | None = None

    def open(self, size: Size, fps: float) -> None:
        """Draw the picture at `size`, or begin to play it."""
        self.close()
        if has_pillow() and is_animated(self.path):
            self._moving = VideoBackground(self.path, self.fit)
            self._moving.open(size, fps)
        else:
            super().open(size, fps)

    def __call__(self, frame: Frame, /) -> I420:
        """The picture that is due."""
        return super().__call__(frame) if self._moving is None else self._moving(frame)

    def close(self) -> None:
        """Stop playing, and forget the picture."""
        if self._moving is not None:
            self._moving.close()
        self._moving = None
        super().close()
