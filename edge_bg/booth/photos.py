"""Photos: taken, shown at once, made better, kept or thrown away. Nothing is written unless storage is on."""

from __future__ import annotations

import logging
import queue
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_bg.booth.photo import CUTOUTS, Makes, Photo
from edge_bg.booth.recent import Recent
from edge_bg.booth.store import Store
from edge_bg.booth.template import BURST_SECONDS, Template
from edge_bg.composite.light import Light
from edge_bg.config.booth import Storage
from edge_bg.errors import EdgeBgError, NotNow, NotThere, bug

log = logging.getLogger("edge_bg.booth.photos")

IN_MEMORY: Final = 6  # photos that nobody has kept yet
FORGOTTEN: Final = 300.0  # seconds after which such a photo is gone
WAITING: Final = 3  # photos that wait to be made better; one more is refused
NO_MASK: Final = "no photo: nobody can be told from the room just now"
ID: Final = re.compile(r"[A-Za-z0-9_-]{22}")


class Photos:
    """All photos of a booth. Methods may be called from any thread.

    recent:   where shots come from.
    darkroom: makes their files.
    look:     gives the background and the foreground of now, by their ids.
    store:    where kept photos lie; None: they stay in memory for some minutes.
    still:    gives RGB uint8 (H, W, 3) at the camera's full size where the source can, else None.
    """

    def __init__(
        self,
        recent: Recent,
        *,
        max_age: float,
        darkroom: Makes,
        look: Callable[[], tuple[str, str | None]],
        store: Store | None,
        storage: Storage | None,
        template: Template | None = None,
        still: Callable[[], NDArray[np.uint8] | None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.recent = recent
        self.template = template or Template()
        self._still = still
        self._max_age = max_age
        self._darkroom, self._look = darkroom, look
        self._store, self._storage, self._clock = store, storage, clock
        self._lock = threading.RLock()
        self._photos: OrderedDict[str, Photo] = OrderedDict()
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="edge-bg-photos", daemon=True)
        self._thread.start()

    @property
    def shots(self) -> int:
        """How many presses of the shutter make a photo."""
        return 1 if self.template.burst else self.template.shots

    # --- taking ----------------------------------------------------------------------------------------------

    def shoot(self, done: Callable[[str | None], None], of: str | None = None) -> str:
        """Take a shot, the next `of` a photo or the first of a new one; its id. `done` is called with it, or None."""
        photo = self._photos.get(of) if of else None
        if photo is None:
            background, foreground = self._look()
            photo = Photo(secrets.token_urlsafe(16), self._clock(), background=background, foreground=foreground)
        with self._lock:
            self._photos[photo.id] = photo
            self._make_room()
        threading.Thread(target=self._shoot, args=(photo, done), name="edge-bg-shot", daemon=True).start()
        return photo.id

    def take(self) -> str:
        """A photo at once, of one shot; its id. Raises NotNow when there is nobody to be seen."""
        came: queue.Queue[str | None] = queue.Queue()
        made = self.shoot(came.put)
        if came.get() is None:
            raise NotNow(self._photos.pop(made, Photo("", 0)).error or NO_MASK)
        return made

    def _shoot(self, photo: Photo, done: Callable[[str | None], None]) -> None:
        try:
            shot = self.recent.sharpest(self._max_age, 2.0)
            if shot is None:
                raise NotNow(NO_MASK)
            photo.shots.append(shot.copy())
            at = len(photo.shots) - 1
            if self.template.burst:
                self._burst(photo)
            photo.files.update(self._darkroom.live(photo))
            photo.state = "live"
        except Exception as error:
            photo.state, photo.error = "failed", str(error)
            log.warning("%s", error, exc_info=bug(error))
            done(None)
            return
        done(photo.id)
        if not self.template.burst:
            self._take_still(photo, at)
        if len(photo.shots) >= (self.template.shots if self.template.burst else self.shots):
            self._better(photo)

    def _burst(self, photo: Photo) -> None:
        while len(photo.shots) < self.template.shots:
            time.sleep(BURST_SECONDS)
            shot = self.recent.sharpest(BURST_SECONDS, 1.0)
            if shot is not None:
                photo.shots.append(shot.copy())

    def _take_still(self, photo: Photo, at: int) -> None:
        try:
            full = self._still()
        except EdgeBgError as error:
            full = None
            log.warning("no still of the camera's own: %s", error)
        if full is not None:
            photo.shots[at] = replace(photo.shots[at], full=full)

    def _better(self, photo: Photo) -> None:
        try:
            self._work.put_nowait(lambda: self._developed(photo))
        except queue.Full:
            log.warning("photo %s stays as it was seen: %d wait already", photo.id[:4], WAITING)
            photo.state = "ready"

    def _developed(self, photo: Photo) -> None:
        try:
            made = self._darkroom.develop(photo)
        except Exception as error:
            photo.error = str(error)
            log.warning("a photo stays as it was seen: %s", error, exc_info=bug(error))
            made = {}
        with self._lock:
            if photo.id not in self._photos:
                return  # thrown away meanwhile
            photo.files.update(made)
            photo.state = "ready"
            photo.shots = []  # the room is not needed any more
            for other in self._photos.values():
                if other is not photo:
                    other.cuts = []
            if photo.kept and self._store:
                self._store.put(photo.id, photo.files, self._notes(photo))

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except Exception as error:  # as when the disk is full: the next photo is made better all the same
                log.warning("%s", error, exc_info=bug(error))

    # --- asking ----------------------------------------------------------------------------------------------

    def get(self, name: str) -> dict[str, Any]:
        """What is known of a photo. Raises NotThere."""
        return self._told(self._find(name))

    def all(self) -> list[dict[str, Any]]:
        """All photos, the newest first."""
        self.tidy()
        with self._lock:
            known = dict(self._photos)
        if self._store:
            for name in self._store.names():
                known.setdefault(name, self._find(name))
        return [self._told(photo) for photo in sorted(known.values(), key=lambda photo: -photo.time)]

    def file(self, name: str, kind: str) -> bytes:
        """One of its files. Raises NotThere."""
        photo = self._find(name)
        data = photo.files.get(kind)
        if data is None and photo.kept and self._store:
            data = self._store.file(name, kind)
        if data is None:
            raise NotThere(f"this photo has no {kind}" + (" yet" if photo.state == "live" else ""))
        return data

    def _find(self, name: str) -> Photo:
        self.tidy()
        with self._lock:
            photo = self._photos.get(name)
            if photo is not None:
                return photo
        if self._store and ID.fullmatch(name) and (notes := self._store.notes(name)):
            return Photo(
                name, float(notes.get("time", 0)), "ready", str(notes.get("background", "")), notes.get("foreground"),
                True, notes.get("expires"), lights=[Light((y, u, v), by) for y, u, v, by in notes.get("lights", [])],
            )  # fmt: skip
        raise NotThere("there is no such photo (any more)")

    def _told(self, photo: Photo) -> dict[str, Any]:
        return photo.told(self._has(photo, "photo.gif"))

    def change(self, name: str, background: str, foreground: str | None) -> dict[str, Any]:
        """The photo on another background and behind its frame, from the kept cut-out. Raises NotThere, NotNow."""
        photo = self._find(name)
        if photo.state == "live":
            raise NotNow("the photo is not ready yet", hint="ask again in a second")
        if not photo.cuts and not self._has(photo, CUTOUTS[0]):
            raise NotNow("this photo was not cut out; its background stays")
        before = photo.background, photo.foreground
        photo.background, photo.foreground = background, foreground
        try:
            made = self._darkroom.again(photo, lambda: self._cutouts(photo))
        except BaseException:
            photo.background, photo.foreground = before
            raise
        with self._lock:
            if photo.kept and self._store:
                self._store.put(photo.id, made, self._notes(photo))
            if photo.id in self._photos:
                photo.files.update(made)
        return self._told(photo)

    def _cutouts(self, photo: Photo) -> list[bytes]:
        return [self.file(photo.id, kind) for kind in CUTOUTS if self._has(photo, kind)]

    def _has(self, photo: Photo, kind: str) -> bool:
        return kind in photo.files or bool(photo.kept and self._store and self._store.has(photo.id, kind))

    # --- keeping and throwing away ---------------------------------------------------------------------------

    def keep(self, name: str) -> dict[str, Any]:
        """Keep it, where storage is on; elsewhere it stays in memory a while. Raises NotThere, CannotWrite."""
        photo = self._find(name)
        with self._lock:
            if self._store and self._storage and not photo.kept:
                photo.kept = True
                photo.expires = self._clock() + self._storage.hours * 3600
                self._store.put(photo.id, photo.files, self._notes(photo))
        return self._told(photo)

    def discard(self, name: str) -> None:
        """Throw away a photo that was not kept."""
        with self._lock:
            photo = self._photos.get(name)
            if photo is not None and not photo.kept:
                del self._photos[name]

    def delete(self, name: str) -> None:
        """Erase it for good. Raises NotThere, CannotWrite."""
        self._find(name)
        with self._lock:
            self._photos.pop(name, None)
            if self._store:
                self._store.erase(name)

    def tidy(self) -> None:
        """Forget what nobody kept, erase what has expired."""
        now = self._clock()
        with self._lock:
            for photo in list(self._photos.values()):
                gone = (
                    photo.expires is not None and photo.expires <= now if photo.kept else photo.time + FORGOTTEN <= now
                )
                if gone:
                    del self._photos[photo.id]
        if self._store:
            self._store.tidy(now)

    def close(self) -> None:
        """Finish what is under way and forget the rest; idempotent."""
        try:
            self._work.put(None, timeout=0.1)
        except queue.Full:
            return
        self._thread.join(5.0)
        with self._lock:
            self._photos.clear()

    def _make_room(self) -> None:
        while len(self._photos) > IN_MEMORY:
            oldest = next(iter(self._photos))
            del self._photos[oldest]

    def _notes(self, photo: Photo) -> dict[str, Any]:
        known = {"time": photo.time, "background": photo.background, "foreground": photo.foreground}
        lights = [[*light.mean, light.spread] for light in photo.lights]
        return {**known, "lights": lights, "expires": photo.expires}
