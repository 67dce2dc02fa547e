"""The routes of the place ``tasks``; imported only if the bundle tasks is enabled."""

import inspect
from typing import Any

from bundles.autoload.endpoints.actions import described
from bundles.autoload.endpoints.taken import REQUEST
from bundles.autoload.places.tasks import TaskFile
from bundles.tasks import TASKS, Plan
from bundles.tasks.scheduler.plan import OPTION
from rxkernel import ConfigurationError, ProcedureMetadata, Request


def task_routes(task: TaskFile, source: str) -> tuple[ProcedureMetadata, ...]:
    """Return the procedure of *task*, with its schedule; *source* is its place, for errors.

    Raises:
        ConfigurationError: lists every error in the schedule.
    """
    plan = Plan(task.kind, task.times, **task.options)  # type: ignore[arg-type] # one of TIMES
    if problems := tuple(plan.problems()):
        raise ConfigurationError(*problems)
    action = _action_of(task)
    return (ProcedureMetadata(task, task.method, action, TASKS, {OPTION: plan}, source=source),)


def _action_of(task: TaskFile) -> Any:
    """Return an action that calls the function of *task*; a plain function runs in a thread."""
    function, takes_request = task.function, REQUEST in task.taken.provided

    def arguments(request: Request, provided: dict[str, Any]) -> dict[str, Any]:
        own = {REQUEST: request} if takes_request else {}
        return {**task.args, **provided, **own}

    async def awaited(request: Request, **provided: Any) -> Any:
        return await function(**arguments(request, provided))

    def called(request: Request, **provided: Any) -> Any:
        return function(**arguments(request, provided))

    action = awaited if inspect.iscoroutinefunction(function) else called
    return described(action, function, {}, task.taken)
