"""Measure every model again and compare with its card: the gate."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from . import measure as M
from .build import ROOT, dump, parent_of
from .catalogue import VARIANTS

IOU_MARGIN, FLICKER_MARGIN = 0.005, 1.10


def figures(card: dict[str, Any], path: Path, data: Path, parent: M.Reference) -> dict[str, Any]:
    """The `measured` part of a card."""
    got = M.measure(M.load(path), data, parent)
    return {
        "data": "people: 201 photographs, one person each (github.com/bearpaw/clothing-co-parsing@fe34fb7); "
        "webcam: 6 clips (github.com/intel-iot-devkit/sample-videos@5797889)",
        "command": "EDGE_BG_DATA=... scripts/check-models",
        "date": datetime.date.today().isoformat(),
        **got,
    }


def instructions(models: list[Path]) -> dict[str, dict[str, float]]:
    """Million instructions of one invoke on emulated Arm cores, by file name; empty without EDGE_BG_ARM64."""
    if not os.environ.get("EDGE_BG_ARM64"):
        return {}
    folder = ROOT / "benchmarks" / "arm64"
    command = [str(folder / "count"), "--cpu", "both", str(folder / "invoke.py"), *map(str, models)]
    found: dict[str, dict[str, float]] = {}
    core = ""
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        if line.startswith("# "):
            core = line[2:].split(",")[0]
        elif match := re.match(r"invoke (\S+)\s+([\d.]+) M", line):
            found.setdefault(match[1], {})[core] = float(match[2])
    return found


def verdict(name: str, card: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is wrong with a model whose figures `now` fell below its card's."""
    then = card.get("measured")
    if not then:
        return [f"{name}: its card has no measurement: run scripts/check-models --write"]
    wrong = []
    if now["iou"] < then["iou"] - IOU_MARGIN:
        wrong.append(f"{name}: IoU {now['iou']:.4f}, its card says {then['iou']:.4f}")
    if now["flicker"] > then["flicker"] * FLICKER_MARGIN:
        wrong.append(f"{name}: flicker {now['flicker']:.3f}, its card says {then['flicker']:.3f}")
    return wrong


def main() -> None:
    """Command line of scripts/check-models."""
    ap = argparse.ArgumentParser(
        prog="check-models", description="Measure the models again; exit 1 if one fell below its card."
    )
    ap.add_argument("names", nargs="*", help="only files whose name starts so")
    ap.add_argument("--models", type=Path, default=ROOT / "models")
    ap.add_argument(
        "--from", dest="source", type=Path, help="folder with MediaPipe's two .tflite files (else the wheel)"
    )
    ap.add_argument("--write", action="store_true", help="write the figures into the cards")
    a = ap.parse_args()
    where = os.environ.get("EDGE_BG_DATA")
    wrong: list[str] = []
    parents: dict[str, M.Reference] = {}
    counts = instructions(sorted(a.models.glob("*.tflite"))) if a.write else {}
    for path in sorted(a.models.glob("*.yaml")):
        if a.names and not path.name.startswith(tuple(a.names)):
            continue
        card = yaml.safe_load(path.read_text())
        model = a.models / card["file"]
        if hashlib.sha256(model.read_bytes()).hexdigest() != card["sha256"]:
            wrong.append(f"{model.name}: is not the file that its card describes (SHA-256)")
            continue
        variant = next((v for v in VARIANTS if v.name == card["name"]), None)
        if not where or variant is None:
            continue
        data = Path(where)
        if variant.name not in parents:
            parents[variant.name] = M.reference(M.load(parent_of(a.source, variant)), data)
        now = figures(card, model, data, parents[variant.name])
        print(model.name, {k: v for k, v in now.items() if isinstance(v, float)}, flush=True)
        if a.write:
            known = (card.get("measured") or {}).get("million_instructions")
            count = counts.get(model.name, known)
            card["measured"] = now | ({"million_instructions": count} if count else {})
            path.write_text(dump(card))
        else:
            wrong += verdict(model.name, card, now)
    if not where:
        print("SKIPPED: EDGE_BG_DATA is not set, so that only checksums were compared and nothing was measured")
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
