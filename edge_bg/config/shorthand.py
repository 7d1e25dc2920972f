"""One-line forms, the same in YAML and on the command line: `blur`, `out.mp4`, `http:8080`, `v4l2:/dev/video0`.

Each function turns such a text into the mapping it stands for, or raises `Bad` with what would do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edge_bg.config.types import COLOURS, Bad
from edge_bg.endings import PICTURES

VIDEOS = {".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".y4m", ".mjpeg", ".gif"}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "size"?`, or an empty text when nothing known is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


def _suffix(text: str) -> str:
    return Path(text).suffix.lower()


def _words(text: str, example: str) -> str:
    """`text` without the space around it; an empty one would mean the current folder, or nothing."""
    text = text.strip()
    if not text:
        raise Bad("is empty", f"write {example}, for instance")
    return text


def _split(text: str, kinds: Iterable[str]) -> tuple[str, str]:
    """`kind:rest` -> (kind, rest); ("", text) when the text does not begin with a kind."""
    head, _, rest = text.partition(":")
    return (head, rest.strip()) if head in kinds else ("", text)


def source(text: str, base: Path | None = None) -> dict[str, Any]:
    """`synthetic`, `/dev/video0`, `v4l2:NAME`, `picamera2[:CAMERA]`, a video, a picture, a folder or a glob.

    `base` is the folder where a relative path begins.
    """
    text = _words(text, "synthetic")
    kind, rest = _split(text, ("synthetic", "file", "images", "v4l2", "picamera2"))
    if kind == "synthetic":
        if rest and not re.fullmatch(r"\d{1,9}", rest):
            raise Bad("is not a source", "synthetic takes a seed: synthetic:7")
        return {"kind": kind, "seed": int(rest)} if rest else {"kind": kind}
    if kind in ("file", "images"):
        if not rest:
            raise Bad("names no file", f"write {kind}:PATH")
        return {"kind": kind, "path": rest}
    if kind == "v4l2":
        return {"kind": kind, "device": _device(rest)} if rest else {"kind": kind}
    if kind == "picamera2":
        return {"kind": kind, "camera": int(rest) if rest.isdigit() else rest} if rest else {"kind": kind}
    if text.startswith("/dev/"):
        return {"kind": "v4l2", "device": text}
    if _suffix(text) in VIDEOS:
        return {"kind": "file", "path": text}
    if _suffix(text) in PICTURES or set(text) & set("*?[") or text.endswith("/") or _is_folder(text, base):
        return {"kind": "images", "path": text}
    fix = did_you_mean(text, ("synthetic", "picamera2", "v4l2"))
    raise Bad(
        "is not a source",
        fix or "write synthetic, picamera2, v4l2:/dev/video0, a video, a picture, a folder, or file:PATH",
    )


def sink(text: str) -> dict[str, Any]:
    """`null`, `http[:[HOST:]PORT]`, `out.mp4`, `file:PATH`, `-`, `pipe[:COMMAND]`, `v4l2loopback[:DEVICE]`."""
    text = _words(text, "http:8080")
    kind, rest = _split(text, ("null", "file", "pipe", "http", "v4l2loopback"))
    if kind == "null" and not rest:
        return {"kind": kind}
    if kind == "file":
        if not rest:
            raise Bad("names no file", "write file:out.mp4")
        return {"kind": kind, "path": rest}
    if kind == "pipe" or text == "-":
        return {"kind": "pipe", "command": rest} if kind and rest and rest != "-" else {"kind": "pipe"}
    if kind == "http":
        return {"kind": kind, **_address(rest)}
    if kind == "v4l2loopback":
        return {"kind": kind, "device": _device(rest)} if rest else {"kind": kind}
    if text.startswith("/dev/video"):
        return {"kind": "v4l2loopback", "device": text}
    if _suffix(text) in VIDEOS or _suffix(text) == ".png":
        return {"kind": "file", "path": text}
    fix = did_you_mean(text, ("null", "http", "pipe", "v4l2loopback"))
    raise Bad(
        "is not a sink",
        fix or "write http:8080, out.mp4, pipe:COMMAND, - (standard output), v4l2loopback:/dev/video10 or null",
    )


def background(text: str) -> dict[str, Any]:
    """`#00b140`, a colour's name, `blur[:STRENGTH]`, `none`, `transparent`, a picture or a video."""
    text = _words(text, "blur")
    if text.startswith("#") or text.lower() in COLOURS:
        return {"kind": "color", "color": text}
    kind, rest = _split(text, ("color", "image", "video", "blur", "transparent", "none"))
    if kind in ("transparent", "none") and not rest:
        return {"kind": kind}
    if kind == "blur":
        if not rest:
            return {"kind": kind}
        if not re.fullmatch(r"\d?\.?\d{1,4}", rest):
            raise Bad("is not a blur", "write blur, or blur:0.5 (0 to 1)")
        return {"kind": kind, "strength": float(rest)}
    if kind == "color" and rest:
        return {"kind": kind, "color": rest}
    if kind in ("image", "video") and rest:
        return {"kind": kind, "path": rest}
    if _suffix(text) in VIDEOS:
        return {"kind": "video", "path": text}
    if _suffix(text) in PICTURES:
        return {"kind": "image", "path": text}
    fix = did_you_mean(text, ("blur", "none", "transparent", *COLOURS))
    raise Bad(
        "is not a background",
        fix or 'write "#rrggbb" in quotes, a picture, a video, blur, transparent or none',
    )


def _is_folder(text: str, base: Path | None) -> bool:
    try:
        return ((base or Path()) / Path(text).expanduser()).is_dir()
    except (OSError, ValueError, RuntimeError):
        return False


def _device(text: str) -> str:
    return f"/dev/video{text}" if text.isdigit() else text


def _address(text: str) -> dict[str, Any]:
    """`8080`, `0.0.0.0:8080` or `[::]:8080` -> host and port."""
    if not text:
        return {}
    host, colon, port = text.rpartition(":")
    if not re.fullmatch(r"\d{1,5}", port) or (colon and not host):
        raise Bad("is not an address to listen at", "write http:8080 or http:0.0.0.0:8080")
    return {"host": host.strip("[]"), "port": int(port)} if host else {"port": int(port)}
