"""The secrets of sessions: 256 random bits, with which a client proves that a session is its own.

A browser has it in a cookie, other clients of sockets send it as ``auth.session``.
"""

import re
import secrets
from hashlib import sha256
from math import ceil

import attrs
from injector import inject
from multidict import istr

from bundles.sessions.settings import SessionsSettings
from rxkernel import BadRequestException, Connection, Request, Response, Transport

HEADER = "Session"
"""The header of an acknowledgement, or of a procedure, with a new secret."""

_COOKIE = istr("Cookie")
_HTTP = Transport.HTTP
_NONE: list[str] = []
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


_KNOWN = 1024
_LONGEST = 512
"""How many ``Cookie`` headers are kept with their ids, and their greatest length."""


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def id_of(secret: str) -> str | None:
    """The id of the session that *secret* belongs to; None if it cannot be a secret."""
    return sha256(secret.encode()).hexdigest() if _SECRET.fullmatch(secret) else None


@attrs.frozen
class SocketCredential:
    """The id of the session that a connection was opened with, and whether it came in a cookie."""

    id: str | None
    is_cookie: bool


class Credentials:
    """Reads secrets from messages and connections, and sends new ones."""

    @inject
    def __init__(self, settings: SessionsSettings) -> None:
        self._cookie = settings.cookie
        self._max_age = ceil(settings.lifetime) if settings.persistent else None
        self._known: dict[str, str | None] = {}
        self._is_secure = settings.cookie.lower().startswith(("__secure-", "__host-"))

    def of_request(self, request: Request) -> str | None:
        """The id of the session that a *request* without a connection names."""
        if request.transport is not _HTTP:
            secret = request.headers.get(HEADER)
            return self._of_cookies(request) if secret is None else id_of(secret)
        lines = request.headers.getall(_COOKIE, _NONE)
        if len(lines) != 1:  # HTTP/2 has one for each cookie, and a proxy may pass them on
            return self._of_cookies(request) if lines else None
        header = lines[0]
        if header in self._known:  # parsing and hashing would take most of the time of a message
            return self._known[header]
        id = self._of_cookies(request)
        if len(header) <= _LONGEST:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[header] = id
        return id

    def _of_cookies(self, request: Request) -> str | None:
        secret = request.cookies.get(self._cookie)
        return None if secret is None else id_of(secret)

    def of_connection(self, connection: Connection) -> SocketCredential:
        """The id that *connection* was opened with; ``auth.session`` precedes the cookie.

        Raises:
            BadRequestException: ``auth.session`` is not a text.
        """
        secret = (connection.auth or {}).get("session")
        if secret is not None:
            if not isinstance(secret, str):
                raise BadRequestException("auth.session must be a text", code="auth_session")
            return SocketCredential(id_of(secret), is_cookie=False)
        secret = connection.cookies.get(self._cookie)
        return SocketCredential(None if secret is None else id_of(secret), is_cookie=True)

    def send(self, request: Request, response: Response, secret: str) -> None:
        """Send a new *secret* with *response*."""
        if request.transport is not Transport.HTTP:
            response.headers[HEADER] = secret
            return
        response.set_cookie(
            self._cookie,
            secret,
            max_age=self._max_age,
            secure=self._is_secure or request.base_url.startswith("https:"),
            httponly=True,
            samesite="Lax",
        )
        response.headers.setdefault("Cache-Control", "no-store")

    def withdraw(self, request: Request, response: Response) -> None:
        """Remove the cookie from the browser."""
        if request.transport is Transport.HTTP:
            response.delete_cookie(self._cookie)
