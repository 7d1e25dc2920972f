"""How a call of the API is declared, checked and answered: role, limits, body, errors in words, and its description.

    @call("PUT", "/background", role="guest", body=Pick, gives="the background that is now behind the guest")
    def pick(ask: Ask) -> Any: ...

A call is a plain function and runs on a thread of its own, so that a disk may take its time; `quick=True` runs it in
the server's loop. What it returns is the JSON of the answer; an `EdgeBgError` becomes an error in words.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message

from edge_bg.errors import EdgeBgError, MissingDependency, NotAllowed, NotNow, NotThere
from edge_bg.web import tongues
from edge_bg.web.access import RANK, Access, Bucket, Role, TooOften

log = logging.getLogger("edge_bg.web.api")

BASE: Final = "/api/v1"
METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
BODY: Final = 64 * 1024  # bytes of JSON
UPLOAD: Final = 48 * 1024 * 1024  # bytes of a picture or a video
PATIENCE: Final = 60.0  # seconds in which a body has to arrive
THREADS: Final = 4  # calls that wait for a disk or a decoder at one time


CONTROL_OFF: Final = "this booth can be watched only: its config lacks `booth: {control: true}`"


class Body(BaseModel):
    """JSON that a call takes: no unknown keys, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Call:
    """One call, as `call` declares it."""

    method: str
    path: str
    role: Role
    run: Callable[[Ask], Any]
    gives: str
    body: type[BaseModel] | None = None
    upload: bool = False
    status: int = 200
    quick: bool = False
    query: dict[str, dict[str, Any]] = field(default_factory=dict)
    kind: str = "application/json"


@dataclass
class Ask:
    """A request to a call: `control` is what it asks, `body` has been checked, `path` holds what stands in the path,
    `language` is that in which answers are told, `fresh` what may be told again until somebody acts."""

    control: Any
    access: Access
    role: Role
    client: str
    touched_by: str
    request: Request
    fresh: dict[str, tuple[float, dict[str, Any], bytes]]
    body: Any = None
    language: str = "en"
    file: tuple[str, bytes] | None = None

    @property
    def path(self) -> dict[str, str]:
        """What stands in the path, by name."""
        return dict(self.request.path_params)


CALLS: list[Call] = []


def call(method: str, path: str, *, role: Role = "view", gives: str, **rest: Any) -> Callable[[Any], Any]:
    """Declare the function that follows as a call of the API; `rest` as in `Call`."""

    def declare(run: Callable[[Ask], Any]) -> Callable[[Ask], Any]:
        CALLS.append(Call(method, path, role, run, gives, **rest))
        return run

    return declare


class Api:
    """Turns calls into routes."""

    def __init__(self, control: Any, access: Access) -> None:
        self.control = control
        self.access = access
        self._threads = CapacityLimiter(THREADS)
        self._reads = Bucket(300, 600)
        self._acts = Bucket(15, 40)
        self._all_acts = Bucket(100, 300)
        self._uploads = asyncio.Semaphore(2)
        self._fresh: dict[str, tuple[float, dict[str, Any], bytes]] = {}

    def routes(self, calls: list[Call]) -> list[BaseRoute]:
        """A route for each path, and one that says what is not there."""
        paths: dict[str, dict[str, Call]] = {}
        for each in calls:
            paths.setdefault(each.path, {})[each.method] = each
        # What is asked most comes first, then those that name more: /photos/ID.jpg before /photos/ID
        quick = {path for path in paths if all(each.quick for each in paths[path].values())}
        order = sorted(paths, key=lambda path: (path.count("{"), path not in quick, -len(path)))
        made: list[BaseRoute] = [Route(BASE + path, self._endpoint(paths[path]), methods=METHODS) for path in order]
        return [*made, Route(BASE + "/{rest:path}", _nothing, methods=METHODS)]

    def _endpoint(self, ways: dict[str, Call]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            method = "GET" if request.method == "HEAD" else request.method
            if method not in ways:
                allowed = ", ".join(sorted(ways))
                return failed(f"{request.url.path} takes {allowed} only", 405, {"Allow": allowed})
            try:
                return await self._answer(ways[method], request)
            except TooOften as error:
                language = tongues.asked(request.headers.get("accept-language", ""))
                return failed(tongues.told(error.words, language), 429, {"Retry-After": f"{error.wait:.0f}"})
            except (ClientDisconnect, TimeoutError):
                return failed("the request did not arrive as a whole", 408)

        return endpoint

    async def _answer(self, each: Call, request: Request) -> Response:
        role: Role = request.scope.get("edge_bg.role", "view")
        client = request.client.host if request.client else "?"
        if each.method == "GET":
            self._reads.take(client)
        else:
            self._acts.take(client)
            self._all_acts.take("all")
        language = tongues.asked(request.headers.get("accept-language", ""))
        if RANK[role] < RANK[each.role]:
            return self._denied(each, language)
        ask = Ask(self.control, self.access, role, client, self._touched_by(request, client), request, self._fresh)
        ask.language = language
        try:
            async with asyncio.timeout(PATIENCE):
                wrong = await self._read(each, request, ask)
        except TimeoutError:
            return failed("the request did not arrive as a whole", 408)
        if wrong is not None:
            return wrong
        try:
            if each.quick:
                given = each.run(ask)
            else:
                given = await to_thread.run_sync(each.run, ask, limiter=self._threads)
        except EdgeBgError as error:
            return failed(tongues.error(error, language), status_of(error))
        finally:
            if each.method != "GET":
                self._fresh.clear()
        if isinstance(given, Response):
            return given
        return Response(status_code=204) if given is None else JSONResponse(tongues.told(given, language), each.status)

    def _denied(self, each: Call, language: str) -> Response:
        if not self.access.control:
            return failed(tongues.words(CONTROL_OFF, language), 403)
        words = tongues.words("only the operator may do that: log in first", language)
        return failed(words, 401 if each.role == "operator" else 403)

    @staticmethod
    def _touched_by(request: Request, client: str) -> str:
        """`screen` where the request comes from this very machine, unless it says otherwise of itself."""
        remote = request.headers.get("touched-by", "").lower() == "remote"
        return "screen" if client in ("127.0.0.1", "::1") and not remote else "remote"

    async def _read(self, each: Call, request: Request, ask: Ask) -> Response | None:
        """Fill in `ask.body` or `ask.file`; an answer if that is not possible."""
        if each.upload:
            async with self._uploads:
                return await self._file(request, ask)
        if each.body is None:
            return None
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return failed("send JSON, with Content-Type: application/json", 415)
        data = bytearray()
        async for piece in request.stream():
            data += piece
            if len(data) > BODY:
                return failed(f"the body is larger than {BODY // 1024} KiB", 413)
        try:
            ask.body = each.body.model_validate_json(bytes(data))
        except ValidationError as error:
            return failed(_words(error), 422)
        except (ValueError, json.JSONDecodeError, RecursionError):
            return failed("the body is no JSON", 400)
        return None

    async def _file(self, request: Request, ask: Ask) -> Response | None:
        from starlette.formparsers import MultiPartException

        if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return failed("send the file as multipart/form-data, in a field named `file`", 415)
        limited = Request(request.scope, _limited(request, UPLOAD))
        try:
            async with limited.form(max_files=1, max_fields=4, max_part_size=64 * 1024) as form:
                given = form.get("file")
                if given is None or isinstance(given, str):
                    return failed("there is no field `file` with a file in it", 422)
                ask.file = (given.filename or "", await given.read())
        except _TooLarge:
            return failed(f"the file is larger than {UPLOAD // 1024**2} MiB", 413)
        except (MultiPartException, KeyError, ValueError, AssertionError) as error:
            return failed(f"the form cannot be read: {error}", 400)
        except Exception as error:  # Starlette turns what its parser finds into an HTTP error of its own
            if getattr(error, "status_code", None) == 400:
                return failed("the form cannot be read", 400)
            raise
        return None


class _TooLarge(Exception):
    pass


def _limited(request: Request, most: int) -> Callable[[], Any]:
    seen = 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise _TooLarge
        return message

    return receive


def failed(text: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """An error in words."""
    return JSONResponse({"error": text}, status, headers)


def status_of(error: EdgeBgError) -> int:
    """The HTTP status that says the same as the error's class."""
    for kind, status in ((NotThere, 404), (NotNow, 409), (NotAllowed, 403), (MissingDependency, 501)):
        if isinstance(error, kind):
            return status
    return 422 if isinstance(error, ValueError) else 409


def _words(error: ValidationError) -> str:
    parts = []
    for each in error.errors(include_url=False, include_context=False, include_input=False)[:5]:
        where = ".".join(str(step) for step in each["loc"])
        parts.append(f"{where}: {each['msg']}" if where else each["msg"])
    return "; ".join(parts)


async def _nothing(request: Request) -> Response:
    return failed(f"there is nothing at {request.url.path}", 404)
