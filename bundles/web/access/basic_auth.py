"""The password of a directory, by HTTP Basic (RFC 7617)."""

import base64
import binascii
import logging
from hashlib import sha256
from secrets import compare_digest
from typing import Any

import attrs

from bundles.security import AddressLimit
from bundles.sessions.addresses import address_of
from rxkernel import Request, TooManyRequestsException, UnauthorizedException

logger = logging.getLogger(__name__)

_MAX_LENGTH = 8192
"""Longest credential, in characters, that is decoded."""


def _digest_of(given: str) -> bytes:
    return sha256(given.encode()).digest()


@attrs.frozen
class BasicAuth:
    """One user name and one password for all clients, as ``user:password``; only a hash of it is
    kept. It does not belong to a user of the application.

    Attributes:
        failures: counts wrong passwords of each address; None: they are not counted.
    """

    _digest: bytes = attrs.field(converter=_digest_of, repr=False)
    realm: str
    failures: AddressLimit | None = attrs.field(default=None, eq=False, repr=False)

    def check(self, request: Request) -> None:
        """Return if *request* has the credential. The time of the comparison is constant.

        Raises:
            UnauthorizedException: it does not have it; the response has the challenge for which a
                browser opens its dialog.
            TooManyRequestsException: too many wrong ones came from its address; with
                ``Retry-After``. The right one is then refused too.
        """
        sent = _sent(request.headers.getall("Authorization", ()))
        if sent and self.failures is not None:
            self.failures.check(request)
        if not compare_digest(sha256(sent).digest(), self._digest):
            if sent and self.failures is not None:
                self._count(request, self.failures)
            challenge = {"WWW-Authenticate": f'Basic realm="{self.realm}"'}
            raise UnauthorizedException(headers=challenge)

    def _count(self, request: Request, failures: AddressLimit) -> None:
        failures.count(request)
        try:
            failures.check(request)
        except TooManyRequestsException:
            logger.warning(
                "too many wrong passwords for %r from %s: 429", self.realm, address_of(request)
            )


def _sent(values: Any) -> bytes:
    """Return the credential in *values*, the headers ``Authorization``; empty if it is missing."""
    if len(values) != 1 or len(values[0]) > _MAX_LENGTH:
        return b""
    scheme, _, encoded = values[0].partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(" "), validate=True)
    except (binascii.Error, ValueError):  # characters outside of ASCII
        return b""
