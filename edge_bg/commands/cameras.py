"""`edge-bg run --list-cameras`: what this machine has to take pictures with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click


def print_cameras(root: Path = Path("/")) -> int:
    """Print each camera with what to write for it; 0 when there is one, 1 when there is none."""
    found = [*picamera2_cameras(), *v4l2_cameras(root)]
    for source, name in found:
        click.echo(f"{source:<50} {name}")
    if not found:
        click.echo("no camera found; `edge-bg doctor` says what to look at", err=True)
    return 0 if found else 1


def v4l2_cameras(root: Path = Path("/")) -> Iterator[tuple[str, str]]:
    """(source, name) of each device that Video4Linux knows, with the name that survives renumbering if it has one."""
    stable: dict[str, str] = {}
    by_id = root / "dev/v4l/by-id"
    if by_id.is_dir():
        for link in sorted(by_id.iterdir()):
            stable.setdefault(link.resolve().name, f"/dev/v4l/by-id/{link.name}")
    folder = root / "sys/class/video4linux"
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not entry.name.startswith("video"):
            continue
        try:
            name = (entry / "name").read_text(errors="replace").strip()
            index = int((entry / "index").read_text())
        except (OSError, ValueError):
            name, index = "?", 0
        if index == 0:  # the others are a camera's metadata
            yield f"v4l2:{stable.get(entry.name, f'/dev/{entry.name}')}", name


def picamera2_cameras() -> Iterator[tuple[str, str]]:
    """(source, name) of each camera that libcamera knows, where picamera2 is installed."""
    try:
        from picamera2 import Picamera2

        cameras = Picamera2.global_camera_info()
    except Exception:  # not a Raspberry Pi, or its libraries do not fit: then there are none to list
        return
    for camera in cameras:
        model = camera.get("Model", "?")
        yield f"picamera2:{camera.get('Num', 0)}", f"{model} (picamera2:{model} survives renumbering)"
