"""Which rules of a shop a picture file meets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_bg.listing.arrange import subject_box
from edge_bg.listing.options import Preset, parse_aspect
from edge_bg.pictures import Photo, facts, read_photo
from edge_bg.pictures.colour import is_srgb, profile_name

KINDS = {"jpeg": "jpg", "tiff": "tif"}
ADVICE = {"ours": "; our advice: the shop asks for nothing", "advised": "; the shop's advice, no rule"}
WHITE = 250  # a channel below this is not the white ground
BORDER = 3  # pixels along the edge that must be the ground's colour


@dataclass(frozen=True)
class Finding:
    """One rule. words say what was found and what is asked.

    ok: True, False, or None where it cannot be told, or where it is advice and no rule of the shop.
    """

    rule: str
    ok: bool | None
    words: str


def check(path: Path, preset: Preset, *, max_megapixels: float = 256) -> list[Finding]:
    """Every rule of `preset` against a picture file. Raises PictureError for what is no picture."""
    return check_photo(path.read_bytes(), read_photo(path, max_megapixels=max_megapixels, profile="keep"), preset)


def check_photo(data: bytes, photo: Photo, preset: Preset) -> list[Finding]:
    """Every rule of `preset` against the bytes of a file and the picture in it."""
    known = facts(data)
    high, wide = photo.rgb.shape[:2]
    kind = KINDS.get(known.kind, known.kind or "unknown")
    found = [
        Finding("format", kind in preset.formats, f"{kind}; {', '.join(preset.formats)} will do"),
        Finding("one picture", not known.animated, "an animation" if known.animated else "it stands still"),
    ]
    if preset.max_bytes is not None:
        words = f"{len(data) / 1e6:.1f} MB; at most {preset.max_bytes / 1e6:g}"
        found.append(Finding("bytes", len(data) <= preset.max_bytes, words))
    if preset.srgb:
        name = profile_name(known.icc) if known.icc else "none, which counts as sRGB"
        words = "CMYK, as printers have it" if known.channels == 4 else f"colour profile: {name}"
        found.append(_judged(preset, "sRGB", known.channels != 4 and is_srgb(known.icc), words, "srgb"))
    found += _sizes(preset, wide, high)
    found += _ground(preset, photo)
    return found


def _sizes(preset: Preset, wide: int, high: int) -> list[Finding]:
    longer, found = max(wide, high), []
    here = f"{wide}x{high}"
    if preset.least is not None:
        best = f", best {preset.best}" if preset.best and preset.best > preset.least else ""
        found.append(
            Finding("size", longer >= preset.least, f"{here}; at least {preset.least} on the longer side{best}")
        )
    if preset.most is not None:
        found.append(Finding("not too large", longer <= preset.most, f"{here}; at most {preset.most} a side"))
    if preset.most_megapixels is not None:
        words = f"{wide * high / 1e6:.1f} megapixels; at most {preset.most_megapixels:g}"
        found.append(Finding("megapixels", wide * high <= preset.most_megapixels * 1e6, words))
    if preset.aspect is not None:
        close = abs(wide / high / parse_aspect(preset.aspect) - 1) < 0.01
        found.append(_judged(preset, "shape", close, f"{wide / high:.2f}; {preset.aspect} is usual", "aspect"))
    return found


def _judged(preset: Preset, rule: str, ok: bool, words: str, value: str) -> Finding:
    """A rule, or advice where that `value` of the preset is no more."""
    advice = preset.advice(value)
    return Finding(rule, None, words + ADVICE[advice]) if advice and not ok else Finding(rule, ok, words)


def _ground(preset: Preset, photo: Photo) -> list[Finding]:
    """The background at the border, and how far the subject fills the picture."""
    high, wide = photo.rgb.shape[:2]
    if preset.background == "transparent":
        clear = photo.alpha is not None and int(photo.alpha.min()) == 0
        found = [Finding("background", clear, "clear pixels" if clear else "no clear pixels; it should be transparent")]
        return found + _filled(preset, photo.alpha if clear else None, wide, high)
    if photo.alpha is not None:
        return [_judged(preset, "background", False, f"transparent; {preset.background} is expected", "background")]
    wanted = tuple(int(preset.background[at : at + 2], 16) for at in (1, 3, 5))
    edge = np.ones((high, wide), bool)
    edge[BORDER:-BORDER, BORDER:-BORDER] = False
    pixels = photo.rgb[edge]
    like = (np.abs(pixels.astype(int) - wanted) <= 255 - WHITE).all(axis=1)
    near = float(like.mean())
    reaching = near < 0.98 and _corners(photo.rgb, wanted)  # what reaches the edge between them is the subject
    ground = pixels[like] if reaching else pixels
    pure = float((ground == wanted).all(axis=1).mean())
    words = f"{pure:.0%} of {'the ground at the border' if reaching else 'the border'} is exactly {preset.background}"
    ok = pure >= 0.98
    if not ok and (near >= 0.98 or reaching):
        words += f", all of it nearly: {tuple(int(each) for each in np.median(ground, axis=0))} is not pure"
    found = [_judged(preset, "background", ok, words, "background")]
    if reaching:
        found.append(Finding("whole", None, "the subject reaches the edge; is it cut off?"))
    if near < 0.5:
        return [*found, Finding("share filled", None, "the ground is not plain, so it cannot be told")]
    subject = (np.abs(photo.rgb.astype(np.int16) - np.array(wanted, np.int16)) > 255 - WHITE).any(axis=2)
    return found + _filled(preset, np.where(subject, np.uint8(255), np.uint8(0)), wide, high)


def _corners(rgb: NDArray[np.uint8], wanted: tuple[int, ...]) -> bool:
    """Whether all four corners have nearly the colour wanted."""
    side = max(BORDER, min(rgb.shape[:2]) // 50)
    corners = [
        rgb[rows, columns] for rows in (np.s_[:side], np.s_[-side:]) for columns in (np.s_[:side], np.s_[-side:])
    ]
    return all((np.abs(each.astype(int) - wanted) <= 255 - WHITE).all() for each in corners)


def _filled(preset: Preset, subject: NDArray[np.uint8] | None, wide: int, high: int) -> list[Finding]:
    box = None if subject is None else subject_box(subject)
    if box is None:
        return [Finding("share filled", None, "there is no telling subject from ground")]
    share = max(box.wide / wide, box.high / high)
    low, most = preset.least_fill or preset.fill - 0.005, preset.most_fill or 1.0
    asked = "least_fill" if preset.least_fill else "fill"
    words = f"the subject fills {share:.0%} of the longer way; {low:.0%} to {most:.0%}"
    return [_judged(preset, "share filled", low <= share <= most, words, asked)]
