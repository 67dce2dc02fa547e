"""A table, and an application with it."""

from typing import Any

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import ResourcesBundle, ResourcesSettings
from rxkernel import Application, Settings


class Base(DeclarativeBase):
    pass


class Article(Base):
    __tablename__ = "article"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)


def application(url: str, *controllers: Any, **parts: Any) -> Application:
    """An application of *controllers* with the database *url*."""
    settings = Settings(bundles={"resources": ResourcesSettings(url=url)})
    return Application(
        bundles=[ResourcesBundle(Base)], controllers=controllers, settings=settings, **parts
    )
