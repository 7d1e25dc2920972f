"""What is put behind the person: a colour, a picture, nothing at all, or the room as it is."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np

from edge_bg.errors import PictureError
from edge_bg.frame import I420, Frame, Picture, Size, filled, from_bgr, yuv_of
from edge_bg.pictures import read_photo

log = logging.getLogger(__name__)

Fit = Literal["cover", "contain", "stretch"]
_NAMES = {
    "black": "#000000", "white": "#ffffff", "gray": "#808080", "grey": "#808080", "red": "#ff0000",
    "green": "#00ff00", "blue": "#0000ff", "yellow": "#ffff00", "cyan": "#00ffff", "magenta": "#ff00ff",
}  # fmt: skip


class Background(Protocol):
    """What the compositor asks of a background.

    mode: "blend": `__call__` gives the picture to blend over. "alpha": likewise, the picture being
          black, and the frame says that its colours are multiplied by alpha (`Frame.premultiplied`), for
          consumers that blend by alpha themselves. "pass": the frame goes through whole, the room included.
    room: True when the picture shows anything of the room; such a background is no cover.
    """

    mode: Literal["blend", "alpha", "pass"]
    room: bool

    def open(self, size: Size, fps: float) -> None:
        """Get ready for frames of `size` (width, height) at about `fps` a second; may be called again."""

    def __call__(self, frame: Frame, /) -> I420:
        """The picture behind `frame`, which carries its alpha: I420 of the frame's size, not to be written to."""

    def close(self) -> None:
        """Let go of files and threads; idempotent."""


class Still:
    """A background that has its picture ready, made when the size is known; one of its own kind draws it once."""

    mode: Literal["blend", "alpha", "pass"] = "blend"
    room = False

    def __init__(self) -> None:
        self._picture: I420 | None = None

    def _draw(self, size: Size) -> I420:
        raise NotImplementedError

    def open(self, size: Size, fps: float) -> None:
        """Draw the picture at `size`."""
        del fps
        self._picture = self._draw(size)

    def __call__(self, frame: Frame, /) -> I420:
        """The picture that is ready: the same every time, or until another one is due."""
        if self._picture is None:
            self.open(frame.size, 30.0)
        assert self._picture is not None
        return self._picture

    def close(self) -> None:
        """Forget the picture."""
        self._picture = None


class ColorBackground(Still):
    """One colour, `#rrggbb`, `#rgb` or a plain name such as `green`. ValueError for anything else."""

    def __init__(self, color: str = "#202830") -> None:
        super().__init__()
        self.color = color
        self.rgb = parse_color(color)

    def _draw(self, size: Size) -> I420:
        return filled(size, yuv_of(self.rgb))


class ImageBackground(Still):
    """A picture file that OpenCV reads; `fit`: cover (fill, cut off), contain (whole, black bars) or stretch."""

    def __init__(self, path: str | Path, fit: Fit = "cover") -> None:
        super().__init__()
        self.path = Path(path)
        self.fit = check_fit(fit)

    def _draw(self, size: Size) -> I420:
        return from_bgr(fit_picture(read_picture(self.path), size, self.fit))


class TransparentBackground(Still):
    """Nothing: the person fades into black, for sinks and code that carry the alpha (`Frame.premultiplied`).

    Where only the alpha hides the room, a sink that carries none would show it: so its colours are multiplied in.
    """

    mode = "alpha"

    def _draw(self, size: Size) -> I420:
        return filled(size, (0, 128, 128))


class NoBackground:
    """The room as it is, for setting up a camera: frames pass through whole, alpha attached."""

    mode: Literal["blend", "alpha", "pass"] = "pass"
    room = True

    def open(self, size: Size, fps: float) -> None:
        """Nothing to get ready."""

    def __call__(self, frame: Frame, /) -> I420:
        """The frame's own picture."""
        return frame.data

    def close(self) -> None:
        """Nothing to let go of."""


def parse_color(text: str) -> tuple[int, int, int]:
    """(R, G, B) of `#rrggbb`, `#rgb` or a name; ValueError otherwise."""
    code = _NAMES.get(text.strip().lower(), text.strip())
    if re.fullmatch(r"#[0-9a-fA-F]{3}", code):
        code = "#" + "".join(c * 2 for c in code[1:])
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", code):
        raise ValueError(f"color {text!r} is neither #rrggbb nor one of {', '.join(_NAMES)}")
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def check_fit(fit: str) -> Fit:
    """`fit` again, or ValueError."""
    if fit not in ("cover", "contain", "stretch"):
        raise ValueError(f"fit {fit!r} is none of cover, contain, stretch")
    return fit  # type: ignore[return-value]


def read_picture(path: Path) -> Picture:
    """`(H, W, 3)` uint8 BGR, upright, sRGB; what is clear in it is black. PictureError with the reason."""
    hint = "give a PNG, JPEG or WebP file that opens in an image viewer"
    try:
        photo = read_photo(path)
    except PictureError as error:
        raise PictureError(f"background picture {error.message}", hint=error.hint or hint) from None
    for note in photo.notes:
        log.warning("background picture %s", note)
    return np.asarray(cv2.cvtColor(photo.on_black(), cv2.COLOR_RGB2BGR), np.uint8)


def fit_picture(picture: Picture, size: Size, fit: Fit) -> Picture:
    """`picture` `(h, w, 3)` at `size` (width, height), by `fit`."""
    width, height = size
    h, w = picture.shape[:2]
    if fit == "stretch":
        across, down = width, height
    else:
        choose = max if fit == "cover" else min
        scale = choose(width / w, height / h)
        across, down = max(1, round(w * scale)), max(1, round(h * scale))
    smaller = across < w
    scaled: Any = cv2.resize(picture, (across, down), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    if (across, down) == size:
        return np.asarray(scaled, np.uint8)
    if fit == "cover":
        left, top = (across - width) // 2, (down - height) // 2
        return np.asarray(scaled[top : top + height, left : left + width], np.uint8)
    canvas = np.zeros((height, width, 3), np.uint8)
    left, top = (width - across) // 2, (height - down) // 2
    canvas[top : top + down, left : left + across] = scaled
    return canvas


def cover_picture(background: Background, size: Size) -> I420:
    """What goes out when no valid mask is there: the background alone. ValueError if it would show the room."""
    if background.room:
        raise ValueError("the cover must not show the room: choose a color, an image or a video")
    background.open(size, 30.0)
    try:
        blank = Frame(filled(size, (0, 128, 128)), 0.0, 0)
        return background(blank).copy()
    finally:
        background.close()
