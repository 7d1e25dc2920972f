"""Which V4L2 node is the camera that is meant, and which one is the camera of before under a new number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge_bg.errors import SourceError
from edge_bg.sources.v4l2_nodes import Mode, card, modes, opened


@dataclass(frozen=True)
class Node:
    """A V4L2 capture node: its path, the card's name, where it is plugged, and links that outlive renumbering."""

    device: str
    name: str
    port: str = ""  # such as "1-1.2" for USB, or the bus address
    links: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = field(default=(), compare=False)


def find_nodes(root: Path = Path("/")) -> list[Node]:
    """All V4L2 nodes by what sysfs says, without opening them; metadata nodes and codecs may be among them."""
    found = []
    folder = root / "sys/class/video4linux"
    places = folder.iterdir() if folder.is_dir() else iter(())
    for place in sorted(places, key=lambda p: [int(n) for n in re.findall(r"\d+", p.name)]):
        if not place.name.startswith("video"):
            continue
        name = _text(place / "name")
        device = f"/dev/{place.name}"
        found.append(Node(device, name, _port(place), tuple(_links(root, place.name))))
    return found


def cameras(root: Path = Path("/")) -> list[Node]:
    """The nodes that are cameras, opened one by one to ask for their modes; busy ones are asked too."""
    found = []
    for node in find_nodes(root):
        try:
            with opened(node.device) as handle:
                name, offered = card(handle, node.device), tuple(modes(handle))
                if offered:  # a v4l2loopback that nobody writes to has none
                    found.append(Node(node.device, name, node.port, node.links, offered))
        except SourceError:
            continue
    return found


def resolve(wanted: str, root: Path = Path("/")) -> Node:
    """The node that `wanted` means: a path or link, a number, a port such as `usb:1-1.2`, or part of a name."""
    nodes = find_nodes(root)
    if wanted.isdigit():
        wanted = f"/dev/video{wanted}"
    if wanted.startswith("/"):
        place = root / wanted.lstrip("/")
        if not place.exists():
            raise SourceError(f"{wanted}: no such camera", hint=_there_are(nodes))
        real = "/dev/" + place.resolve().name if place.is_symlink() else wanted
        return next((node for node in nodes if node.device == real), Node(real, ""))
    if wanted.startswith("usb:"):
        matching = [node for node in nodes if node.port == wanted[4:]]
    else:
        matching = [node for node in nodes if wanted.lower() in node.name.lower()]
    if not matching:
        raise SourceError(f"{wanted}: no such camera", hint=_there_are(nodes))
    if len({node.port or node.device for node in matching}) > 1:
        hint = "say which by its path: " + ", ".join(node.device for node in matching)
        raise SourceError(f"{wanted}: more than one camera has that name", hint=hint)
    return matching[0]  # a camera's first node is the one with the pictures


def same_again(before: Node, root: Path = Path("/")) -> Node | None:
    """The camera that `before` was, under whatever number it has now: by its links, then its port and name."""
    for link in before.links:
        place = root / link.lstrip("/")
        if place.exists():
            device = "/dev/" + place.resolve().name
            node = next((node for node in find_nodes(root) if node.device == device), Node(device, before.name))
            if node.name == before.name:  # two cameras can share a link, which then leads to either
                return node
    for node in find_nodes(root):
        if before.port and (node.port, node.name) == (before.port, before.name):
            return node
    if not before.port:  # nothing but the number is known, as for virtual cameras
        place = root / before.device.lstrip("/")
        return Node(before.device, before.name) if place.exists() else None
    return None


def _there_are(nodes: list[Node]) -> str:
    if not nodes:
        return "none is plugged in: look at `lsusb` and `dmesg | tail`"
    return "there are: " + ", ".join(f"{node.device} ({node.name})" for node in nodes)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _port(place: Path) -> str:
    """`1-1.2` for a USB camera, the device's own name elsewhere; empty when it has no device."""
    link = place / "device"
    if not link.exists():
        return ""
    return link.resolve().name.split(":")[0] if re.match(r"\d+-[\d.]+:", link.resolve().name) else link.resolve().name


def _links(root: Path, node: str) -> Iterator[str]:
    """Links to a node that survive renumbering: by serial number first, then by where it is plugged in."""
    for kind in ("by-id", "by-path"):
        folder = root / "dev/v4l" / kind
        if folder.is_dir():
            for link in sorted(folder.iterdir()):
                if link.is_symlink() and Path(link.readlink()).name == node:
                    yield f"/dev/v4l/{kind}/{link.name}"
