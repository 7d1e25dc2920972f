"""The recipe of each shipped file, and its card."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from edge_bg.network.tflite import resized

from . import equalise, matting, quantise, retrained, salient, surgery, tflite
from .catalogue import LIMITS, LIMITS_OF_ANYTHING, LIMITS_OF_EDGES, RETRAINED_DATA, TRAINING_DATA, VARIANTS, Variant
from .fetch import ROOT, fetch
from .graph import Graph

CALIBRATION = Path(__file__).with_name("calibration.json")
RECIPES = {"salient": salient, "matting": matting}
LIMITS_OF = {"people": LIMITS, "anything": LIMITS_OF_ANYTHING, "edges": LIMITS_OF_EDGES}
CHANGES = {
    "selfie": "operators rewritten without changing what they compute (scripts/modelkit/surgery.py)",
    "salient": salient.CHANGES,
    "matting": matting.CHANGES,
}
TRAIN = Path(__file__).resolve().parents[1] / "train"


def base(data: bytes, size: tuple[int, int]) -> tuple[Graph, Graph]:
    """The float graph that ships (HARD_SWISH whole), and the one from which int8 is made (by parts, not yet shaped)."""
    whole = tflite.read(data)
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
    if variant.recipe == "salient":
        return tflite.write(salient.base(data, variant))
    return data if variant.size == variant.parent.size else tflite.write(base(data, variant.size)[0])


def both(data: bytes, v: Variant, numbers: dict[str, Any]) -> tuple[Graph, Graph]:
    """The float graph that ships and the int8 one, from MediaPipe's file and the calibration's numbers."""
    whole, parts = base(data, v.size)
    weights = TRAIN / f"{v.retrained}.npz" if v.retrained else None
    return whole, quantise.quantise(shaped(parts, numbers["scales"], v.shape, weights), named(numbers["ranges"]))


def card(
    variant: Variant, precision: str, data: bytes, graph: Graph, old: dict[str, Any] | None, file: bytes
) -> dict[str, Any]:
    """The card of a finished model, which lies in `file`; what was measured is carried over while it is the same."""
    integer = precision == "int8"
    sha, dtype = hashlib.sha256(data).hexdigest(), "int8" if integer else "float32"
    h, w = variant.size
    inp: dict[str, Any] = {
        "shape": [1, h, w, 3],
        "dtype": dtype,
        "layout": "rgb",
        "mean": [variant.pixels.grey] * 3,
        "std": [variant.pixels.span] * 3 if variant.pixels.span % 1 else [int(variant.pixels.span)] * 3,
    }
    if variant.pixels.normalise != "none":
        inp["normalise"] = variant.pixels.normalise
    out: dict[str, Any] = {"shape": [1, h, w, 1], "dtype": dtype, "activation": "probability", "person": 0}
    if integer:
        picture = quantise.picture(variant.pixels)
        inp |= {"scale": float(picture.scale), "zero_point": int(picture.zero_point)}
        out |= {"scale": float(quantise.OUTPUT.scale), "zero_point": int(quantise.OUTPUT.zero_point)}
    resized = {"resized": {"from": list(variant.resized), "sha256": sha}} if variant.resized else {}
    same = old is not None and old.get("resized", old).get("sha256") == sha
    built: dict[str, Any] = {
        "source": f"PyPI {variant.parent.wheel.requirement}, {variant.parent.wheel.folder}{variant.parent.file}",
        "upstream_sha256": variant.parent.sha256,
        "wheel_sha256": variant.parent.wheel.sha256,
        "build": "scripts/build_models",
        "changes": CHANGES[variant.recipe],
        "multiply_adds": graph.macs(),
    }
    moved = integer and variant.retrained is not None and variant.recipe == "selfie"
    if integer and variant.recipe != "selfie":
        recipe = RECIPES[variant.recipe]
        built["quantisation"], built["calibration"] = recipe.QUANTISATION, recipe.CALIBRATION
    elif integer:
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
    if integer and variant.recipe == "matting" and variant.retrained:
        built["changes"] += "; " + matting.SLIM
        built["quantisation"] = built["quantisation"].replace(", no training", "")
        built["calibration"] = built["calibration"].replace("no weight was trained", "these trained no weight")
    return {
        "name": variant.name,
        "precision": precision,
        **({"use": variant.use} if variant.use != "people" else {}),
        "file": (replace(variant, size=variant.resized) if variant.resized else variant).stem(precision) + ".tflite",
        "sha256": hashlib.sha256(file).hexdigest(),
        **resized,
        "input": inp,
        "output": out,
        "framing": "stretch",
        "licence": "Apache-2.0",
        "provenance": built,
        "training_data": variant.training_data or (RETRAINED_DATA if moved else TRAINING_DATA),
        "intended_use": variant.intended_use,
        "limits": [*LIMITS_OF[variant.use], *variant.limits],
        "measured": old["measured"] if same and old else None,
        "edgetpu": old["edgetpu"] if same and old else None,
    }


def dump(content: dict[str, Any]) -> str:
    """A card as YAML text."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def build(
    source: Path | None, out: Path, wanted: list[str], variants: Sequence[Variant] = VARIANTS
) -> dict[Path, bytes]:
    """Everything that belongs into `out`, by path: models and cards of `variants`."""
    table = json.loads(CALIBRATION.read_text())["models"]
    files: dict[Path, bytes] = {}
    for v in variants:
        if wanted and v.name not in wanted:
            continue
        numbers = table[v.calibration]
        make = RECIPES[v.recipe].both if v.recipe in RECIPES else both
        whole, integer = make(fetch(source, v.parent), v, numbers)
        for precision in v.precisions:
            graph = integer if precision == "int8" else whole
            text = f"edge_bg {v.name} {precision}: {v.what}"
            data = tflite.write(graph, half=precision == "float16", description=text)
            beside = out / f"{v.stem(precision)}.yaml"
            old = yaml.safe_load(beside.read_text()) if beside.exists() else None
            file = data
            if v.resized is None:
                files[beside.with_suffix(".tflite")] = data
            else:
                shared = replace(v, size=v.resized, resized=None)
                file = files[out / f"{shared.stem(precision)}.tflite"]
                if resized(file, v.resized, v.size, shared.stem(precision)) != data:
                    raise SystemExit(f"{v.stem(precision)}: is not what {shared.stem(precision)} becomes at that size")
            files[beside] = dump(card(v, precision, data, graph, old, file)).encode()
    return files


def calibrate(source: Path | None, data: Path, wanted: list[str]) -> None:
    """Measure channel scales and ranges again and write calibration.json, with where they come from."""
    from . import calibrate as C

    before = json.loads(CALIBRATION.read_text()) if CALIBRATION.exists() else {"models": {}}
    old = before["models"]
    result: dict[str, Any] = {}
    for v in VARIANTS:
        if (v.recipe == "selfie" and v.calibration != v.name) or v.resized:
            continue
        if wanted and v.name not in wanted:
            result[v.calibration] = old[v.calibration]
            continue
        if v.recipe in RECIPES:
            trained_with = (result | old)["portrait-288x512"]["norms"] if v.retrained else None
            kept = () if trained_with is None else (trained_with,)
            result[v.calibration] = RECIPES[v.recipe].calibrate(fetch(source, v.parent), v, data, *kept)
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
    selfies = [v.name for v in VARIANTS if v.recipe == "selfie"]
    if "provenance" in before and wanted and not set(wanted) & set(selfies):
        note = before["provenance"]  # the others carry their own
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
            tflite.save(path, data)
    if a.check and different:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
