"""The tasks that start hooks have started, which the stop hooks should end."""

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
"""Seconds that the tasks have to end after a stop hook."""

Task = asyncio.Task[Any]


class StartedTasks:
    """Logs the tasks of start hooks that go on after the file was replaced or removed.

    Known are tasks whose coroutine is a function of the file itself: no message runs code of the
    file before its start hook has ended, so the hook must have started them.
    """

    def __init__(self) -> None:
        self._tasks: WeakKeyDictionary[ModuleFile, WeakSet[Task]] = WeakKeyDictionary()

    def note(self, file: ModuleFile) -> None:
        """Note the tasks of *file*, whose start hook was called."""
        if file.module is not None and (running := _tasks_of(vars(file.module))):
            self._tasks[file] = WeakSet(running)

    async def log_running(self, files: Iterable[ModuleFile], tree: Tree) -> None:
        """Log the tasks of *files*, whose stop hooks were called, that do not end."""
        for file in files:
            tasks = [task for task in self._tasks.pop(file, ()) if not task.done()]
            if tasks:
                await asyncio.wait(tasks, timeout=_GRACE)
            for task in tasks:
                if not task.done():
                    logger.warning(
                        "%s: a task that start() has started, %s(), still runs; cancel it in "
                        "async def stop()",
                        tree.show(file.key, line_of_coroutine(task.get_coro(), file.source)),
                        getattr(task.get_coro(), "__qualname__", task.get_name()),
                    )


def _tasks_of(names: dict[str, Any]) -> list[Task]:
    return [task for task in asyncio.all_tasks() if _globals_of(task.get_coro()) is names]


def _globals_of(coroutine: Any) -> dict[str, Any] | None:
    return getattr(getattr(coroutine, "cr_frame", None), "f_globals", None)
