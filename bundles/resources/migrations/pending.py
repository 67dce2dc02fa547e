"""Warns about databases that are not at the newest revision."""

import logging

from injector import inject
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bundles.resources.database.database import Database
from bundles.resources.database.databases import Databases
from bundles.resources.database.mode import READS
from bundles.resources.database.tables import joined
from bundles.resources.settings import ResourcesSettings
from rxkernel import ApplicationEvents, BootstrapEvent, ConfigurationError, observe

logger = logging.getLogger(__name__)


class PendingRevisions:
    """Warns at boot if ``rxkernel db upgrade`` was forgotten, before messages fail."""

    @inject
    def __init__(self, databases: Databases, settings: ResourcesSettings) -> None:
        self._databases = databases
        self._settings = settings

    @observe(ApplicationEvents.BOOTSTRAP)
    async def warn(self, event: BootstrapEvent) -> None:
        """Compare each database that has a folder of revisions with this folder. A database that
        cannot be reached is skipped; ``/readyz`` reports it."""
        for database in self._databases.values():
            if not self._settings.migrations_of(database.name).is_dir():
                continue
            try:
                problem = await self._problem_of(database)
            except ConfigurationError as error:
                problem = str(error)
            except SQLAlchemyError:
                continue
            if problem is not None:
                logger.warning("database %s: %s", database.name, problem)

    async def _problem_of(self, database: Database) -> str | None:
        from bundles.resources.migrations.migrations import (  # noqa: PLC0415 - imports Alembic
            Migrations,
        )
        from bundles.resources.migrations.revision_files import (  # noqa: PLC0415 - as above
            RevisionFiles,
        )

        files = RevisionFiles(self._settings.migrations_of(database.name))

        def read(connection: Connection) -> tuple[int, bool]:
            migrations = Migrations(connection, files, joined(database.bases), logger.info)
            count = migrations.pending()
            return count, bool(count) and migrations.is_made_without_revisions()

        async with database.engine_in(READS).connect() as connection:
            count, is_made = await connection.run_sync(read)
        if not count:
            return None
        revisions = "1 revision is" if count == 1 else f"{count} revisions are"
        if is_made:
            return (
                f"{revisions} pending, but the tables are those of the models already, as boot "
                f"creates them before the first revision; record it: python -m rxkernel db stamp "
                f"head"
            )
        return f"{revisions} pending; run: python -m rxkernel db upgrade"
