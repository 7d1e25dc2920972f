"""The booth at this moment, as pages, MQTT and whoever asks are told it."""

from __future__ import annotations

from typing import Any, Final

LANGUAGES: Final = ("en", "de", "es", "fr", "zh")


def of(control: Any, role: str) -> dict[str, Any]:
    """The state of a `Control`, for a role: photos are guests' own and not for those who only look."""
    config, event = control.machine.config, control.event
    storage = config.booth.storage
    flow = control.visit.flow()
    if role == "view":
        flow["photo"] = None
    place = config.composite
    return {
        "control": control.allowed,
        "storage": storage is not None,
        "live": live(control),
        "size": list(control.machine.size),
        "event": event.id if event.folder else None,
        "event_name": event.name if event.folder else None,
        "library": control.library.changes,
        "language": event.language or config.booth.language,
        "languages": list(LANGUAGES),
        "texts": event.texts,
        "background": control.now(),
        "foreground": control.foreground,
        "place": {"x": place.shift_x, "y": place.shift_y, "scale": place.scale},
        "flow": flow,
        "consent": {"needed": control.visit.needs_consent, "text": storage.consent if storage else ""},
        "room": control.room(),
        "viewers": control.viewers(),
        "idle_seconds": control.visit.idle_seconds(),
        "touched_by": control.visit.touched_by(),
    }


def live(control: Any) -> str:
    """`live`, `covered` (no cut-out), `sleeping` (nobody watches) or `private` (the switch)."""
    shut = control.machine.valve.state if control.machine.valve else "ok"
    if shut in ("private", "asleep"):
        return "private" if shut == "private" else "sleeping"
    covered = control.covered()
    return "covered" if covered or covered is None else "live"
