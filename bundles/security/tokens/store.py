"""The interface of a store of refresh tokens and revocations."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum

import attrs

MOST_USES = 10
"""Most uses of one refresh token within the grace time: enough for the tabs that a browser opens
at the same time."""


@attrs.frozen(kw_only=True)
class RefreshRecord:
    """One refresh token, as it is stored.

    Attributes:
        digest: SHA-256 of the token, 64 hexadecimal digits.
        family: identifies the login; the same for all its tokens.
        identifier: of the user.
        access_id: the ``jti`` of the access token that was created with it.
        access_expires: when the access token expires, leeway included, in seconds since 1970.
        expires: when the refresh token expires.
        ends: when its family ends.
    """

    digest: str = attrs.field(repr=False)
    family: str
    identifier: str
    access_id: str = attrs.field(repr=False)
    access_expires: float
    expires: float
    ends: float


class RotationResult(Enum):
    """The result of `TokenStore.rotate`."""

    DONE = "done"
    """The token was used for the first time, or again within the grace time."""
    REUSED = "reused"
    """It was used before, longer ago than the grace time: its login must end."""
    TOO_MANY = "too_many"
    """It has been used `MOST_USES` times within the grace time."""
    UNKNOWN = "unknown"
    """It is unknown, has expired or was revoked."""


@attrs.frozen
class EndedAccess:
    """An access token of a login that has ended.

    Attributes:
        id: its ``jti``.
        expires: as in `RefreshRecord.access_expires`.
    """

    id: str
    expires: float


class TokenStore(ABC):
    """Stores refresh tokens and revocations. Each method is atomic, also between processes.

    A method raises if the store cannot be reached: `ServiceUnavailableException`, or an error that
    becomes one, such as those of redis-py with the bundle ``redis``. The client gets 503 and is
    never treated as anonymous. *now* is the time, in seconds since 1970.
    """

    @abstractmethod
    async def add(self, record: RefreshRecord, now: float) -> None:
        """Store *record*, the first token of a login, until it expires."""

    @abstractmethod
    async def find(self, digest: str, now: float) -> RefreshRecord | None:
        """The token with *digest*, used or not; None if it has expired or was revoked."""

    @abstractmethod
    async def find_by_access(self, access_id: str, now: float) -> RefreshRecord | None:
        """The token that was created with the access token *access_id*."""

    @abstractmethod
    async def rotate(
        self, digest: str, record: RefreshRecord, now: float, grace: float
    ) -> RotationResult:
        """Mark the token with *digest* as used, and store *record* as its successor, or do
        neither. The result is `REUSED` from *grace* seconds after the first use on, and `TOO_MANY`
        after `MOST_USES` uses."""

    @abstractmethod
    async def end_family(self, family: str, now: float) -> Sequence[EndedAccess]:
        """Remove the tokens of one login; revoke its access tokens that have not expired, and
        return them."""

    @abstractmethod
    async def end_user(self, identifier: str, now: float, until: float) -> None:
        """Remove the tokens of a user, and revoke access tokens that were issued up to *now*. The
        revocation may be removed after *until*."""

    @abstractmethod
    async def revoke(self, access_id: str, until: float, now: float) -> None:
        """Revoke one access token; the revocation may be removed after *until*."""

    @abstractmethod
    async def is_revoked(self, access_id: str, identifier: str, issued: float) -> bool:
        """Whether `revoke` was called with *access_id*, or `end_user` with *identifier* at or
        after *issued*."""
