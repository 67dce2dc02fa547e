"""`@every`, `@cron` and `@at`: schedules of methods."""

from collections.abc import Callable
from datetime import datetime, timedelta

from bundles.tasks.scheduler.plan import OPTION, Misfire, Plan
from bundles.tasks.scheduler.unreached import remember
from bundles.tasks.transport import F, task_procedure
from rxkernel import ConfigurationError

_FORMS = {"every": '@every("30s")', "cron": '@cron("0 3 * * *")', "at": '@at("2026-12-24 18:00")'}


def every(
    period: str | float | timedelta,
    *,
    timezone: str = "UTC",
    jitter: float = 0.0,
    misfire: Misfire = "run",
    name: str | None = None,
) -> Callable[[F], F]:
    """Run the decorated method each *period*: ``"30s"``, ``"1h 30m"``, or a number of seconds.

    A date in the notation of Impress, such as ``"Sun 17:30"`` or ``"Apr 1st"``, runs it at that
    date. The method becomes the procedure *name* of the transport `TASKS`, by default
    ``Class.method``.

    Args:
        timezone: the time zone of a date.
        jitter: the maximum of a random delay of each run, in seconds.
        misfire: what to do if the process was stopped or busy at the time of a run: ``"run"`` it
            once, later, however many times were missed; or ``"skip"`` it.
    """
    return _scheduled(Plan("every", period, timezone, jitter, misfire), name)


def cron(
    expression: str,
    *,
    timezone: str = "UTC",
    jitter: float = 0.0,
    misfire: Misfire = "run",
    name: str | None = None,
) -> Callable[[F], F]:
    """Run the decorated method at the times of a cron *expression*, such as ``"0 3 * * *"``.

    See `every` for the other arguments.
    """
    return _scheduled(Plan("cron", expression, timezone, jitter, misfire), name)


def at(
    moment: str | datetime,
    *,
    timezone: str = "UTC",
    jitter: float = 0.0,
    misfire: Misfire = "run",
    name: str | None = None,
) -> Callable[[F], F]:
    """Run the decorated method once, at a *moment* such as ``"2026-12-24 18:00"``.

    See `every` for the other arguments.
    """
    return _scheduled(Plan("at", moment, timezone, jitter, misfire), name)


def _scheduled(plan: Plan, name: str | None) -> Callable[[F], F]:
    if callable(plan.given):
        place = getattr(plan.given, "__qualname__", plan.given)
        raise ConfigurationError(
            f"@{plan.kind} on {place} requires an argument; write {_FORMS[plan.kind]}"
        )

    def label(function: F) -> F:
        remember(function)
        return task_procedure(function, name, OPTION, plan)

    return label
