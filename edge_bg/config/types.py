"""The small types a configuration is made of: sizes, colours, paths, rates; and how they say what is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

MIN_SIDE, MAX_SIDE = 32, 7680  # pixels of a side: 8K is the largest that any camera gives

COLOURS = {
    "black": "#000000", "white": "#ffffff", "grey": "#808080", "gray": "#808080", "red": "#ff0000",
    "green": "#00b140", "blue": "#0047bb", "yellow": "#ffd400", "magenta": "#ff00ff", "cyan": "#00ffff",
}  # fmt: skip


class Bad(ValueError):
    """A value that will not do: `what` is wrong with it, and what would do (`fix`)."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(f"{what}; {fix}" if fix else what)
        self.what = what
        self.fix = fix


class Part(BaseModel):
    """Base of every piece of a configuration: immutable, no unknown keys, no silent conversions."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=False,
        use_attribute_docstrings=True,
    )  # fmt: skip


def parse_size(value: Any) -> tuple[int, int]:
    """`1280x720` or `[1280, 720]` -> (width, height) in pixels, both even."""
    example = "write it as 1280x720 (width x height, both even)"
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d{1,6})\s*[xX×]\s*(\d{1,6})\s*", value)
        if not match:
            raise Bad("is not a size", example)
        width, height = int(match[1]), int(match[2])
    elif isinstance(value, Sequence) and len(value) == 2 and all(type(side) is int for side in value):
        width, height = value
    else:
        raise Bad("is not a size", example)
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise Bad(f"is out of range: each side is {MIN_SIDE} to {MAX_SIDE} pixels", example)
    if width % 2 or height % 2:
        even = f"{width + width % 2}x{height + height % 2}"
        raise Bad("has an odd side, and video needs even ones", f"{even} would do")
    return width, height


def parse_color(value: Any) -> str:
    """`#00b140`, `#0b4` or a name such as `green` -> `#rrggbb` in lower case."""
    example = f'write "#rrggbb" in quotes, or one of {", ".join(COLOURS)}'
    if not isinstance(value, str):
        raise Bad("is not a colour", example)
    text = value.strip().lower()
    if text in COLOURS:
        return COLOURS[text]
    if re.fullmatch(r"#[0-9a-f]{6}", text):
        return text
    if re.fullmatch(r"#[0-9a-f]{3}", text):
        return "#" + "".join(digit * 2 for digit in text[1:])
    raise Bad("is not a colour", example)


def parse_path(value: Any, info: ValidationInfo) -> Path:
    """Text -> Path: `~` expanded, `builtin:NAME` looked up, relative to the folder of the config file."""
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise Bad("is not a path", "write the name of a file, in quotes if it looks like a number")
    if not value.isprintable():
        raise Bad("holds control characters", "write a plain path")
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", value):
        raise Bad("is an address, and edge-bg opens no network connections", "give a file on this machine")
    if value.startswith("builtin:"):
        from edge_bg.assets import asset_path

        return asset_path(value.removeprefix("builtin:"))
    try:
        path = Path(value).expanduser()
    except RuntimeError as error:
        raise Bad(f"cannot be expanded: {error}", "write the whole path") from error
    base = (info.context or {}).get("base")
    return Path(os.path.normpath(base / path)) if base is not None and not path.is_absolute() else path


def must_exist(path: Path, info: ValidationInfo) -> Path:
    """Where files are checked (`load`, `edge-bg check`), an input that is missing is an error of the config."""
    if (info.context or {}).get("files") and not any(sign in str(path) for sign in "*?["):
        try:
            there = path.exists()
        except (OSError, ValueError) as error:
            raise Bad(f"cannot be looked at: {error}", "give the path of a file") from error
        if not there:
            raise Bad("does not exist", f"looked for {path}")
    return path


class OrText:
    """In the JSON Schema, a one-line form is allowed beside the mapping."""

    def __init__(self, description: str) -> None:
        self.description = description

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "minLength": 1, "description": self.description}, handler(core)]}


_SIZE_SCHEMA = {
    "description": "width x height in pixels, both even",
    "anyOf": [
        {"type": "string", "pattern": r"^\d+x\d+$"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
    ],
}
Size = Annotated[tuple[int, int], BeforeValidator(parse_size), WithJsonSchema(_SIZE_SCHEMA)]
Color = Annotated[str, BeforeValidator(parse_color), WithJsonSchema({"type": "string", "format": "color"})]
AnyPath = Annotated[Path, BeforeValidator(parse_path), WithJsonSchema({"type": "string", "minLength": 1})]
InputPath = Annotated[AnyPath, AfterValidator(must_exist)]
Fps = Annotated[float, Field(gt=0, le=240)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]*$")]
ORIGIN = r"^(\*|https?://[A-Za-z0-9.\[\]:_-]{1,255})$"
Origin = Annotated[str, Field(pattern=ORIGIN)]
Control = bool | int | float | str | list[int] | list[float]
Controls = dict[str, Control]
