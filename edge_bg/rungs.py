"""The rungs of the quality ladder, as changes of a config; `edge_bg.loop.quality` says when to walk it.

looks    one closer look instead of several in turn, where people are far apart; no network for edges
skip     the network looks at every second frame; the mask is carried along with who moves
model    the smaller model of `quality.model`
edges    the mask as it is, not drawn along the picture's edges
picture  half the size, where all sinks can take that: the loop starts anew

Each includes those before it. A rung that would change nothing in a config is left out of its ladder.
"""

from __future__ import annotations

import time
from typing import Any, Final, get_args

from edge_bg.board.sensors import temperature, throttled
from edge_bg.config import Config
from edge_bg.config.quality import Floor
from edge_bg.loop.quality import Controller, Seen, Target
from edge_bg.loop.stats import Stats
from edge_bg.network.tuned import some_edges

ANY_SIZE: Final = {"http", "null"}  # sinks that take frames of another size
NOW: Final = 0b1111  # the bits of `throttled` that are of this moment


class Walk:
    """Where a service stands on the ladder of `config`; every second: `new = walk(booth.config, booth.stats)`."""

    def __init__(self, config: Config) -> None:
        self._base = config
        order = get_args(Floor)
        allowed = order[1 : order.index(config.quality.floor) + 1]
        self.names = ["all", *(name for name in allowed if _lower(config, config, name) != config)]
        promised = config.quality.latency
        self._controller: Controller | None = None
        if promised is not None:
            target = Target(promised, config.quality.rate or 0.0, config.quality.hot)
            self._controller = Controller(target, len(self.names) - 1)

    @property
    def rung(self) -> str:
        """The name of the rung; "all" is the best."""
        return self.names[self._controller.rung] if self._controller else "all"

    @property
    def why(self) -> str:
        """Why the last step was taken, "" before the first."""
        return self._controller.why if self._controller else ""

    def __call__(self, config: Config, stats: Stats, now: float | None = None) -> Config | None:
        """The config to go over to from `config`, the one in use; None: stay."""
        if self._controller is None:
            return None
        before = self._controller.rung
        rate = stats.fps()
        bits = throttled() or 0
        seen = Seen(stats.percentile("latency", 0.95) if rate else 0.0, rate, temperature(), bool(bits & NOW))
        rung = self._controller(seen, time.monotonic() if now is None else now)
        if rung == before:
            return None
        stats.forget("latency")
        return self.config(config, rung)

    def config(self, config: Config, rung: int) -> Config:
        """`config` as rung number `rung` has it; what no rung touches is as it is now, not as it was."""
        for name in self.names[1:]:
            config = _lower(config, self._base, name, on=self.names.index(name) <= rung)
        return config


def _lower(config: Config, base: Config, name: str, *, on: bool = True) -> Config:
    """`config` with the rung `name` taken, or as `base` has it."""
    if name == "looks":
        looks = 1 if on and base.framing.crop else base.framing.looks
        if some_edges(base.model.name, base.model.edges):
            config = _with(config, "model", edges="none" if on else base.model.edges)
        return _with(config, "framing", looks=looks)
    if name == "skip":
        return _with(config, "quality", every=max(2, base.quality.every) if on else base.quality.every)
    if name == "model":
        if not on or base.model.name == base.quality.model:
            return _with(config, "model", name=base.model.name, precision=base.model.precision)
        return _with(config, "model", name=base.quality.model, precision="auto")
    if name == "edges":
        return _with(config, "matte", edges="bilinear" if on else base.matte.edges)
    size = getattr(base.source, "size", None)
    if size is None or any(sink.kind not in ANY_SIZE for sink in base.sinks):
        return config
    half = (size[0] // 4 * 2, size[1] // 4 * 2)
    return _with(config, "source", size=half if on and min(half) >= 32 else size)


def _with(config: Config, part: str, **changes: Any) -> Config:
    old = getattr(config, part)
    if all(getattr(old, key) == value for key, value in changes.items()):
        return config
    return config.model_copy(update={part: old.model_copy(update=changes)})
