"""What is behind the guest, and what lies in front."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from edge_bg.web.api.calls import Ask, Body, call

Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


class Pick(Body):
    """A background by its id."""

    id: Id


class PickOrNone(Body):
    """A foreground by its id; null: none."""

    id: Id | None


class Place(Body):
    """Where the guest stands: x, y in shares of the frame, scale 1 as seen."""

    x: Annotated[float, Field(ge=-1, le=1)] = 0.0
    y: Annotated[float, Field(ge=-1, le=1)] = 0.0
    scale: Annotated[float, Field(ge=0.2, le=2)] = 1.0


@call("GET", "/backgrounds", gives="the backgrounds of this event, in their order")
def backgrounds(ask: Ask) -> Any:
    """All there are."""
    return ask.control.backgrounds()


@call("GET", "/backgrounds/{id}/thumb.jpg", gives="a small picture of it", kind="image/jpeg")
def thumb(ask: Ask) -> Any:
    """A JPEG."""
    jpeg = ask.control.thumb("backgrounds", ask.path["id"])
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=60"})


@call("PUT", "/background", role="guest", body=Pick, gives="the id that is now behind the guest")
def pick(ask: Ask) -> Any:
    """Put it behind the guest, at once."""
    return {"background": ask.control.pick(ask.body.id, ask.touched_by)}


@call("PUT", "/place", role="operator", body=Place, gives="where the guest stands now")
def place(ask: Ask) -> Any:
    """Move and scale the guest."""
    return ask.control.place(ask.body.x, ask.body.y, ask.body.scale)
