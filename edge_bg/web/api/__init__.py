"""The API under `/api/v1`: one file per topic, each a few calls that are declared where they are written."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from starlette.routing import BaseRoute

from edge_bg.web.access import Access

TOPICS: Final = ("state", "flow", "backgrounds", "photos", "operator", "login", "description")


def routes(control: Any, access: Access) -> list[BaseRoute]:
    """All routes of the API; `control` is what they ask (see `edge_bg.web.api.calls.Control`)."""
    from edge_bg.web.api.calls import CALLS, Api

    for topic in TOPICS:
        import_module(f"edge_bg.web.api.{topic}")
    return Api(control, access).routes(CALLS)
