"""Checks the options of a URL, after ``?``, which the driver must know."""

import inspect
from collections.abc import Collection
from importlib import import_module
from typing import Any

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from rxkernel import ConfigurationError

_SQLITE_FILE = {"cache", "immutable", "mode", "nolock", "psow", "vfs"}
"""SQLite, "URI Filenames": the parameters of a name with ``uri=true``."""
_SQLITE = {"cached_statements", "check_same_thread", "detect_types", "timeout", "uri"}


def check_sqlite_options(url: URL, setting: str) -> None:
    """Do the same as `check_options` before the engine exists, since SQLAlchemy only warns of
    unknown options."""
    has_uri = url.query.get("uri") == "true"
    _reject(url.query.keys() - _SQLITE - (_SQLITE_FILE if has_uri else set()), url, setting)


def check_options(engine: AsyncEngine, setting: str) -> None:
    """Check the options of the URL of *engine*, which is for a server; *setting* is the name of
    the URL's setting.

    Raises:
        ConfigurationError: the driver does not know an option.
    """
    if not engine.url.query:
        return
    known: set[str] = set()
    if engine.dialect.name == "postgresql":
        conninfo: Any = import_module("psycopg.pq").Conninfo
        known = {option.keyword.decode() for option in conninfo.get_defaults()}
        connect: Any = import_module("psycopg").AsyncConnection.connect
    else:
        connect = import_module("aiomysql.connection").Connection
    _, arguments = engine.sync_engine.dialect.create_connect_args(engine.url)
    unknown = arguments.keys() - known - inspect.signature(connect).parameters.keys()
    _reject(unknown, engine.url, setting)


def _reject(unknown: Collection[str], url: URL, setting: str) -> None:
    if unknown:
        raise ConfigurationError(
            f"{setting} has options that the driver {url.get_driver_name()} does not know: "
            f"{', '.join(sorted(unknown))}; correct their names, or remove them"
        )
