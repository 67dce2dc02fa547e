"""The tables for tests of filters, and the queries of these tests."""

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from multidict import MultiDict
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Double,
    Enum,
    Float,
    ForeignKey,
    Numeric,
    String,
    Table,
    create_engine,
    select,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from bundles.resources import BoundFilters

TEXT = (
    String(100)
    .with_variant(String(100, collation="C"), "postgresql")
    .with_variant(String(100, collation="utf8mb4_bin"), "mysql", "mariadb")
)
"""Texts that all databases compare and sort as Python does."""


class Base(DeclarativeBase):
    type_annotation_map = {str: TEXT, float: Double}  # noqa: RUF012 - an attribute of SQLAlchemy


class Kind(enum.Enum):
    NOVEL = "novel"
    ESSAY = "essay"


class Tag(Base):
    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    weight: Mapped[int] = mapped_column(default=0)


class Country(Base):
    __tablename__ = "country"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Author(Base):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    country_id: Mapped[int | None] = mapped_column(ForeignKey("country.id"))
    mentor_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    country: Mapped[Country | None] = relationship()
    mentor: Mapped["Author | None"] = relationship(remote_side=id)


TAGGED = Table(
    "tagged",
    Base.metadata,
    Column("book_id", ForeignKey("book.id"), primary_key=True),
    Column("tag_id", ForeignKey("tag.id"), primary_key=True),
)


class Book(Base):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    pages: Mapped[int | None]
    price: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    rating: Mapped[float | None]
    score: Mapped[float | None] = mapped_column(Float)
    is_lent: Mapped[bool] = mapped_column(default=False)
    kind: Mapped[Kind | None]
    state: Mapped[str] = mapped_column(Enum("new", "old", name="state"), default="new")
    code: Mapped[UUID | None]
    printed: Mapped[datetime | None]
    seen: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cover: Mapped[bytes | None]
    extra: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author | None] = relationship()
    tags: Mapped[list[Tag]] = relationship(secondary=TAGGED)

    @hybrid_property
    def label(self) -> str:
        return self.title + "!"


@contextmanager
def session_of(*rows: Base) -> Iterator[Session]:
    """A session of a database in memory that contains *rows*."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(rows)
        session.flush()
        yield session
    engine.dispose()


def params(query: str) -> MultiDict[Any]:
    """Return the parameters of a query string in the form in which a server reads them."""
    return MultiDict(parse_qsl(query, keep_blank_values=True))


def page_of(session: Session, filters: BoundFilters, given: Any) -> tuple[list[int], str | None]:
    """The ids of the books of the page that *given* requests, and the cursor of the next page.

    *given* is a query string, or the params of a socket.
    """
    query = filters.parse(params(given) if isinstance(given, str) else given)
    items, cursor = query.page(session.execute(query.apply(select(Book))).all())
    return [book.id for book in items], cursor


def ids(session: Session, filters: BoundFilters, given: Any) -> list[int]:
    """Return the ids of the books that *given* finds; they fit on one page."""
    found, cursor = page_of(session, filters, given)
    assert cursor is None
    query = filters.parse(params(given) if isinstance(given, str) else given)
    assert session.scalar(query.count(select(Book))) == len(found)
    return found


def at(day: int, *, tz: Any = None) -> datetime:
    return datetime(2026, 1, day, tzinfo=tz)
