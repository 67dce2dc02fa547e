"""`@task`: a function or a method that can be put into the `TaskQueue`."""

from collections.abc import Callable, Iterator
from typing import overload

import attrs

from bundles.tasks.transport import F, task_procedure
from rxkernel import COUNT_OR_0, SECONDS_OR_0, BundleOption, Definition

TASK_OPTION = BundleOption("task", "tasks", '"tasks"')

_LONGEST_DELAY = 3600.0


@attrs.frozen(kw_only=True)
class TaskOptions:
    """How often a failed task is retried, and when.

    Attributes:
        retries: the maximum number of retries, after failures and after a process that ended.
        retry_delay: seconds before the first retry. They double with each retry, to at most an
            hour.
    """

    retries: int = 3
    retry_delay: float = 1.0

    def delay_after(self, failures: int) -> float:
        """Return the seconds to wait after the run with this number of *failures*."""
        return min(self.retry_delay * 2.0 ** min(failures - 1, 30), _LONGEST_DELAY)

    def problems(self) -> Iterator[str]:
        if not COUNT_OR_0.holds(self.retries):
            yield f"retries is {self.retries!r}; it must be {COUNT_OR_0.text}"
        if not SECONDS_OR_0.holds(self.retry_delay):
            yield f"retry_delay is {self.retry_delay!r}; it must be {SECONDS_OR_0.text}"


def problems_of_options(definition: Definition) -> Iterator[str]:
    """Yield the problems of the arguments of `@task`."""
    options = definition.options.get(TASK_OPTION)
    if isinstance(options, TaskOptions):
        yield from options.problems()
    elif options is not None:
        yield f"the option {TASK_OPTION!r} is set by @task only"


@overload
def task(function: F, /) -> F: ...
@overload
def task(
    *, name: str | None = None, retries: int = 3, retry_delay: float = 1.0
) -> Callable[[F], F]: ...
def task(
    function: F | None = None,
    /,
    *,
    name: str | None = None,
    retries: int = 3,
    retry_delay: float = 1.0,
) -> F | Callable[[F], F]:
    """Let `TaskQueue.enqueue` run the decorated function, or method of a bound service.

    It becomes the procedure *name* of the transport `TASKS`, by default ``Class.method``.
    Functions
    must be listed: ``TasksBundle(functions=[…])``. A run that fails is retried, see `TaskOptions`,
    unless its error is an `HttpException` with a status below 500.
    """

    def label(labelled: F) -> F:
        return task_procedure(labelled, name, TASK_OPTION, options)

    options = TaskOptions(retries=retries, retry_delay=retry_delay)
    return label if function is None else label(function)
