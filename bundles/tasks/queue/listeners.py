"""Publishes listed functions, checks the options of `@task`, and ends local tasks."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
from injector import inject

from bundles.tasks.queue.backend import TaskBackend
from bundles.tasks.queue.local_backend import LocalTasks
from bundles.tasks.queue.task import TASK_OPTION, TaskOptions
from bundles.tasks.transport import TASKS
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    ConfigurationError,
    Definition,
    DefinitionEvent,
    KernelEvents,
    ProcedureMetadata,
    ShutdownEvent,
    observe,
    routes_of,
)


@attrs.frozen
class TaskFunctions:
    """What was passed to the bundle."""

    functions: Sequence[Callable[..., Any]] = ()


def _is_queued(definition: Definition) -> bool:
    return TASK_OPTION in definition.options


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
                    f"{function!r} is listed in TasksBundle(functions=…), and is not a function "
                    f"at the top of a module with @task"
                )
        if problems:
            raise ConfigurationError(*problems)

    @observe(KernelEvents.KERNEL_DEFINITION, only=_is_queued)
    async def check(self, event: DefinitionEvent) -> None:
        options = event.definition.options[TASK_OPTION]
        if not isinstance(options, TaskOptions):
            problems = [f"the option {TASK_OPTION!r} is set by @task only"]
        else:
            problems = list(options.problems())
        if problems:
            place = f"the task {event.definition.name!r} ({event.definition.metadata.place})"
            raise ConfigurationError(*(f"{place} is invalid: {one}" for one in problems))

    @observe(ApplicationEvents.SHUTDOWN)
    async def drain(self, event: ShutdownEvent) -> None:
        """The services that tasks use are still open."""
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
