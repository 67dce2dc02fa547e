"""Creates the engine of a database, for each of the supported drivers."""

from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bundles.resources.database import mariadb, sqlite
from bundles.resources.database.idle_connections import watch_idle_connections
from bundles.resources.database.mode import Mode
from bundles.resources.database.pool_reset import roll_back_what_is_open
from bundles.resources.database.url_options import check_options, check_sqlite_options
from bundles.resources.settings import DatabaseSettings
from rxkernel import ConfigurationError

_EXTRAS = {"sqlite": "resources", "postgresql": "postgresql", "mariadb": "mariadb"}
"""The extra with the driver, by the name of the dialect."""


def new_engine(settings: DatabaseSettings, setting: str) -> AsyncEngine:
    """Return the engine for the URL of *settings*; do not connect. *setting* is the name of the
    URL's setting, for errors.

    Raises:
        ConfigurationError: the driver is not installed, or the URL cannot be used.
    """
    url = make_url(settings.url)
    dialect = _dialect_of(url)
    if dialect == "sqlite":
        sqlite.file_of(url, setting)
        check_sqlite_options(url, setting)
    try:
        engine = create_async_engine(
            url,
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=settings.pool_timeout,
            pool_recycle=settings.pool_recycle,
            pool_reset_on_return=None,  # see roll_back_what_is_open
            connect_args=_connect_args(dialect, settings),
            hide_parameters=True,
        )
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"{setting} needs {exc.name}, which is not installed: "
            f"in the clone of rxkernel: pip install '.[{_EXTRAS[dialect]}]'"
        ) from exc
    except (ArgumentError, TypeError) as exc:
        raise ConfigurationError(f"{setting} cannot be used: {exc}") from exc
    if dialect == "sqlite":
        sqlite.prepare(engine.sync_engine, settings.busy_timeout)
    else:
        check_options(engine, setting)
        watch_idle_connections(engine.sync_engine)
    if dialect == "mariadb":
        mariadb.prepare(engine.sync_engine)
    roll_back_what_is_open(engine.sync_engine, dialect)
    return engine


def options_of(engine: AsyncEngine, mode: Mode) -> dict[str, Any]:
    """Return the execution options for connections of *engine* whose transactions have *mode*."""
    options: dict[str, Any] = {"rxkernel_mode": mode}
    if engine.dialect.name == "postgresql":
        if mode.readonly:
            options["postgresql_readonly"] = True
        if mode.isolation is not None:
            options["isolation_level"] = mode.isolation
    return options


def _dialect_of(url: URL) -> str:
    name = url.get_backend_name()
    return "mariadb" if name == "mysql" else name


def _connect_args(dialect: str, settings: DatabaseSettings) -> dict[str, Any]:
    match dialect:
        case "sqlite":
            return {"isolation_level": None}
        case "postgresql":
            return {"connect_timeout": max(2, round(settings.connect_timeout))}
        case _:
            return {"connect_timeout": settings.connect_timeout}
