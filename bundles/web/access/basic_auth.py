"""The password of a directory, by HTTP Basic (RFC 7617)."""

import base64
import binascii
from hashlib import sha256
from secrets import compare_digest
from typing import Any

import attrs

from rxkernel import Request, UnauthorizedException

_MAX_LENGTH = 8192
"""Longest credential, in characters, that is decoded."""


def _digest_of(given: str) -> bytes:
    return sha256(given.encode()).digest()


@attrs.frozen
class BasicAuth:
    """One user name and one password for everybody, as ``user:password``, of which only a hash is
    kept. They are no user of the application.
    """

    _digest: bytes = attrs.field(converter=_digest_of, repr=False)
    realm: str

    def check(self, request: Request) -> None:
        """Return if *request* has the credential. The time does not depend on how much of it is
        right.

        Raises:
            UnauthorizedException: it has not, with the challenge that makes a browser ask for it.
        """
        sent = _sent(request.headers.getall("Authorization", ()))
        if not compare_digest(sha256(sent).digest(), self._digest):
            challenge = {"WWW-Authenticate": f'Basic realm="{self.realm}"'}
            raise UnauthorizedException(headers=challenge)


def _sent(values: Any) -> bytes:
    """Return the credential in *values*, those of ``Authorization``; empty if there is none."""
    if len(values) != 1 or len(values[0]) > _MAX_LENGTH:
        return b""
    scheme, _, encoded = values[0].partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(" "), validate=True)
    except (binascii.Error, ValueError):  # characters outside of ASCII
        return b""
