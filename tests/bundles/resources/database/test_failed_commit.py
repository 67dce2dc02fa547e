"""A constraint that is checked by the commit."""

from sqlalchemy import ForeignKey
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from rxkernel import http
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import application
from tests.bundles.resources.servers import TestDatabase


class Base(DeclarativeBase):
    pass


class Page(Base):
    __tablename__ = "page"

    id: Mapped[int] = mapped_column(primary_key=True)
    next_id: Mapped[int] = mapped_column(
        ForeignKey("page.id", deferrable=True, initially="DEFERRED")
    )


class Pages:
    @http("POST", "/pages", "add")
    async def add(self, id: int, next_id: int, session: AsyncSession) -> None:
        session.add(Page(id=id, next_id=next_id))


async def test_connection_of_failed_commit_can_be_used_again(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    """SQLite, "SQL As Understood By SQLite: transactions": if a commit fails because of a deferred
    foreign key, the transaction stays open, and with it the lock for writing."""
    client = client_of(application(sqlite_database.url, Pages, base=Base, pool_size=1))

    statuses = [
        (await client.http("add", params={"id": 1, "next_id": next_id})).status_code
        for next_id in (2, 1)
    ]

    assert statuses == [422, 200]
