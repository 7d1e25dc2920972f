"""docs/lab/models.md: what there is to know of each shipped model, made from the cards and the evaluation's figures.

Nothing is written by hand there. `evaluation` is benchmarks/evaluation.json, `edge-bg evaluate`'s figures by file stem,
bound to the model files by their SHA-256: figures of another file are not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge_bg.network.card import ModelCard

HEAD = """\
# Models

This page is made from the cards in `models/` and from `benchmarks/evaluation.json` by `scripts/make_models_page`; edit
those. `edge-bg models` lists what is installed, `edge-bg tune` chooses for a board, `scripts/check-models` measures
again and fails when a model has fallen below its card.

What the figures mean: **IoU** with hand-drawn masks, mean over pictures (1 is perfect); **vs float**: its difference to
the float network it was made from; **agreement**: IoU with that network's own masks; **flicker**: change of the mask
from frame to frame where the picture stands still (luma, box-blurred over 5x5, changes by at most 6 of 255 levels there
and all around), times 1000, lower is calmer; **x float**: the same over the float network's; **M instr.**:
million instructions an invoke on emulated cores.
"""


def page(cards: Sequence[ModelCard], evaluation: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    """The page as Markdown. `pictures`: path of a picture, as seen from docs/, by model name."""
    parts = [HEAD, _overview(cards)]
    for name in dict.fromkeys(card.name for card in cards):
        same = [card for card in cards if card.name == name]
        parts.append(_section(name, same, evaluation, pictures.get(name)))
    return "\n".join(parts).rstrip("\n") + "\n"


def _overview(cards: Sequence[ModelCard]) -> str:
    rows = ["| model | input | precision | KiB | IoU | vs float | agreement | flicker | x float | M instr. A72 / A76 |"]
    rows.append("|---|---|---|--:|--:|--:|--:|--:|--:|--:|")
    for card in cards:
        m = card.measured or {}
        count = m.get("million_instructions") or {}
        both = " / ".join(_number(count.get(core), 1) for core in ("cortex-a72", "cortex-a76"))
        size = card.model.stat().st_size // 1024 if card.model.is_file() else "?"
        figures = " | ".join(
            [_number(m.get("iou"), 4), _number(m.get("iou_vs_float"), 4), _number(m.get("agreement"), 4),
             _number(m.get("flicker"), 2), _number(m.get("flicker_vs_float"), 2)]
        )  # fmt: skip
        size = "shared" if card.resized_from else size
        what = f"[{card.name}](#{card.name}) | {card.size[0]}x{card.size[1]} | {card.precision} | {size}"
        rows.append(f"| {what} | {figures} | {both if count else '–'} |")
    return "\n".join(rows) + "\n"


def _section(name: str, cards: Sequence[ModelCard], evaluation: Mapping[str, Any], picture: str | None) -> str:
    card = cards[0]
    about, measured = card.about, card.measured or {}
    lines = [f"## {name}", "", f"{_sentence(about.get('intended_use', 'unknown'))}", ""]
    if picture:
        lines += [f"![What {name} keeps of the built-in portrait]({picture})", ""]
    files = ", ".join(dict.fromkeys(f"`{c.model.name}`" for c in cards))
    lines += [
        f"- Files: {files}",
        f"- Licence: {about.get('licence', 'unknown')}",
        f"- Input: {card.size[0]}x{card.size[1]}, {'stretched' if card.framing == 'stretch' else 'letterboxed'}; "
        f"mask: {card.mask_size[0]}x{card.mask_size[1]}",
        f"- Who is in the training data: {about.get('training_data', 'unknown')}",
        *_provenance(about.get("provenance", "unknown")),
    ]
    if about.get("limits"):
        lines += ["- Limits:", *(f"  - {limit}" for limit in about["limits"])]
    if measured:
        lines.append(f"- Measured {measured.get('date')} with `{measured.get('command')}` on {measured.get('data')}")
    else:
        lines.append("- **Never measured.**")
    if measured.get("verdict") == "failed":
        lines.append(f"- **Failed its gate**: {measured.get('reason', 'no reason given')}. It is refused.")
    many = len({c.precision for c in cards}) < len(cards)
    figures = {c.path.stem if many else c.precision: evaluation.get("models", {}).get(c.path.stem) for c in cards}
    fresh = {p: f for (p, f), c in zip(figures.items(), cards, strict=True) if f and f["sha256"] == c.sha256}
    if fresh:
        lines += ["", *_conditions(fresh, evaluation), "", *_groups(fresh)]
    return "\n".join(lines) + "\n"


def _provenance(provenance: Any) -> list[str]:
    if not isinstance(provenance, Mapping):
        return [f"- Provenance: {provenance}"]
    return ["- Provenance:", *(f"  - {str(k).replace('_', ' ')}: {v}" for k, v in provenance.items())]


def _conditions(figures: Mapping[str, Any], evaluation: Mapping[str, Any]) -> list[str]:
    head = " | ".join(f"{p}: IoU [95 %] | AP | boundary F" for p in figures)
    lines = [
        f"Under conditions (`{evaluation.get('command')}`, {evaluation.get('date')}, {evaluation.get('data')}):", "",
        f"| condition | {head} |", "|---|" + "--:|--:|--:|" * len(figures),
    ]  # fmt: skip
    for condition in next(iter(figures.values()))["conditions"]:
        cells = []
        for model in figures.values():
            f = model["conditions"].get(condition)
            cells.append("– | – | –" if f is None else f"{_interval(f['iou'])} | {f['ap']:.3f} | {f['boundary_f']:.3f}")
        lines.append(f"| {condition} | {' | '.join(cells)} |")
    calm = [f"{p} {_number(m['flicker']['mean'], 2)}" for p, m in figures.items() if m.get("flicker")]
    if calm:
        lines += ["", f"Flicker where the videos stand still, at their own size, times 1000: {', '.join(calm)}."]
    return lines


def _groups(figures: Mapping[str, Any]) -> list[str]:
    lines = [f"| group (as-is) | n | {' | '.join(f'{p}: IoU [95 %]' for p in figures)} |"]
    lines.append("|---|--:|" + "--:|" * len(figures))
    first = next(iter(figures.values()))
    for kind, groups in first["groups"].items():
        for group, figure in groups.items():
            same = [model["groups"].get(kind, {}).get(group) for model in figures.values()]
            lines.append(f"| {kind}: {group} | {figure['n']} | {' | '.join(_interval(f) for f in same)} |")
    return lines


def _interval(figure: Mapping[str, Any] | None) -> str:
    if not figure or figure.get("mean") is None:
        return "–"
    return f"{figure['mean']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _number(value: Any, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else "–"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def trimmed(summary: Mapping[str, Any], cards: Sequence[ModelCard]) -> dict[str, Any]:
    """What of `evaluate`'s summary goes into benchmarks/evaluation.json, by file stem, with each file's SHA-256."""
    known = {card.path.stem: card.sha256 for card in cards}
    models: dict[str, Any] = {}
    for name, model in summary["models"].items():
        conditions = {
            condition: {"iou": f["iou"], "ap": f["ap"]["ap"], "boundary_f": f["boundary_f"]["mean"]}
            for condition, f in model["conditions"].items()
        }
        groups = {k: {g: f["iou"] for g, f in parts.items()} for k, parts in model["groups"].items()}
        flicker = None if model["videos"] is None else model["videos"]["flicker"]
        models[name] = {"sha256": known[name], "conditions": conditions, "groups": groups, "flicker": flicker}
    return models
