"""The part of a config that says what is promised, and how far the quality may go down to keep it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge_bg.config.types import Part

Floor = Literal["all", "looks", "skip", "model", "edges", "picture"]


class Quality(Part):
    """What a service promises under load and heat, and what it may leave out to keep that: one step after the other."""

    latency: Annotated[float, Field(gt=0, le=10)] | None = None
    """Seconds from the camera to the sinks that 19 of 20 frames may take; null: nothing is promised, or left out."""
    rate: Annotated[float, Field(gt=0, le=240)] | None = None
    """Frames a second that are to come out, too; null: none is promised."""
    hot: Annotated[float, Field(ge=40, le=110)] = 80.0
    """Degrees Celsius from which on less is done."""
    floor: Floor = "edges"
    """The last step that may be taken: looks, skip, model, edges, picture; all: none."""
    model: Annotated[str, Field(min_length=1, max_length=4096)] = "small"
    """The shipped model that takes over at the step `model`."""
    every: Annotated[int, Field(ge=1, le=4)] = 1
    """The network looks at each n-th frame; between them the mask goes along with who moves."""
