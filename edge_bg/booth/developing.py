"""From a shot to a photo: first as it was seen, then with the care that a photograph deserves."""

from __future__ import annotations

from typing import Any

import cv2

from edge_bg.booth.photos import Photo
from edge_bg.errors import PictureError


class Darkroom:
    """Makes a photo's files."""

    def __init__(self, booth: Any) -> None:
        self._booth = booth

    def live(self, photo: Photo) -> dict[str, bytes]:
        """What was on the screen, as JPEG: at once."""
        shown = photo.shots[-1].shown
        ok, data = cv2.imencode(".jpg", shown.bgr(), (cv2.IMWRITE_JPEG_QUALITY, 92))
        if not ok:
            raise PictureError("the photo could not be encoded")
        return {"photo.jpg": bytes(data)}

    def develop(self, photo: Photo) -> dict[str, bytes]:
        """At full quality."""
        return {}
