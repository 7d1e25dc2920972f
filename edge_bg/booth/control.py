"""What may be asked of a booth, whoever asks: the web's API, MQTT, a button at a pin.

Without `booth: {control: true}` in the config only what looks is answered; nothing has an effect, nothing is written.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from edge_bg.booth.developing import Darkroom
from edge_bg.booth.library import Item, Library, Shelf
from edge_bg.booth.photos import Photos
from edge_bg.booth.recent import Recent
from edge_bg.booth.store import Store
from edge_bg.booth.visit import Visit
from edge_bg.composite import Compositor
from edge_bg.config import Config
from edge_bg.errors import NotAllowed
from edge_bg.matte import Matte

log = logging.getLogger("edge_bg.booth")


class Machine(Protocol):
    """The running loop, as far as the booth turns its knobs."""

    config: Config
    compositor: Compositor
    matte: Matte

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames."""

    def health(self) -> dict[str, Any]:
        """How it fares."""

    def apply(self, new: Config) -> list[str]:
        """Go over to another config."""


class Control:
    """One per running booth; `close` it before the loop's parts are closed. Methods may be called from any thread.

    viewers: how many watch.
    """

    def __init__(self, machine: Machine, fps: float) -> None:
        self.machine = machine
        config = machine.config
        part = config.booth
        self.allowed = part.control
        self.closed = False
        self.viewers: Callable[[], int] = lambda: 0
        self.covered: Callable[[], bool | None] = lambda: None
        self.pin = part.pin or (f"{secrets.randbelow(10**6):06d}" if part.control else None)
        self.key = part.token
        if self.allowed and part.pin is None:
            log.info("the operator's PIN is %s (set booth.pin to have one of your own)", self.pin)
        self.library = Library(None, config.background, machine.size, fps)
        self.recent = Recent()
        self._background = "configured"
        self._foreground: str | None = None
        self._place = {"x": 0.0, "y": 0.0, "scale": 1.0}
        self._lock = threading.RLock()
        store = Store(Path(part.storage.folder), part.storage.most) if part.storage else None
        darkroom = Darkroom(self)
        self.photos_ = Photos(
            self.recent,
            max_age=max(config.privacy.max_mask_age, 0.5),
            live=darkroom.live,
            develop=darkroom.develop,
            background=lambda: self._background,
            store=store,
            storage=part.storage,
        )
        self.visit = Visit(part, self.photos_)
        if self.allowed:
            machine.compositor.seen = self.recent.note
            threading.Thread(target=self.library.prepare, name="edge-bg-library", daemon=True).start()

    def close(self) -> None:
        """Let go of photos and threads; idempotent."""
        self.closed = True
        self.machine.compositor.seen = None
        self.visit.close()
        self.photos_.close()
        self.recent.forget()

    # --- looking -----------------------------------------------------------------------------------------

    def state(self, role: str = "view") -> dict[str, Any]:
        """What the guest's page shows; ids of photos only for those who may take them."""
        config = self.machine.config
        storage = config.booth.storage
        flow = self.visit.flow()
        if role == "view":
            flow["photo"] = None
        room = self.machine.matte.booth
        covered = self.covered()
        return {
            "control": self.allowed,
            "storage": storage is not None,
            "live": "covered" if covered or covered is None else "live",
            "size": list(self.machine.size),
            "event": None,
            "language": config.booth.language,
            "languages": ["en", "de", "es", "fr", "zh"],
            "texts": {},
            "background": self._background,
            "foreground": self._foreground,
            "place": dict(self._place),
            "flow": flow,
            "consent": {"needed": self.visit.needs_consent, "text": storage.consent if storage else ""},
            "room": {
                "learned": bool(room and room.state == "known"),
                "state": room.state if room else None,
                "wrong": bool(room and room.state == "wrong"),
            },
            "viewers": self.viewers(),
            "idle_seconds": self.visit.idle_seconds(),
            "touched_by": self.visit.touched_by(),
        }

    def backgrounds(self) -> list[dict[str, Any]]:
        """The backgrounds in their order."""
        return [self._told(item) for item in self.library.items("backgrounds")]

    def thumb(self, shelf: Shelf, name: str) -> bytes:
        """A small JPEG. Raises NotThere."""
        return self.library.thumb(shelf, name)

    def _told(self, item: Item) -> dict[str, Any]:
        return {
            "id": item.id,
            "name": item.name,
            "kind": item.kind,
            "thumb": f"/api/v1/backgrounds/{item.id}/thumb.jpg",
            "foreground": item.foreground,
            "selected": item.id == self._background,
        }

    # --- acting ------------------------------------------------------------------------------------------

    def step(self, action: Any, by: str) -> dict[str, Any]:
        """A step of the visit. Raises NotAllowed, NotNow."""
        self._may()
        return self.visit.step(action, by)

    def pick(self, name: str, by: str) -> str:
        """Put a background behind the guest. Raises NotAllowed, NotNow, NotThere, PictureError."""
        self._may()
        made = self.library.background(name)
        self.visit.touch(by)
        with self._lock:
            self.machine.compositor.background = made
            self._background = name
        return name

    def take(self, by: str) -> str:
        """A photo at once; its id. Raises NotAllowed, NotNow."""
        self._may()
        self.visit.touch(by)
        return self.photos_.take()

    def photos(self) -> list[dict[str, Any]]:
        """All photos, the newest first."""
        return self.photos_.all()

    def photo(self, name: str) -> dict[str, Any]:
        """One photo. Raises NotThere."""
        return self.photos_.get(name)

    def photo_file(self, name: str, kind: str) -> bytes:
        """One of its files. Raises NotThere."""
        return self.photos_.file(name, kind)

    def photo_keep(self, name: str) -> dict[str, Any]:
        """Keep it. Raises NotAllowed, NotThere, CannotWrite."""
        self._may()
        return self.photos_.keep(name)

    def photo_delete(self, name: str) -> None:
        """Erase it. Raises NotAllowed, NotThere, CannotWrite."""
        self._may()
        self.photos_.delete(name)

    def _may(self) -> None:
        if not self.allowed:
            raise NotAllowed("this booth can be watched only", hint="booth: {control: true} in the config opens it")
