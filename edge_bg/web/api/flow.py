"""The visit: start, shutter, keep, retake."""

from __future__ import annotations

from typing import Any, Literal

from edge_bg.web.api.calls import Ask, Body, call


class Step(Body):
    """A step of the visit."""

    action: Literal["start", "shutter", "abort", "keep", "retake", "next", "consent", "decline"]


@call("POST", "/flow", role="guest", body=Step, gives="where the visit is now")
def step(ask: Ask) -> Any:
    """Take a step; 409 where it is not possible."""
    return ask.control.step(ask.body.action, ask.touched_by)
