"""What is behind the guest, what lies in front, and where the guest stands."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from edge_bg.web.api.calls import Ask, Body, call

Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Name = Annotated[str, Field(min_length=1, max_length=60)]


class Pick(Body):
    """A background by its id."""

    id: Id


class PickOrNone(Body):
    """A foreground by its id; null: none."""

    id: Id | None


class Order(Body):
    """All ids in their new order."""

    order: Annotated[list[Id], Field(max_length=500)]


class Note(Body):
    """What changes; what is left out stays."""

    name: Name | None = None
    foreground: Id | None = None


class Place(Body):
    """Where the guest stands: x, y in shares of the frame, scale 1 as seen."""

    x: Annotated[float, Field(ge=-1, le=1)] = 0.0
    y: Annotated[float, Field(ge=-1, le=1)] = 0.0
    scale: Annotated[float, Field(ge=0.2, le=2)] = 1.0


@call("PUT", "/background", role="guest", body=Pick, gives="the id that is now behind the guest")
def pick(ask: Ask) -> Any:
    """Put it behind the guest, at once."""
    return {"background": ask.control.pick(ask.body.id, ask.touched_by)}


@call("PUT", "/foreground", role="operator", body=PickOrNone, gives="the id that is now before the guest")
def front(ask: Ask) -> Any:
    """Put it before the guest, at once."""
    return {"foreground": ask.control.front(ask.body.id)}


@call("PUT", "/place", role="operator", body=Place, gives="where the guest stands now")
def place(ask: Ask) -> Any:
    """Move and scale the guest."""
    return ask.control.operator.place(ask.body.x, ask.body.y, ask.body.scale)


def _shelf(shelf: str, role: Any) -> None:
    """The calls that backgrounds and foregrounds share."""

    @call("GET", f"/{shelf}", gives=f"the {shelf} of this event, in their order")
    def every(ask: Ask) -> Any:
        return ask.control.shelf(shelf)

    @call("POST", f"/{shelf}", role=role, upload=True, status=201, gives="what was made of the uploaded picture")
    def upload(ask: Ask) -> Any:
        assert ask.file is not None
        return ask.control.operator.upload(shelf, *ask.file)

    @call("PATCH", f"/{shelf}", role=role, body=Order, gives="all in their new order")
    def arrange(ask: Ask) -> Any:
        return ask.control.operator.arrange(shelf, ask.body.order)

    @call("PATCH", f"/{shelf}/{{id}}", role=role, body=Note, gives="it, as it is now")
    def note(ask: Ask) -> Any:
        return ask.control.operator.note(shelf, ask.path["id"], ask.body.model_dump(exclude_unset=True))

    @call("DELETE", f"/{shelf}/{{id}}", role=role, gives="nothing: it is gone")
    def remove(ask: Ask) -> Any:
        ask.control.operator.remove(shelf, ask.path["id"])

    kind = "png" if shelf == "foregrounds" else "jpeg"
    address = f"/{shelf}/{{id}}/thumb.{'png' if kind == 'png' else 'jpg'}"

    @call("GET", address, gives="a small picture of it", kind=f"image/{kind}")
    def thumb(ask: Ask) -> Any:
        data = ask.control.thumb(shelf, ask.path["id"])
        return Response(data, media_type=f"image/{kind}", headers={"Cache-Control": "private, max-age=60"})


for each in ("backgrounds", "foregrounds"):
    _shelf(each, "operator")
