"""Sessions in the database of the application, which several machines share."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

import msgspec
from injector import inject
from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bundles.resources.stores.store_database import StoreDatabase
from bundles.resources.stores.tables import SESSION
from bundles.resources.stores.texts import digest, loaded, stored
from bundles.sessions import (
    Changes,
    EndedSession,
    Rotation,
    SessionsSettings,
    SessionStore,
    SessionsUnavailableException,
    SessionTooLargeException,
    StoredSession,
    TooManySessionsException,
)
from bundles.sessions.model import changed, size_of

_BATCH = 500
_VALUES = msgspec.msgpack.Decoder(dict[str, bytes])
_ENDED = (SESSION.c.session_key, SESSION.c.id, SESSION.c.identifier)


class DatabaseSessionStore(SessionStore):
    """Each method is one transaction. A session is one row, which is locked before it is changed.

    Concurrent messages may exceed a limit of sessions by up to the number of connections of the
    stores.
    """

    @inject
    def __init__(self, database: StoreDatabase, settings: SessionsSettings) -> None:
        self._database = database
        self._settings = settings

    async def _run(self, work: Any) -> Any:
        return await self._database.run(work, SessionsUnavailableException)

    # --- the interface

    async def load(self, id: str, now: float) -> StoredSession | None:
        async def work(db: AsyncConnection) -> StoredSession | None:
            statement = select(SESSION).where(SESSION.c.id == stored(id), self._is_valid(now))
            row = (await db.execute(statement)).one_or_none()
            return None if row is None else _session(row)

        found: StoredSession | None = await self._run(work)
        return found

    async def existing(self, ids: Collection[str], now: float) -> Collection[str]:
        async def work(db: AsyncConnection) -> list[str]:
            found: list[str] = []
            rest = iter(ids)
            while some := [stored(id) for id in islice(rest, _BATCH)]:
                statement = select(SESSION.c.id).where(SESSION.c.id.in_(some), self._is_valid(now))
                found += map(loaded, await db.scalars(statement))
            return found

        existing: Collection[str] = await self._run(work)
        return existing

    async def create(self, session: StoredSession) -> Sequence[EndedSession]:
        self._check_size(session.values)

        async def work(db: AsyncConnection) -> list[EndedSession]:
            if session.address:
                await self._check_address(db, session)
            values = {
                "session_key": stored(session.key),
                "id": stored(session.id),
                "address": stored(session.address),
                "created": session.created,
                "used": session.used,
                "content": msgspec.msgpack.encode(dict(session.values)),
            }
            await db.execute(insert(SESSION).values(**values, **_identity(session.user)))
            return await self._end_oldest(db, session.key, session.user)

        ended: list[EndedSession] = await self._run(work)
        return ended

    async def update(self, key: str, changes: Changes, now: float) -> bool:
        async def work(db: AsyncConnection) -> bool:
            row = await self._locked(db, key, now)
            if row is None:
                return False
            await db.execute(_of(key).values(used=now, **self._content(row, changes)))
            return True

        is_updated: bool = await self._run(work)
        return is_updated

    async def rotate(
        self, key: str, rotation: Rotation, changes: Changes, now: float
    ) -> Sequence[EndedSession] | bool:
        async def work(db: AsyncConnection) -> list[EndedSession] | bool:
            row = await self._locked(db, key, now)
            if row is None:
                return False
            if loaded(row.id) != rotation.old:
                return True
            values = {"id": stored(rotation.new), "used": now, **_identity(rotation.user)}
            if row.identifier != values["identifier"]:
                values["created"] = now
            await db.execute(_of(key).values(**values, **self._content(row, changes)))
            return await self._end_oldest(db, key, rotation.user)

        rotated: list[EndedSession] | bool = await self._run(work)
        return rotated

    async def end(self, key: str) -> EndedSession | None:
        ended = await self._end_where(SESSION.c.session_key == stored(key))
        return ended[0] if ended else None

    async def end_all(self, user: str) -> Sequence[EndedSession]:
        return await self._end_where(SESSION.c.identifier_digest == digest(user))

    async def remove_expired(self, now: float) -> Sequence[EndedSession]:
        used, created = self._oldest_valid(now)
        ended: list[EndedSession] = []
        while True:
            some = await self._end_where(
                or_(SESSION.c.used <= used, SESSION.c.created <= created), limit=_BATCH
            )
            ended += some
            if len(some) < _BATCH:
                return ended

    # --- parts

    def _oldest_valid(self, now: float) -> tuple[float, float]:
        """Return the times of use and of creation after which a session has not expired."""
        return now - self._settings.idle_timeout, now - self._settings.lifetime

    def _is_valid(self, now: float) -> ColumnElement[bool]:
        used, created = self._oldest_valid(now)
        return and_(SESSION.c.used > used, SESSION.c.created > created)

    async def _locked(self, db: AsyncConnection, key: str, now: float) -> Row[Any] | None:
        """Return the row of a session that has not expired, locked until the commit."""
        statement = (
            select(SESSION)
            .where(SESSION.c.session_key == stored(key), self._is_valid(now))
            .with_for_update()
        )
        return (await db.execute(statement)).one_or_none()

    def _content(self, row: Row[Any], changes: Changes) -> dict[str, bytes]:
        """Return the columns to set for *changes*. Changes that only remove values are never too
        large."""
        if not changes:
            return {}
        values = changed(_VALUES.decode(row.content), changes)
        if any(value is not None for value in changes.values()):
            self._check_size(values)
        return {"content": msgspec.msgpack.encode(values)}

    def _check_size(self, values: Any) -> None:
        if size_of(values) > self._settings.max_size:
            raise SessionTooLargeException(self._settings.max_size)

    async def _check_address(self, db: AsyncConnection, new: StoredSession) -> None:
        of_address = SESSION.c.address == stored(new.address)
        statement = select(func.count()).where(of_address, self._is_valid(new.created))
        if (await db.scalar(statement) or 0) >= self._settings.max_per_address:
            raise TooManySessionsException

    async def _end_oldest(
        self, db: AsyncConnection, key: str, user: str | None
    ) -> list[EndedSession]:
        """End the oldest sessions of *user*, until there is room for *key*."""
        if user is None:
            return []
        others = select(SESSION.c.session_key).where(
            SESSION.c.identifier_digest == digest(user), SESSION.c.session_key != stored(key)
        )
        newest_first = others.order_by(SESSION.c.created.desc())
        keys = list(await db.scalars(newest_first))[self._settings.max_per_user - 1 :]
        return await _end(db, SESSION.c.session_key.in_(keys)) if keys else []

    async def _end_where(
        self, condition: ColumnElement[bool], limit: int | None = None
    ) -> list[EndedSession]:
        ended: list[EndedSession] = await self._run(lambda db: _end(db, condition, limit))
        return ended


def _of(key: str) -> Any:
    return update(SESSION).where(SESSION.c.session_key == stored(key))


def _identity(user: str | None) -> dict[str, bytes | None]:
    if user is None:
        return {"identifier": None, "identifier_digest": None}
    return {"identifier": stored(user), "identifier_digest": digest(user)}


def _session(row: Row[Any]) -> StoredSession:
    return StoredSession(
        key=loaded(row.session_key),
        id=loaded(row.id),
        values=_VALUES.decode(row.content),
        user=None if row.identifier is None else loaded(row.identifier),
        address=loaded(row.address),
        created=row.created,
        used=row.used,
    )


async def _end(
    db: AsyncConnection, condition: ColumnElement[bool], limit: int | None = None
) -> list[EndedSession]:
    """Delete the sessions that meet *condition*. They are locked first, in the order of their
    keys, so that each is reported by the transaction that deletes it."""
    locked = (
        select(*_ENDED).where(condition).order_by(SESSION.c.session_key).limit(limit)
    ).with_for_update()
    rows = (await db.execute(locked)).all()
    if rows:
        keys = [row.session_key for row in rows]
        await db.execute(delete(SESSION).where(SESSION.c.session_key.in_(keys)))
    return [
        EndedSession(loaded(row.id), None if row.identifier is None else loaded(row.identifier))
        for row in rows
    ]
