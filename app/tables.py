"""The tables of the application."""

from datetime import UTC, datetime

from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import NAMING_CONVENTION, UtcDateTime


def _now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """All tables of the application."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Account(Base):
    """A user. Its name never changes: tokens, sessions and tasks contain it."""

    __tablename__ = "accounts"

    username: Mapped[str] = mapped_column(primary_key=True)
    password_hash: Mapped[str]


class StoredTask(Base):
    """A task; *created* is in UTC.

    *owner* is the name of the only account that sees a private task; None: all see the task.
    """

    __tablename__ = "tasks"
    __table_args__ = ({"sqlite_autoincrement": True},)
    """The id of a deleted task never names another one."""

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    done: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime] = mapped_column(UtcDateTime, default=_now)
    owner: Mapped[str | None] = mapped_column(ForeignKey(Account.username))
