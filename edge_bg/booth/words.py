"""How the booth fares, in words that an operator understands."""

from __future__ import annotations

from typing import Any

from edge_bg.board import sensors

HOT, SLOW, LATE = 78.0, 12.0, 250.0  # degrees Celsius, frames a second, milliseconds


def points(health: dict[str, Any]) -> list[dict[str, Any]]:
    """`[{name, value, words, ok}]` of what `Booth.health()` says."""
    stats = health["stats"]
    asleep = health["source"] in ("asleep", "private")
    fps, latency = float(stats.get("fps", 0)), float(stats.get("latency.median_ms", 0))
    found = [_camera(str(health["source"]))]
    if not asleep:
        smooth = "smooth" if fps >= 20 else "a little jerky" if fps >= SLOW else "jerky: try a smaller model or picture"
        found.append(_point("Rate", f"{fps:.0f} pictures a second", f"The picture is {smooth}.", fps >= SLOW))
        late = "Movements are shown at once." if latency < 120 else "Movements are shown a little late."
        late = late if latency <= LATE else "Movements are shown late: the board has too much to do."
        found.append(_point("Delay", f"{latency:.0f} ms", late, latency <= LATE))
    found += [_network(health), _heat(health.get("temperature_c")), *_power(), *_room(health.get("room"))]
    for name, sink in health["sinks"].items():
        ok = sink["state"] in ("ok", "closed", "ended")
        words = "It takes pictures." if ok else f"It does not work: {sink['error'] or sink['state']}."
        found.append(_point(f"Output {name}", sink["state"], words, ok))
    covered = int(stats.get("covered", 0))
    if covered and not asleep:
        frames = max(1, int(stats.get("frames", 0)))
        rare = covered < frames / 50
        found.append(_point("Cover", f"{covered} pictures", "Shown instead while no cut-out was there.", rare))
    return found


def _point(name: str, value: str, words: str, ok: bool) -> dict[str, Any]:
    return {"name": name, "value": value, "words": words, "ok": ok}


def _camera(state: str) -> dict[str, Any]:
    words = {
        "ok": ("on", "It gives pictures.", True),
        "asleep": ("asleep", "Nobody watches, so it is off. It is back within a second.", True),
        "private": ("closed", "The privacy switch has closed it. Only the operator opens it again.", True),
    }
    value, text, ok = words.get(state, ("away", f"It is gone and looked for: {state.removeprefix('lost: ')}.", False))
    return _point("Camera", value, text, ok)


def _network(health: dict[str, Any]) -> dict[str, Any]:
    runs, wanted = str(health["delegate"]), str(health["wanted"])
    name = f"{health['model']} on {'the processor' if runs == 'cpu' else runs}"
    if not health["fallbacks"]:
        return _point("Network", name, "It runs where it shall.", True)
    return _point("Network", name, f"{wanted} was wanted: {health['fallbacks'][0]['reason']}.", False)


def _heat(degrees: float | None) -> dict[str, Any]:
    if degrees is None:
        return _point("Temperature", "unknown", "This board does not tell.", True)
    ok = degrees < HOT
    words = "It is cool enough." if ok else "It is hot and will slow down: give it air, a heat sink or a fan."
    return _point("Temperature", f"{degrees:.0f} °C", words, ok)


def _power() -> list[dict[str, Any]]:
    strained = sensors.strained(sensors.throttled() or 0)
    return [_point("Power", ", ".join(strained), "The power supply is too weak.", False)] if strained else []


def _room(state: str | None) -> list[dict[str, Any]]:
    if state is None:
        return []
    words = {
        "known": "It knows the empty room.",
        "learning": "It learns the empty room: step out of the picture for some seconds.",
        "wrong": "The room looks different: the camera was pushed, or the light changed. Learn it again.",
    }
    return [_point("Room", state, words.get(state, state), state != "wrong")]
