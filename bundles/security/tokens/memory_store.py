"""Refresh tokens and revocations in the memory of one process."""

from collections import OrderedDict
from collections.abc import Sequence

import attrs
from injector import inject

from bundles.security.settings import SecuritySettings
from bundles.security.tokens.store import (
    MOST_USES,
    EndedAccess,
    RefreshRecord,
    RotationResult,
    TokenStore,
)

_SWEEP = 10.0
"""Seconds between two removals of revocations that have expired."""


@attrs.define(eq=False)
class _Kept:
    record: RefreshRecord
    used: float | None = None
    uses: int = 0


@attrs.define(eq=False)
class _OfUser:
    """The digests of one user: *new* ones by age, *used* ones by their first use."""

    new: dict[str, None] = attrs.field(factory=dict)
    used: dict[str, None] = attrs.field(factory=dict)
    families: set[str] = attrs.field(factory=set)

    def __len__(self) -> int:
        return len(self.new) + len(self.used)


class MemoryTokenStore(TokenStore):
    """Above ``max_stored`` tokens, a token of the user with the most tokens is dropped: a used
    one, else the oldest, whose client must log in again. So an attacker with one account cannot
    fill the store and log out other users.

    Revocations are few and short, and are removed when they have expired.
    """

    @inject
    def __init__(self, settings: SecuritySettings) -> None:
        self._limit = settings.tokens.max_stored
        self._tokens: OrderedDict[str, _Kept] = OrderedDict()
        self._by_access: dict[str, str] = {}
        self._families: dict[str, set[str]] = {}
        self._users: dict[str, _OfUser] = {}
        self._by_count: dict[int, dict[str, None]] = {}
        """The users by their number of tokens."""
        self._revoked: dict[str, float] = {}
        self._ended_users: dict[str, tuple[float, float]] = {}
        self._swept = 0.0

    def __len__(self) -> int:
        return len(self._tokens)

    async def add(self, record: RefreshRecord, now: float) -> None:
        self._remove_expired(now)
        self._tokens[record.digest] = _Kept(record)
        self._by_access[record.access_id] = record.digest
        self._families.setdefault(record.family, set()).add(record.digest)
        of_user = self._users.setdefault(record.identifier, _OfUser())
        of_user.families.add(record.family)
        of_user.new[record.digest] = None
        self._count(record.identifier, len(of_user) - 1, len(of_user))
        while len(self._tokens) > self._limit:
            self._drop()

    def _remove_expired(self, now: float) -> None:
        """Remove expired tokens from the front: nearly all have the same lifetime, so the first
        ones expire first."""
        while self._tokens and next(iter(self._tokens.values())).record.expires <= now:
            self._remove(next(iter(self._tokens)))

    def _count(self, identifier: str, before: int, after: int) -> None:
        if before:
            users = self._by_count[before]
            del users[identifier]
            if not users:
                del self._by_count[before]
        if after:
            self._by_count.setdefault(after, {})[identifier] = None

    def _drop(self) -> None:
        identifier = next(iter(self._by_count[max(self._by_count)]))
        of_user = self._users[identifier]
        self._remove(next(iter(of_user.used or of_user.new)))

    def _remove(self, digest: str) -> None:
        record = self._tokens.pop(digest).record
        self._by_access.pop(record.access_id, None)
        of_user = self._users[record.identifier]
        of_user.new.pop(digest, None)
        of_user.used.pop(digest, None)
        self._count(record.identifier, len(of_user) + 1, len(of_user))
        family = self._families[record.family]
        family.discard(digest)
        if not family:
            del self._families[record.family]
            of_user.families.discard(record.family)
        if not of_user:
            del self._users[record.identifier]

    def _valid(self, digest: str | None, now: float) -> _Kept | None:
        kept = None if digest is None else self._tokens.get(digest)
        return kept if kept is not None and kept.record.expires > now else None

    async def find(self, digest: str, now: float) -> RefreshRecord | None:
        kept = self._valid(digest, now)
        return None if kept is None else kept.record

    async def find_by_access(self, access_id: str, now: float) -> RefreshRecord | None:
        kept = self._valid(self._by_access.get(access_id), now)
        return None if kept is None else kept.record

    async def rotate(
        self, digest: str, record: RefreshRecord, now: float, grace: float
    ) -> RotationResult:
        kept = self._valid(digest, now)
        if kept is None:
            return RotationResult.UNKNOWN
        if kept.used is not None and now >= kept.used + grace:
            return RotationResult.REUSED
        if kept.uses >= MOST_USES:
            return RotationResult.TOO_MANY
        kept.uses += 1
        if kept.used is None:
            kept.used = now
            of_user = self._users[kept.record.identifier]
            del of_user.new[digest]
            of_user.used[digest] = None
        await self.add(record, now)
        return RotationResult.DONE

    async def end_family(self, family: str, now: float) -> Sequence[EndedAccess]:
        self._remove_over(now)
        ended: list[EndedAccess] = []
        for digest in tuple(self._families.get(family, ())):
            record = self._tokens[digest].record
            self._remove(digest)
            if record.access_expires > now:
                self._revoked[record.access_id] = record.access_expires
                ended.append(EndedAccess(record.access_id, record.access_expires))
        return ended

    async def end_user(self, identifier: str, now: float, until: float) -> None:
        of_user = self._users.get(identifier)
        if of_user is not None:
            for digest in (*of_user.new, *of_user.used):
                self._remove(digest)
        for name in [name for name, (_, end) in self._ended_users.items() if end <= now]:
            del self._ended_users[name]
        self._ended_users[identifier] = (now, until)

    async def revoke(self, access_id: str, until: float, now: float) -> None:
        self._remove_over(now)
        self._revoked[access_id] = until

    def _remove_over(self, now: float) -> None:
        if now < self._swept + _SWEEP:
            return
        self._swept = now
        for id in [id for id, end in self._revoked.items() if end <= now]:
            del self._revoked[id]

    async def is_revoked(self, access_id: str, identifier: str, issued: float) -> bool:
        if access_id in self._revoked:
            return True
        ended = self._ended_users.get(identifier)
        return ended is not None and issued <= ended[0]
