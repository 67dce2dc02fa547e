"""Refresh tokens and revocations in the memory of one process."""

from collections import OrderedDict
from collections.abc import Sequence

import attrs
from injector import inject

from bundles.security.settings import SecuritySettings
from bundles.security.token_store import EndedAccess, RefreshRecord, Rotation, TokenStore


@attrs.define(eq=False)
class _Kept:
    record: RefreshRecord
    used: float | None = None


class MemoryTokenStore(TokenStore):
    """Above ``max_stored`` tokens the oldest is dropped, and its client must log in again.

    Revocations are few and short, and removed when they are over.
    """

    @inject
    def __init__(self, settings: SecuritySettings) -> None:
        self._limit = settings.tokens.max_stored
        self._tokens: OrderedDict[str, _Kept] = OrderedDict()
        self._by_access: dict[str, str] = {}
        self._families: dict[str, set[str]] = {}
        self._users: dict[str, set[str]] = {}
        self._revoked: dict[str, float] = {}
        self._ended_users: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._tokens)

    async def add(self, record: RefreshRecord, now: float) -> None:
        self._remove_expired(now)
        self._tokens[record.digest] = _Kept(record)
        self._by_access[record.access_id] = record.digest
        self._families.setdefault(record.family, set()).add(record.digest)
        self._users.setdefault(record.identifier, set()).add(record.family)
        while len(self._tokens) > self._limit:
            self._remove(next(iter(self._tokens)))

    def _remove_expired(self, now: float) -> None:
        """Most tokens have the same lifetime, so the first ones expire first."""
        while self._tokens and next(iter(self._tokens.values())).record.expires <= now:
            self._remove(next(iter(self._tokens)))

    def _remove(self, digest: str) -> None:
        record = self._tokens.pop(digest).record
        self._by_access.pop(record.access_id, None)
        family = self._families[record.family]
        family.discard(digest)
        if family:
            return
        del self._families[record.family]
        of_user = self._users[record.identifier]
        of_user.discard(record.family)
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
    ) -> Rotation:
        kept = self._valid(digest, now)
        if kept is None:
            return Rotation.UNKNOWN
        if kept.used is not None and now >= kept.used + grace:
            return Rotation.REUSED
        if kept.used is None:
            kept.used = now
        await self.add(record, now)
        return Rotation.DONE

    async def end_family(self, family: str, now: float) -> Sequence[EndedAccess]:
        records = [self._tokens[digest].record for digest in self._families.get(family, ())]
        for record in records:
            self._remove(record.digest)
        return [
            EndedAccess(record.access_id, record.access_expires)
            for record in records
            if record.access_expires > now
        ]

    async def end_user(self, identifier: str, now: float, until: float) -> None:
        for family in tuple(self._users.get(identifier, ())):
            for digest in tuple(self._families[family]):
                self._remove(digest)
        for name in [name for name, (_, end) in self._ended_users.items() if end <= now]:
            del self._ended_users[name]
        self._ended_users[identifier] = (now, until)

    async def revoke(self, access_id: str, until: float, now: float) -> None:
        for id in [id for id, end in self._revoked.items() if end <= now]:
            del self._revoked[id]
        self._revoked[access_id] = until

    async def is_revoked(self, access_id: str, identifier: str, issued: float) -> bool:
        if access_id in self._revoked:
            return True
        ended = self._ended_users.get(identifier)
        return ended is not None and issued <= ended[0]
