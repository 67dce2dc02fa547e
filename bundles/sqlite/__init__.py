"""SQLite files for bundles. This is a library for other bundles: it cannot be enabled."""

from bundles.sqlite.process_lock import ProcessLock
from bundles.sqlite.schema import Schema
from bundles.sqlite.sqlite_file import SqliteFile
from bundles.sqlite.sqlite_store import SqliteStore
from bundles.sqlite.wal import use_wal

__all__ = ["ProcessLock", "Schema", "SqliteFile", "SqliteStore", "use_wal"]
