"""From records to figures: means, medians, tails, AP, confidence intervals, groups, and failure modes in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_bg.lab import metrics
from edge_bg.lab.record import Record
from edge_bg.lab.video import VideoRecord

BASE = "as-is"


def figure(values: Sequence[float], seed: int, digits: int = 4) -> dict[str, Any]:
    """`{"mean", "low", "high", "median", "p10", "n"}` of the values that are numbers; low..high is the 95 % interval
    of the mean by bootstrap."""
    data = np.asarray([v for v in values if not math.isnan(v)], dtype=np.float64)
    if data.size == 0:
        return {"mean": None, "low": None, "high": None, "median": None, "p10": None, "n": 0}
    low, high = metrics.bootstrap(list(data), seed=seed)
    numbers = {
        "mean": float(data.mean()), "low": low, "high": high,
        "median": float(np.median(data)), "p10": float(np.percentile(data, 10)),
    }  # fmt: skip
    return {**{k: round(v, digits) for k, v in numbers.items()}, "n": int(data.size)}


def of_records(records: Sequence[Record], seed: int) -> dict[str, Any]:
    """All figures of one set of records."""
    ap = metrics.average_precision([r.iou for r in records], [r.score for r in records])
    return {
        "iou": figure([r.iou for r in records], seed),
        "ap": {k: round(v, 4) for k, v in ap.items()},
        "boundary_f": figure([r.boundary_f for r in records], seed),
        "mad": figure([r.mad for r in records], seed),
        "gradient": figure([r.gradient for r in records], seed),
        "not_found": sum(math.isnan(r.score) for r in records),
    }


def summarise(
    records: Sequence[Record], videos: Sequence[VideoRecord], conditions: Sequence[str], *, seed: int = 0
) -> dict[str, Any]:
    """The summary as plain data, ready for JSON: `{"models": {name: {"conditions", "groups", "videos", "words"}}}`."""
    models: dict[str, Any] = {}
    for model in dict.fromkeys([r.model for r in records] + [v.model for v in videos]):
        own = [r for r in records if r.model == model]
        by_condition = {c: [r for r in own if r.condition == c] for c in conditions}
        figures = {c: of_records(part, seed) for c, part in by_condition.items() if part}
        base = by_condition.get(BASE) or next((p for p in by_condition.values() if p), [])
        films = [v for v in videos if v.model == model]
        models[model] = {
            "conditions": figures,
            "groups": _groups(base, seed),
            "videos": {
                "flicker": figure([v.flicker for v in films], seed),
                "change": figure([v.change for v in films], seed),
                "each": {v.name: _film(v) for v in films},
            } if films else None,
            "failures": _failures(by_condition),
        }  # fmt: skip
        models[model]["words"] = words(models[model])
    return {"seed": seed, "pictures": len({r.name for r in records}), "models": models}


def _film(v: VideoRecord) -> dict[str, Any]:
    known = {"iou": v.iou, "dtssd": v.dtssd, "lag": v.lag}
    figures = {k: round(n, 4) for k, n in known.items() if n is not None}
    return {"frames": v.frames, "flicker": _plain(v.flicker), "change": _plain(v.change), **figures}


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)


def _groups(records: Sequence[Record], seed: int) -> dict[str, dict[str, Any]]:
    kinds: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        for kind, name in record.groups.items():
            kinds.setdefault(kind, {}).setdefault(name, []).append(record)
    return {
        kind: {name: of_records(part, seed) for name, part in sorted(parts.items())} for kind, parts in kinds.items()
    }


KINDS = {
    "nobody found": "the network saw nobody",
    "much missed": "more than 40 % of the person was cut away",
    "part missed": "15 to 40 % of the person was cut away (a limb, what they hold, hair)",
    "room kept": "room worth more than 30 % of the person was kept",
    "ragged": "the outline is off by a little all around",
    "good": "IoU of 0.8 or more",
}


def kind_of(record: Record) -> str:
    """What went wrong with a picture, one of `KINDS`."""
    if math.isnan(record.score):
        return "nobody found"
    if record.iou >= 0.8:
        return "good"
    if record.recall < 0.6:
        return "much missed"
    if record.spill > 0.3:
        return "room kept"
    return "part missed" if record.recall < 0.85 else "ragged"


def _failures(by_condition: dict[str, list[Record]]) -> dict[str, dict[str, int]]:
    return {c: dict(Counter(kind_of(r) for r in part)) for c, part in by_condition.items() if part}


def words(model: dict[str, Any]) -> list[str]:
    """The failure modes in sentences, each with its number."""
    said = []
    figures = model["conditions"]
    base = figures.get(BASE)
    for condition, counts in model["failures"].items():
        total = sum(counts.values())
        bad = {k: n for k, n in counts.items() if k != "good"}
        loss = "" if base is None or condition == BASE else _loss(base, figures[condition])
        if not bad:
            said.append(f"{condition}: all {total} pictures reach an IoU of 0.8{loss}.")
            continue
        worst, n = max(bad.items(), key=lambda kv: kv[1])
        said.append(
            f"{condition}: {sum(bad.values())} of {total} pictures stay below an IoU of 0.8, most often ({n}) because "
            f"{KINDS[worst]}{loss}."
        )
    for kind, parts in model["groups"].items():
        said += _disparity(kind, parts)
    return said


def _loss(base: dict[str, Any], other: dict[str, Any]) -> str:
    lost = base["iou"]["mean"] - other["iou"]["mean"]
    if abs(lost) < 0.005:
        return "; no different from as-is"
    return f"; mean IoU {abs(lost):.3f} {'lower' if lost > 0 else 'higher (!)'} than as-is"


def _disparity(kind: str, parts: dict[str, Any]) -> list[str]:
    big = {name: p["iou"] for name, p in parts.items() if p["iou"]["n"] >= 10}
    small = [name for name in parts if name not in big]
    said = []
    if len(big) > 1:
        best, worst = max(big, key=lambda k: big[k]["mean"]), min(big, key=lambda k: big[k]["mean"])
        gap = big[best]["mean"] - big[worst]["mean"]
        apart = big[worst]["high"] < big[best]["low"]
        said.append(
            f"by {kind}: {worst} has the lowest mean IoU ({big[worst]['mean']:.3f}), {best} the highest "
            f"({big[best]['mean']:.3f}); the gap of {gap:.3f} is "
            + ("larger than chance explains (intervals apart)." if apart else "within what chance explains.")
        )
    if small:
        said.append(f"by {kind}: too few pictures (under 10) to judge {', '.join(small)}.")
    return said
