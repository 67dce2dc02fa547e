"""The settings of the bundle."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from rxkernel import COUNT, SECONDS, Allowed

DRIVERS = ("sqlite+aiosqlite", "postgresql+psycopg", "mariadb+aiomysql", "mysql+aiomysql")
"""The supported names before ``://`` in a URL."""

DEFAULT = "default"
"""The name of the database of an `AsyncSession` without a name."""


def _is_url(value: str) -> bool:
    try:
        return make_url(value).drivername in DRIVERS
    except (ArgumentError, ValueError):  # ValueError: a port that is not a number
        return False


def _in_folder(url: str, name: str) -> str:
    """Return the default *url* for the application *name*, one of several."""
    folder, _, file = url.rpartition("/")
    return f"{folder}/{name}/{file}"


def _read_only(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(tables))


_URL = Allowed(
    "a URL with an asynchronous driver: sqlite+aiosqlite:///var/app.sqlite3, "
    "postgresql+psycopg://user:password@host/name or mariadb+aiomysql://user:password@host/name",
    (str,),
    _is_url,
)


@attrs.frozen(kw_only=True)
class DatabaseSettings:
    """One database: a table of ``[resources.databases]``."""

    url: str = attrs.field(repr=False, validator=_URL, metadata={"secret": True})
    """A URL of SQLAlchemy with an asynchronous driver; see "Engine Configuration" in its docs."""

    pool_size: int = attrs.field(default=10, validator=COUNT)
    """The maximum number of connections of this process. Messages wait for a free one."""

    pool_timeout: float = attrs.field(default=5.0, validator=SECONDS)
    """Seconds that a message waits for a free connection; then the response is 503."""

    pool_recycle: float = attrs.field(default=1800.0, validator=SECONDS)
    """Seconds after which a connection is replaced, so that no firewall or server drops it
    first."""

    connect_timeout: float = attrs.field(default=5.0, validator=SECONDS)
    """Seconds within which a server must accept a connection."""

    busy_timeout: float = attrs.field(default=5.0, validator=SECONDS)
    """SQLite only: seconds to wait for the lock of another writer; then the response is 503."""

    slow_statement: float = attrs.field(default=1.0, validator=SECONDS)
    """Seconds after which a statement is logged as slow, as a warning without its values."""

    create_tables: bool = True
    """SQLite only: whether boot creates missing tables if the folder of migrations does not exist.
    The tables of a server are created by migrations."""


@attrs.frozen(kw_only=True)
class ResourcesSettings(DatabaseSettings):
    """The section ``[resources]`` of ``rxkernel.toml``."""

    url: str = attrs.field(
        default="sqlite+aiosqlite:///var/app.sqlite3",
        repr=False,
        validator=_URL,
        metadata={"secret": True, "per_application": _in_folder},
    )
    """The database of every `AsyncSession` without a name."""

    databases: Mapping[str, DatabaseSettings] = attrs.field(
        factory=dict, converter=_read_only, metadata={"tables": True}
    )
    """Further databases by name: ``Annotated[AsyncSession, Db("reports")]``."""

    migrations: Path = attrs.field(default=Path("migrations"), metadata={"per_application": True})
    """The folder of the revisions that `rxkernel db` writes. The revisions of a further database
    are in a subfolder with its name."""

    @property
    def by_name(self) -> Mapping[str, DatabaseSettings]:
        """The settings of the databases by name, ``default`` first."""
        return {DEFAULT: self, **self.databases}

    def migrations_of(self, name: str) -> Path:
        """Return the folder with the revisions of the database *name*."""
        return self.migrations if name == DEFAULT else self.migrations / name


def url_setting_of(name: str) -> str:
    """Return the name of the setting with the URL of the database *name*."""
    return "resources.url" if name == DEFAULT else f"resources.databases.{name}.url"
