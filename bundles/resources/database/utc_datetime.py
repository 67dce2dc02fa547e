"""A column type for times with a time zone that behaves the same in every database."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, String
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_LENGTH = 26
"""Characters of a time in SQLite: ``2026-11-30 09:00:00.000000``, as its functions write it."""


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC, to the microsecond: ``mapped_column(UtcDateTime)``.

    Times are read with ``datetime.UTC``, although SQLite and MariaDB have no time zones. Times
    that are written must have a time zone.

    With ``type_annotation_map = {datetime: UtcDateTime}`` in a declarative base, it is the type of
    each ``Mapped[datetime]``.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(_LENGTH))
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return super().load_dialect_impl(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(
                f"{value!r} has no time zone; write datetime.now(UTC), or .replace(tzinfo=UTC)"
            )
        if dialect.name == "postgresql":
            return value
        in_utc = value.astimezone(UTC).replace(tzinfo=None)
        return in_utc.isoformat(" ", "microseconds") if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def has_timezone(type_: TypeEngine[Any]) -> bool | None:
    """Whether times of *type_* have a time zone; None if it is not a type of times."""
    if isinstance(type_, UtcDateTime):
        return True
    return type_.timezone if isinstance(type_, DateTime) else None
