"""The database that a command reads or changes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
from sqlalchemy import MetaData
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from bundles.resources.database.engines import new_engine, options_of
from bundles.resources.database.mode import READS, WRITES, Mode
from bundles.resources.database.sqlite import file_of
from bundles.resources.declarations import declarations_of, settings_of
from bundles.resources.migrations.failures import reason_of
from bundles.resources.migrations.migration_lock import migration_lock
from bundles.resources.migrations.revision_files import RevisionFiles
from bundles.resources.settings import DatabaseSettings, url_setting_of
from rxkernel import Application, ConfigurationError


@attrs.frozen
class Target:
    """One database, before boot.

    Attributes:
        setting: the name of the setting with its URL.
        models: the tables that the application declares in it.
    """

    setting: str
    settings: DatabaseSettings
    models: MetaData
    files: RevisionFiles

    @property
    def url(self) -> URL:
        return make_url(self.settings.url)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection for reading."""
        async with self._connection(READS) as connection:
            yield connection

    @asynccontextmanager
    async def changing(self, when_waiting: Callable[[], None]) -> AsyncIterator[AsyncConnection]:
        """Yield a connection with the lock for changes, see `migration_lock`."""
        async with (
            self._connection(WRITES) as connection,
            migration_lock(connection, when_waiting),
        ):
            yield connection

    @asynccontextmanager
    async def _connection(self, mode: Mode) -> AsyncIterator[AsyncConnection]:
        """Yield a connection.

        Raises:
            ConfigurationError: the database has reported an error.
        """
        engine = new_engine(self.settings, self.setting)
        try:
            self._create_folder()
            async with engine.connect() as connection:
                yield await connection.execution_options(**options_of(engine, mode))
        except DBAPIError as exc:
            raise ConfigurationError(
                f"the database of {self.setting} reports: {reason_of(exc)}"
            ) from exc
        finally:
            await engine.dispose()

    def _create_folder(self) -> None:
        """Create the folder of a new SQLite file."""
        url = make_url(self.settings.url)
        if url.get_backend_name() != "sqlite":
            return
        folder = file_of(url, self.setting).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ConfigurationError(
                f"the folder of {self.setting} cannot be created: {exc}"
            ) from exc


def target_of(application: Application, name: str) -> Target:
    """Return the database *name* of *application*.

    Raises:
        ConfigurationError: the settings do not have it.
    """
    settings = settings_of(application)
    databases = settings.by_name
    if name not in databases:
        known = ", ".join(databases)
        raise ConfigurationError(
            f"--database {name} is not in [resources.databases]; the databases are: {known}"
        )
    return Target(
        setting=url_setting_of(name),
        settings=databases[name],
        models=declarations_of(application).models_of(name),
        files=RevisionFiles(settings.migrations_of(name)),
    )
