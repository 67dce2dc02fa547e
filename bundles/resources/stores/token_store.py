"""Refresh tokens and revocations in the database, which several machines share."""

from collections.abc import Sequence
from typing import Any

from injector import inject
from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bundles.resources.stores.store_database import StoreDatabase
from bundles.resources.stores.tables import ENDED_USER, REFRESH_TOKEN, REVOKED_ACCESS
from bundles.resources.stores.texts import digest as digest_of
from bundles.resources.stores.texts import loaded, stored
from bundles.security.tokens.store import (
    MOST_USES,
    EndedAccess,
    RefreshRecord,
    RotationResult,
    TokenStore,
)
from rxkernel import ServiceUnavailableException

_SWEEP = 60.0
"""Seconds between two removals of expired rows."""


def _unavailable() -> ServiceUnavailableException:
    return ServiceUnavailableException(
        "the store of tokens is not available", code="tokens_unavailable"
    )


class DatabaseTokenStore(TokenStore):
    """Each method is one transaction. A token is locked before it is used or ended."""

    @inject
    def __init__(self, database: StoreDatabase) -> None:
        self._database = database
        self._swept = 0.0

    async def _run(self, work: Any) -> Any:
        return await self._database.run(work, _unavailable)

    # --- the interface

    async def add(self, record: RefreshRecord, now: float) -> None:
        await self._run(lambda db: _insert(db, record))
        await self._sweep(now)

    async def find(self, digest: str, now: float) -> RefreshRecord | None:
        return await self._find(REFRESH_TOKEN.c.digest == stored(digest), now)

    async def find_by_access(self, access_id: str, now: float) -> RefreshRecord | None:
        return await self._find(REFRESH_TOKEN.c.access_id == stored(access_id), now)

    async def rotate(
        self, digest: str, record: RefreshRecord, now: float, grace: float
    ) -> RotationResult:
        is_this = REFRESH_TOKEN.c.digest == stored(digest)

        async def work(db: AsyncConnection) -> RotationResult:
            statement = select(REFRESH_TOKEN).where(is_this, REFRESH_TOKEN.c.expires > now)
            row = (await db.execute(statement.with_for_update())).one_or_none()
            if row is None:
                return RotationResult.UNKNOWN
            if row.used is not None and now >= row.used + grace:
                return RotationResult.REUSED
            if row.uses >= MOST_USES:
                return RotationResult.TOO_MANY
            used = now if row.used is None else row.used
            await db.execute(
                update(REFRESH_TOKEN).where(is_this).values(used=used, uses=row.uses + 1)
            )
            await _insert(db, record)
            return RotationResult.DONE

        result: RotationResult = await self._run(work)
        await self._sweep(now)
        return result

    async def end_family(self, family: str, now: float) -> Sequence[EndedAccess]:
        async def work(db: AsyncConnection) -> list[EndedAccess]:
            rows = await _remove(db, REFRESH_TOKEN.c.family == stored(family))
            valid = [row for row in rows if row.access_expires > now]
            for row in valid:
                await _revoke(db, row.access_id, row.access_expires)
            return [EndedAccess(loaded(row.access_id), row.access_expires) for row in valid]

        ended: list[EndedAccess] = await self._run(work)
        return ended

    async def end_user(self, identifier: str, now: float, until: float) -> None:
        key = digest_of(identifier)

        async def work(db: AsyncConnection) -> None:
            await _remove(db, REFRESH_TOKEN.c.identifier_digest == key)
            await db.execute(delete(ENDED_USER).where(ENDED_USER.c.identifier_digest == key))
            values = {"identifier_digest": key, "moment": now, "until": until}
            await db.execute(insert(ENDED_USER).values(values))

        await self._run(work)

    async def revoke(self, access_id: str, until: float, now: float) -> None:
        await self._run(lambda db: _revoke(db, stored(access_id), until))
        await self._sweep(now)

    async def is_revoked(self, access_id: str, identifier: str, issued: float) -> bool:
        revoked = select(REVOKED_ACCESS.c.until).where(REVOKED_ACCESS.c.id == stored(access_id))
        ended = select(ENDED_USER.c.until).where(
            ENDED_USER.c.identifier_digest == digest_of(identifier), ENDED_USER.c.moment >= issued
        )

        async def work(db: AsyncConnection) -> bool:
            return (await db.execute(revoked.union_all(ended))).first() is not None

        is_revoked: bool = await self._run(work)
        return is_revoked

    # --- parts

    async def _find(self, condition: ColumnElement[bool], now: float) -> RefreshRecord | None:
        statement = select(REFRESH_TOKEN).where(condition, REFRESH_TOKEN.c.expires > now)

        async def work(db: AsyncConnection) -> Row[Any] | None:
            return (await db.execute(statement)).first()

        row = await self._run(work)
        return None if row is None else _record(row)

    async def _sweep(self, now: float) -> None:
        """Remove expired rows, in a separate transaction."""
        if now < self._swept + _SWEEP:
            return
        self._swept = now

        async def work(db: AsyncConnection) -> None:
            await db.execute(delete(REFRESH_TOKEN).where(REFRESH_TOKEN.c.expires <= now))
            await db.execute(delete(REVOKED_ACCESS).where(REVOKED_ACCESS.c.until <= now))
            await db.execute(delete(ENDED_USER).where(ENDED_USER.c.until <= now))

        await self._run(work)


async def _insert(db: AsyncConnection, record: RefreshRecord) -> None:
    await db.execute(
        insert(REFRESH_TOKEN).values(
            digest=stored(record.digest),
            family=stored(record.family),
            identifier=stored(record.identifier),
            identifier_digest=digest_of(record.identifier),
            access_id=stored(record.access_id),
            access_expires=record.access_expires,
            expires=record.expires,
            ends=record.ends,
            uses=0,
        )
    )


async def _remove(db: AsyncConnection, condition: ColumnElement[bool]) -> list[Row[Any]]:
    """Delete the tokens that meet *condition*, and return them.

    A token that is being used is locked. When the lock is granted, its successor is visible only
    to the next statement. So the deletion is repeated until no tokens are found; otherwise the
    login would continue with the successor.
    """
    removed: list[Row[Any]] = []
    locked = select(REFRESH_TOKEN).where(condition).order_by(REFRESH_TOKEN.c.digest)
    while rows := (await db.execute(locked.with_for_update())).all():
        digests = [row.digest for row in rows]
        await db.execute(delete(REFRESH_TOKEN).where(REFRESH_TOKEN.c.digest.in_(digests)))
        removed += rows
    return removed


async def _revoke(db: AsyncConnection, access_id: bytes, until: float) -> None:
    await db.execute(delete(REVOKED_ACCESS).where(REVOKED_ACCESS.c.id == access_id))
    await db.execute(insert(REVOKED_ACCESS).values(id=access_id, until=until))


def _record(row: Row[Any]) -> RefreshRecord:
    return RefreshRecord(
        digest=loaded(row.digest),
        family=loaded(row.family),
        identifier=loaded(row.identifier),
        access_id=loaded(row.access_id),
        access_expires=row.access_expires,
        expires=row.expires,
        ends=row.ends,
    )
