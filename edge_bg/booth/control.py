"""What may be asked of a booth, whoever asks: the web's API, MQTT, a button at a pin.

Without `booth: {control: true}` in the config only what looks is answered; nothing has an effect, nothing is written.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_bg.booth import state, ways
from edge_bg.booth.developing import Darkroom
from edge_bg.booth.events import Events
from edge_bg.booth.library import Item, Library, Shelf
from edge_bg.booth.machine import Machine
from edge_bg.booth.operator import Operator
from edge_bg.booth.photos import Photos
from edge_bg.booth.printing import Look
from edge_bg.booth.recent import Recent
from edge_bg.booth.settings import changed
from edge_bg.booth.store import Store
from edge_bg.booth.visit import Visit
from edge_bg.composite import Layer, Place
from edge_bg.errors import EdgeBgError, NotAllowed, NotNow, bug

log = logging.getLogger("edge_bg.booth")


def _nothing() -> None:
    pass


class Control:
    """One per running booth; `close` it before the loop's parts are closed. Methods may be called from any thread.

    viewers: how many watch.  covered: whether the newest picture is the cover.  wake: somebody wants frames.
    operator: what only the operator may ask.
    """

    def __init__(self, machine: Machine, fps: float) -> None:
        self.machine = machine
        self.fps = fps
        part = machine.config.booth
        self.allowed = part.control
        self.closed = False
        self._ended = threading.Event()
        self._ways: list[Any] = []  # MQTT and pins, to be closed
        self.viewers: Callable[[], int] = lambda: 0
        self.covered: Callable[[], bool | None] = lambda: None
        self.wake: Callable[[], None] = _nothing
        self.pin = part.pin or (f"{secrets.randbelow(10**6):06d}" if part.control else None)
        self.key = part.token
        if self.allowed and part.pin is None:
            log.info("the operator's PIN is %s (set booth.pin to have one of your own)", self.pin)
        self.recent = Recent()
        self._lock = threading.RLock()
        self._background, self._shown = "configured", machine.compositor.background
        self._foreground: tuple[str, Any] | None = None
        self._standing: str | None = None  # the foreground of backgrounds that have none of their own
        self.asked: bool = False  # for a background of the operator's, since the start
        self.events = Events(part.folder if part.control else None)
        self.event = self.events.open(part.event if part.folder and part.control else None)
        self.library = self._library()
        store = Store(Path(part.storage.folder), part.storage.most) if part.storage else None
        self.darkroom = Darkroom(self, self.event.template)
        self.taken = Photos(
            self.recent,
            max_age=max(machine.config.privacy.max_mask_age, 0.5),
            darkroom=self.darkroom,
            look=lambda: (self._background, self.foreground),
            store=store,
            storage=part.storage,
            template=self.event.template,
            still=self._still,
        )
        self.visit = Visit(part, self.taken)
        self.operator = Operator(self)
        if self.allowed:
            machine.compositor.seen = self.recent.note
            self._begin()
            threading.Thread(target=self._keep_tidy, name="edge-bg-tidy", daemon=True).start()
            try:
                self._ways = ways.opened(part, self)
            except EdgeBgError:
                self.close()
                raise

    def close(self) -> None:
        """Let go of photos and threads; idempotent."""
        self.closed = True
        self._ended.set()
        for way in self._ways:
            way.close()
        self.machine.compositor.seen = None
        self.visit.close()
        self.operator.close()
        self.taken.close()
        self.darkroom.close()
        self.recent.forget()

    def _library(self) -> Library:
        machine = self.machine
        return Library(self.event.folder, machine.config.background, machine.size, self.fps)

    def _begin(self) -> None:
        """Show what the event begins with; what it names and has not is said, and the rest goes on."""
        settings = self.event.settings
        steps: list[Callable[[], Any]] = [
            *([lambda: self.machine.apply(changed(self.machine.config, settings))] if settings else []),
            *([lambda: self._put(str(self.event.background))] if self.event.background else []),
            *([lambda: self.front(self.event.foreground)] if self.event.foreground else []),
        ]
        for step in steps:
            try:
                step()
            except EdgeBgError as error:
                log.warning("event %s: %s", self.event.name, error)
        threading.Thread(target=self.library.prepare, name="edge-bg-library", daemon=True).start()

    def _keep_tidy(self) -> None:
        while not self._ended.is_set():
            try:
                self.taken.tidy()
            except Exception as error:  # whatever it is: what has expired has to go, soon if not now
                log.warning("%s", error, exc_info=bug(error))
            self._ended.wait(10.0)

    # --- looking -----------------------------------------------------------------------------------------

    def state(self, role: str = "view") -> dict[str, Any]:
        """What the guest's page shows; ids of photos only for those who may take them."""
        return state.of(self, role)

    def room(self) -> dict[str, Any]:
        """What is known of the empty room."""
        learned = self.machine.matte.booth
        known = learned.state if learned else None
        return {"learned": known == "known", "state": known, "wrong": known == "wrong"}

    def now(self) -> str:
        """The id of the background that is shown; a reload of the config may have set another one."""
        return self._background if self.machine.compositor.background is self._shown else "configured"

    @property
    def foreground(self) -> str | None:
        """The id of the foreground that is shown."""
        return self._foreground[0] if self._foreground else None

    def shelf(self, shelf: Shelf) -> list[dict[str, Any]]:
        """Backgrounds or foregrounds in their order."""
        on = self.now() if shelf == "backgrounds" else self.foreground
        return [self._told(shelf, item, on) for item in self.library.items(shelf)]

    def thumb(self, shelf: Shelf, name: str) -> bytes:
        """A small picture: a JPEG, of a foreground a PNG with alpha. Raises NotThere."""
        return self.library.thumb(shelf, name)

    def _told(self, shelf: Shelf, item: Item, on: str | None) -> dict[str, Any]:
        thumb = f"/api/v1/{shelf}/{item.id}/thumb.{'png' if shelf == 'foregrounds' else 'jpg'}"
        told = {"id": item.id, "name": item.name, "kind": item.kind, "thumb": thumb}
        return {**told, "foreground": item.foreground, "fixed": item.path is None, "selected": item.id == on}

    # --- acting ------------------------------------------------------------------------------------------

    def step(self, action: Any, by: str) -> dict[str, Any]:
        """A step of the visit. Raises NotAllowed, NotNow."""
        self.may()
        self.wake()
        return self.visit.step(action, by)

    def pick(self, name: str, by: str) -> str:
        """Put a background behind the guest, and its own frame before. Raises NotAllowed, NotNow, NotThere."""
        self.may()
        self.library.get("backgrounds", name)
        self.visit.touch(by)
        self.asked = True
        self._put(name)
        return name

    def _put(self, name: str) -> None:
        item, made = self.library.get("backgrounds", name), self.library.background(name)
        with self._lock:
            self.machine.compositor.background = made
            self._background, self._shown = name, made
            self._lay(item.foreground or self._standing)

    def front(self, name: str | None) -> str | None:
        """Put a foreground before the guest, on all backgrounds that have none of their own; None: nothing.

        Raises NotAllowed, NotThere, PictureError.
        """
        self.may()
        self._lay(name)
        self._standing = name
        return name

    def _lay(self, name: str | None) -> None:
        if name == self.foreground:
            return
        layer = None
        if name is not None:
            rgba = self.library.rgba(name)
            layer = (name, rgba)
            self.machine.compositor.foreground = Layer(rgba, self.machine.size)
        else:
            self.machine.compositor.foreground = None
        self._foreground = layer

    def open_event(self, name: str) -> str:
        """Go over to another event. Raises NotAllowed, NotThere, NotNow, ConfigError."""
        self.may()
        event = self.events.open(name)
        if self.visit.flow()["state"] not in ("attract", "live"):
            raise NotNow("a guest is at it just now", hint="wait until the photo is done")
        with self._lock:
            self.event = event
            self.library = self._library()
            self.front(None)
            first = self.shelf("backgrounds")
            own = [each["id"] for each in first if each["id"] != "configured"]
            self.darkroom.template = self.taken.template = event.template
            if not event.background:
                self._put(own[0] if event.folder and own else "configured")
        self._begin()
        return event.id

    def privacy(self, closed: bool) -> bool:
        """Close the camera. To open it again is the operator's. Raises NotAllowed."""
        self.may()
        if self.machine.valve is None:
            raise NotAllowed("the source of this booth is no camera")
        self.recent.close(closed)
        if closed:
            self.machine.valve.shut("private")
        else:
            self.operator.open_camera()
        return closed

    def take(self, by: str) -> str:
        """A photo at once; its id. Raises NotAllowed, NotNow."""
        self.may()
        self.visit.touch(by)
        self.wake()
        return self.taken.take()

    def change_photo(self, name: str, background: str) -> dict[str, Any]:
        """A photo on another background. Raises NotAllowed, NotThere, NotNow."""
        self.may()
        item = self.library.get("backgrounds", background)
        return self.taken.change(name, background, item.foreground or self._standing)

    def may(self) -> None:
        """Raises NotAllowed where the config lets nobody act."""
        if not self.allowed:
            raise NotAllowed("this booth can be watched only", hint="booth: {control: true} in the config opens it")

    # --- what photos and saving ask ------------------------------------------------------------------------

    def look(self, background: str, foreground: str | None) -> Look:
        """How photos on a background are put together."""
        item, options = self.library.get("backgrounds", background), self.machine.config.composite
        front = self.library.rgba(foreground) if foreground else None
        place = Place(options.shift_x, options.shift_y, options.scale)
        return Look(item, front, place, options.wrap, options.match)

    def blurred(self) -> list[Item]:
        """The backgrounds that show the room itself, blurred."""
        return [item for item in self.library.items("backgrounds") if item.kind == "blur"]

    def holds(self) -> bool:
        """Whether the live cut-out knows more than a network does."""
        matte = self.machine.matte
        return matte.booth is not None or matte.key is not None

    def _still(self) -> Any:
        valve = self.machine.valve
        still = getattr(valve.source, "still", None) if valve else None
        return None if still is None else still()
