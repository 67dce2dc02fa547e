"""`TaskQueue`: starts tasks, here or on other machines, with the same code."""

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from secrets import token_hex
from typing import Any, Generic, ParamSpec, TypeVar, overload

import msgspec
from injector import inject

from bundles.tasks.job import current_job
from bundles.tasks.queue.backend import TaskBackend, Waiter
from bundles.tasks.queue.exceptions import (
    TaskFailedError,
    TaskQueueFullException,
    TaskTimeoutException,
)
from bundles.tasks.queue.message import TaskMessage
from bundles.tasks.queue.task import TASK_OPTION
from bundles.tasks.transport import TASKS
from rxkernel import Compiled, Definition, Kernel, Source, decode_json

_PASSED = (Source.PARAMS, Source.BODY)
"""The sources of parameters whose values a caller passes."""

P = ParamSpec("P")
R = TypeVar("R")


class QueuedTask(Generic[R]):
    """A task that was put into the queue.

    Attributes:
        id: the id of the task, which the log has too.
        task: the name of its procedure.
    """

    def __init__(self, message: TaskMessage, waiter: Waiter, returns: Any) -> None:
        self.id = message.id
        self.task = message.task
        self._waiter = waiter
        self._returns = returns

    async def result(self, timeout: float | None = None) -> R:
        """Wait for the end of the task, and return a copy of its result.

        Raises:
            TaskFailedError: its last run failed.
            TaskTimeoutException: *timeout* seconds have passed (408); the task continues to run.
        """
        try:
            async with asyncio.timeout(timeout):
                outcome = await self._waiter()
        except TimeoutError as exc:
            raise TaskTimeoutException(code="task_timeout") from exc
        if outcome.error is not None:
            raise TaskFailedError(self.task, outcome.error, outcome.status_code)
        result: R = msgspec.convert(outcome.result, self._returns, strict=False)
        return result


class TaskQueue:
    """Puts tasks into the queue; this process or another one runs them.

    Attributes:
        counts: ``tasks.queue.put``: tasks that this process put into the queue;
            ``tasks.queue.rejected``: tasks that were rejected, since the queue was full.
    """

    @inject
    def __init__(self, kernel: Kernel, backend: TaskBackend) -> None:
        self.counts: Counter[str] = Counter()
        self._kernel = kernel
        self._backend = backend
        self._compiled: Compiled | None = None
        self._definitions: Mapping[object, Definition] = {}

    @overload
    async def enqueue(
        self, function: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> QueuedTask[R]: ...
    @overload
    async def enqueue(
        self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> QueuedTask[R]: ...
    async def enqueue(
        self, function: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> QueuedTask[Any]:
        """Queue a run of *function*: a method of an injected service or a listed function, with
        `@task`.

        The task is stored when this returns. It receives copies of the arguments, as JSON.

        Raises:
            ValueError: *function* is not a task of this application.
            TypeError: the arguments do not fit its signature, or are not JSON.
            TaskQueueFullException: the queue is full (503).
        """
        definition = self._definition_of(function)
        given = inspect.signature(function).bind_partial(*args, **kwargs).arguments
        params, body = self._arguments(definition, given)
        message = TaskMessage(
            id=token_hex(16), task=definition.name, params=params, body=body, job=current_job()
        )
        try:
            waiter = await self._backend.put(message)
        except TaskQueueFullException:
            self.counts["tasks.queue.rejected"] += 1
            raise
        self.counts["tasks.queue.put"] += 1
        return QueuedTask(message, waiter, definition.signature.returns)

    def _definition_of(self, function: Callable[..., Any]) -> Definition:
        compiled = self._kernel.compiled
        if self._compiled is not compiled:
            tasks = sorted(compiled.definitions[TASKS], key=lambda one: TASK_OPTION in one.options)
            self._definitions = {_key_of(one): one for one in tasks}  # @task before a schedule
            self._compiled = compiled
        owner = getattr(function, "__self__", None)
        key = function if owner is None else (type(owner), function.__name__)
        if (definition := self._definitions.get(key)) is not None:
            return definition
        known = ", ".join(one.name for one in self._definitions.values()) or "none"
        name = getattr(function, "__qualname__", type(function).__qualname__)
        raise ValueError(
            f"{name} is not a task of this application; pass a method of an injected service "
            f"with @task, or a function of TasksBundle(functions=[…]). The tasks are: {known}"
        )

    def _arguments(
        self, definition: Definition, given: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """Return the params and the body of the message, as values of JSON."""
        params: dict[str, Any] = {}
        body: Any = None
        for parameter in definition.signature.parameters:
            if parameter.name not in given:
                if parameter.default is inspect.Parameter.empty and parameter.source in _PASSED:
                    raise TypeError(
                        f"the task {definition.name!r} requires the argument {parameter.name!r}"
                    )
                continue
            value = given[parameter.name]
            if parameter.source is Source.PARAMS:
                params[parameter.key] = value
            elif parameter.source is Source.BODY and not parameter.key:
                body = value
            elif parameter.source is Source.BODY:
                body = {**(body or {}), parameter.key: value}
            else:
                raise TypeError(
                    f"the parameter {parameter.name!r} of the task {definition.name!r} cannot be "
                    f"passed, since it is provided when the task runs; remove the argument"
                )
        plain: tuple[dict[str, Any], Any] = decode_json(
            self._kernel.serializer.encode_json([params, body])
        )
        return plain[0], plain[1]


def _key_of(definition: Definition) -> object:
    """Return the function of a module, or the class and the name of a method."""
    target, action = definition.metadata.target, definition.metadata.action
    if not isinstance(action, str):
        return action
    if inspect.ismodule(target):
        return getattr(target, action)
    return (target if isinstance(target, type) else type(target)), action
