"""Photos: take, look, change, keep, delete."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from starlette.responses import Response

from edge_bg.errors import NotThere
from edge_bg.web.api.backgrounds import Id
from edge_bg.web.api.calls import Ask, Body, call, failed
from edge_bg.web.qr import code, lan

KINDS = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "svg": "image/svg+xml"}

FINISHED: Final = 30.0  # seconds that a program waits for its photo; then it has it as it was seen
_waiting = threading.BoundedSemaphore(2)  # each holds a thread of the API's few


@call("POST", "/photos", role="guest", status=202, gives="the id of a photo that is taken at once")
def take(ask: Ask) -> Any:
    """No countdown."""
    return {"id": ask.control.take(ask.touched_by)}


@call(
    "POST", "/photos.jpg", role="guest", gives="a photo that is taken at once, when it is finished", kind="image/jpeg"
)
def take_and_wait(ask: Ask) -> Any:
    """For programs that know one address and one file: the booth does not keep it. No countdown."""
    if not _waiting.acquire(blocking=False):
        return failed("two photos are waited for already", 503, {"Retry-After": "2"})
    taken, name, end = ask.control.taken, "", time.monotonic() + FINISHED
    try:
        name = ask.control.take(ask.touched_by)
        while taken.get(name)["state"] == "live" and time.monotonic() < end:
            time.sleep(0.05)
        return _file(ask, "photo.jpg", name)
    finally:
        taken.discard(name)
        _waiting.release()


@call("GET", "/photos", role="operator", gives="all photos that there are")
def photos(ask: Ask) -> Any:
    """The newest first."""
    return [_told(ask, facts) for facts in ask.control.taken.all()]


@call("GET", "/photos/{id}", gives="what is known of a photo")
def photo(ask: Ask) -> Any:
    """By its id, which nobody can guess."""
    return _told(ask, ask.control.taken.get(ask.path["id"]))


def _told(ask: Ask, facts: dict[str, Any]) -> dict[str, Any]:
    """`facts` without the QR code's address where there is none, so that no page asks for it in vain."""
    try:
        _reached(ask)
    except NotThere:
        facts["urls"].pop("qr", None)
    return facts


def _reached(ask: Ask) -> str:
    """Host and port that a phone reaches this page by. Raises NotThere."""
    listens = [sink.host for sink in ask.control.machine.config.sinks if sink.kind == "http"]
    return lan(ask.request.headers.get("host", "localhost"), listens)


def _file(ask: Ask, kind: str, name: str | None = None) -> Response:
    data = ask.control.taken.file(name or ask.path["id"], kind)
    return Response(data, media_type=KINDS[kind.rpartition(".")[2]])


@call("GET", "/photos/{id}.jpg", gives="the photo", kind="image/jpeg")
def jpeg(ask: Ask) -> Any:
    """On its background."""
    return _file(ask, "photo.jpg")


@call("GET", "/photos/{id}.png", gives="the guest alone, with alpha", kind="image/png")
def png(ask: Ask) -> Any:
    """Cut out."""
    return _file(ask, "cutout.png")


@call("GET", "/photos/{id}.gif", gives="the photo as a moving picture, where the template makes one", kind="image/gif")
def gif(ask: Ask) -> Any:
    """For GIF and boomerang."""
    return _file(ask, "photo.gif")


@call("GET", "/photos/{id}/qr.svg", gives="a QR code with the photo's address", kind="image/svg+xml")
def qr(ask: Ask) -> Any:
    """To be read by a phone in this network. There is none where no phone reaches the page."""
    ask.control.taken.get(ask.path["id"])
    svg = code(f"{ask.request.url.scheme}://{_reached(ask)}/api/v1/photos/{ask.path['id']}.jpg")
    return Response(svg, media_type="image/svg+xml")


class Another(Body):
    """The background that the photo shall have."""

    background: Id


@call("PATCH", "/photos/{id}", role="guest", body=Another, gives="the photo, on another background")
def change(ask: Ask) -> Any:
    """Without looking again."""
    return _told(ask, ask.control.change_photo(ask.path["id"], ask.body.background))


@call("POST", "/photos/{id}/keep", role="guest", gives="the photo, kept")
def keep(ask: Ask) -> Any:
    """Where the operator turned storage on."""
    return _told(ask, ask.control.taken.keep(ask.path["id"]))


@call("DELETE", "/photos/{id}", role="guest", gives="nothing: it is gone")
def delete(ask: Ask) -> Any:
    """For good."""
    ask.control.taken.delete(ask.path["id"])
