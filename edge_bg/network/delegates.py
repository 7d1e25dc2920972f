"""What the network can run on: an entry of `model.delegates`, and the engine it makes of a model.

`cpu` is the runtime's own XNNPACK. `edgetpu[:usb|:pci][:N]` is libedgetpu with the compiled twin that the card
names. `{library, options}` is any other TFLite external delegate. An accelerator is first tried in a process of
its own (`edge_bg.network.probe`), and so is, on the CPU, a model that is not one of the shipped ones.
`edge_bg.network.ladder` says which of them is used when.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_bg.assets import data_path
from edge_bg.errors import DelegateError
from edge_bg.network import tflite
from edge_bg.network.card import ModelCard
from edge_bg.network.probe import probe
from edge_bg.network.runtime import Delegate, Engine

log = logging.getLogger(__name__)

LIBRARY: Final = "libedgetpu.so.1"
LIBRARY_VARIABLE: Final = "EDGE_BG_LIBEDGETPU"
_EDGETPU: Final = re.compile(r"edgetpu(?::(?P<device>(?:usb|pci)?(?::\d+)?))?\Z")


@dataclass(frozen=True)
class Spec:
    """One entry of `model.delegates`: `label` is how it is named in logs, metrics and health."""

    label: str
    library: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    twin: bool = False

    @classmethod
    def parse(cls, entry: object) -> Spec:
        """From "cpu", "edgetpu", "edgetpu:usb:0", or {library, options} (a mapping or an object).

        Raises `DelegateError`.
        """
        if isinstance(entry, Spec):
            return entry
        if isinstance(entry, str):
            if entry == "cpu":
                return cls("cpu")
            match = _EDGETPU.match(entry)
            if match is None:
                raise DelegateError(
                    f"unknown delegate {entry!r}",
                    hint="There are: cpu, edgetpu, edgetpu:usb:0, edgetpu:pci:0, or {library: ..., options: {...}}.",
                )
            device = match["device"] or ""
            library = os.environ.get(LIBRARY_VARIABLE, LIBRARY)
            return cls(entry, library, (("device", device),) if device else (), twin=True)
        if isinstance(entry, Mapping):
            named, options = entry.get("library"), entry.get("options") or {}
        else:
            named, options = getattr(entry, "library", None), getattr(entry, "options", {})
        if not isinstance(named, str) or not named:
            raise DelegateError(f"delegate {entry!r} names no library", hint="Write {library: libx.so, options: {}}.")
        pairs = tuple((str(key), str(value)) for key, value in options.items())
        return cls(f"external:{named.rpartition('/')[2]}", named, pairs)


def _model(card: ModelCard, spec: Spec) -> tuple[bytes, str]:
    """The bytes that `spec` runs, and their name."""
    if not spec.twin:
        return card.read_model(), card.model.name
    if card.edgetpu is None:  # a card may also describe a compiled model itself
        data = card.read_model()
        if "edgetpu-custom-op" in tflite.read(data, str(card.model)).custom_ops:
            return data, card.model.name
    data = card.read_model(twin=True)
    assert card.edgetpu is not None
    return data, card.edgetpu.name


_tried: set[str] = set()  # SHA-256 of models that this process has seen run in another one


def trust(seal: str) -> None:
    """Take the model with this SHA-256 for one that runs, as whoever has just made it may."""
    _tried.add(seal)


@functools.cache
def _shipped() -> frozenset[str]:
    """The SHA-256 of all models that come with the package: known to run."""
    cards = data_path("models").glob("*.yaml")
    return frozenset(seal for card in cards for seal in re.findall(r"\b[0-9a-f]{64}\b", card.read_text()))


def open_engine(card: ModelCard, spec: Spec, threads: int, *, timeout: float | None = None) -> Engine:
    """The card's model on `spec` alone. Raises `DelegateError` or `ModelError`."""
    model, name = _model(card, spec)
    limit = {} if timeout is None else {"timeout": timeout}
    if spec.library is None:
        seal = hashlib.sha256(model).hexdigest()
        if seal not in _shipped() and seal not in _tried:
            probe(None, {}, model, name, threads=threads, **limit)
            _tried.add(seal)
        return Engine(model, name, threads=threads)
    options = dict(spec.options)
    probe(spec.library, options, model, name, threads=threads, **limit)
    engine = Engine(model, name, threads=threads, delegate=Delegate(spec.library, options))
    if not engine.taken:
        log.warning("%s takes none of the operators of %s: the CPU does the work", spec.label, name)
    return engine
