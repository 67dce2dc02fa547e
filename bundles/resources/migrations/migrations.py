"""Creates, applies and compares the revisions of one database, with Alembic."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from sqlalchemy import Connection, MetaData, inspect, text

from bundles.resources.migrations.differences import described
from bundles.resources.migrations.environment_options import online
from bundles.resources.migrations.failures import readable
from bundles.resources.migrations.revision_files import RevisionFiles
from rxkernel import ConfigurationError

Report = Callable[[str], None]


@attrs.frozen
class Revision:
    """One file of the folder.

    Attributes:
        state: ``applied`` or ``pending`` in the database.
        follows: the previous revision; None for the first one.
    """

    id: str
    state: str
    follows: str | None
    message: str
    file: str


class Migrations:
    """The revisions in *files*, and the database of *connection*.

    Every method raises a ConfigurationError with the error and its fix.

    Args:
        models: the tables that the application declares.
        report: called with a line for each revision that is applied or reverted.
    """

    def __init__(
        self, connection: Connection, files: RevisionFiles, models: MetaData, report: Report
    ) -> None:
        self._connection = connection
        self._files = files
        self._models = models
        self._report = report
        self._is_sqlite = connection.dialect.name == "sqlite"

    def revise(self, message: str, *, empty: bool = False) -> Path | None:
        """Write a revision that changes the tables to match the models, and report its changes.

        The first revision creates all tables, even if the database has some.

        Args:
            empty: whether to write a file without changes.

        Returns:
            The new file; None if there are no differences.
        """
        is_first = not self._files.newest_first()
        if not (is_first or empty):
            self._check_is_newest()

        def take(_: MigrationContext, __: Any, scripts: list[MigrationScript]) -> None:
            upgrade = scripts[0].upgrade_ops
            assert upgrade is not None
            for line in described(upgrade.as_diffs()):
                self._report(line)
            if upgrade.is_empty():
                scripts.clear()

        options = self._options() | {"dont_mutate": True, "process_revision_directives": take}
        if is_first:
            options["include_name"] = lambda name, kind, parents: kind != "table"
        with readable(self._files.folder):
            made = command.revision(self._files.config(options), message, autogenerate=not empty)
        return self._files.folder / Path(made.path).name if isinstance(made, Script) else None

    def upgrade(self, revision: str) -> None:
        """Apply the revisions up to *revision*; ``head`` is the newest one."""
        self._move(command.upgrade, revision)

    def downgrade(self, revision: str) -> None:
        """Revert the revisions after *revision*; ``base`` is before the first one."""
        self._move(command.downgrade, revision)

    def stamp(self, revision: str) -> None:
        """Record that the database is at *revision*, without running revisions."""
        self._files.newest_first()
        with readable(self._files.folder):
            config = self._files.config(self._options())
            command.stamp(config, revision, purge=True)

    def history(self) -> list[Revision]:
        """Return all revisions, the newest first."""
        scripts = self._files.newest_first()
        ids = [script.revision for script in scripts]
        current = self.current()
        applied = len(ids) if current is None else self._number_of(current, ids)
        return [
            Revision(
                script.revision,
                "pending" if number < applied else "applied",
                script.down_revision if isinstance(script.down_revision, str) else None,
                script.doc,
                Path(script.path).name,
            )
            for number, script in enumerate(scripts)
        ]

    def pending(self) -> int:
        """Return the number of revisions that are not applied."""
        return sum(item.state == "pending" for item in self.history())

    def current(self) -> str | None:
        """Return the revision of the database; None before the first one."""
        with readable(self._files.folder):
            return MigrationContext.configure(self._connection).get_current_revision()

    def differences(self) -> Sequence[str]:
        """Return the changes that make the tables match the models, one in each line."""
        self._check_is_newest()
        return self._compared()

    def is_made_without_revisions(self) -> bool:
        """Whether the database has no revision, and the tables of the models: boot has created
        them, see ``resources.create_tables``."""
        return self.current() is None and bool(self._models.tables) and not self._compared()

    def _compared(self) -> Sequence[str]:
        context = MigrationContext.configure(self._connection)
        return described(compare_metadata(context, self._models))

    def _move(self, move: Callable[[Any, str], None], revision: str) -> None:
        ids = [script.revision for script in self._files.newest_first()]
        current = self.current()
        if current is not None:
            self._number_of(current, ids)
        hint = self._consequence()
        if current is None and inspect(self._connection).get_table_names():
            hint += (
                "; if this database has its tables already, record its revision: "
                "python -m rxkernel db stamp REVISION"
            )
        before = self._broken_references()
        options = self._options() | {"on_version_apply": self._report_step}
        with readable(self._files.folder, hint):
            move(self._files.config(options), revision)
        if broken := self._broken_references() - before:
            lines = ", ".join(f"{table} to {parent}" for table, parent in sorted(broken))
            raise ConfigurationError(
                f"rows would refer to missing ones: {lines}; nothing has changed: a revision "
                f"that removes rows must first remove those that refer to them"
            )

    def _number_of(self, current: str, ids: Sequence[str]) -> int:
        if current not in ids:
            raise ConfigurationError(
                f"the database is at revision {current}, which has no file in "
                f"{self._files.folder}; add the file, or record another revision: "
                f"python -m rxkernel db stamp REVISION"
            )
        return ids.index(current)

    def _check_is_newest(self) -> None:
        scripts = self._files.newest_first()
        newest = scripts[0].revision if scripts else None
        current = self.current()
        if current != newest:
            raise ConfigurationError(
                f"the database is at revision {current or '(none)'}, and the newest is "
                f"{newest or '(none)'}; first run: python -m rxkernel db upgrade"
            )

    def _consequence(self) -> str:
        """The state of the database after an error in a revision, for the error message."""
        if self._connection.dialect.name in ("mysql", "mariadb"):
            return "; MariaDB keeps what this revision did before, and the revisions before it"
        return "; nothing has changed, revisions before it were reverted too"

    def _broken_references(self) -> set[tuple[str, str]]:
        """Return the tables of SQLite with rows that refer to missing rows, and the tables to
        which they refer.

        Foreign keys are not enforced while Alembic replaces tables.
        """
        if not self._is_sqlite:
            return set()
        rows = self._connection.execute(text("PRAGMA foreign_key_check"))
        return {(row[0], row[2]) for row in rows}

    def _report_step(self, *, step: MigrationInfo, **_: Any) -> None:
        verb = "Applied" if step.is_upgrade else "Reverted"
        for script in step.up_revisions:
            if isinstance(script, Script):
                self._report(f"{verb} {script.revision}: {script.doc}")

    def _options(self) -> dict[str, Any]:
        if not self._is_sqlite:  # in SQLite, the lock has begun one transaction for all
            self._connection.commit()
        return online(self._connection, self._models)
