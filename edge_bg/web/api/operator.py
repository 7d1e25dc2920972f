"""What the operator does: settings, events, the room, cameras and models, the check; and the privacy switch."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, RootModel

from edge_bg.errors import NotAllowed
from edge_bg.web.api.backgrounds import Id
from edge_bg.web.api.calls import Ask, Body, call, failed


class Changes(RootModel[Annotated[dict[str, Any], Field(min_length=1, max_length=50)]]):
    """Settings by their keys."""


class Named(Body):
    """A camera or a network by its name."""

    id: Annotated[str, Field(min_length=1, max_length=512)]


class Model(Body):
    """A network by its name."""

    name: Annotated[str, Field(min_length=1, max_length=64)]


class Profile(Body):
    """An event by its id."""

    id: Id


class Privacy(Body):
    """Whether the camera is closed."""

    closed: bool


@call("GET", "/settings", role="operator", gives="all settings in groups, with bounds and values")
def settings(ask: Ask) -> Any:
    """What can be turned."""
    return ask.control.operator.settings()


@call("PATCH", "/settings", role="operator", body=Changes, gives="all settings, as they are now")
def change(ask: Ask) -> Any:
    """Turn some, live; a restart forgets it unless it is saved."""
    return ask.control.operator.change(ask.body.root)


@call("POST", "/settings/save", role="operator", gives="the file, and the keys that changed in it")
def save(ask: Ask) -> Any:
    """Rewrite the config; its comments stay."""
    return ask.control.operator.save()


@call("GET", "/profiles", gives="the events")
def profiles(ask: Ask) -> Any:
    """A folder each."""
    return ask.control.operator.profiles()


@call("PUT", "/profile", role="operator", body=Profile, gives="the event that is on now")
def profile(ask: Ask) -> Any:
    """Go over to another event."""
    return {"event": ask.control.open_event(ask.body.id)}


@call("GET", "/room", gives="what is known of the empty room")
def room(ask: Ask) -> Any:
    """Whether it is learned, and whether it fits."""
    return ask.control.room()


@call("POST", "/room/learn", role="operator", gives="what is known of the empty room")
def learn(ask: Ask) -> Any:
    """The room is empty now: learn it anew."""
    return ask.control.operator.learn()


@call("POST", "/check", role="operator", status=202, gives="that it runs")
def check(ask: Ask) -> Any:
    """Begin the booth check; it takes half a minute."""
    ask.control.operator.check.start()
    return ask.control.operator.check.told()


@call("GET", "/check", role="operator", gives="whether it runs, and what it found")
def checked(ask: Ask) -> Any:
    """A verdict for each point, and what would help."""
    return ask.control.operator.check.told()


@call("GET", "/cameras", role="operator", gives="the cameras that are there")
def cameras(ask: Ask) -> Any:
    """By their ids."""
    return ask.control.operator.cameras()


@call("PUT", "/camera", role="operator", body=Named, gives="the cameras that are there")
def camera(ask: Ask) -> Any:
    """Use another one, live."""
    return ask.control.operator.camera(ask.body.id)


@call("GET", "/models", role="operator", gives="the networks that are there")
def models(ask: Ask) -> Any:
    """By their names."""
    return ask.control.operator.models()


@call("PUT", "/model", role="operator", body=Model, gives="the networks that are there")
def model(ask: Ask) -> Any:
    """Run another one, live."""
    return ask.control.operator.model(ask.body.name)


@call("GET", "/health", role="operator", gives="how the booth fares, in words")
def health(ask: Ask) -> Any:
    """A line for each point."""
    return ask.control.operator.health()


LINES = {"lines": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}}


@call("GET", "/log", role="operator", query=LINES, gives="the last lines of the log")
def log(ask: Ask) -> Any:
    """As many as asked for."""
    text = ask.request.query_params.get("lines", "50")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 200):
        return failed("lines: a whole number from 1 to 200", 422)
    return ask.control.operator.log(int(text))


@call("PUT", "/privacy", role="guest", body=Privacy, gives="whether the camera is closed")
def privacy(ask: Ask) -> Any:
    """Everybody may close it; only the operator opens it again."""
    if not ask.body.closed and ask.role != "operator":
        raise NotAllowed("only the operator opens the camera again")
    return {"closed": ask.control.privacy(ask.body.closed)}
