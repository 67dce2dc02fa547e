"""The exceptions of authentication."""

from typing import Any

from rxkernel import UnauthorizedException

CHALLENGE = {"WWW-Authenticate": "Bearer"}
"""RFC 9110 requires this header on each 401."""


class BadCredentials(UnauthorizedException):
    """A credential was sent and is not valid (401). The message does not say why: an attacker
    would learn from it. `reason` is for the log, and never contains the credential.
    """

    def __init__(self, reason: str = "", **options: Any) -> None:
        options.setdefault("headers", CHALLENGE)
        super().__init__("Invalid credentials", **options)
        self.reason = reason
