"""What a request asks for, in the words of our own API, of remove.bg's and of rembg's server."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edge_bg.composite.backgrounds import parse_color
from edge_bg.errors import EdgeBgError, PictureError
from edge_bg.listing import Behind, Look, preset
from edge_bg.listing.options import parse_aspect, parse_margin, parse_size
from edge_bg.pictures import decode
from edge_bg.still.things import Subject

MEGAPIXELS = {"preview": 0.25, "small": 0.25, "regular": 0.25, "medium": 1.5, "hd": 4.0}
"""remove.bg's sizes, in megapixels; auto, full, 50MP and 4k are the picture's own."""
OWN_SIZE = {"auto", "full", "4k", "50mp"}
THINGS = {"product", "car", "animal", "graphic", "graphics", "transportation", "other", "car_interior", "car_part"}


class Wrong(ValueError):
    """A request that cannot be met: `code` for programs, the text for people."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True)
class Asked:
    """One request: the picture's bytes, and what is to become of it.

    megapixels: the most that are worked on.  region: four (value, is it a percentage?), all else is no subject.
    scale: share of the picture's own canvas that the subject is to fill.
    zipped: the answer is a ZIP with color.jpg and alpha.png, which a client puts together: far fewer bytes than a PNG.
    shop: name of the preset whose rules the answer is held against; empty for none.
    """

    data: bytes
    name: str = "picture"
    look: Look = field(default_factory=Look)
    subject: Subject = "auto"
    megapixels: float | None = None
    region: tuple[tuple[float, bool], ...] | None = None
    scale: float | None = None
    zipped: bool = False
    shop: str = ""

    def look_for(self, wide: int, high: int) -> Look:
        """The look, for a photograph of that size."""
        if self.scale is None:
            return self.look
        return replace(self.look, margin=(1 - self.scale) / 2, aspect=wide / high, size=(wide, high))


def of_fields(fields: Mapping[str, Any], files: Mapping[str, tuple[str, bytes]]) -> Asked:
    """Our own API and remove.bg's: form fields or JSON, and files by field -> (name, bytes). Raises Wrong."""
    text = {key: str(value) for key, value in fields.items() if value not in (None, "")}
    name, data = _picture(text, files)
    try:
        look = _look(text, files)
        region = _region(text["roi"]) if "roi" in text else None
        scale = None
        if text.get("scale", "original") != "original":
            scale = min(1.0, max(0.1, _percent(text["scale"]) / 100))
        place = text.get("position", "original" if scale is None else "center")
        if place not in (("original",) if scale is None else ("center", "50%", "50% 50%")):
            raise ValueError(f"position {place}: a subject stays where it is, and with a scale it is in the middle")
        size = text.get("size", "auto").lower()
        megapixels = MEGAPIXELS.get(size)
        if megapixels is None and size not in OWN_SIZE:
            look = replace(look, size=parse_size(size))
    except (EdgeBgError, ValueError) as error:
        raise Wrong("invalid_parameter", str(error).replace("\n ", ";")) from None
    zipped = text.get("format", "").lower() == "zip"
    return Asked(data, name, look, _subject(text), megapixels, region, scale, zipped, text.get("preset", ""))


def of_rembg(fields: Mapping[str, Any], files: Mapping[str, tuple[str, bytes]]) -> Asked:
    """rembg's server: `file`, `om` (only the mask), `bgc` (r,g,b,a), `model`; its matting options mean nothing here."""
    if "file" not in files:
        raise Wrong("missing_source", "send the picture as a file in the field `file`")
    name, data = files["file"]
    text = {key: str(value) for key, value in fields.items()}
    behind = Behind()
    if text.get("bgc"):
        try:
            red, green, blue, alpha = (int(each) for each in [*text["bgc"].split(","), "255"][:4])
        except ValueError:
            raise Wrong("invalid_parameter", f"bgc {text['bgc']}: write r,g,b,a, each 0 to 255") from None
        if not all(0 <= each <= 255 for each in (red, green, blue, alpha)):
            raise Wrong("invalid_parameter", f"bgc {text['bgc']}: each is 0 to 255")
        behind = Behind("color", (red, green, blue)) if alpha else behind
    mask = text.get("om", "").lower() in ("true", "1", "yes", "on")
    subject: Subject = "people" if "human" in text.get("model", "") else "auto"
    return Asked(data, name, Look(behind, mask_only=mask), subject)


def _picture(text: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> tuple[str, bytes]:
    for key in ("image_file", "file", "picture"):
        if key in files:
            return files[key]
    if "image_file_b64" in text:
        try:
            return "picture", base64.b64decode(text["image_file_b64"].rpartition(",")[2], validate=False)
        except (binascii.Error, ValueError):
            raise Wrong("invalid_base64", "image_file_b64 is not base64") from None
    if "image_url" in text:
        raise Wrong("unsupported", "image_url: this server opens no connections of its own; send the picture itself")
    raise Wrong("missing_source", "send a picture as a file in the field image_file, or as image_file_b64")


def _look(text: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> Look:
    look = preset(text["preset"]).look() if "preset" in text else Look()
    kind = text.get("format", "auto").lower().replace("jpeg", "jpg").replace("tiff", "tif")
    if "bg_image_file" in files:
        name, data = files["bg_image_file"]
        look = replace(look, behind=Behind("image", picture=decode(data, name).on_black()))
    elif "bg_color" in text:
        look = replace(look, behind=_colour(text["bg_color"]))
    elif "background" in text:
        look = replace(look, behind=_colour(text["background"]))
    elif "bg_image_url" in text:
        raise ValueError("bg_image_url: this server opens no connections of its own; send bg_image_file")
    if text.get("channels") == "alpha":
        look = replace(look, mask_only=True)
    if _yes(text.get("crop")):
        look = replace(look, crop=True, margin=look.margin or 0.0)
    if "crop_margin" in text:
        share = _percent(text["crop_margin"].split()[0]) / 100  # of the subject; ours is of the canvas
        look = replace(look, crop=True, margin=min(0.45, share / (1 + 2 * share)))
    if "margin" in text:
        look = replace(look, margin=parse_margin(text["margin"]))
    if "aspect" in text:
        look = replace(look, aspect=parse_aspect(text["aspect"]))
    shadow = text.get("shadow", text.get("shadow_type", "drop" if _yes(text.get("add_shadow")) else "none"))
    if shadow != "none":
        look = replace(look, shadow="keep" if shadow == "keep" else "drop")
    if "quality" in text:
        look = replace(look, quality=min(100, max(1, int(text["quality"]))))
    if kind == "zip":
        if look.mask_only:
            raise ValueError("format zip: it holds alpha beside colours, so it has no channels=alpha")
        return replace(look, format="png")
    if kind == "auto":
        kind = look.format if "preset" in text else "png"
    if kind not in ("png", "jpg", "webp", "tif"):
        raise ValueError(f"format {kind}: png, jpg, webp or zip")
    if kind == "jpg" and not look.opaque:
        look = replace(look, behind=Behind("color", (255, 255, 255)))  # as remove.bg does
    return replace(look, format=kind)


def _subject(text: Mapping[str, str]) -> Subject:
    kind = text.get("subject", text.get("type", "auto")).lower()
    if kind in THINGS or kind == "anything":
        return "anything"
    return "people" if kind in ("person", "people") else "auto"


def _colour(word: str) -> Behind:
    if word.lower() == "transparent":
        return Behind()
    if re.fullmatch(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", word):
        word = f"#{word}"
    if re.fullmatch(r"#[0-9a-fA-F]{8}", word):  # with alpha
        if word[7:] == "00":
            return Behind()
        word = word[:7]
    return Behind("color", parse_color(word))


def _region(words: str) -> tuple[tuple[float, bool], ...]:
    found = re.findall(r"(\d+(?:\.\d+)?)(px|%)", words)
    if len(found) != 4:
        raise ValueError(f"roi {words}: write left top right bottom, such as 0% 0% 100% 100%")
    return tuple((float(value), unit == "%") for value, unit in found)


def _percent(words: str) -> float:
    found = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", words.strip())
    if found is None or float(found[1]) > 500:
        raise PictureError(f"{words}: is not a share", hint="write it in percent, such as 10%")
    return float(found[1])


def _yes(word: str | None) -> bool:
    return (word or "").lower() in ("true", "1", "yes", "on")
