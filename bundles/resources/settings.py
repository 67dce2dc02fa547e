"""The settings of the bundle."""

from collections.abc import Mapping
from types import MappingProxyType

import attrs


@attrs.frozen(kw_only=True)
class DatabaseSettings:
    """One database: a table of ``[resources.databases]``."""

    url: str = attrs.field(repr=False)
    """A URL of SQLAlchemy with an asynchronous driver, see its page "Engine Configuration"."""


@attrs.frozen(kw_only=True)
class ResourcesSettings(DatabaseSettings):
    """The section ``[resources]`` of ``rxkernel.toml``."""

    url: str = attrs.field(default="sqlite+aiosqlite:///var/app.sqlite3", repr=False)
    """The database of every `AsyncSession` without a name."""

    databases: Mapping[str, DatabaseSettings] = attrs.field(factory=lambda: MappingProxyType({}))
    """Further databases by name: ``Annotated[AsyncSession, Db("reports")]``."""
