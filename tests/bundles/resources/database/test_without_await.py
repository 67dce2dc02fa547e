"""Statements of a session without ``await``, which the driver cannot execute."""

import gc
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, DynamicMapped, Mapped, mapped_column, relationship

from bundles.resources import Database
from rxkernel import RxKernelError
from tests.bundles.resources.articles import application
from tests.bundles.resources.servers import TestDatabase


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    pages: DynamicMapped["Page"] = relationship()


class Page(Base):
    __tablename__ = "page"

    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))


@pytest.mark.parametrize(
    "use",
    [
        lambda session, book: list(book.pages),
        lambda session, book: session.execute(select(Page.id)),
        lambda session, book: session.get(Page, 1),
        lambda session, book: session.flush(),
    ],
    ids=["dynamic", "execute", "get", "flush"],
)
async def test_statement_without_await_is_refused_before_the_driver(
    sqlite_database: TestDatabase, use: Callable[[Any, Book], Any]
) -> None:
    async with (
        application(sqlite_database.url, base=Base) as site,
        site.injector.get(Database).session() as session,
    ):
        session.add(book := Book())
        await session.flush()
        session.add(Page(book_id=book.id))

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(RxKernelError, match="a session is used without await"):
                use(session.sync_session, book)
            gc.collect()
