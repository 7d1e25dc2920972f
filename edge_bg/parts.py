"""What a config names, made one by one: source, sinks, background, matte, compositor, network; none of it opened."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib import import_module
from typing import Any, cast

from edge_bg.composite import KINDS as BACKGROUNDS
from edge_bg.composite import Background, Compositor
from edge_bg.config import Config
from edge_bg.config.kinds import Background as BackgroundPart
from edge_bg.config.kinds import Sink as SinkPart
from edge_bg.config.types import Part
from edge_bg.errors import ConfigError, EdgeBgError
from edge_bg.framing import Framing, Looks
from edge_bg.framing.edged import Edged
from edge_bg.framing.thorough import Thorough
from edge_bg.loop.stats import Stats
from edge_bg.matte import Matte
from edge_bg.network.segment import Segmenter
from edge_bg.network.tuned import edges, preferred, resolve, room_edges
from edge_bg.sinks import KINDS as SINKS
from edge_bg.sinks import Sink
from edge_bg.sources import KINDS as SOURCES
from edge_bg.sources import Source

log = logging.getLogger("edge_bg.build")

RECORDED = {"file", "images"}  # sources whose pictures can be waited for
LIVE_SINKS = {"http", "v4l2loopback"}  # someone looks on: a file has to be paced for them


def source(config: Config) -> Source:
    """The source of a config, not yet opened."""
    fields = _fields(config.source)
    watched = all(part.kind in LIVE_SINKS for part in config.sinks)
    for key in ("realtime", "loop"):  # null means: as those who look on need it
        if key in fields and fields[key] is None:
            fields[key] = watched
    return cast(Source, _make(SOURCES, config.source.kind, fields))


def sink(part: SinkPart) -> Sink:
    """One sink of a config, not yet opened."""
    fields = _fields(part)
    name = fields.pop("name")
    made = cast(Sink, _make(SINKS, part.kind, fields))
    if name is not None:
        made.name = name
    return made


def background(part: BackgroundPart) -> Background:
    """A background of a config, not yet opened. To show the room as it is has to be meant, so it is said aloud."""
    if part.kind == "none":
        log.warning("background none: the room is shown as it is")
    return cast(Background, _make(BACKGROUNDS, part.kind, _fields(part)))


def matte(config: Config, size: tuple[int, int]) -> Matte:
    """The matte of a config, for frames of `size` (width, height)."""
    options = _fields(config.matte)
    if options["booth"] and options["room_edges"] is None:
        options["room_edges"] = room_edges()
    return Matte(size, **options)


def compositor(config: Config, size: tuple[int, int], fps: float, running: Background | None = None) -> Compositor:
    """The compositor of a config, its background opened, for frames of `size` (width, height); `running`: a background
    that is open, instead of the config's."""
    behind = running or background(config.background)
    return Compositor(behind, size, fps=fps, ready=running is not None, **_fields(config.composite))


def segmenter(config: Config, stats: Stats | None = None, *, quick: bool = False) -> Framing | Edged:
    """The network of a config, loaded, and framed; fallbacks of its delegates are counted in `stats`.

    quick: begin on the CPU, if it is among the delegates, and try the others while pictures flow.
    """
    model = config.model
    delegates = [each if isinstance(each, str) else each.model_dump() for each in model.delegates]
    delegates = preferred(model.name, delegates, named="delegates" in model.model_fields_set)
    card, threads = resolve(model.name, model.precision, model.threads)
    sharp, every = edges(model.name, model.edges, model.edges_every)
    network = Segmenter(card, delegates=delegates, threads=threads, stats=stats, quick=quick)
    found = framed(config, network, stats)
    if sharp is None:
        return found
    try:
        return Edged(found, Segmenter(sharp, threads=threads), every=every, stats=stats)
    except EdgeBgError:
        network.close()
        raise


def waited_for(config: Config, source: Any) -> bool:
    """Whether a config reads a film or pictures that nobody looks on at: each of them can take its time."""
    return config.source.kind in RECORDED and not source.live


def for_film(config: Config, made: Framing | Edged, source: Any, stats: Stats | None = None) -> Framing | Edged:
    """`made`; where a film or pictures are read and nobody waits, one that takes its time, if no edges are named.

    source: open, so that it has its size.
    """
    model = config.model
    if not waited_for(config, source):
        return made
    if model.edges not in (None, "auto"):
        if isinstance(made, Edged):
            made.every = model.edges_every or 1
        return made
    if isinstance(made, Edged):  # as tuned for live pictures
        made.sharp.close()
        made = made.framing
    wide = source.size[0] >= source.size[1]
    finds = ("large", "landscape") if wide else ("general", "large")
    second = next(name for name in finds if not made.info["model"].startswith(name))
    with ExitStack() as opened:
        other = framed(config, Segmenter(second, threads=model.threads))
        opened.callback(other.close)
        sharp = Segmenter("portrait-288x512" if wide else "portrait-512x288", threads=model.threads)
        opened.pop_all()
    log.info("nobody waits for this film: %s looks at each frame, too; `edges: none` goes without", sharp.info["model"])
    return Thorough(made, other, sharp, every=model.edges_every or 1, stats=stats)


def framed(config: Config, network: Looks, stats: Stats | None = None) -> Framing:
    """`network` looking where the config says."""
    return Framing(network, stats=stats, max_age=config.privacy.max_mask_age, **_fields(config.framing))


def _fields(part: Part) -> dict[str, Any]:
    """The keyword arguments of a part: all its fields but `kind`, as Python objects."""
    return {key: getattr(part, key) for key in type(part).model_fields if key != "kind"}


def _make(kinds: Mapping[str, str], kind: str, fields: dict[str, Any]) -> Any:
    module, _, name = kinds[kind].partition(":")
    make: Callable[..., Any] = getattr(import_module(module), name)
    try:
        return make(**fields)
    except EdgeBgError:
        raise
    except ValueError as error:
        raise ConfigError(f"{kind}: {error}") from error
