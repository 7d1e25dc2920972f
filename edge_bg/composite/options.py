"""Every knob of the compositor, with its default and its bounds, in one place: constructor keyword == YAML key."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CompositeOptions:
    """How the person is laid over the background. Bounds are in the fields' `metadata`."""

    clean: bool = field(
        default=False,
        metadata={"help": "take the old room's colours out of hair and soft edges; doubles the cost of the composite"},
    )
    wrap: float = field(
        default=0.0,
        metadata={
            "low": 0,
            "high": 1,
            "help": "how much of the new background's light spills over the person's edge; 0.4 is natural",
        },
    )
    match: float = field(
        default=0.0,
        metadata={
            "low": 0,
            "high": 1,
            "help": "how far the person is brought to the background's exposure and white balance; 0.5 is careful",
        },
    )
