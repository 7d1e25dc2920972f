"""Who a request comes from: nobody known, a viewer, a guest or the operator; and how often they may ask."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final, Literal

from starlette.datastructures import Headers
from starlette.types import Scope

from edge_bg.said import say

Role = Literal["view", "guest", "operator"]
RANK: Final[dict[str, int]] = {"view": 0, "guest": 1, "operator": 2}

SESSION = 12 * 3600.0  # seconds after which an operator who did nothing has to log in again
SESSIONS = 32  # operators logged in at one time: beyond, the one who did nothing for longest is out


class TooOften(Exception):
    """This client, or all of them together, ask more often than they may; `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        self.words = say("too many tries: wait {seconds} seconds", seconds=math.ceil(wait))
        super().__init__(self.words)
        self.wait = wait


class Bucket:
    """`burst` at once, then `rate` a second, for each key; a bounded number of keys is known."""

    def __init__(
        self, rate: float, burst: float, *, keys: int = 1024, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.burst, self.keys, self._clock = rate, burst, keys, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> tokens, when

    def take(self, key: str) -> None:
        """One more of `key`; raises TooOften."""
        now = self._clock()
        left, when = self._left.pop(key, (self.burst, now))
        left = min(self.burst, left + (now - when) * self.rate)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, now)
        while len(self._left) > self.keys:  # the longest unseen goes: it has the fullest bucket
            self._left.popitem(last=False)
        if not allowed:
            raise TooOften((1 - left) / self.rate)

    def give(self, key: str) -> None:
        """Take one of `key` back: it does not count."""
        left, when = self._left.get(key, (self.burst, self._clock()))
        self._left[key] = (min(self.burst, left + 1), when)


class Access:
    """What a request may do, by what it carries.

    token:   needed for anything at all; None: nothing is needed (the server listens on loopback).
    control: guests may act, and an operator may log in. Otherwise everybody is a viewer.
    pin:     what an operator types; None: nobody can.
    key:     what a program of the operator's shows instead.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        control: bool = False,
        pin: str | None = None,
        key: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.control = control
        self._token = None if token is None else token.encode()
        # Cookies are shared between the ports of a host, so the cookie holds a proof of the token, not the token.
        self.proof = None if token is None else hmac.digest(token.encode(), b"edge-bg cookie", hashlib.sha256).hex()
        self._pin, self._key = pin, key
        self._clock = clock
        self._sessions: OrderedDict[str, float] = OrderedDict()  # -> when it was last used
        self._tries = Bucket(1 / 20, 5, clock=clock)  # of one client
        self._all_tries = Bucket(1 / 4, 30, clock=clock)  # of all: a PIN of four digits lasts 11 hours at the least

    @property
    def open(self) -> bool:
        """True where no token is asked for."""
        return self._token is None

    def matches(self, given: str) -> bool:
        """Whether `given` is the token."""
        return self._token is not None and _same(given, self._token)

    def role(self, scope: Scope, query_token: str | None = None) -> Role | None:
        """What the sender of a request is; None: nobody who may look."""
        headers = Headers(scope=scope)
        given = _credentials(headers.get("authorization", ""))
        if self.control and self._key is not None and given is not None and _same(given, self._key.encode()):
            return "operator"
        cookies = _cookies(headers)
        if self.control and self._session(cookies.get(session_name(scope))):
            return "operator"
        known = self.open or (query_token is not None and self.matches(query_token))
        known = known or (given is not None and self.matches(given))
        known = known or hmac.compare_digest(cookies.get(cookie_name(scope), "").encode(), (self.proof or "-").encode())
        if not known:
            return None
        return "guest" if self.control else "view"

    def login(self, client: str, *, pin: str | None = None, token: str | None = None) -> str | None:
        """A new session for who knows the PIN or the operator's token, else None. Raises TooOften."""
        self._tries.take(client)
        self._all_tries.take("all")
        good = pin is not None and self._pin is not None and _same(pin, self._pin.encode())
        good = good or (token is not None and self._key is not None and _same(token, self._key.encode()))
        if not (good and self.control):
            return None
        self._tries.give(client)  # only what was wrong counts
        self._all_tries.give("all")
        name = secrets.token_urlsafe(24)
        self._sessions[name] = self._clock()
        while len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)
        return name

    def logout(self, scope: Scope) -> None:
        """End the session that a request carries."""
        self._sessions.pop(_cookies(Headers(scope=scope)).get(session_name(scope), ""), None)

    def _session(self, name: str | None) -> bool:
        used = self._sessions.pop(name, None) if name else None
        if name is None or used is None or self._clock() - used > SESSION:
            return False
        self._sessions[name] = self._clock()
        return True


def _same(given: str, known: bytes) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), known)


def _credentials(header: str) -> str | None:
    """The token in `Bearer TOKEN`, or in `Basic` as the password, whatever the name: many clients know no other way."""
    kind, _, rest = header.partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() == "basic":
        try:
            plain = base64.b64decode(rest.strip(), validate=True).decode("utf-8", "surrogateescape")
        except (binascii.Error, ValueError):
            return None
        return plain.partition(":")[2]
    return None


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _port(scope: Scope) -> int:
    return (scope.get("server") or ("", 0))[1]


def cookie_name(scope: Scope) -> str:
    """One cookie per port, so that two servers on a host do not log each other's visitors out."""
    return f"edge_bg_{_port(scope)}"


def session_name(scope: Scope) -> str:
    """The cookie of an operator's session; likewise."""
    return f"edge_bg_operator_{_port(scope)}"
