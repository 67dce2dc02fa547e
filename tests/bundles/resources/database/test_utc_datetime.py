"""`UtcDateTime`: times with a time zone, the same in every database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import Filters, UtcDateTime
from tests.bundles.resources.servers import TestDatabase


class Base(DeclarativeBase):
    pass


class Visit(Base):
    __tablename__ = "visit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)


IN_KYIV = datetime(2026, 11, 30, 1, 2, 3, 456789, timezone(timedelta(hours=2)))
VISITS = Filters(at=("$eq", "$gte", "$lt"), sort=("at",)).bind(Visit)


async def test_time_is_read_in_utc_to_the_microsecond(any_database: TestDatabase) -> None:
    engine = create_async_engine(any_database.url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add_all((Visit(id=1, at=IN_KYIV), Visit(id=2, at=None)))
        await session.commit()
    async with AsyncSession(engine) as session:
        first, second = await session.scalars(select(Visit).order_by(Visit.id))
        assert (first.at, second.at) == (IN_KYIV, None)
        assert first.at is not None
        assert first.at.tzinfo is UTC

        for params, count in (
            ({"at": IN_KYIV.isoformat()}, 1),
            ({"at": {"$gte": "2026-11-30T01:00:00+02:00", "$lt": "2026-11-30T00:00:00Z"}}, 1),
            ({"at": {"$gte": "2026-11-30T00:00:00Z"}}, 0),
        ):
            found = (await session.execute(VISITS.parse(params).apply(select(Visit)))).all()
            assert len(found) == count, params
    await engine.dispose()


async def test_time_without_a_time_zone_is_rejected() -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    async with AsyncSession(engine) as session:
        with pytest.raises(StatementError, match="has no time zone; write"):
            await session.execute(select(Visit).where(Visit.at == datetime(2026, 1, 1)))
    await engine.dispose()
