"""Who may look: the token, the Host header, and the headers that keep a browser from lending its access to others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_bg.web.access import Access, cookie_name

SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Another site's page may not show the stream, not even as an image, unless the config names it (`embed`).
    "Cross-Origin-Resource-Policy": "same-site",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
_ENCODED: Final = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
PICTURES: Final = {"/stream", "/stream.mjpg", "/snapshot", "/snapshot.jpg"}  # and the page's ?action=
PAGES: Final = {"/", "/admin", "/ar"}
SAFE: Final = {"GET", "HEAD", "OPTIONS"}
# A photo's address cannot be guessed and is known to who took it: a phone that reads its QR code needs no token.
PHOTO: Final = re.compile(r"/api/v1/photos/[A-Za-z0-9_-]{22}(\.[a-z]{3,4}|-cutout\.png)?")


def is_loopback(host: str) -> bool:
    """True when `host`, a name or an address, is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware: turns away requests that carry no token, that come from another site's page and would have an
    effect, or whose Host is not this machine's. `scope["edge_bg.role"]` says who is asking.

    access:     knows tokens and sessions.
    check_host: only answer when Host names this machine's loopback, so that no web page can reach it through a
                name of its own that points to 127.0.0.1 (DNS rebinding).
    embed:      origins whose pages may show the pictures within them; "*" is any.
    """

    def __init__(self, app: ASGIApp, *, access: Access, check_host: bool, embed: Sequence[str] = ()) -> None:
        self.app = app
        self.access = access
        self.check_host = check_host
        self.embed = [origin.rstrip("/").lower() for origin in embed]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: on to the app, or an answer that says what is missing."""
        if scope["type"] in ("http", "websocket"):
            scope = _plain(scope)
            send = self._with_headers(scope, send)
            answer = self._stop(scope)
            if answer is not None:
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1008, "reason": "not allowed"})
                else:
                    await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _stop(self, scope: Scope) -> Response | None:
        """The answer to a request that may not pass, None to one that may."""
        headers = Headers(scope=scope)
        host = headers.get("host")  # only HTTP/1.0 can do without; browsers, which rebinding needs, never do
        if self.check_host and host is not None and not _names_loopback(host):
            return PlainTextResponse("this server answers to localhost and 127.0.0.1 only\n", 421)
        acts = scope["type"] == "websocket" or scope["method"] not in SAFE
        if acts and not self._same_origin(headers, host):
            return _said("this comes from another site's page, which may not do that", 403)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query)
        token = given.get("token")
        role = self.access.role(scope, token)
        if role is not None and token is not None and self.access.matches(token):
            entering = scope["path"] in PAGES and "action" not in given and scope["type"] == "http"
            if entering:
                return self._enter(scope, query)
        if role is None and PHOTO.fullmatch(scope["path"]) and not acts:
            role = "view"
        if role is None:
            text = "a token is needed: open the address that edge-bg printed when it started, with its ?token=\n"
            ways = "Bearer"
            if scope["path"] in PICTURES or "action" in given:
                ways += ', Basic realm="edge_bg: any name, the token as password", charset="UTF-8"'
            return PlainTextResponse(text, 401, {"WWW-Authenticate": ways})
        scope["edge_bg.role"] = role
        return None

    def _same_origin(self, headers: Headers, host: str | None) -> bool:
        """Whether a request that has an effect comes from our own page, or from no page at all."""
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc.lower() == (host or "").lower() != ""

    def _enter(self, scope: Scope, query: list[tuple[str, str]]) -> RedirectResponse:
        """The page again, its token moved from the address (seen in histories and screenshots) into a cookie."""
        rest = urlencode([(key, value) for key, value in query if key != "token"])
        page = scope["path"].rpartition("/")[2]
        response = RedirectResponse(f"./{page}" + (f"?{rest}" if rest else ""), 303)
        response.set_cookie(
            cookie_name(scope), self.access.proof or "", max_age=365 * 86400, httponly=True, samesite="strict", path="/"
        )
        return response

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        extra = self._embedding(scope)

        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                set_already = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in _ENCODED if each[0] not in set_already)]
                headers = MutableHeaders(scope=message)
                for key, value in extra.items():
                    if value:
                        headers[key] = value
                    else:
                        del headers[key]
            await send(message)

        return wrapped

    def _embedding(self, scope: Scope) -> dict[str, str]:
        """Headers that let the pages in `embed` show a picture of ours; the page and the API stay closed."""
        action = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("action")
        if not self.embed or not (scope["path"] in PICTURES or (scope["path"] == "/" and action)):
            return {}
        headers = Headers(scope=scope)
        page = _origin(headers.get("origin") or headers.get("referer") or "")
        named = "*" in self.embed or (page is not None and page in self.embed)
        ancestors = "*" if "*" in self.embed else " ".join(["'self'", *self.embed])
        framing = {"X-Frame-Options": "", "Content-Security-Policy": f"frame-ancestors {ancestors}"}
        return {**framing, **({"Cross-Origin-Resource-Policy": "cross-origin"} if named else {})}


def _plain(scope: Scope) -> Scope:
    """The request as everybody writes it: `GET http://host/path` (as proxies are asked) is `/path` with that Host, and
    a second question mark (as some programs append `?nonce=1` to any address) parts two values like an ampersand."""
    path, headers = scope["path"], scope["headers"]
    if path.lower().startswith(("http://", "https://")):
        whole = urlsplit(path)
        path = whole.path or "/"
        headers = [(b"host", whole.netloc.encode("latin-1")), *(h for h in headers if h[0] != b"host")]
    query = scope["query_string"].replace(b"?", b"&")
    return {**scope, "path": path, "raw_path": path.encode(), "headers": headers, "query_string": query}


def _origin(address: str) -> str | None:
    """`scheme://host[:port]` of an address; None of anything else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme in ("http", "https") and parts.netloc else None


def _said(text: str, status: int) -> Response:
    return JSONResponse({"error": text}, status)


def _names_loopback(host: str) -> bool:
    name = host.rsplit("]", 1)[0].lstrip("[") if host.startswith("[") else host.rsplit(":", 1)[0]
    return is_loopback(name.lower())
