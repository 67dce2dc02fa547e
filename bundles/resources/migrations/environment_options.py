"""The options of Alembic for models and database, see ``EnvironmentContext.configure``."""

from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.engine import URL

from bundles.resources.database.utc_datetime import UtcDateTime


def online(connection: Connection, models: MetaData) -> dict[str, Any]:
    """Return the options of a command that uses the database."""
    return {"connection": connection, **_common(models, connection.dialect.name)}


def offline(url: URL, models: MetaData) -> dict[str, Any]:
    """Return the options of a command that prints SQL; it does not connect to *url*."""
    return {
        "url": url,
        "literal_binds": True,
        "dialect_opts": {"paramstyle": "named"},
        **_common(models, url.get_backend_name()),
    }


def _common(models: MetaData, dialect: str) -> dict[str, Any]:
    return {
        "target_metadata": models,
        "render_as_batch": dialect == "sqlite",  # SQLite cannot alter a column
        "render_item": _import_type,
    }


def _import_type(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Import the module of a column's type in the new file; Alembic writes the rest. The types of
    rxkernel are imported by a name that never changes."""
    if kind == "type" and isinstance(item, UtcDateTime):
        context.imports.add("import bundles.resources")
        return "bundles.resources.UtcDateTime()"
    module = type(item).__module__
    if kind == "type" and module.partition(".")[0] != "sqlalchemy":
        context.imports.add(f"import {module}")
    return False
