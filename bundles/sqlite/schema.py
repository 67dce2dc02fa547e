"""The tables of one bundle in a SQLite file, with their version."""

import sqlite3
from collections.abc import Iterator

import attrs

from bundles.sqlite.transaction import transaction

_VERSIONS = """
CREATE TABLE IF NOT EXISTS rxkernel_schema (
    name TEXT PRIMARY KEY, version INTEGER NOT NULL
) WITHOUT ROWID
"""


@attrs.frozen
class Schema:
    """Bundles may share a file: the version is stored by *name*, in the table ``rxkernel_schema``.

    Args:
        name: what the tables store, in the plural, such as ``sessions``; errors and logs have it.
        version: must be increased with each change of *script*. There are no migrations: a file
            with another version is an error at boot.
        script: creates tables and indexes. Each statement must end at the end of a line.
    """

    name: str
    version: int
    script: str

    def apply(self, database: sqlite3.Connection) -> None:
        """Create the tables in a new file; several processes may do so at the same time.

        Raises:
            sqlite3.Error: the file cannot be used, or has tables of these names.
            ValueError: the file has the tables of another version.
        """
        with transaction(database):
            database.execute(_VERSIONS)
            row = database.execute(
                "SELECT version FROM rxkernel_schema WHERE name = ?", (self.name,)
            ).fetchone()
            if row is None:
                for statement in self._statements():
                    database.execute(statement)
                database.execute(
                    "INSERT INTO rxkernel_schema VALUES (?, ?)", (self.name, self.version)
                )
            elif row[0] != self.version:
                raise ValueError(
                    f"its tables of {self.name} have the version {row[0]}, and this release of "
                    f"rxkernel uses the version {self.version}"
                )

    def _statements(self) -> Iterator[str]:
        """Yield the statements of the script: `executescript` would end the transaction."""
        statement = ""
        for line in self.script.strip().splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                yield statement
                statement = ""
        if statement:
            raise RuntimeError(f"the last statement of {self.name} does not end with ';'")
