"""Tables, and an application with them."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import Databases, ResourcesBundle, ResourcesSettings
from rxkernel import Application, HttpSettings, Settings


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(10), unique=True)


class Article(Base):
    __tablename__ = "article"
    __table_args__ = (
        UniqueConstraint("title", "author_id", name="one_title"),
        CheckConstraint("stars >= 0", name="stars_are_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column("slug_text", String(10), unique=True)
    title: Mapped[str | None] = mapped_column(String(10))
    stars: Mapped[int] = mapped_column(SmallInteger, default=0)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))


def application(url: str, *controllers: Any, base: Any = Base, **more: Any) -> Application:
    """An application of *controllers* with the database *url*; *more* are its settings."""
    settings = Settings(
        health=True,
        http=HttpSettings(port=0),
        bundles={"resources": ResourcesSettings(url=url, **more)},
    )
    return Application(bundles=[ResourcesBundle(base)], controllers=controllers, settings=settings)


async def create_tables(application: Application) -> Application:
    """Boot *application*, and create the tables of its databases, also on a server."""
    await application.boot()
    for database in application.injector.get(Databases).values():
        await database.create_tables()
    return application
