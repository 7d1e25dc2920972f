"""What the operator may do: pictures, settings, events, the room, cameras and models, the check."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections import Counter, deque
from typing import Any, Final

import cv2
import numpy as np

from edge_bg import parts
from edge_bg.booth import encode, files, save, settings, words
from edge_bg.booth.check import Check
from edge_bg.booth.events import CHOSEN
from edge_bg.booth.library import Shelf
from edge_bg.config import Config
from edge_bg.config.shorthand import did_you_mean
from edge_bg.errors import NotAllowed, NotNow, NotThere, PictureError
from edge_bg.network.card import models as installed
from edge_bg.pictures import decode
from edge_bg.said import say
from edge_bg.sources.cameras import list_cameras

UPLOAD_MEGAPIXELS: Final = 40.0  # largest picture that may be uploaded
KEPT_SIDE: Final = 3840  # pixels of the longer side of a background as it is kept
LINES: Final = 200  # of the log
MODELS: Final = {
    "small": say("small: the quickest"),
    "landscape": say("landscape: quick, for wide pictures"),
    "landscape-listed": say("landscape-listed: trained on listed pictures only"),
    "general": say("general: for upright and square pictures"),
    "large": say("large: the finest, and the slowest"),
    "objects": say("objects: things instead of people"),
}


class Lines(logging.Handler):
    """The last lines of the log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.kept: deque[str] = deque(maxlen=LINES)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.kept.append(self.format(record))


class Operator:
    """The operator's side of `edge_bg.booth.control.Control`, as which it is handed `control`."""

    def __init__(self, control: Any) -> None:
        self._c = control
        self._lock = threading.Lock()
        self._lines = Lines()
        logging.getLogger("edge_bg").addHandler(self._lines)
        self.check = Check(control.recent, lambda: control.wake())

    def close(self) -> None:
        """Let go of the log and the check; idempotent."""
        logging.getLogger("edge_bg").removeHandler(self._lines)
        self.check.close()

    # --- pictures ----------------------------------------------------------------------------------------

    def upload(self, shelf: Shelf, name: str, data: bytes) -> dict[str, Any]:
        """Put a picture on a shelf: decoded, written anew. Raises PictureError, Refused, NotAllowed."""
        told = files.spoken(name.rpartition("/")[2].rpartition("\\")[2].rpartition(".")[0] or "Picture")
        photo = decode(data, "the upload", max_megapixels=UPLOAD_MEGAPIXELS)
        high, wide = photo.rgb.shape[:2]
        if min(high, wide) < 16:
            told = say("the picture has {size} pixels: it is too small to be of use", size=f"{wide}x{high}")
            raise PictureError(told)
        scale = min(1.0, KEPT_SIDE / max(high, wide))
        size = (max(1, round(wide * scale)), max(1, round(high * scale)))
        if shelf == "foregrounds":
            if photo.alpha is None:
                raise PictureError("a foreground needs clear parts: give a PNG with alpha")
            rgba = np.dstack((photo.rgb, photo.alpha))
            rgba = np.asarray(cv2.resize(rgba, size, interpolation=cv2.INTER_AREA), np.uint8) if scale < 1 else rgba
            return self._told(shelf, self._c.library.add(shelf, told, encode.png(rgba), ".png").id)
        rgb = photo.on_black()
        if scale < 1:
            rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        return self._told(shelf, self._c.library.add(shelf, told, encode.jpeg(rgb, 90, composite=False), ".jpg").id)

    def arrange(self, shelf: Shelf, order: list[str]) -> list[dict[str, Any]]:
        """Put a shelf in order. Raises NotThere, NotAllowed."""
        self._c.library.arrange(shelf, order)
        return list(self._c.shelf(shelf))

    def note(self, shelf: Shelf, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Rename, or give a background its foreground. Raises NotThere, NotAllowed, Refused."""
        if changes.get("name") is None:
            changes.pop("name", None)
        else:
            changes["name"] = files.spoken(changes["name"])
        self._c.library.note(shelf, name, changes)
        return self._told(shelf, name)

    def remove(self, shelf: Shelf, name: str) -> None:
        """Erase a picture. Raises NotThere, NotAllowed, NotNow."""
        state = self._c.state("operator")
        if name == state["background" if shelf == "backgrounds" else "foreground"]:
            raise NotNow("this picture is shown just now", hint="pick another one first")
        self._c.library.remove(shelf, name)

    def _told(self, shelf: Shelf, name: str) -> dict[str, Any]:
        return next(each for each in self._c.shelf(shelf) if each["id"] == name)

    # --- settings ----------------------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """All settings in groups."""
        return settings.told(self._c.machine.config)

    def change(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Change settings, live. Raises Refused, ConfigError; then nothing has changed."""
        with self._lock:
            self._c.machine.apply(settings.changed(self._c.machine.config, changes))
        return self.settings()

    def place(self, x: float, y: float, scale: float) -> dict[str, float]:
        """Where the guest stands."""
        self.change({"composite.shift_x": x, "composite.shift_y": y, "composite.scale": scale})
        return dict(self._c.state("operator")["place"])

    def save(self) -> dict[str, Any]:
        """Write what was changed into the config and the event. Raises NotNow, ConfigError, CannotWrite."""
        with self._lock:
            path = self._c.machine.path
            changed = list(save.save(path, self._running()))
            event = self._c.event
            if event.folder is not None:
                state = self._c.state("operator")
                chosen = {"background": state["background"], "foreground": state["foreground"]}
                if files.get_json(event.folder / CHOSEN) != chosen:
                    files.put_json(event.folder / CHOSEN, chosen)
                    changed.append("event")
        return {"saved": str(path), "changed": changed}

    def _running(self) -> Config:
        """The config as it runs, with the background that was picked, where it is no file of an event's."""
        control = self._c
        config: Config = control.machine.config
        update: dict[str, Any] = {}
        if control.asked and control.now() != "configured":
            item = control.library.get("backgrounds", control.now())
            if item.path is None:
                update["background"] = item.part
        if control.event.folder is not None:
            update["booth"] = config.booth.model_copy(update={"event": control.event.id})
        return config.model_copy(update=update)

    # --- events, the room, the machine --------------------------------------------------------------------

    def profiles(self) -> list[dict[str, Any]]:
        """The events."""
        on = self._c.event.id
        return [{"id": name, "name": told, "selected": name == on} for name, told in self._c.events.names()]

    def learn(self) -> dict[str, Any]:
        """The room is empty now. Raises NotNow where the config does not learn rooms."""
        matte = self._c.machine.matte
        if matte.booth is None:
            raise NotNow("this booth does not learn the empty room", hint="turn on the setting matte.booth first")
        self._c.wake()
        matte.relearn()
        return dict(self._c.room())

    def cameras(self) -> list[dict[str, Any]]:
        """The cameras that are there, and what is used now if it is none of them."""
        source = self._c.machine.config.source
        found = []
        ours = {os.path.realpath(part.device) for part in self._c.machine.config.sinks if part.kind == "v4l2loopback"}
        cameras = [each for each in list_cameras() if os.path.realpath(each.name) not in ours]  # what we write is none
        models = Counter(each.model for each in cameras)
        for camera in cameras:
            name = camera.stable or camera.name
            here = {getattr(source, "device", None), str(getattr(source, "camera", None))}
            selected = source.kind == camera.kind and bool({camera.name, camera.stable} & here - {"", "None"})
            words = camera.model if models[camera.model] == 1 else f"{camera.model} ({camera.name})"
            found.append({"id": f"{camera.kind}:{name}", "name": words, "selected": selected})
        if not any(each["selected"] for each in found):
            found.insert(0, {"id": source.kind, "name": _source_words(source.kind), "selected": True})
        return found

    def camera(self, name: str) -> list[dict[str, Any]]:
        """Use another camera, at the same size. Raises NotThere, NotNow, ConfigError."""
        known = [each["id"] for each in self.cameras()]
        if name not in known:
            raise NotThere(f"there is no camera {name!r}", hint=did_you_mean(name, known))
        valve, config = self._c.machine.valve, self._c.machine.config
        if name == config.source.kind:
            return self.cameras()
        if valve is None:
            raise NotNow("the source of this booth is no camera", hint="set source: in the config")
        kind, _, which = name.partition(":")
        key = "device" if kind == "v4l2" else "camera"
        old = config.source
        source = {"kind": kind, key: which, "size": list(valve.size), "wait": True}
        for each in ("fps", "fit", "rotate", "hflip", "vflip"):
            if hasattr(old, each):
                source[each] = getattr(old, each)
        new = settings.changed(config, {"source": source}, ("source",))
        valve.change(parts.source(new))
        self._c.machine.matte.forget()
        self._c.machine.config = new
        return self.cameras()

    def models(self) -> list[dict[str, Any]]:
        """The networks that are there."""
        running = self._c.machine.health()["model"]
        names = dict.fromkeys(card.name for card in installed() if card.use != "edges")
        told = [{"name": name, "label": MODELS.get(name, name)} for name in names]
        return [{**each, "selected": _family(running) == each["name"]} for each in told]

    def model(self, name: str) -> list[dict[str, Any]]:
        """Run another network, live. Raises NotThere, ModelError, NotNow."""
        if name not in [each["name"] for each in self.models()]:
            raise NotThere(f"there is no model {name!r}", hint="GET /api/v1/models lists them")
        with self._lock:
            config = self._c.machine.config
            self._c.machine.apply(settings.changed(config, {"model.name": name}, ("model.name",)))
        return self.models()

    def health(self) -> dict[str, Any]:
        """How the booth fares, in words."""
        return {"points": words.points(self._c.machine.health())}

    def log(self, lines: int) -> dict[str, Any]:
        """The last lines of the log."""
        return {"lines": list(self._lines.kept)[-lines:]}

    def open_camera(self) -> None:
        """Undo the privacy switch. Raises NotAllowed for a source without one."""
        if self._c.machine.valve is None:
            raise NotAllowed("the source of this booth is no camera")
        self._c.machine.valve.release("private")


def _source_words(kind: str) -> str:
    return {"synthetic": say("The built-in demo"), "file": say("A video"), "images": say("Pictures")}.get(kind, kind)


def _family(running: Any) -> str:
    """The name of a network in what the health says, such as `landscape-listed` of `landscape-listed-144x256-int8`."""
    return re.sub(r"-\d+x\d+-\w+$", "", str(running))
