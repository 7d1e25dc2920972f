"""`edge-bg tune`: measure the installed models, thread counts and delegates on this board, choose, say why.

The rule: of what holds the wanted rate with a margin, the model with the best measured IoU; where two are within
0.003, the calmer one (flicker), then the one that takes least of the processor. If nothing holds it, the fastest.
What runs on an accelerator counts with the IoU of its uncompiled file, and takes nothing of the processor.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from edge_bg.errors import EdgeBgError, ModelError
from edge_bg.frame import Frame, Size
from edge_bg.network.card import ModelCard, find, models

MARGIN = 0.85  # of a frame's time the network may take: capture, the matte and the heat of the day want some too
ALIKE = 0.003  # IoU within which two models count as equally good
ROUNDS = 3  # turns over all models, so that a moment of load hits none alone
CPU = "cpu"
FITS = 1.5  # how much a model's aspect ratio may differ from the frame's


@dataclass(frozen=True)
class Candidate:
    """A model with a thread count on a delegate: `ms` a frame for the network (median), `rest` ms for matte and
    compositor."""

    card: ModelCard
    threads: int
    ms: float
    rest: float
    iou: float
    flicker: float
    delegate: str = CPU

    @property
    def name(self) -> str:
        """Stem of the card's file."""
        return self.card.path.stem

    @property
    def label(self) -> str:
        """The model, and what it runs on where that is not the processor."""
        return self.name if self.delegate == CPU else f"{self.name} on {self.delegate}"

    @property
    def processor(self) -> float:
        """Milliseconds of processor a frame, all threads together."""
        return self.ms * self.threads if self.delegate == CPU else 0.0

    def rate(self, cores: int) -> float:
        """Frames a second that the loop can hold: stages run side by side where there is a second core, or where the
        network has a chip of its own."""
        busy = self.ms + self.rest if cores == 1 and self.delegate == CPU else max(self.ms, self.rest)
        return 1000.0 / busy


def suitable(size: Size, cards: Sequence[ModelCard] | None = None) -> tuple[list[ModelCard], list[str]]:
    """(models to measure, why each other one is left out) for frames of `size`."""
    taken, left = [], []
    for card in models() if cards is None else cards:
        aspect = (card.size[0] / card.size[1]) / (size[0] / size[1])
        if card.use != "people":
            left.append(f"{card.path.stem}: made for {card.use}, not for finding people in a film")
        elif card.measured is None or "iou" not in card.measured:
            left.append(f"{card.path.stem}: its quality was never measured")
        elif card.measured.get("verdict") == "failed":
            left.append(f"{card.path.stem}: its measurement failed")
        elif not 1 / FITS <= aspect <= FITS:
            left.append(f"{card.path.stem}: made for {card.size[0]}x{card.size[1]}, would squeeze {size[0]}x{size[1]}")
        else:
            taken.append(card)
    return taken, left


def named(name: str) -> list[ModelCard]:
    """The installed models of this name, all precisions; or the one of this file stem or card. Raises `ModelError`."""
    return [card for card in models() if card.name == name] or [find(name)]


def candidates(
    cards: Sequence[ModelCard],
    threads: Sequence[int],
    size: Size,
    seconds: float,
    say: Callable[[str], None] = lambda text: None,
    delegates: Sequence[object] = (CPU,),
) -> tuple[list[Candidate], list[str]]:
    """Measure each card for about `seconds` with each thread count, and on each other delegate, in turns:
    (candidates, why others failed). `delegates` are entries of a config's `model.delegates`.

    Turns are shuffled and repeated, so that a passing load or heat does not decide against one. Raises `DelegateError`
    for an entry that is none.
    """
    from edge_bg.network.delegates import Spec
    from edge_bg.network.segment import Segmenter

    frame = _frame(size)
    rest = _rest(frame, seconds / 2)
    entries = {Spec.parse(entry).label: entry for entry in delegates}
    ways = [(label, count) for label in entries for count in (threads if label == CPU else (1,))]
    times: dict[tuple[int, str, int], list[float]] = {(i, *way): [] for i in range(len(cards)) for way in ways}
    failed: list[str] = []
    order = list(times)
    for number in range(ROUNDS):
        random.Random(number).shuffle(order)
        for key in list(order):
            card, label, count = cards[key[0]], key[1], key[2]
            where = f"{count} thread{'s' * (count > 1)}" if label == CPU else label
            say(f"{card.path.stem}, {where}, turn {number + 1} of {ROUNDS}")
            try:
                with Segmenter(card, threads=count, delegates=[entries[label]]) as segmenter:
                    times[key].append(median_ms(lambda s=segmenter: s(frame), seconds / ROUNDS))  # type: ignore[misc]
            except EdgeBgError as error:
                failed.append(f"{card.path.stem}{'' if label == CPU else f' on {label}'}: {error.message}")
                order.remove(key)
                times[key].clear()
    found = []
    for (i, label, count), taken in times.items():
        if taken:
            figures = cards[i].measured or {}
            flicker = float(figures.get("flicker", float("inf")))
            found.append(Candidate(cards[i], count, median(taken), rest, float(figures["iou"]), flicker, label))
    return found, failed


def _frame(size: Size) -> Frame:
    from edge_bg.sources.synthetic import Synthetic

    with Synthetic(size=size, realtime=False, frames=1) as source:
        frame: Frame = next(iter(source)).copy()
    return frame


def _rest(frame: Frame, seconds: float) -> float:
    """Median ms of matte and compositor on a plain background."""
    import numpy as np

    from edge_bg.composite import Compositor
    from edge_bg.composite.backgrounds import ColorBackground
    from edge_bg.matte import Matte

    matte = Matte(frame.size)
    mask = np.zeros((144, 256), np.uint8)
    mask[40:, 90:170] = 255
    with Compositor(ColorBackground(), frame.size) as compositor:
        return median_ms(lambda: compositor(frame, matte(mask, frame)), seconds)


def median_ms(call: Callable[[], Any], seconds: float) -> float:
    """Median milliseconds of `call()`, called for `seconds`, twice before."""
    call()
    call()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - start))
    return median(taken)


def choose(found: Sequence[Candidate], rate: float, cores: int) -> tuple[Candidate, str]:
    """(the best candidate, why) for the wanted `rate` in frames a second. ModelError where there is none."""
    if not found:
        raise ModelError("no installed model could be measured", hint="See what is installed: edge-bg models")
    holding = [c for c in found if c.rate(cores) * MARGIN >= rate]
    if not holding:
        best = max(found, key=lambda c: (c.rate(cores), -c.ms, c.iou))
        why = (
            f"nothing holds {rate:g} frames a second with a margin here; {best.label} with {best.threads} "
            f"thread{'s' * (best.threads > 1)} is the fastest: {best.rate(cores):.1f}"
        )
        if best.rest * rate > 1000 * MARGIN:
            why += (
                f"; matte and compositor alone take {best.rest:.1f} ms: smaller frames would help more than any model"
            )
        return best, why
    top = max(c.iou for c in holding)
    alike = [c for c in holding if c.iou >= top - ALIKE]
    calm = min(c.flicker for c in alike)
    best = min((c for c in alike if c.flicker <= calm * 1.1), key=lambda c: (c.processor, c.ms, c.threads))
    better = [c for c in found if c.iou > best.iou + ALIKE and c not in holding]
    count = len({c.name for c in holding})
    beside = [c for c in holding if c.name == best.name and c.delegate != best.delegate]
    why = f"of {count} models that hold {rate:g} frames a second it has the best IoU ({best.iou:.3f})"
    if len({c.name for c in alike}) > 1:
        why += (
            f", shared with {', '.join(sorted({c.name for c in alike} - {best.name}))}; it flickers least for its cost"
        )
    if beside:
        other = min(beside, key=lambda c: c.processor)
        why += f"; on {best.delegate} it takes {best.processor:.1f} ms a frame of the processor, on {other.delegate} "
        why += f"{other.processor:.1f}"
    if better:
        first = max(better, key=lambda c: (c.iou, c.rate(cores)))
        why += f"; {first.label} ({first.iou:.3f}) would be better but reaches only {first.rate(cores):.1f}"
    if best.threads > 1:
        fewer = [c for c in found if c.label == best.label and c.threads < best.threads]
        if fewer:
            least = max(fewer, key=lambda c: c.rate(cores))
            why += f"; with {least.threads} it would reach {least.rate(cores):.1f}"
    return best, why


SELDOM = 8  # frames between looks for edges: what is still worth it


@dataclass(frozen=True)
class Finer:
    """A network for edges beside the chosen one: it looks at each `every`-th frame, `ms` a look on one core."""

    card: ModelCard
    ms: float
    every: int


def edge_times(
    size: Size, rate: float, seconds: float, say: Callable[[str], None] = lambda text: None
) -> tuple[list[tuple[ModelCard, float]], list[str]]:
    """Milliseconds of a look of each installed network for edges, smallest first, one thread; and why others failed.

    Those for upright pictures are for stills and left out, and those larger than one that is too slow for `rate`. Of
    two of one size the cheaper one is taken: the student is better live than what it was made from (decision 174).
    """
    from edge_bg.network.segment import Segmenter

    frame = _frame(size)
    found: list[tuple[ModelCard, float]] = []
    failed: list[str] = []
    installed = [card for card in models() if card.use == "edges"]
    for card in sorted(installed, key=lambda c: (c.size[0] * c.size[1], c.model.stat().st_size)):
        if card.size[0] < card.size[1] or (found and found[-1][1] * rate > 1000 * SELDOM):
            continue
        if found and found[-1][0].size == card.size:
            continue
        say(f"{card.path.stem}, 1 thread")
        try:
            with Segmenter(card, threads=1) as segmenter:
                found.append((card, median_ms(lambda s=segmenter: s(frame), seconds / ROUNDS)))  # type: ignore[misc]
        except EdgeBgError as error:
            failed.append(f"{card.path.stem}: {error.message}")
    return found, failed


def room_for_edges(best: Candidate, rate: float, cores: int) -> bool:
    """Whether anything beside `best` is to be thought of."""
    return cores > 1 and best.rate(cores) * MARGIN >= rate


def edges(
    best: Candidate, times: Sequence[tuple[ModelCard, float]], rate: float, cores: int
) -> tuple[Finer | None, list[str]]:
    """What of `edge_times` this board holds beside `best` at `rate` frames a second, and lines that say why.

    It runs on a thread of its own, so that it may take what the rest leaves over of the cores, never more: the one that
    looks most often, down to each SELDOM-th frame, and of those alike the largest. None on one core, or where `best`
    itself does not hold the rate.
    """
    if not room_for_edges(best, rate, cores):
        return None, [f"for edges: none, as {'there is one core' if cores < 2 else 'the rate is not held without'}"]
    spare = MARGIN * cores * 1000 / rate - best.processor - best.rest
    found: list[Finer] = []
    told = [f"for edges: {max(spare, 0):.1f} ms of the cores are left over in each frame"]
    for card, ms in times:
        every = _ceil(max(ms / spare, ms * rate / 1000)) if spare > 0 else SELDOM + 1
        slow = every > SELDOM
        told.append(f"{card.path.stem}: {ms:.1f} ms a look, {'too slow' if slow else f'in each {every}. frame'}")
        if not slow:
            found.append(Finer(card, ms, every))
    return min(reversed(found), key=lambda each: each.every, default=None), told


def _ceil(value: float) -> int:
    return max(1, int(-(-value // 1)))


def table(found: Sequence[Candidate], best: Candidate, rate: float, cores: int) -> str:
    """What was measured, for a terminal; `*` marks the choice."""
    wide = max([34, *(len(c.label) + 2 for c in found)])
    lines = [f"  {'MODEL':<{wide}}{'THREADS':>8}{'MS':>9}{'FRAMES/S':>10}{'IOU':>8}{'FLICKER':>9}"]
    for c in sorted(found, key=lambda c: (-c.iou, c.label, c.threads)):
        mark = "*" if c is best else " "
        holds = "" if c.rate(cores) * MARGIN >= rate else "  too slow"
        speed = f"{c.threads:>8}{c.ms:>9.2f}{c.rate(cores):>10.1f}"
        lines.append(f"{mark} {c.label:<{wide}}{speed}{c.iou:>8.3f}{c.flicker:>9.2f}{holds}")
    return "\n".join(lines)
