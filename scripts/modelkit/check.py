"""Measure every model again and compare with its card: the gate (`edge_bg.lab.gate` does the measuring)."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from edge_bg.lab import gate
from edge_bg.network.card import ModelCard, models
from edge_bg.network.delegates import trust

from .build import ROOT, build, dump
from .catalogue import VARIANTS

SOURCES = {
    "data": "people: 200 photographs, one person each (github.com/bearpaw/clothing-co-parsing@fe34fb7; 0536 is left "
    "out, as its mask marks nobody); webcam: 6 clips (github.com/intel-iot-devkit/sample-videos@5797889)",
    "command": "EDGE_BG_DATA=... scripts/check-models",
    "flicker_means": "1000 x the mean change of alpha from frame to frame on pixels that stand still: their luma, "
    "box-blurred over 5x5, changes by at most 6 of 255 levels, and so does all around them (5x5); change: over all "
    "pixels, real motion included",
}


def instructions(paths: list[Path]) -> dict[str, dict[str, float]]:
    """Million instructions of one invoke on emulated Arm cores, by file name; empty without EDGE_BG_ARM64."""
    if not os.environ.get("EDGE_BG_ARM64"):
        return {}
    folder = ROOT / "benchmarks" / "arm64"
    command = [str(folder / "count"), "--cpu", "both", str(folder / "invoke.py"), *map(str, paths)]
    found: dict[str, dict[str, float]] = {}
    core = ""
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        if line.startswith("# "):
            core = line[2:].split(",")[0]
        elif match := re.match(r"invoke (\S+)\s+([\d.]+) M", line):
            found.setdefault(match[1], {})[core] = float(match[2])
    return found


def float_twins(wanted: list[ModelCard], cards: list[ModelCard], folder: Path, data: Path) -> list[ModelCard]:
    """The float networks of those integer ones that ship without: made in `folder`, to be compared with."""
    lonely = {card.path.stem for card in wanted if card.precision == "int8" and gate.float_twin(card, cards) is None}
    made = [replace(v, precisions=("float16",), resized=None) for v in VARIANTS if v.stem("int8") in lonely]
    source = data / "models"
    for path, content in build(source if source.is_dir() else None, folder, [v.name for v in made], made).items():
        path.write_bytes(content)
        trust(hashlib.sha256(content).hexdigest())
    return models(folder)


def strangers(cards: list[ModelCard]) -> list[str]:
    """Which models are not the file that their card describes."""
    return [
        f"{card.model.name}: is not the file that its card describes (SHA-256)"
        for card in cards
        if hashlib.sha256(card.model.read_bytes()).hexdigest() != card.sha256
    ]


def write(card: ModelCard, now: gate.Figures, count: dict[str, float] | None) -> None:
    """Put the figures into the card's file."""
    content = yaml.safe_load(card.path.read_text(encoding="utf-8"))
    known = (content.get("measured") or {}).get("million_instructions")
    measured: dict[str, Any] = {**SOURCES, "date": datetime.date.today().isoformat(), **now}
    if gate.is_large(card):
        pictures, frames = gate.FEW[card.use != "edges"]
        measured["data"] = f"{pictures} pictures, evenly picked, and {frames} frames of each clip of {SOURCES['data']}"
    if count or known:
        measured["million_instructions"] = count or known
    card.path.write_text(dump(content | {"measured": measured}), encoding="utf-8")


def main() -> None:
    """Command line of scripts/check-models."""
    ap = argparse.ArgumentParser(
        prog="check-models", description="Measure the models again; exit 1 if one fell below its card."
    )
    ap.add_argument("names", nargs="*", help="only files whose name starts so")
    ap.add_argument("--models", type=Path, default=ROOT / "models")
    ap.add_argument("--write", action="store_true", help="write the figures into the cards")
    a = ap.parse_args()
    cards = models(a.models)
    wanted = [card for card in cards if card.path.name.startswith(tuple(a.names) or "")]
    if not wanted:
        ap.error(f"no model in {a.models} has a name that starts with {' or '.join(a.names) or 'anything'}")
    wrong = strangers(wanted)
    where = os.environ.get("EDGE_BG_DATA")
    if wrong:
        pass  # figures of another file would say nothing
    elif not where:
        print("SKIPPED: EDGE_BG_DATA is not set, so that only checksums were compared and nothing was measured")
    else:
        with tempfile.TemporaryDirectory() as folder:
            twins = float_twins(wanted, cards, Path(folder), Path(where)) if a.write else []
            found = gate.measure(wanted, [*cards, *twins], Path(where), progress=_progress)
        with tempfile.TemporaryDirectory() as folder:
            counts = instructions([_alone(card, Path(folder)) for card in wanted]) if a.write else {}
        for card in wanted:
            now = found[card.path.stem]
            print(card.path.stem, now, flush=True)
            if a.write:
                write(card, now, counts.get(f"{card.path.stem}.tflite"))
            else:
                wrong += gate.verdict(card.path.stem, card.measured, now)
    if wrong:
        raise SystemExit("\n".join(wrong))


def _alone(card: ModelCard, folder: Path) -> Path:
    """The card's network in a file of its own."""
    path = folder / f"{card.path.stem}.tflite"
    path.write_bytes(card.read_model())
    return path


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total}", end="" if done < total else "\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
