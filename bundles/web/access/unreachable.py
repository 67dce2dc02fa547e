"""Logs directories that need a user, in an application without users."""

import logging
from collections.abc import Iterator
from typing import Protocol

from bundles.autoload import Snapshot
from bundles.web.directories.directory_tree import PLACE, DirectoryTree
from bundles.web.directories.handler_file_names import ACCESS

logger = logging.getLogger(__name__)

NO_USERS_ADVICE = "write create_application(users=…) in app.py"


class Served(Protocol):
    """A tree with its snapshot: `DirectoryRoutes`."""

    @property
    def snapshot(self) -> Snapshot: ...

    @property
    def tree(self) -> DirectoryTree: ...


def log_unreachable(served: Served, before: Served | None) -> None:
    """Log the access files of *served* that need a user, unless they were in *before*. Called if
    the application has no users."""
    known = () if before is None else before.tree.access_files
    found = [*_unreachable(served, {id(file) for file in known})]
    if found:
        logger.warning(
            "%s: all requests are refused, since access needs a user and the application has no "
            "users; %s",
            ", ".join(found),
            NO_USERS_ADVICE,
        )


def _unreachable(served: Served, known: set[int]) -> Iterator[str]:
    for directory in served.tree.directories.values():
        file = directory.access_file
        if file is not None and id(file) not in known and directory.access.needs_user:
            lines = [file.lines[name] for name in ("guests", "groups") if name in file.lines]
            key = f"{PLACE}{directory.path}/{ACCESS}.py"
            yield served.snapshot.tree.show(key, min(lines, default=None))
