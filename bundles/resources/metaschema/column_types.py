"""The column types for the types of the notation."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Text,
    Time,
    Uuid,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

from bundles.contracts.schemas.nodes import Enumeration, Node, Scalar

_LONGEST_KEY = 255
"""The length of a text without a length in MariaDB, where an index requires one."""

KEY = BigInteger().with_variant(Integer(), "sqlite")
"""The type of primary keys and of references to them. SQLite increments only an INTEGER."""

JSON_TYPE = JSON().with_variant(postgresql.JSONB(), "postgresql")

_NUMBERS: Mapping[str, Callable[[], TypeEngine[Any]]] = {
    "number": Integer,
    "bigint": BigInteger,
    "int": Integer,
    "f32": lambda: postgresql.REAL().with_variant(mysql.FLOAT(), "mysql", "mariadb"),
    "f64": Double,
    "i8": SmallInteger,
    "i16": SmallInteger,
    "i32": Integer,
    "i64": BigInteger,
    "u8": SmallInteger,
    "u16": Integer,
    "u32": BigInteger,
    "u64": lambda: Numeric(20, 0),
    "boolean": Boolean,
    "money": lambda: Numeric(12, 2),
    "date": Date,
    "time": Time,
    "datetime": lambda: DateTime(timezone=True),
    "uuid": Uuid,
    "buffer": LargeBinary,
    "text": Text,
}

_PG_TYPE = re.compile(r"([a-z][a-z ]*[a-z0-9])(?:\(([0-9]+)(?:, *([0-9]+))?\))?")


def type_of(node: Node, *, is_key: bool) -> TypeEngine[Any]:
    """Return the type of the column of *node*.

    A text without a length is a ``varchar`` without a length. MariaDB does not have this type;
    there it is ``text``, or with *is_key*, for a column with an index, ``varchar(255)``.

    Raises:
        ValueError: the type that an application wrote for PostgreSQL is unknown.
    """
    if isinstance(node, Enumeration):
        if all(isinstance(value, str) for value in node.values):
            return String(max(len(value) for value in node.values))
        return JSON_TYPE
    if not isinstance(node, Scalar):
        return JSON_TYPE
    name = node.type.base or node.type.name
    if name == "char":
        found: TypeEngine[Any] = String(1)
    elif name in _NUMBERS:
        found = _NUMBERS[name]()
    elif node.type.family == "text":
        found = _varchar(node, is_key=is_key)
    else:
        found = JSON_TYPE
    written = node.type.metadata.get("pg")
    return found if written is None else found.with_variant(_pg_type(written), "postgresql")


def _varchar(node: Scalar, *, is_key: bool) -> TypeEngine[Any]:
    if node.longest is not None:
        return String(int(node.longest))
    other = mysql.VARCHAR(_LONGEST_KEY) if is_key else mysql.TEXT()
    return String().with_variant(other, "mysql", "mariadb")


def _pg_type(written: Any) -> TypeEngine[Any]:
    """Return the PostgreSQL type with the notation *written*, such as ``numeric(12, 2)``."""
    known = postgresql.base.ischema_names
    match = _PG_TYPE.fullmatch(written.strip().lower()) if isinstance(written, str) else None
    if match is None or match[1] not in known:
        raise ValueError(
            f"metadata.pg is {written!r}, which is not a PostgreSQL type that SQLAlchemy knows; "
            f"write one such as 'inet' or 'numeric(12, 2)'"
        )
    if match[1].startswith("timestamp"):
        return postgresql.TIMESTAMP(timezone=match[1].endswith("with time zone"))
    kind: Any = known[match[1]]
    found: TypeEngine[Any] = kind(
        *(int(number) for number in match.groups()[1:] if number is not None)
    )
    return found
