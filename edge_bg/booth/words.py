"""How the booth fares, in words that an operator understands."""

from __future__ import annotations

from typing import Any

from edge_bg.board import sensors
from edge_bg.said import say

HOT, SLOW, LATE = 78.0, 12.0, 250.0  # degrees Celsius, frames a second, milliseconds


def points(health: dict[str, Any]) -> list[dict[str, Any]]:
    """`[{name, value, words, ok}]` of what `Booth.health()` says."""
    stats = health["stats"]
    asleep = health["source"] in ("asleep", "private")
    fps, latency = float(stats.get("fps", 0)), float(stats.get("latency.median_ms", 0))
    found = [_camera(str(health["source"]))]
    if not asleep:
        found += [_rate(fps), _delay(latency)]
    found += [_network(health), _heat(health.get("temperature_c")), *_power(), *_room(health.get("room"))]
    for name, sink in health["sinks"].items():
        ok = sink["state"] in ("ok", "closed", "ended")
        works = say("It takes pictures.")
        words = works if ok else say("It does not work: {reason}.", reason=sink["error"] or sink["state"])
        found.append(_point(say("Output {name}", name=name), sink["state"], words, ok))
    covered = int(stats.get("covered", 0))
    if covered and not asleep:
        frames = max(1, int(stats.get("frames", 0)))
        value, words = say("{count} pictures", count=covered), say("Shown instead while no cut-out was there.")
        found.append(_point(say("Cover"), value, words, covered < frames / 50))
    return found


def _rate(fps: float) -> dict[str, Any]:
    words = say("The picture is smooth.") if fps >= 20 else say("The picture is a little jerky.")
    words = words if fps >= SLOW else say("The picture is jerky: try a smaller model or picture.")
    return _point(say("Rate"), say("{fps} pictures a second", fps=f"{fps:.0f}"), words, fps >= SLOW)


def _delay(latency: float) -> dict[str, Any]:
    words = say("Movements are shown at once.") if latency < 120 else say("Movements are shown a little late.")
    words = words if latency <= LATE else say("Movements are shown late: the board has too much to do.")
    return _point(say("Delay"), f"{latency:.0f} ms", words, latency <= LATE)


def _point(name: str, value: str, words: str, ok: bool) -> dict[str, Any]:
    return {"name": name, "value": value, "words": words, "ok": ok}


def _camera(state: str) -> dict[str, Any]:
    known = {
        "ok": (say("on"), say("It gives pictures.")),
        "asleep": (say("asleep"), say("Nobody watches, so it is off. It is back within a second.")),
        "private": (say("closed"), say("The privacy switch has closed it. Only the operator opens it again.")),
    }
    gone = say("away"), say("It is gone and looked for: {reason}.", reason=state.removeprefix("lost: "))
    return _point(say("Camera"), *known.get(state, gone), state in known)


def _network(health: dict[str, Any]) -> dict[str, Any]:
    runs, wanted = str(health["delegate"]), str(health["wanted"])
    where = say("the processor") if runs == "cpu" else runs
    name = say("{model} on {where}", model=health["model"], where=where)
    if not health["fallbacks"]:
        return _point(say("Network"), name, say("It runs where it shall."), True)
    words = say("{delegate} was wanted: {reason}.", delegate=wanted, reason=health["fallbacks"][0]["reason"])
    return _point(say("Network"), name, words, False)


def _heat(degrees: float | None) -> dict[str, Any]:
    name = say("Temperature")
    if degrees is None:
        return _point(name, say("unknown"), say("This board does not tell."), True)
    ok = degrees < HOT
    hot = say("It is hot and will slow down: give it air, a heat sink or a fan.")
    return _point(name, f"{degrees:.0f} °C", say("It is cool enough.") if ok else hot, ok)


def _power() -> list[dict[str, Any]]:
    strained = sensors.strained(sensors.throttled() or 0)
    if not strained:
        return []
    return [_point(say("Power"), ", ".join(strained), say("The power supply is too weak."), False)]


def _room(state: str | None) -> list[dict[str, Any]]:
    known = {
        "known": (say("known"), say("It knows the empty room.")),
        "learning": (say("learning"), say("It learns the empty room: step out of the picture for some seconds.")),
        "wrong": (
            say("wrong"),
            say("The room looks different: the camera was pushed, or the light changed. Learn it again."),
        ),
    }
    return [] if state is None else [_point(say("Room"), *known.get(state, (state, state)), state != "wrong")]
