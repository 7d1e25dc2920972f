"""Which cameras are there: for --list-cameras and the doctor."""

from __future__ import annotations

from dataclasses import dataclass

from edge_bg.sources import v4l2_find


@dataclass(frozen=True)
class Camera:
    """One camera: `kind` and `name` as a configuration takes them, what it calls itself, and what it offers.

    stable: a name that stays the same when cameras are renumbered, empty where there is none.
    """

    kind: str
    name: str
    model: str
    stable: str = ""
    modes: tuple[str, ...] = ()


def list_cameras() -> list[Camera]:
    """Pi cameras (where picamera2 is installed) and V4L2 cameras; empty where there are none. Never raises."""
    return _pi() + _v4l2()


def _v4l2() -> list[Camera]:
    found = []
    for node in v4l2_find.cameras():
        modes = tuple(f"{m.fourcc} {m.size[0]}x{m.size[1]} {m.fps:g} fps" for m in node.modes)
        stable = node.links[0] if node.links else f"usb:{node.port}" if "-" in node.port else ""
        found.append(Camera("v4l2", node.device, node.name, stable, modes))
    return found


def _pi() -> list[Camera]:
    try:
        from picamera2 import Picamera2

        known = Picamera2.global_camera_info()
    except Exception:  # not installed, or installed without a libcamera that works: the doctor says which
        return []
    return [
        Camera("picamera2", str(number), str(info.get("Model", "?")), str(info.get("Id", "")))
        for number, info in enumerate(known)
        if "/usb" not in str(info.get("Id", ""))
    ]
