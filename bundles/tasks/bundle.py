"""What the bundle adds to an application."""

from collections.abc import Sequence

from injector import Binder, inject, singleton

from bundles.tasks.background import Background
from bundles.tasks.clock import Clock
from bundles.tasks.commands import tasks
from bundles.tasks.listeners import TasksListeners
from bundles.tasks.memory_task_store import MemoryTaskStore
from bundles.tasks.plan import OPTION
from bundles.tasks.planner import Planner
from bundles.tasks.scheduler import Scheduler
from bundles.tasks.server import TasksServer
from bundles.tasks.settings import TasksSettings
from bundles.tasks.sqlite_task_store import SqliteTaskStore
from bundles.tasks.task_entries import TaskEntries
from bundles.tasks.task_runner import TaskRunner
from bundles.tasks.task_store import TaskStore
from bundles.tasks.watcher import Watcher
from bundles.tasks.watchers import Watchers
from bundles.tasks.worker_pool import WorkerPool
from bundles.tasks.worker_pool_settings import WorkerPoolSettings
from rxkernel import Bundle, ConfigurationError, Settings


class TasksBundle(Bundle):
    """Schedules, supervised loops and background work.

    Args:
        watchers: classes that the injector builds; those that are bound need not be named.
    """

    name = "tasks"
    options = (OPTION,)
    listeners = (TasksListeners,)
    servers = (TasksServer,)
    commands = (tasks,)
    settings_class = TasksSettings

    def __init__(self, *, watchers: Sequence[type[Watcher]] = ()) -> None:
        self._watchers = tuple(watchers)

    def configure(self, binder: Binder) -> None:
        binder.bind(Clock, scope=singleton)
        binder.bind(TaskStore, to=_store_of, scope=singleton)  # type: ignore[type-abstract]
        for service in (TaskRunner, TaskEntries, Planner, Scheduler, Watchers, Background):
            binder.bind(service, scope=singleton)
        for watcher in self._watchers:
            binder.bind(watcher, scope=singleton)
        binder.bind(WorkerPool, scope=singleton)
        binder.bind(WorkerPoolSettings, to=_pool_settings_of, scope=singleton)


@inject
def _store_of(settings: TasksSettings, application: Settings) -> TaskStore:
    if settings.store == "sqlite":
        return SqliteTaskStore(settings)
    if application.http.reuse_port:
        raise ConfigurationError(
            'tasks.store is "memory", so each worker would run each task; set it to "sqlite"'
        )
    return MemoryTaskStore()


@inject
def _pool_settings_of(settings: TasksSettings) -> WorkerPoolSettings:
    return settings.pool
