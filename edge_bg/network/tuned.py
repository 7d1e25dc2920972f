"""What `edge-bg tune` chose for this board: written once, found by `model: auto`."""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_bg.errors import ModelError
from edge_bg.network.card import ModelCard, find, models

log = logging.getLogger(__name__)

FALLBACK = "landscape"
FILE = "tuned.json"


@dataclass(frozen=True)
class Choice:
    """A model (its card's stem), SHA-256, threads, on which board, when, why, on what, the network beside it, and if
    there is time for the edges of a learned room."""

    model: str
    sha256: str
    threads: int
    board: str
    date: str
    why: str
    delegate: str = "cpu"
    edges: str | None = None  # the network that draws edges finer, and how often it looks
    edges_every: int = 1
    room_edges: bool = True


def board() -> str:
    """This machine as far as a choice depends on it: architecture, processor, cores."""
    processor = ""
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "CPU part", "Model"):
                processor = value.strip()
    except OSError:
        pass
    return f"{platform.machine()}, {processor or 'unknown processor'}, {os.cpu_count() or 1} cores"


def places() -> list[Path]:
    """Where a choice may lie, the first wins: $STATE_DIRECTORY, the user's state folder, the service's."""
    folders = [Path(f) for f in os.environ.get("STATE_DIRECTORY", "").split(":") if f]
    home = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return [folder / FILE for folder in (*folders, Path(home) / "edge-bg", Path("/var/lib/edge-bg"))]


def save(choice: Choice, path: Path | None = None) -> Path:
    """Write the choice to `path`, by default to the first of `places()`; returns where. Raises OSError."""
    path = places()[0] if path is None else path
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(choice), indent=1) + "\n", encoding="utf-8")
    new.replace(path)
    return path


def load() -> Choice | None:
    """The choice made for this board, None where there is none. One of another board or damaged is told and left."""
    for path in places():
        try:
            choice = Choice(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s is left out: %s; make it again: edge-bg tune", path, error)
            continue
        if choice.board != board():
            log.warning("%s was made on another board (%s): edge-bg tune", path, choice.board)
            continue
        return choice
    return None


def room_edges() -> bool:
    """Whether this board has time for the edges of a learned room; True where `edge-bg tune` never ran."""
    choice = load()
    return choice is None or choice.room_edges


def resolve(name: str, precision: str = "auto", threads: int | None = None) -> tuple[ModelCard, int | None]:
    """(card, threads) for a model's name in a config; "auto" is what `edge-bg tune` chose, else landscape.

    A `precision` or `threads` that the config names wins over the choice. Raises `ModelError`.
    """
    if name != "auto":
        return find(name, precision), threads
    choice = load()
    if choice is not None:
        try:
            card = find(choice.model)
        except ModelError:
            card = None
        if card is not None and card.sha256 == choice.sha256 and precision in ("auto", card.precision):
            return card, choice.threads if threads is None else threads
        log.warning("the model that edge-bg tune chose (%s) has changed or is gone: edge-bg tune", choice.model)
    else:
        log.info("model: auto, but nothing was measured on this board yet: %s; see edge-bg tune", FALLBACK)
    return find(FALLBACK, precision), threads


def preferred(name: str, delegates: Sequence[Any], *, named: bool) -> list[Any]:
    """The delegates to try for a model's `name` in a config, in order: for "auto" the one that `edge-bg tune` chose
    comes first, if the config lists it, or if the config names none (`named` False) and it is an Edge TPU."""
    from edge_bg.network.delegates import Spec

    choice = load() if name == "auto" else None
    if choice is None:
        return list(delegates)
    first = [entry for entry in delegates if Spec.parse(entry).label == choice.delegate]
    if not first and not named and choice.delegate.startswith("edgetpu"):
        first = [choice.delegate]
    return [*first, *(entry for entry in delegates if entry not in first)]


def tuned_for(name: str, asked: str | None) -> bool:
    """Whether it is left to `edge-bg tune` which network for edges goes beside the model `name`."""
    return asked == "auto" or (asked is None and name == "auto")


def some_edges(name: str, asked: str | None) -> bool:
    """Whether a network for edges goes beside the model `name` on this board, where a config says `asked`."""
    if not tuned_for(name, asked):
        return asked not in (None, "none")
    choice = load()
    return choice is not None and choice.edges not in (None, "none")


EVERY = 4  # frames from one look of a network for edges to the next, where nobody says


def edges(name: str, asked: str | None, every: int | None) -> tuple[ModelCard | None, int]:
    """(card, every how many frames) of the network for edges beside the model `name` of a config.

    asked: a name, the path of a card, "none", "auto": what `edge-bg tune` chose, none where it never ran; or None: for
    the model "auto" the same, else none at all. Raises `ModelError`, also for a network that is not for edges.
    """
    choice = load() if tuned_for(name, asked) else None
    wanted = choice.edges if choice is not None else asked
    if wanted in (None, "none", "auto"):
        return None, 1
    try:
        card = find(wanted)
    except ModelError:
        if choice is None:
            raise
        log.warning("the network for edges that edge-bg tune chose (%s) is gone: edge-bg tune", wanted)
        return None, 1
    if card.use != "edges":
        raise ModelError(
            f"model.edges: {wanted} is made for {card.use}, not for edges",
            hint="Those for edges: " + ", ".join(c.path.stem for c in models() if c.use == "edges"),
        )
    return card, every or (choice.edges_every if choice is not None else EVERY)
