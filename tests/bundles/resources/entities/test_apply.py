"""Changes of an entity by the fields that a client has sent."""

from dataclasses import dataclass
from datetime import UTC, datetime

import attrs
import msgspec
import pytest
from msgspec import UNSET, UnsetType
from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import UtcDateTime, apply
from rxkernel import both
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.entities.library import Book, Books, library
from tests.bundles.resources.servers import TestDatabase


@attrs.frozen
class Change:
    title: str | UnsetType = UNSET
    pages: int | UnsetType = UNSET
    author_id: int | UnsetType | None = UNSET


class Desk:
    @both("POST", "/books/{slug}", "add")
    async def add(self, slug: str, session: AsyncSession) -> None:
        session.add(Book(slug=slug, title="Emma", pages=300, author_id=None))

    @both("PATCH", "/books/{slug}", "change")
    async def change(self, slug: str, change: Change, books: Books) -> list[object]:
        book = await books.find_by(slug=slug)
        assert book is not None
        changed = apply(book, change)
        return [changed, book.title, book.pages]


async def test_apply_sets_only_sent_fields(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = client_of(library(sqlite_database.url, Desk))
    await client.http("add", params={"slug": "emma"})

    async def change(**body: object) -> object:
        params = {"slug": "emma"}
        over_http = (await client.http("change", params=params, body=body)).content
        over_socket = (await client.websocket("change", params=params, body=body)).content
        return over_http, over_socket

    assert await change() == ([False, "Emma", 300], [False, "Emma", 300])
    assert await change(title="E.") == ([True, "E.", 300], [False, "E.", 300])
    assert await change(pages=1, title="E.") == ([True, "E.", 1], [False, "E.", 1])
    assert await change(author_id=None) == ([False, "E.", 1], [False, "E.", 1])


class Titled(msgspec.Struct):
    title: str | UnsetType = UNSET
    pages: int | UnsetType = UNSET


@dataclass
class Paged:
    pages: int


def test_apply_accepts_classes_and_mappings() -> None:
    book = Book(title="a", pages=1)

    assert apply(book, Titled(title="b"))
    assert not apply(book, Titled(title="b"))
    assert apply(book, Paged(2))
    assert apply(book, {"slug": "c"})
    assert (book.title, book.pages, book.slug) == ("b", 2, "c")


def test_apply_rejects_fields_that_the_entity_lacks() -> None:
    book = Book(title="a")

    with pytest.raises(TypeError, match="Book has no attribute 'titel'; did you mean 'title'"):
        apply(book, {"pages": 3, "titel": "b"})
    with pytest.raises(TypeError, match=r"Book\.author is a relation"):
        apply(book, {"pages": 3, "author": "Jane"})
    assert book.pages is None

    with pytest.raises(TypeError, match="is not a mapped class"):
        apply(object(), {})
    with pytest.raises(TypeError, match="int has no declared fields"):
        apply(book, 3)


class Times(DeclarativeBase):
    pass


class Appointment(Times):
    __tablename__ = "appointment"

    id: Mapped[int] = mapped_column(primary_key=True)
    local: Mapped[datetime]
    utc: Mapped[datetime] = mapped_column(UtcDateTime)
    zoned: Mapped[datetime] = mapped_column(DateTime(timezone=True))


@attrs.frozen
class Moved:
    local: datetime


def test_apply_rejects_times_with_another_kind_of_zone_than_the_column() -> None:
    """SQLite and MariaDB drop the zone, so the time would be another one."""
    appointment = Appointment()
    naive = datetime(2027, 7, 15, 12)
    aware = naive.replace(tzinfo=UTC)

    assert apply(appointment, {"local": naive, "utc": aware, "zoned": aware})
    with pytest.raises(
        ValueError,
        match=r"Appointment\.local has a time zone, and its column has no time zone; "
        r"declare Moved\.local as Annotated\[datetime, msgspec\.Meta\(tz=False\)\]",
    ):
        apply(appointment, Moved(aware))
    for name in ("utc", "zoned"):
        with pytest.raises(ValueError, match=rf"{name} has no time zone, and its column has a"):
            apply(appointment, {"id": 3, name: naive})
    assert appointment.local == naive
    assert appointment.id is None
