"""The report: one HTML file that holds everything (pictures, plots, figures, words), and the same figures as JSON."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Frame, from_bgr
from edge_bg.lab import plots
from edge_bg.lab.conditions import describe
from edge_bg.lab.metrics import AP_THRESHOLDS, HALF, boundary
from edge_bg.lab.record import Record, upsample
from edge_bg.lab.run import Result, Worker, fingerprint, picture_of
from edge_bg.lab.summary import BASE, KINDS, kind_of

LEGEND = (
    "<p class=note>Beside each picture what the model keeps of it, the rest dimmed. Red: a person's pixels that were "
    "lost; blue: the room's that were kept (or people whom the label leaves out); yellow: the true outline.</p>"
)
Bgr = NDArray[np.uint8]
Looks = Callable[[Record], tuple[Bgr, NDArray[np.uint8], NDArray[np.uint8]]]

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.4rem; border-bottom: 1px solid #8886; } h3 { margin-bottom: .3rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { padding: .22rem .6rem; text-align: right; border-bottom: 1px solid #8883; white-space: nowrap; }
th:first-child, td:first-child, .facts td { text-align: left; }
th, td { font-size: .86rem; }
.plot { width: 440px; }
.row { display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-start; }
figure { margin: 0; } figcaption { font-size: .82rem; max-width: 22rem; }
figure img { max-height: 260px; max-width: 100%; display: block; }
svg { max-width: 100%; height: auto; fill: currentColor; font-family: system-ui, sans-serif; }
small, .note { opacity: .75; max-width: 44rem; }
"""


def to_json(result: Result, about: dict[str, Any] | None = None) -> str:
    """The figures as JSON text; the same result gives the same text."""
    head = {"data": fingerprint(result.data.items), "conditions": list(result.job.conditions)}
    return json.dumps({**(about or {}), **head, **result.summary}, indent=1, allow_nan=False) + "\n"


def write(result: Result, folder: Path, about: dict[str, Any] | None = None, worker: Worker | None = None) -> Path:
    """Write `folder`/report.html and `folder`/report.json; returns the path of the HTML.

    `about`: what stands at the head (command, date, versions). `worker` holds the open models (else they are opened
    again); it makes the pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(to_json(result, about), encoding="utf-8")
    path = folder / "report.html"
    path.write_text(page(result, about or {}, worker or Worker(result.job)), encoding="utf-8")
    return path


def page(result: Result, about: dict[str, Any], worker: Worker) -> str:
    """The report as one HTML text."""
    items = {item.name: item for item in result.data.items}

    def look(record: Record) -> tuple[Bgr, NDArray[np.uint8], NDArray[np.uint8]]:
        bgr, truth = picture_of(items[record.name], record.condition, result.job)
        frame = Frame(from_bgr(bgr), 0.0, 0)
        return bgr, truth, upsample(worker.predictors[record.model](frame), frame)

    models = result.summary["models"]
    left_out = result.summary.get("left_out", [])
    facts = "".join(f"<tr><td>{html.escape(k)}<td>{html.escape(str(v))}" for k, v in about.items())
    body = [
        "<h1>Evaluation</h1>",
        f"<p>{result.summary['pictures']} pictures, {len(result.job.conditions)} conditions, "
        f"{len(result.data.videos)} videos, seed {result.job.seed}. The model's mask, stretched bilinearly to the "
        "picture, against the true alpha; no help of the matte. Whiskers and brackets are 95 % intervals of the mean "
        "by bootstrap.</p>",
        f"<table class=facts>{facts}</table>" if facts else "",
        f"<p>Left out, as their masks mark nobody: {html.escape(', '.join(left_out))}.</p>" if left_out else "",
    ]
    if result.records:
        body += ["<h2>At a glance</h2>", _glance(result), *_tables(models)]
        body += ["<h2>In words</h2>", *(_words(name, model) for name, model in models.items())]
        body += ["<h2>By group</h2>", _groups(models)]
        body += ["<h2>Best, median and worst</h2>", LEGEND, *_examples(result, look)]
        body += ["<h2>The conditions, and the worst picture of each</h2>", _conditions(result, look)]
    body += _videos(models)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>edge_bg evaluation</title><style>{STYLE}</style><body>{''.join(body)}</body></html>\n"
    )


def _glance(result: Result) -> str:
    models = result.summary["models"]
    rows = list(result.job.conditions)

    def values(model: dict[str, Any]) -> list[tuple[float, float, float] | None]:
        figures = [model["conditions"].get(c, {}).get("iou", {"mean": None}) for c in rows]
        return [None if f["mean"] is None else (f["mean"], f["low"], f["high"]) for f in figures]

    chart = plots.bars(rows, {m: values(v) for m, v in models.items()}, "Mean IoU under each condition")
    first = rows[0] if BASE not in rows else BASE
    spread = {m: [r.iou for r in result.records if r.model == m and r.condition == first] for m in models}
    ap = {m: [v["conditions"][first]["ap"][f"{t:.2f}"] for t in AP_THRESHOLDS] for m, v in models.items()}
    return (
        f"<h3>Mean IoU under each condition</h3>{chart}<div class=row>"
        f"<div class=plot><h3>IoU of the pictures, {first}</h3>"
        f"{plots.histogram(spread, 'IoU of the pictures', 'IoU')}</div>"
        f"<div class=plot><h3>AP over the IoU threshold, {first}</h3>"
        f"{plots.lines(AP_THRESHOLDS, ap, 'AP over the IoU threshold', 'IoU threshold')}</div></div>"
    )


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


HEAD = (
    "<tr><th>{}<th>n<th>IoU mean<th>95 %<th>median<th>10th pct.<th>AP .50:.95<th>AP .50<th>AP .75<th>boundary F"
    "<th>alpha MAD<th>gradient<th>nobody found"
)


def _line(name: str, figures: dict[str, Any]) -> str:
    f, ap = figures["iou"], figures["ap"]
    cells = [
        html.escape(name), str(f["n"]), _number(f["mean"]), f"[{_number(f['low'])}, {_number(f['high'])}]",
        _number(f["median"]), _number(f["p10"]), _number(ap["ap"]), _number(ap["0.50"]), _number(ap["0.75"]),
        _number(figures["boundary_f"]["mean"]), _number(figures["mad"]["mean"], 4),
        _number(figures["gradient"]["mean"], 2), str(figures["not_found"]),
    ]  # fmt: skip
    return "<tr>" + "".join(f"<td>{c}" for c in cells)


def _tables(models: dict[str, Any]) -> list[str]:
    tables = []
    for name, model in models.items():
        lines = "".join(_line(c, f) for c, f in model["conditions"].items())
        tables.append(f"<h3>{html.escape(name)}</h3><table>{HEAD.format('condition')}{lines}</table>")
    return tables


def _words(name: str, model: dict[str, Any]) -> str:
    said = "".join(f"<li>{html.escape(w)}" for w in model["words"])
    return f"<h3>{html.escape(name)}</h3><ul>{said}</ul>"


def _groups(models: dict[str, Any]) -> str:
    parts = [
        "<p class=note>Measured as-is. Skin is the individual typology angle of the face as pictured (light and "
        "exposure shift it); the classes are wide for that reason.</p>"
    ]
    for name, model in models.items():
        for kind, groups in model["groups"].items():
            lines = "".join(_line(g, f) for g, f in groups.items())
            parts.append(
                f"<h3>{html.escape(name)}, by {html.escape(kind)}</h3><table>{HEAD.format(kind)}{lines}</table>"
            )
    return "".join(parts)


def _examples(result: Result, look: Looks) -> list[str]:
    parts = []
    for model in result.summary["models"]:
        own = [r for r in result.records if r.model == model and r.condition == BASE]
        own = own or [r for r in result.records if r.model == model]
        own.sort(key=lambda r: (r.iou, r.name))
        middle = len(own) // 2
        sets = {"Worst": own[:5], "Median": own[max(0, middle - 2) : middle + 2], "Best": own[-4:][::-1]}
        for title, records in sets.items():
            shown = "".join(_figure(look, r) for r in records)
            parts.append(f"<h3>{title}: {html.escape(model)}</h3><div class=row>{shown}</div>")
    return parts


def _conditions(result: Result, look: Looks) -> str:
    parts = [
        "<p class=note>Left: one and the same picture under every condition. Right: the worst one.</p><div class=row>"
    ]
    model = next(iter(result.summary["models"]))
    own = [r for r in result.records if r.model == model]
    names = sorted({r.name for r in own})
    sample = names[len(names) // 3]
    for condition in result.job.conditions:
        here = [r for r in own if r.condition == condition]
        if not here:
            continue
        same = next(r for r in here if r.name == sample)
        worst = min(here, key=lambda r: (r.iou, r.name))
        parts.append(
            f"<div><h3>{html.escape(condition)}</h3><p class=note>{html.escape(describe(condition))}</p>"
            f"<div class=row>{_figure(look, same)}{_figure(look, worst)}</div></div>"
        )
    return "".join(parts) + "</div>"


def _figure(look: Looks, record: Record) -> str:
    bgr, truth, alpha = look(record)
    picture = np.hstack((bgr, overlay(bgr, truth, alpha)))
    scale = min(1.0, 260 / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    coded = base64.b64encode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()).decode()
    caption = f"{record.name}: IoU {record.iou:.3f}, boundary F {record.boundary_f:.3f}; {kind_of(record)}"
    title = html.escape(KINDS[kind_of(record)])
    return (
        f'<figure><img alt="{html.escape(caption)}" title="{title}" src="data:image/jpeg;base64,{coded}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def overlay(bgr: Bgr, truth: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Bgr:
    """What was kept, the rest dimmed: red where a person was lost, blue where room was kept, the truth's outline."""
    kept = alpha.astype(np.float32)[..., None] / 255
    shown = bgr * (0.25 + 0.75 * kept)
    lost, spilt = (truth >= HALF) & (alpha < HALF), (truth < HALF) & (alpha >= HALF)
    for where, color in ((lost, (40, 40, 255)), (spilt, (255, 120, 20))):
        shown[where] = 0.45 * shown[where] + 0.55 * np.array(color, np.float32)
    shown[boundary(truth >= HALF) > 0] = (90, 255, 255)
    return np.asarray(np.clip(shown, 0, 255), np.uint8)


def _videos(models: dict[str, Any]) -> Sequence[str]:
    films = {name: model["videos"] for name, model in models.items() if model["videos"]}
    if not films:
        return ()
    lines = []
    for name, figures in films.items():
        lines += [
            f"<tr><td>{html.escape(name)}<td>{html.escape(film)}<td>{f['frames']}<td>{_number(f['flicker'], 2)}"
            f"<td>{_number(f['change'], 2)}<td>{_number(f.get('iou'))}<td>{_number(f.get('dtssd'), 2)}"
            f"<td>{_number(f.get('lag'), 2)}"
            for film, f in figures["each"].items()
        ]
        mean = figures["flicker"]
        lines.append(
            f"<tr><td>{html.escape(name)}<td><b>mean</b><td><td><b>{_number(mean['mean'], 2)}</b> "
            f"[{_number(mean['low'], 2)}, {_number(mean['high'], 2)}]<td><b>{_number(figures['change']['mean'], 2)}</b>"
        )
    return (
        "<h2>Videos</h2><p class=note>Flicker: mean change of alpha from frame to frame where the picture (on labelled "
        "clips: the true alpha) stands still, times 1000. Change: the same over all pixels, motion included. "
        "IoU, dtSSD and lag in frames: on labelled clips.</p>",
        "<table><tr><th>model<th>video<th>frames<th>flicker<th>change<th>IoU<th>dtSSD<th>lag"
        + "".join(lines)
        + "</table>",
    )
