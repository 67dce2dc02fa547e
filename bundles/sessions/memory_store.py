"""Sessions in the memory of this process."""

import logging
from collections import Counter
from collections.abc import Collection, Sequence

import attrs
from injector import inject

from bundles.sessions.exceptions import (
    SessionsFullException,
    SessionTooLargeException,
    TooManySessionsException,
)
from bundles.sessions.model import (
    Changes,
    EndedSession,
    Rotation,
    StoredSession,
    changed,
    size_of,
)
from bundles.sessions.settings import SessionsSettings
from bundles.sessions.store import SessionStore

logger = logging.getLogger(__name__)


class MemorySessionStore(SessionStore):
    """Records are replaced and never changed, so that they can be returned as they are."""

    @inject
    def __init__(self, settings: SessionsSettings) -> None:
        self._settings = settings
        self._idle_timeout = settings.idle_timeout
        self._lifetime = settings.lifetime
        self._by_id: dict[str, StoredSession] = {}
        self._ids: dict[str, str] = {}
        self._by_user: dict[str, set[str]] = {}
        self._addresses: Counter[str] = Counter()
        self._is_full = False

    async def load(self, id: str, now: float) -> StoredSession | None:
        found = self._by_id.get(id)
        if (  # `_has_ended`, written out: this is called for each message with a session
            found is None
            or now >= found.used + self._idle_timeout
            or now >= found.created + self._lifetime
        ):
            return None
        return found

    async def existing(self, ids: Collection[str], now: float) -> Collection[str]:
        return [id for id in ids if await self.load(id, now) is not None]

    async def create(self, session: StoredSession) -> Sequence[EndedSession]:
        self._check_size(session)
        if self._addresses[session.address] >= self._settings.max_per_address:
            self._remove_expired(session.created)
            if self._addresses[session.address] >= self._settings.max_per_address:
                raise TooManySessionsException
        self._check_room(session.created)
        ended = self._end_oldest(session, session.created)
        self._put(session)
        return ended

    async def update(self, key: str, changes: Changes, now: float) -> bool:
        found = self._find(key, now)
        if found is None:
            return False
        values = changed(found.values, changes) if changes else found.values
        self._replace(found, attrs.evolve(found, values=values, used=now))
        return True

    async def rotate(
        self, key: str, rotation: Rotation, changes: Changes, now: float
    ) -> Sequence[EndedSession] | bool:
        found = self._find(key, now)
        if found is None:
            return False
        if found.id != rotation.old:
            return True
        new = attrs.evolve(
            found,
            id=rotation.new,
            user=rotation.user,
            values=changed(found.values, changes),
            created=found.created if rotation.user == found.user else now,
            used=now,
        )
        self._replace(found, new)
        return self._end_oldest(new, now)

    async def end(self, key: str) -> EndedSession | None:
        id = self._ids.get(key)
        return None if id is None else self._end(self._by_id[id])

    async def end_all(self, user: str) -> Sequence[EndedSession]:
        keys = tuple(self._by_user.get(user, ()))
        return [self._end(self._by_id[self._ids[key]]) for key in keys]

    async def remove_expired(self, now: float) -> Sequence[EndedSession]:
        return self._remove_expired(now)

    def _remove_expired(self, now: float) -> list[EndedSession]:
        expired = [one for one in self._by_id.values() if self._has_ended(one, now)]
        return [self._end(one) for one in expired]

    def _has_ended(self, session: StoredSession, now: float) -> bool:
        return session.has_ended(now, self._idle_timeout, self._lifetime)

    def _find(self, key: str, now: float) -> StoredSession | None:
        id = self._ids.get(key)
        if id is None or self._has_ended(found := self._by_id[id], now):
            return None
        return found

    def _check_size(self, session: StoredSession) -> None:
        if size_of(session.values) > self._settings.max_size:
            raise SessionTooLargeException(self._settings.max_size)

    def _check_room(self, now: float) -> None:
        if len(self._by_id) >= self._settings.max_sessions:
            self._remove_expired(now)
        was_full = self._is_full
        self._is_full = len(self._by_id) >= self._settings.max_sessions
        if self._is_full:
            if not was_full:
                logger.error(
                    "the session store is full, and new sessions are refused: "
                    "sessions.max_sessions is %d",
                    self._settings.max_sessions,
                )
            raise SessionsFullException

    def _end_oldest(self, session: StoredSession, now: float) -> list[EndedSession]:
        """End sessions of the user of *session*, until there is room for it."""
        if session.user is None:
            return []
        others = [
            self._by_id[self._ids[key]]
            for key in self._by_user.get(session.user, ())
            if key != session.key
        ]
        others.sort(key=lambda one: one.created)
        surplus = max(0, len(others) + 1 - self._settings.max_per_user)
        return [self._end(one) for one in others[:surplus]]

    def _put(self, session: StoredSession) -> None:
        self._by_id[session.id] = session
        self._ids[session.key] = session.id
        if session.user is not None:
            self._by_user.setdefault(session.user, set()).add(session.key)
        if session.address:
            self._addresses[session.address] += 1

    def _replace(self, old: StoredSession, new: StoredSession) -> None:
        if old.values is not new.values:
            self._check_size(new)
        if old.id == new.id and old.user == new.user:
            self._by_id[new.id] = new
        else:
            self._end(old)
            self._put(new)

    def _end(self, session: StoredSession) -> EndedSession:
        del self._by_id[session.id], self._ids[session.key]
        if session.user is not None:
            keys = self._by_user[session.user]
            keys.discard(session.key)
            if not keys:
                del self._by_user[session.user]
        if session.address:
            self._addresses[session.address] -= 1
            if not self._addresses[session.address]:
                del self._addresses[session.address]
        return EndedSession(session.id, session.user)
