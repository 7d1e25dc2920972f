"""The settings that an operator turns: each a key of the config, with a word, a sentence, bounds and its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_bg import config as configuration
from edge_bg.config import Config
from edge_bg.errors import Refused
from edge_bg.knobs.composite import CompositeOptions
from edge_bg.knobs.framing import FramingOptions
from edge_bg.knobs.matte import MatteOptions
from edge_bg.said import say


@dataclass(frozen=True)
class Setting:
    """One key of the config, as an operator sees it."""

    key: str
    label: str
    help: str
    kind: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()

    def told(self, value: Any, default: Any) -> dict[str, Any]:
        """As the API has it."""
        plain: dict[str, Any] = {"key": self.key, "label": say(self.label), "help": say(self.help), "kind": self.kind}
        if self.kind == "range":
            plain |= {"min": self.low, "max": self.high, "step": self.step}
        if self.kind == "choice":
            plain |= {"choices": list(self.choices), "labels": [say(each) for each in self.choices]}
        return {**plain, "value": value, "default": default}


_ROOMS: Final[Mapping[str, type[Any]]] = {
    "matte": MatteOptions,
    "composite": CompositeOptions,
    "framing": FramingOptions,
}


def _knob(key: str, label: str, help: str, step: float) -> Setting:
    room, _, name = key.partition(".")
    known = _ROOMS[room].__dataclass_fields__[name].metadata
    return Setting(key, label, help, "range", known["low"], known["high"], step)


GROUPS: Final[tuple[tuple[str, tuple[Setting, ...]], ...]] = (
    (
        "Edges",
        (
            _knob("matte.sharpness", "Edge sharpness", "Lower is softer: hair blends in, outlines get hazy.", 0.05),
            _knob("matte.smoothing", "Calm", "Higher flickers less, and follows quick movements later.", 0.01),
            _knob("matte.specks", "Leave out small pieces", "Pieces below this share of the picture go.", 0.001),
            Setting("composite.clean", "Clean hair", "Takes the old room's colours out of hair. Costs time.", "bool"),
        ),
    ),
    (
        "Light",
        (
            _knob("composite.wrap", "Light wrap", "The background's light spills over the edge; 0.4 is natural.", 0.05),
            _knob("composite.match", "Match the light", "Brings the guest to the background's light; mild: 0.5.", 0.05),
        ),
    ),
    (
        "Who is kept",
        (
            Setting(
                "framing.keep", "Keep", "Everyone, the largest person only, or who stands in the zone.", "choice",
                choices=("everyone", "largest", "zone"),
            ),
            Setting("framing.zone", "Zone", "Corners in shares of the picture: left, top, right, bottom.", "zone"),
        ),
    ),
    (
        "The room",
        (
            Setting("matte.booth", "Learn the empty room", "For a camera that never moves: props are kept.", "bool"),
        ),
    ),
    (
        "The guest's place",
        (
            _knob("composite.shift_x", "To the side", "Share of the width by which the guest is moved.", 0.01),
            _knob("composite.shift_y", "Up and down", "Share of the height by which the guest is moved.", 0.01),
            _knob("composite.scale", "Size", "1 is as the camera sees the guest.", 0.01),
        ),
    ),
)  # fmt: skip
KEYS: Final = {setting.key: setting for _, group in GROUPS for setting in group}
SAVED: Final = (*KEYS, "model.name", "source", "background", "booth.event")


def told(config: Config) -> dict[str, Any]:
    """All settings in their groups, with their values, as the API has them."""
    plain, default = config.model_dump(mode="json"), Config().model_dump(mode="json")
    return {
        "groups": [
            {"name": say(name), "settings": [each.told(get(plain, each.key), get(default, each.key)) for each in group]}
            for name, group in GROUPS
        ]
    }


def changed(config: Config, changes: Mapping[str, Any], allowed: tuple[str, ...] = tuple(KEYS)) -> Config:
    """`config` with other values of some settings. Raises Refused for another key, ConfigError for a value that will
    not do."""
    data = config.model_dump(mode="json")
    for key, value in changes.items():
        if key not in allowed:
            raise Refused(f"{key} is no setting that can be changed here", hint="GET /api/v1/settings lists them")
        put(data, key, value)
    return configuration.from_dict(data)


def get(data: Any, key: str) -> Any:
    """The value at a key with dots; None where there is none."""
    for step in key.split("."):
        data = data.get(step) if isinstance(data, dict) else None
    return data


def put(data: Any, key: str, value: Any) -> None:
    """Set the value at a key with dots; a one-line form on the way (`model: small`) becomes a mapping."""
    *path, last = key.split(".")
    for step in path:
        inside = data.get(step)
        if not isinstance(inside, dict):
            inside = {"name": inside} if step == "model" and isinstance(inside, str) else {}
            data[step] = inside
        data = data[step]
    data[last] = value
