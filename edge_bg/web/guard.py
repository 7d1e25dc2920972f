"""Who may look: the token, the Host header, and the headers that keep a browser from lending its access to others."""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Another site's page may not show the stream, not even as an image; another port of this host may.
    "Cross-Origin-Resource-Policy": "same-site",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """True when `host`, a name or an address, is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware: turns away requests that carry no token, or a Host that is not this machine's.

    token:      what `?token=`, `Authorization: Bearer` or the page's cookie must carry; None asks for nothing.
    check_host: only answer when Host names this machine's loopback, so that no web page can reach it through a
                name of its own that points to 127.0.0.1 (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, *, token: str | None, check_host: bool) -> None:
        self.app = app
        self.check_host = check_host
        self._token = None if token is None else token.encode()
        # Cookies are shared between the ports of a host, so the cookie holds a proof of the token, not the token.
        self._proof = None if token is None else hmac.digest(token.encode(), b"edge-bg cookie", hashlib.sha256).hex()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: on to the app, or an answer that says what is missing."""
        if scope["type"] == "http":
            send = _with_security_headers(send)
            answer = self._stop(scope)
            if answer is not None:
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _stop(self, scope: Scope) -> Response | None:
        """The answer to a request that may not pass, None to one that may."""
        headers = Headers(scope=scope)
        host = headers.get("host")  # only HTTP/1.0 can do without; browsers, which rebinding needs, never do
        if self.check_host and host is not None and not _names_loopback(host):
            return PlainTextResponse("this server answers to localhost and 127.0.0.1 only\n", 421)
        if self._token is None:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query)
        if "token" in given and self._matches(given["token"]):
            return self._enter(scope, query) if scope["path"] == "/" and "action" not in given else None
        if self._known(headers, cookie_name(scope)):
            return None
        text = "a token is needed: open the address that edge-bg printed when it started, with its ?token=\n"
        return PlainTextResponse(text, 401, {"WWW-Authenticate": "Bearer"})

    def _matches(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token)

    def _known(self, headers: Headers, cookie: str) -> bool:
        kind, _, credentials = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._matches(credentials.strip()):
            return True
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(cookie)
        except CookieError:
            return False
        return morsel is not None and hmac.compare_digest(morsel.value.encode(), (self._proof or "").encode())

    def _enter(self, scope: Scope, query: list[tuple[str, str]]) -> RedirectResponse:
        """The page again, its token moved from the address (seen in histories and screenshots) into a cookie."""
        rest = urlencode([(key, value) for key, value in query if key != "token"])
        response = RedirectResponse("./" + (f"?{rest}" if rest else ""), 303)
        response.set_cookie(
            cookie_name(scope), self._proof or "", max_age=365 * 86400, httponly=True, samesite="strict", path="/"
        )
        return response


def cookie_name(scope: Scope) -> str:
    """One cookie per port, so that two servers on a host do not log each other's visitors out."""
    server = scope.get("server")
    return f"edge_bg_{server[1] if server else 0}"


def _names_loopback(host: str) -> bool:
    name = host.rsplit("]", 1)[0].lstrip("[") if host.startswith("[") else host.rsplit(":", 1)[0]
    return is_loopback(name.lower())


def _with_security_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for key, value in SECURITY_HEADERS.items():
                headers.setdefault(key, value)
        await send(message)

    return wrapped
