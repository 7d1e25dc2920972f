"""What the command line says instead of the file: laid over the document before it is checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_bg.config import shorthand
from edge_bg.config.reader import Document, Key
from edge_bg.config.types import Bad

_ONE_LINE: dict[str, Callable[..., dict[str, Any]]] = {
    "source": shorthand.source,
    "background": shorthand.background,
    "model": lambda text: {"name": text},
}


@dataclass(frozen=True)
class Change:
    """A value and who said so, for messages: `Change("640x480", "--size")`."""

    value: Any
    label: str


def apply(document: Document, changes: Mapping[str, Change]) -> None:
    """Replace keys, named with dots, in `document.data`. Relative paths start at the current folder."""
    for name, change in changes.items():
        if name.startswith("sinks.*."):
            _to_every_sink(document, name.removeprefix("sinks.*."), change)
            continue
        path: Key = tuple(name.split("."))
        document.forget(path)
        document.labels[path] = change.label
        holder = document.data
        for step in path[:-1]:
            holder = _mapping_at(holder, str(step))
        value = change.value
        if isinstance(value, list):
            for number, item in enumerate(value):
                document.labels[(*path, number)] = change.label
                value[number] = _here(item, shorthand.sink) if path == ("sinks",) else item
        else:
            value = (
                _here(value, _ONE_LINE["model"])["name"] if name == "model.name" else _here(value, _ONE_LINE.get(name))
            )
        holder[path[-1]] = value


def _to_every_sink(document: Document, key: str, change: Change) -> None:
    """Set a key of every sink that writes a file."""
    sinks = document.data.get("sinks")
    for number, sink in enumerate(sinks if isinstance(sinks, list) else []):
        if isinstance(sink, str):
            try:
                sink = shorthand.sink(sink)
            except Bad:
                continue
        if isinstance(sink, dict) and sink.get("kind") == "file":
            document.labels[("sinks", number, key)] = change.label
            sinks[number] = {**sink, key: change.value}


def _mapping_at(holder: dict[str, Any], key: str) -> dict[str, Any]:
    """The mapping at `key`, made from its one-line form or empty if need be."""
    value = holder.get(key)
    if isinstance(value, str) and key in _ONE_LINE:
        try:
            value = _ONE_LINE[key](value)
        except Bad:
            value = None
    inside: dict[str, Any] = dict(value) if isinstance(value, dict) else {}
    if key == "source":
        inside.setdefault("kind", "synthetic")
    holder[key] = inside
    return inside


def _here(value: Any, parse: Callable[..., dict[str, Any]] | None) -> Any:
    """A one-line form with its relative path made absolute; what cannot be parsed is left for the check."""
    if not isinstance(value, str) or parse is None:
        return value
    try:
        parsed = parse(value)
    except Bad:
        return value
    for key in ("path", "name"):
        text = parsed.get(key)
        if not isinstance(text, str) or not text.isprintable() or "://" in text or text.startswith(("builtin:", "~")):
            continue
        if key == "path" or text.endswith((".yaml", ".yml")):
            parsed[key] = os.path.normpath(Path.cwd() / text)
    return parsed
