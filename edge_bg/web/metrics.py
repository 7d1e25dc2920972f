"""`/metrics`: the figures of `/state` as Prometheus reads them (text format 0.0.4), written by hand.

Names begin with `edge_bg_`; counters end in `_total`; times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_Sample = tuple[dict[str, str], float]
_STAGE: Final = {
    "count": ("stage_runs_total", "counter", "Runs of each stage.", 1.0),
    "total_s": ("stage_seconds_total", "counter", "Time spent in each stage.", 1.0),
    "p95_ms": ("stage_p95_seconds", "gauge", "What 19 of 20 recent runs of a stage took at most.", 1e-3),
    "median_ms": ("stage_median_seconds", "gauge", "Median time of recent runs of each stage.", 1e-3),
}
_OWN: Final = {"fps": "fps", "uptime_s": "uptime_seconds"}


def render(state: Mapping[str, Any]) -> str:
    """`state`, what `/state` shows, as text. Keys that are missing leave their metrics out."""
    out: list[str] = []
    for name, kind, help_text, samples in _families(state):
        if samples:
            out += [f"# HELP edge_bg_{name} {help_text}", f"# TYPE edge_bg_{name} {kind}"]
            out += [f"edge_bg_{name}{_labels(labels)} {value:.12g}" for labels, value in samples]
    return "\n".join(out) + "\n"


def _families(state: Mapping[str, Any]) -> Iterator[tuple[str, str, str, list[_Sample]]]:
    yield "healthy", "gauge", "1 while frames are fresh.", [({}, float(bool(state.get("healthy"))))]
    for key, name, text in (
        ("age_s", "frame_age_seconds", "Age of the newest frame that was sent out."),
        ("clients", "http_clients", "Open streams."),
        ("temperature_c", "temperature_celsius", "Temperature of the board."),
    ):
        value = state.get(key)
        yield name, "gauge", text, [] if value is None else [({}, float(value))]
    if "source" in state:
        yield "source_up", "gauge", "1 while the source delivers.", [({}, float(state["source"] == "ok"))]
    if "delegate" in state:
        names = {key: str(state.get(key)) for key in ("delegate", "wanted", "model")}
        yield "delegate_info", "gauge", "What the network runs on, and what was wanted.", [(names, 1.0)]
        fallen = float(names["delegate"] != names["wanted"])
        yield "delegate_fallback", "gauge", "1 while another delegate runs than was wanted.", [({}, fallen)]
    if "rung" in state:
        rung = {"rung": str(state["rung"])}
        yield "quality_info", "gauge", "The step of the quality ladder; all: nothing is left out.", [(rung, 1.0)]
    yield from _sinks(state.get("sinks") or {})
    yield from _stats(state.get("stats") or {})


def _sinks(sinks: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str, list[_Sample]]]:
    up = [({"sink": name}, float(sink.get("state") == "ok")) for name, sink in sinks.items()]
    yield "sink_up", "gauge", "1 while the sink takes frames.", up
    for key, text in (("delivered", "Frames taken."), ("dropped", "Frames missed."), ("failures", "Times it failed.")):
        samples = [({"sink": name}, float(sink.get(key, 0))) for name, sink in sinks.items()]
        yield f"sink_{key}_total", "counter", text, samples


def _stats(stats: Mapping[str, float]) -> Iterator[tuple[str, str, str, list[_Sample]]]:
    stages: dict[str, list[_Sample]] = {suffix: [] for suffix in _STAGE}
    events: list[_Sample] = []
    for key, value in stats.items():
        stage, _, suffix = key.rpartition(".")
        if suffix in _STAGE:
            stages[suffix].append(({"stage": stage}, value * _STAGE[suffix][3]))
        elif key in _OWN:
            yield _OWN[key], "gauge", "Rate of frames." if key == "fps" else "Since the start.", [({}, value)]
        else:
            events.append(({"event": key}, value))
    for suffix, (name, kind, text, _) in _STAGE.items():
        yield name, kind, text, stages[suffix]
    yield "events_total", "counter", "What was counted: frames, drops, fallbacks, covers.", events


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
