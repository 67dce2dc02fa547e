"""Detects tasks of start hooks that the stop hooks did not end."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from bundles.autoload.loading.file_errors import line_of_coroutine
from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.loading.tree import Tree

logger = logging.getLogger(__name__)

_GRACE = 1.0
"""Seconds within which tasks must end after a stop hook."""

Task = asyncio.Task[Any]


class StartedTasks:
    """Logs the tasks of start hooks that continue after the file was replaced or removed.

    It detects tasks whose coroutine is a function of the file itself. Messages do not run code of
    the file before its start hook has ended, so the hook must have started these tasks.
    """

    def __init__(self) -> None:
        self._tasks: WeakKeyDictionary[ModuleFile, WeakSet[Task]] = WeakKeyDictionary()

    def note(self, file: ModuleFile) -> None:
        """Remember the tasks of *file*, after its start hook was called."""
        if file.module is not None and (running := _tasks_of(vars(file.module))):
            self._tasks[file] = WeakSet(running)

    async def log_running(self, files: Iterable[ModuleFile], tree: Tree) -> None:
        """Log the tasks of *files* that do not end, after their stop hooks were called."""
        for file in files:
            tasks = [task for task in self._tasks.pop(file, ()) if not task.done()]
            if tasks:
                await asyncio.wait(tasks, timeout=_GRACE)
            for task in tasks:
                if not task.done():
                    logger.warning(
                        "%s: a task that start() has started, %s(), is still running; cancel it "
                        "in async def stop()",
                        tree.show(file.key, line_of_coroutine(task.get_coro(), file.source)),
                        getattr(task.get_coro(), "__qualname__", task.get_name()),
                    )


def _tasks_of(names: dict[str, Any]) -> list[Task]:
    return [task for task in asyncio.all_tasks() if _globals_of(task.get_coro()) is names]


def _globals_of(coroutine: Any) -> dict[str, Any] | None:
    return getattr(getattr(coroutine, "cr_frame", None), "f_globals", None)
