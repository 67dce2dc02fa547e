"""Books with an author and tags: views of relations, properties and deferred columns."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import attrs
import msgspec
from sqlalchemy import ForeignKey, String, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from bundles.resources import Create, Get, List, OperationEvent, Resource, Update
from rxkernel import Request


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(50))
    password: Mapped[str] = mapped_column(String(50), default="secret")


class Tag(Base):
    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    text: Mapped[str] = mapped_column(String(50))


class Book(Base):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(50), unique=True)
    author_id: Mapped[UUID] = mapped_column(ForeignKey("author.id"))
    summary: Mapped[str] = mapped_column(String(50), default="", deferred=True)
    stamp: Mapped[str] = mapped_column(server_default=func.lower("NEW"))
    version: Mapped[int] = mapped_column()

    author: Mapped[Author] = relationship()
    tags: Mapped[list[Tag]] = relationship()
    joined: Mapped[list[Tag]] = relationship(lazy="joined", viewonly=True)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - as SQLAlchemy declares it

    @property
    def title(self) -> str:
        return self.slug.title()


class AuthorView(msgspec.Struct):
    id: UUID
    name: str


@dataclass
class TagView:
    text: str


@attrs.frozen
class BookView:
    slug: str
    title: str
    summary: str
    stamp: str
    author: AuthorView
    tags: list[TagView]


@attrs.frozen
class NewAuthor:
    name: str


@attrs.frozen
class NewBook:
    slug: str
    author_id: UUID
    tags: list[str]


@attrs.frozen
class BookChange:
    author_id: UUID


class Authors(Resource[Author], path="/authors", name="author"):
    operations = (Get(), Create(NewAuthor), Update(NewAuthor))
    view = AuthorView


class Books(Resource[Book], path="/books", name="book"):
    operations = (List(), Get(), Create(NewBook), Update(BookChange))
    view = BookView
    key = "slug"

    def build(self, sent: NewBook, request: Request) -> Book:
        tags = [Tag(text=text) for text in sent.tags]
        return Book(slug=sent.slug, author_id=sent.author_id, tags=tags)

    async def post_update(self, event: OperationEvent) -> None:
        event.data.summary = "changed"
