"""The databases of ``client_of(application, database="memory")``."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import attrs

from bundles.resources.settings import DatabaseSettings, ResourcesSettings

S = TypeVar("S", bound=DatabaseSettings)

_MEMORY = Path("/dev/shm")


def settings_in_memory(
    settings: ResourcesSettings, given: object, undo: ExitStack
) -> ResourcesSettings:
    """Return *settings* with new databases, which *undo* removes.

    They are files, in a memory file system if there is one. Connections to a database ``:memory:``
    would wait for each other's readers, unlike those of an application.

    Raises:
        ValueError: *given* is not ``"memory"``.
    """
    if given != "memory":
        raise ValueError(
            f'database={given!r} is not possible; write database="memory", or set resources.url '
            f"to the database of your tests"
        )
    folder = Path(tempfile.mkdtemp(prefix="rxkernel-", dir=_MEMORY if _MEMORY.is_dir() else None))
    undo.callback(shutil.rmtree, folder, ignore_errors=True)
    further = {name: _at(folder / name, own) for name, own in settings.databases.items()}
    # tables are created while the folder of migrations does not exist
    migrations = folder / "migrations"
    return attrs.evolve(
        _at(folder / "default", settings), databases=further, migrations=migrations
    )


def _at(file: Path, settings: S) -> S:
    return attrs.evolve(settings, url=f"sqlite+aiosqlite:///{file}.sqlite3", create_tables=True)
