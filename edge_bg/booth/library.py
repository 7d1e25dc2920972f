"""The pictures of an event: backgrounds and foreground frames, ready to be put behind and before a guest at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg import parts
from edge_bg.assets import asset_path
from edge_bg.booth import files
from edge_bg.composite import Background
from edge_bg.composite.backgrounds import Still, fit_picture, read_picture
from edge_bg.config.kinds import BlurBackground, ColorBackground, ImageBackground, VideoBackground
from edge_bg.config.shorthand import VIDEOS
from edge_bg.endings import PICTURES
from edge_bg.errors import EdgeBgError, NotAllowed, NotThere, Refused
from edge_bg.frame import I420, Size, from_bgr
from edge_bg.pictures import read_photo
from edge_bg.said import say

Shelf = Literal["backgrounds", "foregrounds"]
READY: Final = 24  # pictures kept at the frame's size, so that a tap shows them at once
THUMB: Final = (320, 180)  # pixels of a thumbnail
MOST: Final = 200  # files on a shelf


@dataclass(frozen=True)
class Item:
    """A background or a foreground. `part` is what the config would call it; `path` its file, if it has one."""

    id: str
    name: str
    kind: str
    part: Any = None
    path: Path | None = None
    foreground: str | None = None


class Ready(Still):
    """A picture that has been drawn already."""

    def __init__(self, picture: I420) -> None:
        super().__init__()
        self._drawn = picture

    def _draw(self, size: Size) -> I420:
        return self._drawn


class Library:
    """What an event has on its two shelves.

    folder:     of the event; None: only what is built in.
    configured: the config's own background.
    size, fps:  of the frames.
    """

    def __init__(self, folder: Path | None, configured: Any, size: Size, fps: float) -> None:
        self.folder = folder
        self.changes = 0  # how often the shelves have changed: pages load them anew when this does
        self.size, self.fps = size, fps
        self._configured = configured
        self._lock = threading.RLock()
        self._ready: OrderedDict[str, I420] = OrderedDict()
        self._thumbs: dict[tuple[str, str], bytes] = {}

    # --- looking ---------------------------------------------------------------------------------------

    def items(self, shelf: Shelf) -> list[Item]:
        """What is on a shelf, in its order."""
        listed = files.get_json(self._list(shelf)) if self.folder else {}
        own = self._files(shelf, listed)
        order = {name: at for at, name in enumerate(_texts(listed.get("order")))}
        own.sort(key=lambda item: (order.get(item.id, len(order)), item.name.lower(), item.id))
        return [*self._built_in(own), *own] if shelf == "backgrounds" else own

    def get(self, shelf: Shelf, name: str) -> Item:
        """One of them. Raises NotThere."""
        for item in self.items(shelf):
            if item.id == name:
                return item
        raise NotThere(f"there is no {shelf[:-1]} {name!r}", hint=f"GET /api/v1/{shelf} lists them")

    def background(self, name: str) -> Background:
        """A background, made ready: opening it takes no time. Raises NotThere, PictureError."""
        item = self.get("backgrounds", name)
        return Ready(self._picture(item)) if item.kind == "image" else parts.background(item.part)

    def rgba(self, name: str) -> NDArray[np.uint8]:
        """A foreground, RGBA uint8 (H, W, 4). Raises NotThere, PictureError."""
        path = self.get("foregrounds", name).path
        assert path is not None
        photo = read_photo(path)
        alpha = photo.alpha if photo.alpha is not None else np.full(photo.rgb.shape[:2], 255, np.uint8)
        return np.dstack((photo.rgb, alpha))

    def prepare(self) -> None:
        """Draw the pictures before somebody taps them."""
        for item in self.items("backgrounds")[:READY]:
            if item.kind == "image":
                try:
                    self._picture(item)
                    self.thumb("backgrounds", item.id)
                except EdgeBgError:
                    continue

    def thumb(self, shelf: Shelf, name: str) -> bytes:
        """At most 320x180: a JPEG, or a PNG with alpha of a foreground. Raises NotThere, PictureError."""
        known = self._thumbs.get((shelf, name))
        if known is None:
            item = self.get(shelf, name)
            known = _encoded(self._small(item), ".png" if shelf == "foregrounds" else ".jpg")
            self._thumbs[shelf, name] = known
        return known

    def _picture(self, item: Item) -> I420:
        with self._lock:
            known = self._ready.get(item.id)
            if known is not None:
                self._ready.move_to_end(item.id)
                return known
        assert item.part is not None
        drawn = from_bgr(fit_picture(read_picture(Path(item.part.path)), self.size, item.part.fit))
        with self._lock:
            self._ready[item.id] = drawn
            while len(self._ready) > READY:
                self._ready.popitem(last=False)
        return drawn

    def _small(self, item: Item) -> Any:
        if item.kind == "image" and item.part is not None:
            return fit_picture(read_picture(Path(item.part.path)), THUMB, "cover")
        if item.kind == "foreground" and item.path is not None:
            small = cv2.resize(self.rgba(item.id), THUMB, interpolation=cv2.INTER_AREA)
            return cv2.cvtColor(small, cv2.COLOR_RGBA2BGRA)
        if item.kind == "color":
            r, g, b = (int(item.part.color[i : i + 2], 16) for i in (1, 3, 5))
            return np.full((THUMB[1], THUMB[0], 3), (b, g, r), np.uint8)
        if item.kind == "video":
            capture = cv2.VideoCapture(str(item.part.path))
            ok, picture = capture.read()
            capture.release()
            if ok:
                return fit_picture(np.asarray(picture, np.uint8), THUMB, "cover")
        return cv2.GaussianBlur(fit_picture(read_picture(asset_path("backdrop.jpg")), THUMB, "cover"), (0, 0), 12)

    def _built_in(self, own: Sequence[Item]) -> list[Item]:
        configured = Item("configured", say("As configured"), self._configured.kind, self._configured)
        if own:
            return [configured]
        found = [configured]
        if getattr(self._configured, "path", None) != asset_path("backdrop.jpg"):
            found.append(Item("backdrop", say("Backdrop"), "image", ImageBackground(path=asset_path("backdrop.jpg"))))
        if self._configured.kind != "blur":
            found.append(Item("blur", say("Blurred room"), "blur", BlurBackground()))
        for name, color in (
            (say("Night blue"), "#202830"), (say("White"), "#ffffff"), (say("Green"), "#00b140"),
        ):  # fmt: skip
            if getattr(self._configured, "color", None) != color:
                found.append(Item(f"color-{color[1:]}", name, "color", ColorBackground(color=color)))
        return found

    def _files(self, shelf: Shelf, listed: dict[str, Any]) -> list[Item]:
        if self.folder is None:
            return []
        notes = listed.get("items")
        notes = notes if isinstance(notes, dict) else {}
        found = []
        try:
            paths = sorted((self.folder / shelf).iterdir())[:MOST]
        except OSError:
            return []
        for path in paths:
            suffix = path.suffix.lower()
            if path.name.startswith(".") or not path.is_file():
                continue
            name = files.identity(path)
            note = notes.get(name)
            note = note if isinstance(note, dict) else {}
            spoken = str(note.get("name") or path.stem)
            front = note.get("foreground")
            front = front if isinstance(front, str) else None
            if shelf == "foregrounds":
                if suffix in (".png", ".webp"):
                    found.append(Item(name, spoken, "foreground", path=path))
            elif suffix in PICTURES:
                found.append(Item(name, spoken, "image", ImageBackground(path=path), path, front))
            elif suffix in VIDEOS:
                found.append(Item(name, spoken, "video", VideoBackground(path=path), path, front))
        return found

    def _list(self, shelf: Shelf) -> Path:
        assert self.folder is not None
        return self.folder / f"{shelf}.json"

    # --- changing --------------------------------------------------------------------------------------

    def add(self, shelf: Shelf, name: str, data: bytes, suffix: str) -> Item:
        """Put a picture that has been checked on a shelf. Raises NotAllowed, Refused, CannotWrite."""
        folder = self._writable()
        if len(self._files(shelf, {})) >= MOST:
            raise Refused(say("there are {count} pictures already", count=MOST), hint="delete some first")
        before = [item.id for item in self.items(shelf) if item.path]
        path = folder / shelf / files.new_name(shelf[:-1], suffix)
        files.put(path, data)
        made = files.identity(path)
        with self._lock:
            listed = files.read_json(self._list(shelf))
            listed.setdefault("items", {})[made] = {"name": name}
            listed["order"] = [*before, made]  # last, also where nobody has put the others in order yet
            self._put(shelf, listed)
        return self.get(shelf, made)

    def arrange(self, shelf: Shelf, order: Sequence[str]) -> list[Item]:
        """Put a shelf in this order; what is not named comes last. Raises NotThere, NotAllowed."""
        self._writable()
        for name in order:
            self.get(shelf, name)
        with self._lock:
            listed = files.read_json(self._list(shelf))
            listed["order"] = list(dict.fromkeys(order))
            self._put(shelf, listed)
        return self.items(shelf)

    def note(self, shelf: Shelf, name: str, changes: dict[str, Any]) -> Item:
        """Rename it, or give a background its foreground. Raises NotThere, NotAllowed."""
        self._own(shelf, name)
        if (front := changes.get("foreground")) is not None:
            self.get("foregrounds", front)
        with self._lock:
            listed = files.read_json(self._list(shelf))
            listed.setdefault("items", {}).setdefault(name, {}).update(changes)
            self._put(shelf, listed)
        return self.get(shelf, name)

    def remove(self, shelf: Shelf, name: str) -> None:
        """Erase the file. Raises NotThere, NotAllowed."""
        item = self._own(shelf, name)
        assert item.path is not None
        files.erase(item.path)
        with self._lock:
            self._ready.pop(name, None)
            self._thumbs.pop((shelf, name), None)
            listed = files.read_json(self._list(shelf))
            listed["order"] = [each for each in _texts(listed.get("order")) if each != name]
            listed.get("items", {}).pop(name, None)
            self._put(shelf, listed)

    def _put(self, shelf: Shelf, listed: dict[str, Any]) -> None:
        files.put_json(self._list(shelf), listed)
        self.changes += 1

    def _own(self, shelf: Shelf, name: str) -> Item:
        item = self.get(shelf, name)
        self._writable()
        if item.path is None:
            raise NotAllowed(say("{name} is built in and stays as it is", name=item.name))
        return item

    def _writable(self) -> Path:
        if self.folder is None:
            raise NotAllowed(
                "nothing can be uploaded: there is no folder for it",
                hint="name one in the config, booth: {folder: /var/lib/edge-bg/events}",
            )
        return self.folder


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _encoded(picture: Any, kind: str) -> bytes:
    ok, data = cv2.imencode(kind, picture, (cv2.IMWRITE_JPEG_QUALITY, 82) if kind == ".jpg" else ())
    assert ok
    return bytes(data)
