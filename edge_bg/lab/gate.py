"""The gate: what each card says its model is worth, measured again with the figures of `edge-bg evaluate`.

An integer model is compared with its float twin, the card of the same network in floating point: the same pictures go
through both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from edge_bg.frame import Frame, Picture, from_bgr
from edge_bg.lab import metrics, video
from edge_bg.lab.data import collect, even
from edge_bg.lab.record import upsample
from edge_bg.network.card import ModelCard
from edge_bg.network.segment import Segmenter

IOU_MARGIN, FLICKER_MARGIN = 0.005, 1.10  # IoU below the card, and times its flicker, that still pass
FLOATS = ("float16", "float32")
MANY = 1e9  # multiply-adds of a network that is measured on few pictures, as it would take hours otherwise
FEW = {True: (24, 6), False: (8, 3)}  # pictures, and frames of each clip: asked alone, or only about edges
Figures = dict[str, float]


def float_twin(card: ModelCard, cards: Sequence[ModelCard]) -> ModelCard | None:
    """The card of the network that `card`'s integers were made from: a float one of the same size, by name or else by
    the file both came from. None where there is none, and for a float model."""
    if card.precision in FLOATS:
        return None
    floats = [c for c in cards if c.precision in FLOATS and c.size == card.size]
    same = [c for c in floats if c.name == card.name] or [c for c in floats if _origin(c) == _origin(card) is not None]
    return same[0] if same else None


def _origin(card: ModelCard) -> object:
    provenance = card.about.get("provenance")
    return provenance.get("upstream_sha256") if isinstance(provenance, Mapping) else None


def is_large(card: ModelCard) -> bool:
    """Whether a card's network is measured on few pictures and frames only."""
    provenance = card.about.get("provenance")
    return isinstance(provenance, Mapping) and float(provenance.get("multiply_adds") or 0) > MANY


def measure(
    wanted: Sequence[ModelCard],
    cards: Sequence[ModelCard],
    data: Path,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Figures]:
    """The figures of each card of `wanted`, by file stem, as `measure_alike` takes them: of the large networks on a
    few pictures and a few frames of each clip, of the others on all. Raises `ModelError` and `PictureError`.
    """
    found: dict[str, Figures] = {}
    kinds = {card.path.stem: FEW[card.use != "edges"] if is_large(card) else (limit, limit) for card in wanted}
    for most in dict.fromkeys(kinds.values()):
        some = [card for card in wanted if kinds[card.path.stem] == most]
        if some:
            found |= measure_alike(some, cards, data, most, progress)
    return {card.path.stem: found[card.path.stem] for card in wanted}


def measure_alike(
    wanted: Sequence[ModelCard],
    cards: Sequence[ModelCard],
    data: Path,
    most: tuple[int | None, int | None],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Figures]:
    """The figures of each card of `wanted`, by file stem, on `data`/people and `data`/webcam.

    `iou` with the hand-drawn masks; `flicker` where the clips stand still, `change` over all pixels (see
    `video.VideoRecord`). With a float twin among `cards` also what the twin has, `agreement_people` and
    `agreement_webcam` (mean IoU with the twin's masks), and `agreement`, the lower of the two.
    most: at most so many pictures, evenly picked, and frames of each clip. progress: called with (done, total).
    Raises `ModelError` and `PictureError`.
    """
    twins = {card.path.stem: twin.path.stem for card in wanted if (twin := float_twin(card, cards)) is not None}
    needed = {c.path.stem: c for c in cards if c.path.stem in twins.values()} | {c.path.stem: c for c in wanted}
    limit, frames = most
    people, webcam = collect(data / "people").items, collect(data / "webcam").videos
    people = people[:: max(1, len(people) // limit)][:limit] if limit else people
    ious: dict[str, list[float]] = {name: [] for name in needed}
    like: dict[str, dict[str, list[float]]] = {"people": {n: [] for n in twins}, "webcam": {n: [] for n in twins}}
    films: dict[str, list[video.VideoRecord]] = {name: [] for name in needed}

    def compare(masks: Mapping[str, Picture], where: str) -> None:
        for name, twin in twins.items():
            like[where][name].append(metrics.iou(masks[name], masks[twin]))

    with ExitStack() as stack:
        nets = {name: stack.enter_context(Segmenter(card, threads=1)) for name, card in needed.items()}
        for done, item in enumerate(people, 1):
            bgr, truth = (even(p) for p in item.read())
            if metrics.shows_somebody(truth):
                frame = Frame(from_bgr(bgr), 0.0, 0)
                alphas = {name: upsample(net(frame), frame) for name, net in nets.items()}
                for name, alpha in alphas.items():
                    ious[name].append(metrics.iou(alpha, truth))
                compare(alphas, "people")
            if progress is not None:
                progress(done, len(people) + len(webcam))
        for done, path in enumerate(webcam, len(people) + 1):
            for record in video.measure(path, nets, frames, lambda masks: compare(masks, "webcam")):
                films[record.model].append(record)
            if progress is not None:
                progress(done, len(people) + len(webcam))

    own = {
        name: {
            "iou": _mean(ious[name], 4),
            "flicker": _mean([f.flicker for f in films[name]], 3),
            "change": _mean([f.change for f in films[name]], 3),
        }
        for name in needed
    }
    return {card.path.stem: _figures(card.path.stem, own, twins, like) for card in wanted}


def _mean(values: Sequence[float], digits: int) -> float:
    return round(float(np.mean(values)), digits)


def _figures(
    name: str, own: Mapping[str, Figures], twins: Mapping[str, str], like: Mapping[str, Mapping[str, list[float]]]
) -> Figures:
    figures = dict(own[name])
    if name in twins:
        twin = own[twins[name]]
        people, webcam = _mean(like["people"][name], 4), _mean(like["webcam"][name], 4)
        figures |= {
            "iou_vs_float": round(figures["iou"] - twin["iou"], 4),
            "agreement": min(people, webcam),
            "agreement_people": people,
            "agreement_webcam": webcam,
            "flicker_of_float": twin["flicker"],
            "flicker_vs_float": round(figures["flicker"] / twin["flicker"], 3),
            "change_of_float": twin["change"],
        }
    return figures


def verdict(name: str, then: Mapping[str, Any] | None, now: Mapping[str, float]) -> list[str]:
    """What is wrong with a model whose figures `now` fell below what its card says (`then`); empty when nothing is."""
    if not then:
        return [f"{name}: its card has no measurement: run scripts/check-models --write"]
    wrong = []
    if now["iou"] < then["iou"] - IOU_MARGIN:
        wrong.append(f"{name}: IoU {now['iou']:.4f}, its card says {then['iou']:.4f}")
    if now["flicker"] > then["flicker"] * FLICKER_MARGIN:
        wrong.append(f"{name}: flicker {now['flicker']:.3f}, its card says {then['flicker']:.3f}")
    return wrong
