"""A Config becomes objects: the only place where that happens.

with edge_bg.open("kiosk.yaml") as booth:
    booth.background = "beach.jpg"
    for frame in booth:
        show(frame.rgb(), frame.alpha)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, cast, runtime_checkable

from edge_bg import config as configuration
from edge_bg.board.memory import give_back
from edge_bg.board.sensors import temperature
from edge_bg.booth.control import Control
from edge_bg.composite import Background, cover_picture
from edge_bg.config import Config
from edge_bg.config.types import Part
from edge_bg.errors import ConfigError
from edge_bg.frame import Frame
from edge_bg.framing import Framing
from edge_bg.framing.edged import Edged
from edge_bg.loop.stats import Stats
from edge_bg.parts import background, compositor, for_film, framed, matte, segmenter, sink, source
from edge_bg.pipeline import Pipeline
from edge_bg.reload import Reloader
from edge_bg.sinks.fanout import Sinks
from edge_bg.sources.valve import Sleep, Valve

__all__ = [
    "Booth", "background", "compositor", "framed", "matte", "open", "segmenter", "sink", "source",
]  # fmt: skip


def open(config: str | Path | Mapping[str, Any] | Config, *, path: str | Path | None = None) -> Booth:
    """Open everything that a configuration names: camera, network, background, outputs.

    Args:
        config: A YAML file's path, plain data such as `{"source": "v4l2:0"}`, or a `Config`.
        path: The file that a `Config` was read from, which the operator's "save" rewrites.

    Returns:
        A `Booth` that is ready. Close it, or use it in a `with` block.

    Raises:
        ConfigError: The configuration is wrong; the message lists every error at once.
        EdgeBgError: A part cannot be opened (`SourceError`, `ModelError`, `PictureError` ...); nothing is left open.
    """
    if isinstance(config, (str, Path)):
        path = config
        config = configuration.load(path)
    elif not isinstance(config, Config):
        config = configuration.from_dict(config, check_files=True)
    return Booth(config, path)


@runtime_checkable
class Reporting(Protocol):
    """A sink that shows how the booth fares, and through which it is asked to do things, as http does."""

    status: Callable[[], dict[str, Any]] | None
    control: Control | None
    demand: Callable[[], None]
    want_cutout: Callable[[bool], None]


@runtime_checkable
class Hearing(Protocol):
    """A sink that has something to do, or to say, about the sound of the film that is read."""

    film: Any


class Booth:
    """The loop, built and opened: iterate over it for composited frames, or `run()` it into the config's sinks.

    Either can be done once.

    Attributes:
        source: Where frames come from.
        segmenter: Frame to mask: the network, and where it looks.
        matte: Mask to alpha.
        compositor: Frame and alpha to a frame on the background.
        sinks: Where frames go.
        pipeline: The loop itself.
        stats: Counters and stage times.
    """

    def __init__(self, config: Config, path: str | Path | None = None) -> None:
        self.config = config
        self.path = None if path is None else Path(path).absolute()  # of the file that `config` was read from
        self.stats = Stats()
        self.rung = "all"  # of the quality ladder, which the service walks
        sinks = [sink(part) for part in config.sinks]
        self.sinks = Sinks(sinks)
        with ExitStack() as opened:
            self.segmenter = segmenter(config, self.stats)
            opened.callback(lambda: self.segmenter.close())  # the one in use then: a reload may have changed it
            made = source(config)
            opened.callback(made.close)
            made.open()
            self.valve = Valve(made) if made.live else None
            self.source: Any = self.valve or made
            opened.callback(self.source.close)
            size, fps = self.source.size, self.source.fps
            self.segmenter = for_film(config, self.segmenter, self.source, self.stats)
            self.suit(self.segmenter)
            self.matte = matte(config, size)
            self.compositor = compositor(config, size, fps)
            opened.callback(lambda: self.compositor.close())  # likewise
            cover = background(config.privacy.cover)
            opened.callback(cover.close)
            self.pipeline = Pipeline(
                cast(Any, self.source),
                self.segmenter,
                self.matte,
                self.compositor,
                self.sinks,
                cover=cover_picture(cover, size),
                sync=config.sync,
                max_mask_age=config.privacy.max_mask_age,
                every=config.quality.every,
                stats=self.stats,
            )
            self.control = Control(self, fps)
            opened.callback(self.control.close)
            self._reporting = [each for each in sinks if isinstance(each, Reporting)]
            for each in sinks:
                if isinstance(each, Hearing):
                    each.film = getattr(made, "film", None)
            for each in self._reporting:
                each.status, each.control, each.want_cutout = self.health, self.control, self._want_cutout
            self._opened = opened.pop_all()
        give_back()  # what opening took for a moment, decoded pictures above all: 10 MB of 150

    def suit(self, segmenter: Framing | Edged) -> None:
        """No live picture waits for finer edges; nor are they looked for where the learned room says where they are."""
        if isinstance(segmenter, Edged) and self.source.live:
            segmenter.beside, segmenter.needed = True, lambda: not self.matte.draws_edges

    def _want_cutout(self, wanted: bool) -> None:
        self.compositor.want_cutout = wanted

    def health(self) -> dict[str, Any]:
        """For `/healthz` and `/state`: the source's state, what the network runs on and why, the sinks, all figures."""
        info = self.segmenter.info
        return {
            "source": self.source.state,
            "temperature_c": temperature(),
            "delegate": info["delegate"],
            "wanted": info["wanted"],
            "fallbacks": info["fallbacks"],
            "model": info["model"],
            "edges": info["edges"]["model"] if "edges" in info else None,
            "rung": self.rung,
            "room": self.matte.booth.state if self.matte.booth else None,
            "sinks": self.sinks.report(),
            "stats": self.stats.snapshot(),
        }

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames, in pixels."""
        return (self.source.size[0], self.source.size[1])

    @property
    def background(self) -> Background:
        """What is behind the person. Takes `"#00ff00"`, `"blur"`, a path, a dict or a Background, at any time.

        Raises:
            ConfigError: It is not a background. The old one stays.
            PictureError: Its picture cannot be read. The old one stays.
        """
        return self.compositor.background

    @background.setter
    def background(self, new: str | Path | Mapping[str, Any] | Background) -> None:
        if isinstance(new, (str, Path, Mapping, Part)):
            plain = str(new) if isinstance(new, Path) else new
            asked = {"background": plain, "privacy": {"show_room": self.config.privacy.show_room}}
            new = background(configuration.from_dict(asked, check_files=True).background)
        self.compositor.background = new

    def __iter__(self) -> Iterator[Frame]:
        """Composited frames with their alpha, and covers (`frame.covered`) while no valid mask is there."""
        return iter(self.pipeline)

    def run(self, *, frames: int | None = None, duration: float | None = None) -> int:
        """Send frames to the sinks until the source ends, `stop()`, or the limit.

        Args:
            frames: At most so many frames; None: no limit.
            duration: At most so many seconds; None: no limit.

        Returns:
            How many composited frames were sent, covers not counted.
        """
        after, sleep = self.config.privacy.sleep_after, None
        if self.valve is not None and after is not None and frames is None and duration is None:
            sleep = Sleep(self.valve, lambda: self.sinks.wanted, after)
            self.control.wake = sleep.wake
            for each in self._reporting:
                each.demand = sleep.wake
        try:
            return self.pipeline.run(frames=frames, duration=duration)
        finally:
            if sleep is not None:
                sleep.close()

    def apply(self, new: Config) -> list[str]:
        """Go over to another config while running; returns the names of the parts that changed.

        Raises ConfigError where a part can only change with a new start, and the error of a part that cannot be opened;
        everything then stays as it was.
        """
        reloader = Reloader(self, self.config, new)
        if reloader.needs_restart:
            raise ConfigError(f"{', '.join(reloader.needs_restart)}: cannot change while the loop runs")
        changed = reloader.apply()
        self.config = new
        return changed

    def stop(self) -> None:
        """End the loop soon, from any thread or a signal handler."""
        self.pipeline.stop()

    def close(self) -> None:
        """Close everything, finish files; idempotent."""
        self.pipeline.stop()
        try:
            self.sinks.close()
        finally:
            self._opened.close()

    def __enter__(self) -> Booth:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
