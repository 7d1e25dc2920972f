"""pibooth's camera is a running booth of edge_bg: its live picture, its photos at full quality.

In ~/.config/pibooth/pibooth.cfg, under [GENERAL]: plugins = ("/opt/edge-bg/share/pibooth_edge_bg.py",)
The booth's address, and its token if it has one, stand under [EDGE_BG]. The booth needs `booth: {control: true}`.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
import urllib.request

import pibooth
import pygame
from pibooth.camera.base import BaseCamera
from pibooth.language import get_translated_text
from pibooth.pictures import sizing
from PIL import Image, ImageFilter

__version__ = "1.0.0"

ADDRESS = "http://127.0.0.1:8080"
SECONDS = 30.0  # in which a photo has to be finished; after that it goes as it was seen
TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
FILTERS = ("blur", "contour", "detail", "edge_enhance", "emboss", "find_edges", "smooth", "sharpen")


class Booth(BaseCamera):
    """What pibooth asks of a camera. Methods raise OSError when the booth does not answer or sees nobody."""

    IMAGE_EFFECTS = ("none", *FILTERS)

    def __init__(self, url: str, token: str = "") -> None:
        super().__init__(None)
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def _ask(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(self._url + path, method=method, headers=self._headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def _photo(self) -> bytes:
        """A photo's JPEG file, taken now; the booth keeps none."""
        path = f"/api/v1/photos/{json.loads(self._ask('/api/v1/photos', 'POST'))['id']}"
        end = time.monotonic() + SECONDS
        try:
            while json.loads(self._ask(path))["state"] == "live" and time.monotonic() < end:
                time.sleep(0.1)
            return self._ask(path + ".jpg")
        finally:
            with contextlib.suppress(OSError):
                self._ask(path, "DELETE")

    def _fitted(self, picture: Image.Image, size: tuple[int, int], rotation: int, flip: bool) -> Image.Image:
        """Turned, cut to the shape that pibooth prints, and at most of `size`."""
        if rotation:
            picture = picture.transpose(TURNS[rotation])
        picture = picture.crop(sizing.new_size_by_croping_ratio(picture.size, self.resolution))
        picture = picture.resize(sizing.new_size_keep_aspect_ratio(picture.size, size, "outer"))
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else picture

    def _show(self) -> None:
        live = Image.open(io.BytesIO(self._ask("/snapshot.jpg")))
        live = self._fitted(live, self.get_rect().size, self.preview_rotation, self.preview_flip)
        if self._overlay:
            text, alpha = self._overlay
            over = self.build_overlay(live.size, text, alpha)
            live.paste(over, (0, 0), over)
        pygame.event.pump()
        pygame.display.update(self._window.show_image(live) or [])

    def _show_overlay(self, text: str, alpha: int) -> None:
        self._overlay = (str(text), alpha)

    def preview(self, window, flip: bool = True) -> None:
        """Show the live picture."""
        self._window, self.preview_flip = window, flip
        self._show()

    def preview_countdown(self, timeout: int, alpha: int = 80) -> None:
        """Show it, with the seconds that are left."""
        end = time.monotonic() + int(timeout)
        while (left := end - time.monotonic()) > 0:
            self._show_overlay(str(int(left) + 1), alpha)
            self._show()
        self._show_overlay(get_translated_text("smile"), alpha)
        self._show()

    def preview_wait(self, timeout: int, alpha: int = 80) -> None:
        """Show it for so many seconds."""
        end = time.monotonic() + int(timeout)
        while time.monotonic() < end:
            self._show()
        self._show_overlay(get_translated_text("smile"), alpha)
        self._show()

    def stop_preview(self) -> None:
        """Show it no more."""
        self._hide_overlay()
        self._window = None

    def capture(self, effect: str | None = None) -> None:
        """Take a photo."""
        self._captures.append((self._photo(), str(effect or "none").lower()))
        self._hide_overlay()

    def _post_process_capture(self, capture_data: tuple[bytes, str]) -> Image.Image:
        data, effect = capture_data
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        picture = self._fitted(picture, self.resolution, self.capture_rotation, self.capture_flip)
        return picture.filter(getattr(ImageFilter, effect.upper())) if effect in FILTERS else picture

    def quit(self) -> None:
        """Nothing is held open."""


@pibooth.hookimpl
def pibooth_configure(cfg):
    """The plugin's settings."""
    cfg.add_option("EDGE_BG", "url", ADDRESS, "Address of the booth")
    cfg.add_option("EDGE_BG", "token", "", "Its token, where it asks for one")


@pibooth.hookimpl
def pibooth_setup_camera(cfg):
    """The camera."""
    return Booth(cfg.get("EDGE_BG", "url").strip('"'), cfg.get("EDGE_BG", "token").strip('"'))
