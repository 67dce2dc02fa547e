"""Refresh tokens: opaque, rotated at each use; reuse of an old one ends the login.

A browser with two tabs may use one token twice at nearly the same time. Within
``security.tokens.reuse_grace`` seconds of the first use this is accepted, and each tab gets a
token of its own in the same login. A thief who uses the token within these seconds is detected
later, as soon as the thief or the user uses an older token again.
"""

import hashlib
import secrets
import time

from injector import inject

from bundles.security.exceptions import BadCredentials
from bundles.security.settings import SecuritySettings
from bundles.security.tokens.claims import Claims
from bundles.security.tokens.revocation import Revocation
from bundles.security.tokens.store import RefreshRecord, RotationResult, TokenStore
from rxkernel import NotFoundException, TooManyRequestsException

_LONGEST = 256
"""Characters; the tokens have 43."""


class RefreshTokens:
    """Creates and rotates refresh tokens of 256 random bits. The store has only their SHA-256."""

    @inject
    def __init__(
        self, settings: SecuritySettings, store: TokenStore, revocation: Revocation
    ) -> None:
        self._settings = settings.tokens
        self._store = store
        self._revocation = revocation

    async def create(self, access: Claims, began: float) -> str:
        """Create the first token of a login that began at *began*, together with the access token
        *access*.

        Raises:
            BadCredentials: all logins of the user were ended since *began*.
        """
        now = time.time()
        ends = now + self._settings.refresh_max_age
        text, record = self._new(access, secrets.token_hex(16), ends, now)
        await self._store.add(record, now)
        if await self._store.is_revoked(access.id, access.identifier, began):
            await self._store.end_family(record.family, now)
            raise BadCredentials("the user was logged out meanwhile")
        return text

    async def find(self, text: str) -> RefreshRecord:
        """The record of the token *text*, used or not.

        Raises:
            NotFoundException: it is unknown, has expired or was revoked.
        """
        record = await self._store.find(_digest(text), time.time())
        if record is None:
            raise _unknown()
        return record

    async def rotate(self, old: RefreshRecord, access: Claims) -> str:
        """Use the token *old*, and return the next one, created together with *access*.

        Raises:
            NotFoundException: its login was ended meanwhile.
            BadCredentials: it was used before. Its login is ended now, with all its tokens.
            TooManyRequestsException: it was used ten times within the grace time.
        """
        now = time.time()
        text, record = self._new(access, old.family, old.ends, now)
        done = await self._store.rotate(old.digest, record, now, self._settings.reuse_grace)
        if done is RotationResult.REUSED:
            await self._revocation.end_login(old)
            raise BadCredentials("a refresh token was used again, so its login has ended")
        if done is RotationResult.TOO_MANY:
            raise TooManyRequestsException(
                "a refresh token was used too often", code="refresh_token_uses"
            )
        if done is RotationResult.UNKNOWN:
            raise _unknown()
        return text

    def _new(
        self, access: Claims, family: str, ends: float, now: float
    ) -> tuple[str, RefreshRecord]:
        text = secrets.token_urlsafe(32)
        return text, RefreshRecord(
            digest=_digest(text),
            family=family,
            identifier=access.identifier,
            access_id=access.id,
            access_expires=access.expires + self._settings.leeway,
            expires=min(now + self._settings.refresh_ttl, ends),
            ends=ends,
        )


def _digest(text: str) -> str:
    if len(text) > _LONGEST or not text.isascii():
        raise _unknown()
    return hashlib.sha256(text.encode()).hexdigest()


def _unknown() -> NotFoundException:
    return NotFoundException("unknown refresh token", code="unknown_refresh_token")
