"""Events: a folder each, with backgrounds, frames, words, a template and settings; one is on at a time.

events/
  anna-and-ben/
    event.yaml          name, language, texts, settings, background, foreground: each may be left out
    template.yaml       strip, GIF ... (see edge_bg.booth.template); may be left out
    backgrounds/        pictures and videos
    foregrounds/        PNG files with alpha
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from edge_bg.booth import files
from edge_bg.booth.template import Template, read_template
from edge_bg.config import read_yaml
from edge_bg.config.booth import Language, Text
from edge_bg.config.types import Part
from edge_bg.errors import ConfigError, NotThere

MOST: Final = 100  # events that are listed
CHOSEN: Final = "chosen.json"  # what the operator saved: background, foreground


class EventFile(Part):
    """What `event.yaml` may say."""

    name: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    language: Language | None = None
    texts: Annotated[dict[str, Text], Field(max_length=50)] = Field(default_factory=dict)
    settings: Annotated[dict[str, Any], Field(max_length=50)] = Field(default_factory=dict)
    background: str | None = None
    foreground: str | None = None


@dataclass(frozen=True)
class Event:
    """One event, as read. `folder` is None where the booth has none: the built-in one."""

    id: str
    name: str
    folder: Path | None
    language: str | None = None
    texts: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    background: str | None = None
    foreground: str | None = None
    template: Template = field(default_factory=Template)


BUILT_IN: Final = Event("built-in", "Built-in", None)


class Events:
    """The events in a folder, in the order of their names."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def names(self) -> list[tuple[str, str]]:
        """(id, name) of each; the built-in one where there is no folder."""
        if self.folder is None:
            return [(BUILT_IN.id, BUILT_IN.name)]
        return [(files.identity(path), _name(path)) for path in self._folders()]

    def open(self, wanted: str | None = None) -> Event:
        """An event by id or folder name, or the first; a first one is made in an empty folder. Raises NotThere,
        ConfigError, CannotWrite."""
        if self.folder is None:
            return BUILT_IN
        folders = self._folders()
        if not folders and wanted is None:
            first = self.folder / "first-event"
            files.put(
                first / "event.yaml", b"name: First event\n# language: de\n# texts: {attract_title: Anna & Ben}\n"
            )
            (first / "backgrounds").mkdir(exist_ok=True)
            (first / "foregrounds").mkdir(exist_ok=True)
            folders = [first]
        for path in folders:
            if wanted is None or wanted in (files.identity(path), path.name):
                return _read(path)
        known = ", ".join(name for name, _ in self.names()) or "none"
        raise NotThere(f"there is no event {wanted!r}", hint=f"there are: {known}")

    def _folders(self) -> list[Path]:
        assert self.folder is not None
        try:
            found = [path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        except OSError:
            return []
        return sorted(found)[:MOST]


def _read(path: Path) -> Event:
    file = path / "event.yaml"
    try:
        part = EventFile.model_validate(read_yaml(file) or {}) if file.is_file() else EventFile()
    except ValidationError as error:
        text = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{file}: {text}") from None
    chosen = files.get_json(path / CHOSEN)
    return Event(
        files.identity(path),
        part.name or path.name,
        path,
        part.language,
        part.texts,
        part.settings,
        _text(chosen.get("background")) or part.background,
        _text(chosen.get("foreground")) or part.foreground,
        read_template(path / "template.yaml"),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _name(path: Path) -> str:
    try:
        data = read_yaml(path / "event.yaml")
    except (ConfigError, OSError):
        return path.name
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) else path.name
