"""All databases of the application, by name."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import attrs

from bundles.resources.database.database import Database, NewAfterCommit
from bundles.resources.database.last_tasks import LastTasks
from bundles.resources.database.tables import Base, Tables
from bundles.resources.settings import DEFAULT, ResourcesSettings
from rxkernel import ConfigurationError, RxKernelError
from rxkernel.nearest import nearest


class Databases(Mapping[str, Database]):
    """The databases of the settings by name, ``default`` first.

    Attributes:
        tables: the tables of all databases.
        new_after_commit: makes the `AfterCommit` of a transaction.
        tasks: the tasks that end transactions.
    """

    def __init__(
        self,
        settings: ResourcesSettings,
        bases: Mapping[str, Sequence[Base]],
        new_after_commit: NewAfterCommit,
    ) -> None:
        self.new_after_commit = new_after_commit
        self.tasks = LastTasks()
        self._found: dict[str, Database] = {}
        problems: list[str] = []
        for name, own in settings.by_name.items():
            try:
                if settings.migrations_of(name).is_dir():
                    own = attrs.evolve(own, create_tables=False)
                self._found[name] = Database(
                    name, own, bases.get(name, ()), new_after_commit, self.tasks
                )
            except ConfigurationError as error:
                problems += error.problems
        for name in bases.keys() - settings.by_name.keys():
            problems.append(f"ResourcesBundle(…) has tables of the database {self.unknown(name)}")
        if problems:
            raise ConfigurationError(*problems)
        self.tables = Tables([base for own in bases.values() for base in own])

    @property
    def default(self) -> Database:
        return self._found[DEFAULT]

    def __getitem__(self, name: str) -> Database:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def named(self, name: str) -> Database:
        """Return the database *name*.

        Raises:
            RxKernelError: the settings do not have it.
        """
        if name not in self._found:
            raise RxKernelError(f"unknown database {self.unknown(name)}")
        return self._found[name]

    def of(self, cls: type[Any]) -> Database:
        """Return the database with the table of the mapped *cls*.

        Raises:
            ConfigurationError: no database has its table.
        """
        metadata = getattr(cls, "metadata", None)
        for database in self._found.values():
            if any(metadata is each for each in database.metadatas):
                return database
        raise ConfigurationError(
            f"{cls.__qualname__} has no table in any database; derive it from the base of "
            f"ResourcesBundle(Base), or add its base: ResourcesBundle(…, databases={{…}})"
        )

    def unknown(self, name: str) -> str:
        """Return *name*, which the settings do not have, with a hint, for errors."""
        near = nearest(name, [*self._found])
        hint = f"did you mean {near!r}?" if near else "write a table for it"
        return f"{name!r}; the databases are those of [resources.databases.<name>]: {hint}"

    async def __aenter__(self) -> Self:
        opened: list[Database] = []
        try:
            for database in self._found.values():
                opened.append(database)
                await database.open()
        except BaseException:
            for database in opened:
                await database.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.tasks.close()
        for database in self._found.values():
            await database.close()
