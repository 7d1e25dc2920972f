"""ModelCard: the YAML beside a .tflite file that says all there is to know of it.

Nothing is guessed from a file name and nothing of a model's meaning is in the code: whoever brings another
segmentation network writes a card. A card that does not match its file is refused here, before any runtime
sees the bytes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from edge_bg.assets import data_path
from edge_bg.errors import ModelError
from edge_bg.network import tflite
from edge_bg.network.contradictions import contradictions, differences
from edge_bg.network.fields import Fields

log = logging.getLogger(__name__)

PRECISIONS: Final = ("int8", "float16", "float32", "uint8")
ACTIVATIONS: Final = ("probability", "logits", "softmax", "softmax-logits", "class-index")
FRAMINGS: Final = ("letterbox", "stretch")
LAYOUTS: Final = ("rgb", "bgr")
NORMALISE: Final = ("none", "maximum")
USES: Final = ("people", "anything", "edges")
_KEYS: Final = {
    "name", "precision", "use", "file", "sha256", "input", "output", "framing", "licence", "provenance",
    "training_data", "intended_use", "limits", "measured", "edgetpu", "resized",
}  # fmt: skip
_INPUT_KEYS: Final = {"shape", "dtype", "layout", "mean", "std", "normalise", "scale", "zero_point"}
_OUTPUT_KEYS: Final = {"shape", "dtype", "scale", "zero_point", "activation", "person"}


@dataclass(frozen=True)
class Input:
    """The picture that goes in: `(pixel - mean) / std` per channel, then quantised by `scale` and `zero_point`.

    `shape` is (1, height, width, 3); pixels are 0..255 in the order of `layout`. Where `normalise` is "maximum", they
    are first brought up so that the picture's largest value is 255.
    """

    shape: tuple[int, ...]
    dtype: str
    layout: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    scale: float | None
    zero_point: int | None
    normalise: str = "none"


@dataclass(frozen=True)
class Output:
    """The mask that comes out: (1, h, w) or (1, h, w, channels); `person` is the channel or the class index."""

    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None
    activation: str
    person: int


@dataclass(frozen=True)
class ModelCard:
    """What a model is, how to feed it and how to read it. `path` is the card, `model` the .tflite beside it.

    `use`: "people" (who is there: video and stills), "anything" (what stands out in a still) or "edges" (a sharp
    matte of people, to be asked only where a network for people has found somebody).
    `resized_from`: the (height, width) that the file was made for, where `input` says another: the network is rewritten
    when it is read (`tflite.resized`), so that several sizes share one file; `resized_sha256` is of what comes out.
    """

    path: Path
    name: str
    precision: str
    model: Path
    sha256: str
    input: Input
    output: Output
    framing: str
    edgetpu: Path | None = None
    edgetpu_sha256: str | None = None
    measured: Mapping[str, Any] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    use: str = "people"
    resized_from: tuple[int, int] | None = None
    resized_sha256: str | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture the network takes, in pixels."""
        return self.input.shape[2], self.input.shape[1]

    @property
    def mask_size(self) -> tuple[int, int]:
        """(width, height) of the mask the network gives, in pixels."""
        return self.output.shape[2], self.output.shape[1]

    @classmethod
    def load(cls, path: str | Path) -> ModelCard:
        """Read one card; `path` names a .yaml file. The model itself is read by `read_model`.

        Raises `ModelError`, listing every fault of the card at once.
        """
        return _load(Path(path).expanduser())

    def read_model(self, *, twin: bool = False) -> bytes:
        """The model's bytes, proven to be what the card says: SHA-256, shapes, types and quantisation.

        With `twin`, the Edge TPU compilation named by the card instead. Raises `ModelError`.
        """
        path, wanted = (self.edgetpu, self.edgetpu_sha256) if twin else (self.model, self.sha256)
        if path is None:
            raise ModelError(
                f"{self.path} names no Edge TPU twin (its `edgetpu` is null)",
                hint=f"Compile it: edgetpu_compiler {self.model.name}; then write the file's name to `edgetpu`.",
            )
        data = read_file(path, f"the model of {self.path}")
        if wanted is not None:
            got = hashlib.sha256(data).hexdigest()
            if got != wanted.lower():
                raise ModelError(
                    f"{path} is not the file its card was written for: SHA-256 is {got[:16]}..., {self.path.name}"
                    f" says {wanted[:16]}... ({len(data)} bytes)",
                    hint=f"Copy or download it again; if you changed the model yourself: edge-bg models card {path}",
                )
        if self.resized_from is not None and not twin:
            data = tflite.resized(data, self.resized_from, (self.size[1], self.size[0]), str(path))
            if self.resized_sha256 and hashlib.sha256(data).hexdigest() != self.resized_sha256.lower():
                raise ModelError(
                    f"{path}, rewritten for {self.size[0]}x{self.size[1]}, is not what {self.path.name} describes",
                    hint="Take the card and the file from the same release; to make both anew: scripts/build_models",
                )
        differences(self, tflite.read(data, str(path)), path)
        return data

    def judge(self) -> None:
        """Say so when the model's quality was never measured; raise `ModelError` when it was and failed."""
        if self.measured is None:
            log.warning("%s: its quality was never measured", self.path.name)
        elif self.measured.get("verdict") == "failed":
            why = self.measured.get("reason", "its own measurement did not reach its gate")
            raise ModelError(
                f"model {self.name!r} ({self.path}) is marked as failed: {why}", hint="Choose another: edge-bg models"
            )


def models(folder: Path | None = None) -> list[ModelCard]:
    """All cards in `folder` (default: the packaged models), by name, smallest first."""
    folder = data_path("models") if folder is None else folder
    cards = [ModelCard.load(path) for path in sorted(folder.glob("*.yaml"))]
    return sorted(cards, key=lambda card: (card.name, card.size[0] * card.size[1], card.precision))


def find(name: str | Path, precision: str = "auto", *, folder: Path | None = None) -> ModelCard:
    """The card for `name`: a packaged model's name or file stem, or the path of a .yaml card.

    `precision` "auto" means int8 where there is one. A path needs no precision.
    Raises `ModelError` that lists what there is.
    """
    text = str(name)
    if text.endswith((".yaml", ".yml")):
        card = ModelCard.load(text)
        if precision not in ("auto", card.precision):
            raise ModelError(f"{card.path} is {card.precision}, {precision} was asked for")
        return card
    if text.endswith(".tflite"):
        return _card_beside(Path(text).expanduser())
    folder = data_path("models") if folder is None else folder
    known = models(folder)
    wanted = [card for card in known if card.path.stem == text]
    wanted = wanted or [card for card in known if text in (card.name, card.path.stem.rpartition("-")[0])]
    order = PRECISIONS if precision == "auto" else (precision,)
    for kind in order:
        match = [card for card in wanted if card.precision == kind]
        if len(match) > 1:
            raise ModelError(
                f"model {text!r} ({kind}) is ambiguous: {', '.join(card.path.stem for card in match)}",
                hint="Give one of these names.",
            )
        if match:
            return match[0]
    names = list(dict.fromkeys(card.name for card in known))
    close = get_close_matches(text, [*names, *(card.path.stem for card in known)], n=1)
    asked = text if precision == "auto" else f"{text} ({precision})"
    guess = f"; did you mean {close[0]!r}?" if close and close[0] != text else ""
    raise ModelError(
        f"no model {asked!r} in {folder}{guess}",
        hint=f"There are: {', '.join(names) or 'none'} (`edge-bg models`); or give the path of a .yaml card.",
    )


def _card_beside(model: Path) -> ModelCard:
    card = model.with_suffix(".yaml")
    if card.is_file():
        return ModelCard.load(card)
    raise ModelError(
        f"{model} has no card: {card.name} must say how it is fed and which output is the person",
        hint=f"Write one from a template: edge-bg models card {model} > {card}",
    )


def read_file(path: Path, what: str) -> bytes:
    """The bytes of `path`; `what` says in an error what it would have been. Raises `ModelError`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        hint = "Check the path; packaged models are listed by `edge-bg models`."
        raise ModelError(f"{path} is missing ({what})", hint=hint) from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({what}): {error.strerror}") from error


def _load(path: Path) -> ModelCard:
    try:
        data = yaml.safe_load(read_file(path, "the model card").decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    faults: list[str] = []
    top = Fields(data, "", _KEYS, faults)
    inp = Fields(top.data.get("input"), "input", _INPUT_KEYS, faults)
    out = Fields(top.data.get("output"), "output", _OUTPUT_KEYS, faults)
    twin = top.data.get("edgetpu")
    twin_fields = Fields(twin, "edgetpu", {"file", "sha256"}, faults) if isinstance(twin, dict) else None
    twin_file = twin_fields.text("file") if twin_fields else twin
    if twin_file is not None and not isinstance(twin_file, str):
        top.fault("edgetpu", "null or the name of a file")
        twin_file = None
    resized = Fields(top.data["resized"], "resized", {"from", "sha256"}, faults) if "resized" in top.data else None
    model = top.text("file")
    measured = top.data.get("measured")
    if measured is not None and not isinstance(measured, dict):
        top.fault("measured", "a mapping of figures")
        measured = None
    card = ModelCard(
        path=path,
        name=top.text("name"),
        precision=top.text("precision", PRECISIONS),
        model=path.parent / model,
        sha256=top.text("sha256"),
        input=Input(
            shape=inp.shape((4,)),
            dtype=inp.text("dtype", ("int8", "uint8", "float32")),
            layout=inp.text("layout", LAYOUTS, "rgb"),
            mean=inp.colour("mean"),
            std=inp.colour("std"),
            scale=inp.number("scale"),
            zero_point=inp.integer("zero_point"),
            normalise=inp.text("normalise", NORMALISE, "none"),
        ),
        output=Output(
            shape=out.shape((4, 3)),
            dtype=out.text("dtype", ("int8", "uint8", "float32", "int32", "int64")),
            scale=out.number("scale"),
            zero_point=out.integer("zero_point"),
            activation=out.text("activation", ACTIVATIONS),
            person=out.integer("person", 0) or 0,
        ),
        framing=top.text("framing", FRAMINGS, "letterbox"),
        edgetpu=path.parent / twin_file if twin_file else None,
        edgetpu_sha256=twin_fields.text("sha256") if twin_fields else None,
        measured=measured,
        use=top.text("use", USES, "people"),
        resized_from=resized.size("from") if resized else None,
        resized_sha256=resized.text("sha256") if resized else None,
        about={k: top.data[k] for k in top.data if k in _KEYS - {"input", "output", "measured"}},
    )
    contradictions(card, faults)
    if faults:
        raise ModelError(
            f"{path} is not a valid model card:\n  - " + "\n  - ".join(faults),
            hint=f"A fresh template: edge-bg models card {card.model}",
        )
    return card
