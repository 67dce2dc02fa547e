"""Publishes the decorated methods of services, and reports the state of the tasks."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain

from injector import inject

from bundles.tasks.background import Background
from bundles.tasks.pool.worker_pool import WorkerPool
from bundles.tasks.scheduler.entries import TaskEntries
from bundles.tasks.scheduler.unreached import unreached
from bundles.tasks.server import TasksServer
from bundles.tasks.transport import TASKS
from bundles.tasks.watcher import Watcher
from bundles.tasks.watchers import Watchers
from rxkernel import (
    Application,
    ApplicationEvents,
    BootstrapEvent,
    ConfigurationError,
    Definition,
    DefinitionEvent,
    KernelEvents,
    ReadinessEvent,
    ServerEvent,
    ServerEvents,
    ServerManager,
    Settings,
    ShutdownEvent,
    observe,
)

logger = logging.getLogger(__name__)

_LAST = -10_000
"""After the listeners that add procedures."""


def _is_task(definition: Definition) -> bool:
    return definition.transport is TASKS


def _has_tasks(servers: ServerManager) -> bool:
    """Whether *servers* have started, with the server of this bundle."""
    return servers.is_serving and TasksServer.name in servers


def _warn(texts: Iterable[str]) -> None:
    for text in texts:
        logger.warning("%s", text)


@contextmanager
def _collected(errors: list[ConfigurationError]) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as exc:
        errors.append(exc)


class TasksListeners:
    @inject
    def __init__(
        self,
        entries: TaskEntries,
        watchers: Watchers,
        background: Background,
        pool: WorkerPool,
        settings: Settings,
        application: Application,
    ) -> None:
        self._application = application
        self._pool = pool
        self._entries = entries
        self._watchers = watchers
        self._background = background
        self._shutdown_timeout = settings.shutdown_timeout

    @observe(ApplicationEvents.BOOTSTRAP)
    async def publish(self, event: BootstrapEvent) -> None:
        """Add the tasks of services that are not controllers, and the watchers."""
        errors = event.add_procedures((TASKS,), "the task {}", "run")
        for service in event.services:
            if isinstance(service, Watcher):
                with _collected(errors):
                    self._watchers.add(service)
        for cls in event.scoped_classes:
            if issubclass(cls, Watcher):
                errors.append(
                    ConfigurationError(
                        f"the watcher {cls.__qualname__} is not a singleton; bind it with "
                        f"scope=singleton"
                    )
                )
        if errors:
            raise ConfigurationError.merge(errors)

    @observe(ApplicationEvents.BOOTSTRAP, priority=_LAST)
    async def report_unreached(self, event: BootstrapEvent) -> None:
        """Warn of scheduled methods that never run. This is not an error: the module of the class
        may have been imported for another reason. It may be the module of another application of
        the port; see `report_unreached_by_all`."""
        if not self._application.neighbours:
            _warn(unreached(event.procedure_metadata_storage))

    @observe(ServerEvents.STARTED)
    async def report_unreached_by_all(self, event: ServerEvent) -> None:
        """Warn of scheduled methods that no application of the port runs, when all have booted.
        The first one with this bundle reports them."""
        neighbours = self._application.neighbours.values()
        if (
            event.server.name != TasksServer.name
            or not neighbours
            or not all(neighbour.is_booted for neighbour in neighbours)
            or any(_has_tasks(neighbour.servers) for neighbour in neighbours)
        ):
            return
        every = (self._application, *neighbours)
        _warn(unreached(chain.from_iterable(one.procedure_metadata_storage for one in every)))

    @observe(KernelEvents.KERNEL_DEFINITION, priority=2000, only=_is_task)
    async def mark_as_public(self, event: DefinitionEvent) -> None:
        """Set the option of routes without an access rule: clients cannot call a task."""
        event.set_option("public", True)

    @observe(ServerEvents.READINESS)
    async def report(self, event: ReadinessEvent) -> None:
        if self._entries.is_down:
            event.fail("tasks", "the store cannot be used")
        for name, error in self._watchers.failing().items():
            event.fail(f"watcher {name}", error)
        if self._pool.start_failure is not None:
            event.fail("worker pool", self._pool.start_failure)

    @observe(ApplicationEvents.SHUTDOWN)
    async def finish(self, event: ShutdownEvent) -> None:
        await self._background.drain(self._shutdown_timeout)
