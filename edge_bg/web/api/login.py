"""The operator logs in with a PIN or a token, and out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.responses import JSONResponse

from edge_bg.web import tongues
from edge_bg.web.access import session_name
from edge_bg.web.api.calls import CONTROL_OFF, Ask, Body, call, failed

NOT_THE_PIN = "that is not the PIN: see the config, or the log of edge-bg for the one it made up"


class Login(Body):
    """One of the two."""

    pin: Annotated[str, Field(max_length=64)] | None = None
    token: Annotated[str, Field(max_length=256)] | None = None


@call("POST", "/login", body=Login, gives="the role, and a cookie that stands for it", quick=True)
def login(ask: Ask) -> Any:
    """Become the operator; some tries a minute."""
    if not ask.access.control:
        return failed(tongues.words(CONTROL_OFF, ask.language), 403)
    session = ask.access.login(ask.client, pin=ask.body.pin, token=ask.body.token)
    if session is None:
        return failed(tongues.words(NOT_THE_PIN, ask.language), 401)
    answer = JSONResponse({"role": "operator"})
    answer.set_cookie(session_name(ask.request.scope), session, httponly=True, samesite="strict", path="/")
    return answer


@call("POST", "/logout", gives="the role that is left", quick=True)
def logout(ask: Ask) -> Any:
    """Be a guest again."""
    ask.access.logout(ask.request.scope)
    answer = JSONResponse({"role": "guest" if ask.access.control else "view"})
    answer.delete_cookie(session_name(ask.request.scope), path="/")
    return answer
