"""The exceptions of authentication."""

from typing import Any

from rxkernel import UnauthorizedException


class Unauthenticated(UnauthorizedException):
    """The rule needs an identity, and the client is anonymous (401)."""

    def __init__(self, message: str | None = None, **options: Any) -> None:
        options.setdefault("headers", {"WWW-Authenticate": "Bearer"})  # required by RFC 9110
        super().__init__(message, **options)


class BadCredentials(UnauthorizedException):
    """A credential was sent and is not valid (401). The message has no reason: an attacker would
    learn from it. `reason` is for the log, and never contains the credential.
    """

    def __init__(self, reason: str = "", **options: Any) -> None:
        options.setdefault("headers", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        super().__init__("Invalid credentials", **options)
        self.reason = reason
