"""The configuration as typed, frozen models. Their docstrings are what editors and docs/configuration.md show."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    create_model,
    model_validator,
)

from edge_bg.config.booth import Booth
from edge_bg.config.kinds import Background, ColorBackground, Cover, HttpSink, Sink, Source, SyntheticSource
from edge_bg.config.overwrites import read_paths, replaces
from edge_bg.config.quality import Quality
from edge_bg.config.types import Bad, OrText, Part, must_exist, parse_path
from edge_bg.knobs.composite import CompositeOptions
from edge_bg.knobs.framing import FramingOptions
from edge_bg.knobs.matte import MatteOptions


class CrossCheck(ValueError):
    """What is wrong between keys that are right one by one: (path, problem) pairs."""

    def __init__(self, problems: list[tuple[tuple[str | int, ...], Bad]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, path))}: {bad}" for path, bad in problems))
        self.problems = problems


class ExternalDelegate(Part):
    """A TFLite external delegate, such as Arm NN, by its library."""

    library: Annotated[str, Field(min_length=1, max_length=4096)]
    """Path or name of the shared library, e.g. libarmnnDelegate.so."""
    options: dict[str, str] = Field(default_factory=dict)


def _delegate(name: str) -> str:
    if not re.fullmatch(r"cpu|edgetpu(:((usb|pci)?(:\d+)?))?", name):
        raise Bad("is not a delegate", "cpu, edgetpu, edgetpu:usb:0, edgetpu:pci:0, or {library: ..., options: {...}}")
    return name


Delegate = Annotated[
    Annotated[str, AfterValidator(_delegate), Tag("<name>")] | Annotated[ExternalDelegate, Tag("<library>")],
    Discriminator(lambda value: "<library>" if isinstance(value, (dict, ExternalDelegate)) else "<name>"),
]


def _card(name: str, info: ValidationInfo) -> str:
    """The path of a card starts at the config file's folder, as all paths do."""
    return str(must_exist(parse_path(name, info), info)) if name.endswith((".yaml", ".yml")) else name


ModelName = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_card)]


def _cpu() -> list[str | ExternalDelegate]:
    return ["cpu"]


def _http() -> list[Sink]:
    return [HttpSink()]


class Model(Part):
    """Which network runs, and on what."""

    name: ModelName = "landscape"
    """A shipped model (`edge-bg models` lists them), the path of a card (.yaml), or auto: what `edge-bg tune` chose."""
    precision: Literal["auto", "int8", "float16", "float32", "uint8"] = "auto"
    delegates: Annotated[list[Delegate], Field(min_length=1, max_length=8)] = Field(
        default_factory=_cpu, json_schema_extra={"default": ["cpu"]}
    )
    """Tried in this order: cpu, edgetpu, edgetpu:usb:0, edgetpu:pci:0, or {library, options}."""
    threads: Annotated[int, Field(ge=1, le=64)] | None = None
    """null: as many as pays on the cores that are there."""
    edges: ModelName | None = None
    """A network that draws the edges of people finer, such as portrait-light; none: no such network; auto: what
    `edge-bg tune` chose for this board. null: auto with `name: auto`, else none. In films and pictures that nobody
    waits for null and auto are portrait."""
    edges_every: Annotated[int, Field(ge=1, le=120)] | None = None
    """That network looks at each n-th frame, and its edges go along with who moves; null: 4, or as
    tuned; each in films that nobody waits for."""


def _part(name: str, options: type[Any], text: str) -> type[Part]:
    """The options of a stage as a part of the config: their dataclass is where they are declared."""
    hints = get_type_hints(options)
    keys: dict[str, Any] = {}
    for each in fields(options):
        info = Field(
            default=each.default,
            ge=each.metadata.get("low"),
            le=each.metadata.get("high"),
            description=each.metadata.get("help"),
        )
        keys[each.name] = (hints[each.name], info)

    def check(part: Any) -> Any:
        try:
            options(**{key: getattr(part, key) for key in keys})  # what its own check refuses is refused here
        except ValueError as error:
            raise Bad(str(error)) from None
        return part

    checks: Any = {"check": model_validator(mode="after")(check)}
    return create_model(name, __base__=Part, __doc__=text, __validators__=checks, **keys)


if TYPE_CHECKING:

    class _Made(Part):
        """Stands in for what `_part` makes, whose keys no type checker can see."""

        def __getattr__(self, name: str) -> Any: ...

    class Framing(_Made):
        """See `edge_bg.knobs.framing`."""

    class Matte(_Made):
        """See `edge_bg.knobs.matte`."""

    class Composite(_Made):
        """See `edge_bg.knobs.composite`."""

else:
    Framing = _part("Framing", FramingOptions, "Where the network looks, whom it keeps, and when it need not look.")
    Matte = _part("Matte", MatteOptions, "From the network's mask to the frame's alpha: quiet in time, sharp in space.")
    Composite = _part("Composite", CompositeOptions, "How the person is laid over the background.")


class Privacy(Part):
    """What goes out while no valid mask is there: never the room."""

    max_mask_age: Annotated[float, Field(gt=0, le=10)] = 0.5
    """Seconds after which a mask no longer counts and the cover goes out."""
    cover: Cover = ColorBackground()
    """A colour or a picture."""
    show_room: bool = False
    """true: the room may be shown on purpose, by `background: none` or a weak `blur`; false: both are refused."""
    sleep_after: Annotated[float, Field(ge=1, le=86400)] | None = 30.0
    """Seconds without a viewer after which camera and network sleep, if no other sink wants frames; null: never."""


class Log(Part):
    """What is written to standard error (to the journal, under systemd)."""

    level: Literal["debug", "info", "warning", "error"] = "info"


def _model(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Config(Part):
    """Everything `edge-bg run` needs to know. Every key has a default."""

    source: Source = SyntheticSource()
    """Where frames come from."""
    model: Annotated[Model, BeforeValidator(_model), OrText("a shipped model, or the path of a card")] = Model()
    """A name (`landscape`) or a mapping."""
    framing: Framing = Framing()
    matte: Matte = Matte()
    composite: Composite = Composite()
    background: Background = ColorBackground()
    """What is put behind the person."""
    sinks: Annotated[list[Sink], Field(min_length=1, max_length=16)] = Field(
        default_factory=_http, json_schema_extra={"default": ["http"]}
    )
    """Where frames go; several at once, none slows another."""
    sync: Literal["exact", "latest"] = "exact"
    """exact: each mask belongs to its frame; latest: the newest mask is used, for a higher rate (live sources only)."""
    privacy: Privacy = Privacy()
    quality: Quality = Quality()
    booth: Booth = Booth()
    """Buttons, photos and an operator's page, for a booth that people touch."""
    log: Log = Log()

    @model_validator(mode="after")
    def _between_keys(self) -> Config:
        problems = _cross_check(self)
        if problems:
            raise CrossCheck(problems)
        return self


LEAST_BLUR = 0.3  # a blur whose reach is about a seventh of the width: lettering and faces in the room are gone


def _cross_check(config: Config) -> list[tuple[tuple[str | int, ...], Bad]]:
    problems: list[tuple[tuple[str | int, ...], Bad]] = []
    if not config.privacy.show_room:
        meant = "add `privacy: {show_room: true}` if that is meant"
        if config.background.kind == "none":
            problems.append((("background",), Bad("shows the room as it is", meant)))
        elif config.background.kind == "blur" and config.background.strength < LEAST_BLUR:
            what = f"is so weak that the room can be made out (below {LEAST_BLUR:g})"
            problems.append((("background", "strength"), Bad(what, f"make it stronger, or {meant}")))
    taken: dict[tuple[str, str], int] = {}
    for number, sink in enumerate(config.sinks):
        here: tuple[str | int, ...] = ("sinks", number)
        uses: list[tuple[str, str, str]] = []  # key, what it must not share, with which value
        if sink.name is not None:
            uses.append(("name", "name", sink.name))
        if sink.kind == "http":
            if sink.port:
                uses.append(("port", "port", str(sink.port)))
        elif sink.kind == "file":
            uses.append(("path", "file", str(sink.path)))
            for key, read in read_paths(config):
                if replaces(sink.path, read):
                    whose = "the source's own file" if key == "source.path" else f"a file that {key} reads"
                    problems.append(((*here, "path"), Bad(f"is {whose}", "write to another file")))
                    break
        elif sink.kind == "pipe" and sink.command is None:
            uses.append(("command", "output", "standard output"))
        elif sink.kind == "v4l2loopback":
            uses.append(("device", "device", sink.device))
            if config.source.kind == "v4l2" and config.source.device == sink.device:
                problems.append(((*here, "device"), Bad("is the source's own device", "use /dev/video10")))
        for key, what, value in uses:
            first = taken.setdefault((what, value), number)
            if first != number:
                problems.append(((*here, key), Bad(f"is the same {what} as sinks.{first}", "give each its own")))
    return problems
