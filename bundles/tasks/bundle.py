"""What the bundle adds to an application."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from injector import Binder, inject, singleton

from bundles.clock import Clock
from bundles.redis_backend import redis_backend
from bundles.tasks.background import Background
from bundles.tasks.commands import tasks
from bundles.tasks.listed import list_problem
from bundles.tasks.listeners import TasksListeners
from bundles.tasks.pool.settings import WorkerPoolSettings
from bundles.tasks.pool.worker_pool import WorkerPool
from bundles.tasks.queue.backend import TaskBackend
from bundles.tasks.queue.execution import TaskExecution
from bundles.tasks.queue.listeners import QueueListeners, TaskFunctions
from bundles.tasks.queue.local_backend import LocalTasks
from bundles.tasks.queue.settings import TaskQueueSettings
from bundles.tasks.queue.task import TASK_OPTION
from bundles.tasks.queue.task_queue import TaskQueue
from bundles.tasks.scheduler.entries import TaskEntries
from bundles.tasks.scheduler.memory_store import MemoryTaskStore
from bundles.tasks.scheduler.plan import OPTION
from bundles.tasks.scheduler.planner import Planner
from bundles.tasks.scheduler.scheduler import Scheduler
from bundles.tasks.scheduler.sqlite_store import SqliteTaskStore
from bundles.tasks.scheduler.store import TaskStore
from bundles.tasks.server import TasksServer
from bundles.tasks.settings import TasksSettings
from bundles.tasks.task_runner import TaskRunner
from bundles.tasks.watcher import Watcher
from bundles.tasks.watchers import Watchers
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    ConfigurationError,
    Settings,
    observe,
)


class TasksBundle(Bundle):
    """Schedules, queued tasks, supervised loops, background work and worker processes.

    Args:
        functions: functions of modules with `@task`. Methods of services need no list.
        watchers: classes that the injector builds. Watchers that are bound need not be listed.

    Raises:
        ConfigurationError: with every argument that is not a list.
    """

    name = "tasks"
    after = ("redis",)
    options = (OPTION, TASK_OPTION)
    listeners = (TasksListeners, QueueListeners)
    servers = (TasksServer,)
    commands = (tasks,)
    settings_class = TasksSettings
    provides = (Background, Clock, Scheduler, TaskQueue, TaskStore, Watchers, WorkerPool)

    def __init__(
        self,
        *,
        functions: Sequence[Callable[..., Any]] = (),
        watchers: Sequence[type[Watcher]] = (),
    ) -> None:
        given = {"functions": functions, "watchers": watchers}
        problems = [list_problem(name, value, "…") for name, value in given.items()]
        if found := [problem for problem in problems if problem is not None]:
            raise ConfigurationError(*found)
        self._functions = TaskFunctions(tuple(functions))
        self._watchers = tuple(watchers)

    def configure(self, binder: Binder) -> None:
        self._check_watchers()
        binder.bind(TaskFunctions, to=self._functions)
        binder.bind(TaskExecution, scope=singleton)
        binder.bind(TaskQueue, scope=singleton)
        binder.bind(TaskBackend, to=self._bind_backend(binder), scope=singleton)  # type: ignore[type-abstract]
        binder.bind(TaskQueueSettings, to=_queue_settings_of, scope=singleton)
        binder.bind(Clock, scope=singleton)
        binder.bind(TaskStore, to=self._store(binder), scope=singleton)  # type: ignore[type-abstract]
        for service in (TaskRunner, TaskEntries, Planner, Scheduler, Watchers, Background):
            binder.bind(service, scope=singleton)
        for watcher in self._watchers:
            binder.bind(watcher, scope=singleton)
        binder.bind(WorkerPool, scope=singleton)
        binder.bind(WorkerPoolSettings, to=_pool_settings_of, scope=singleton)

    def _check_watchers(self) -> None:
        problems = [
            f"{watcher!r} in TasksBundle(watchers=…) is not a subclass of Watcher"
            for watcher in self._watchers
            if not (isinstance(watcher, type) and issubclass(watcher, Watcher))
        ]
        if problems:
            raise ConfigurationError(*problems)

    @observe(ApplicationEvents.BOOTSTRAP)
    async def check_store(self, event: BootstrapEvent) -> None:
        """Reject the store ``memory`` with several worker processes."""
        store = event.injector.get(TaskStore)  # type: ignore[type-abstract]
        if event.injector.get(Settings).http.reuse_port and isinstance(store, MemoryTaskStore):
            event.problems.append(
                'tasks.store is "memory", so every worker process would run every task; set it to '
                '"sqlite" or "redis"'
            )

    def _store(self, binder: Binder) -> type[TaskStore]:
        match binder.injector.get(TasksSettings).store:
            case "sqlite":
                return SqliteTaskStore
            case "redis":
                place = "bundles.tasks.scheduler.redis_store:RedisTaskStore"
                store: type[TaskStore] = redis_backend(
                    binder, "tasks.store", '["redis", "tasks"]', place
                )
                return store
            case "memory":
                return MemoryTaskStore

    def _bind_backend(self, binder: Binder) -> type[TaskBackend]:
        if binder.injector.get(TasksSettings).queue.store == "memory":
            return LocalTasks
        place = "bundles.tasks.queue.redis_backend:RedisTasks"
        backend: type[TaskBackend] = redis_backend(
            binder, "tasks.queue.store", '["redis", "tasks"]', place
        )
        binder.bind(backend, scope=singleton)
        binder.bind(import_module("bundles.tasks.queue.task_worker").TaskWorker, scope=singleton)
        return backend


@inject
def _queue_settings_of(settings: TasksSettings) -> TaskQueueSettings:
    return settings.queue


@inject
def _pool_settings_of(settings: TasksSettings) -> WorkerPoolSettings:
    return settings.pool
