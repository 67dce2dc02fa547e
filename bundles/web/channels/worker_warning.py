"""Logs channels of an application with several workers and without a common store."""

import logging
from collections.abc import Iterable

from bundles.web.directories.directory import Directory
from bundles.web.directories.directory_tree import DirectoryTree

logger = logging.getLogger(__name__)

_SUBSCRIBING = ("sse", "ws")
"""Extensions of directories whose clients may subscribe."""


def log_channels_of_workers(tree: DirectoryTree, before: DirectoryTree | None) -> None:
    """Log the directories of *tree* whose clients may subscribe to channels, unless they were in
    *before*. Called if there are several workers, and each one has its own channels."""
    known = set() if before is None else {each.path for each in _subscribing(before)}
    found = [each.path for each in _subscribing(tree) if each.path not in known]
    if found:
        logger.warning(
            "%s: subscribers to channels get only the events of their own worker, but there are "
            'several workers; set web.channels.store to "redis", or run one worker',
            ", ".join(sorted(found)),
        )


def _subscribing(tree: DirectoryTree) -> Iterable[Directory]:
    for each in tree.directories.values():
        if each.handlers and each.extension.name in _SUBSCRIBING:
            yield each
