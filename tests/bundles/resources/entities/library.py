"""Tables with a relation, an enum and a uuid, and their views."""

from enum import Enum
from typing import Any
from uuid import UUID

import attrs
from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from bundles.resources import (
    Databases,
    DatabaseSettings,
    Repository,
    ResourcesBundle,
    ResourcesSettings,
)
from rxkernel import Application, KernelClient, Settings


class Base(DeclarativeBase):
    pass


class Kind(Enum):
    NOVEL = "novel"
    ESSAY = "essay"


class Author(Base):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)


class Book(Base):
    __tablename__ = "book"
    __table_args__ = (UniqueConstraint("isbn"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(50), unique=True)
    isbn: Mapped[UUID | None]
    title: Mapped[str] = mapped_column(String(50), default="Untitled")
    pages: Mapped[int] = mapped_column(default=0)
    kind: Mapped[Kind] = mapped_column(default=Kind.NOVEL)
    secret: Mapped[str] = mapped_column(String(50), default="not for clients")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author | None] = relationship()


class ReportsBase(DeclarativeBase):
    pass


class Report(ReportsBase):
    __tablename__ = "report"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(50))


@attrs.frozen
class AuthorView:
    name: str


@attrs.frozen
class BookView:
    id: int
    slug: str
    title: str


@attrs.frozen
class FullBookView:
    slug: str
    author: AuthorView | None


class Books(Repository[Book]):
    async def by_author(self, name: str) -> list[Book]:
        return [*await self.all(Book.author.has(name=name), order_by=Book.slug)]


class Reports(Repository[Report]):
    pass


def library(url: str, *controllers: Any, reports: str | None = None, **parts: Any) -> Application:
    """An application of *controllers* with the database *url*, and a second database at
    *reports*."""
    others = {} if reports is None else {"reports": DatabaseSettings(url=reports)}
    settings = Settings(bundles={"resources": ResourcesSettings(url=url, databases=others)})
    bases = {} if reports is None else {"reports": ReportsBase}
    return Application(
        bundles=[ResourcesBundle(Base, databases=bases), *parts.pop("bundles", ())],
        controllers=controllers,
        settings=settings,
        **parts,
    )


async def created(client: KernelClient) -> KernelClient:
    """*client*, after the tables have been created."""
    await client.application.boot()
    for database in client.application.injector.get(Databases).values():
        async with database.engine.begin() as connection:
            for metadata in database.metadatas:
                await connection.run_sync(metadata.create_all)
    return client
