"""Every knob of the compositor, with its default and its bounds, in one place: constructor keyword == YAML key."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_bg.knobs import check_bounds, knob


@dataclass(frozen=True)
class CompositeOptions:
    """How the person is laid over the background. Bounds are in the fields' `metadata`."""

    clean: bool = field(
        default=False,
        metadata={
            "help": "take the old room's colours out of hair and soft edges; nearly doubles the composite's cost"
        },
    )
    wrap: float = knob(
        0.0, 0, 1, "how much of the new background's light spills over the person's edge; 0.4 is natural"
    )
    match: float = knob(
        0.0, 0, 1, "how far the person is brought to the background's exposure and white balance; 0.5 is careful"
    )

    shift_x: float = knob(0.0, -1, 1, "the person moved to the side, in shares of the frame's width")
    shift_y: float = knob(0.0, -1, 1, "the person moved up or down, in shares of the frame's height")
    scale: float = knob(1.0, 0.2, 2, "the person made smaller or larger, about the middle of the frame's lower edge")

    def __post_init__(self) -> None:
        check_bounds(self, "composite")
