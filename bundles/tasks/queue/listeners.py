"""Publishes listed functions, and waits for local tasks at shutdown."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
from injector import inject

from bundles.tasks.queue.backend import TaskBackend
from bundles.tasks.queue.local_backend import LocalTasks
from bundles.tasks.transport import TASKS
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    ConfigurationError,
    ProcedureMetadata,
    ShutdownEvent,
    observe,
    routes_of,
)


@attrs.frozen
class TaskFunctions:
    """The argument ``functions`` of the bundle."""

    functions: Sequence[Callable[..., Any]] = ()


class QueueListeners:
    @inject
    def __init__(self, functions: TaskFunctions, backend: TaskBackend) -> None:
        self._functions = functions.functions
        self._backend = backend

    @observe(ApplicationEvents.BOOTSTRAP)
    async def publish(self, event: BootstrapEvent) -> None:
        """Add the functions that the bundle lists."""
        problems: list[str] = []
        for function in self._functions:
            found = list(_tasks_of(function))
            for route in found:
                event.procedure_metadata_storage.add(route)
            if not found:
                problems.append(
                    f"{function!r} in TasksBundle(functions=…) is not a function with @task at "
                    f"the top level of a module"
                )
        if problems:
            raise ConfigurationError(*problems)

    @observe(ApplicationEvents.SHUTDOWN)
    async def drain(self, event: ShutdownEvent) -> None:
        """Wait for the local tasks; the services that they use are still open."""
        if isinstance(self._backend, LocalTasks):
            await self._backend.drain()


def _tasks_of(function: Callable[..., Any]) -> Iterator[ProcedureMetadata]:
    module = inspect.getmodule(function)
    if module is None:
        return
    for route in routes_of(module):
        if (
            isinstance(route, ProcedureMetadata)
            and route.transport is TASKS
            and getattr(module, str(route.action), None) is function
        ):
            yield route
