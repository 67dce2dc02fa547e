"""The arguments of a decorator or of `Scheduler.add` for the times of a task."""

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Literal

import attrs
import msgspec

from bundles.tasks.scheduler.schedule import (
    LONGEST,
    Schedule,
    read_at,
    read_cron,
    read_every,
    read_zone,
)
from rxkernel import Allowed, BundleOption, Definition, Parameter, Source

OPTION = BundleOption("schedule", "tasks", '"tasks"')

Kind = Literal["every", "cron", "at"]
Misfire = Literal["run", "skip"]

_READERS = {"every": read_every, "cron": read_cron, "at": read_at}
_MISFIRES = ("run", "skip")
_SENT = (Source.PARAMS, Source.BODY, Source.HEADER, Source.COOKIE)
"""The sources of arguments that a sender provides. A run by a decorator has no such arguments."""

_JITTER = Allowed(
    "seconds, 0 or more, and at most a century", (int, float), lambda value: 0 <= value <= LONGEST
)


@attrs.frozen(repr=False)
class Plan:
    """Its values are not checked here: boot reports the `problems` of all plans at once.

    Attributes:
        kind: the name of the decorator.
        given: its first argument.
        jitter: the maximum of a random delay, in seconds.
        misfire: what to do with a run that has missed its time.
    """

    kind: Kind
    given: str | float | timedelta | datetime
    timezone: str = "UTC"
    jitter: float = 0.0
    misfire: Misfire = "run"

    @property
    def schedule(self) -> Schedule:
        """The times of the task.

        Raises:
            ValueError: the period, the expression, the moment or the time zone is invalid.
        """
        return _READERS[self.kind](self.given, self.timezone)

    @property
    def zone(self) -> tzinfo:
        """The time zone of the times.

        Raises:
            ValueError: the time zone does not exist.
        """
        return read_zone(self.timezone)

    def problems(self) -> Iterator[str]:
        try:
            _ = self.schedule
        except ValueError as exc:
            yield str(exc)
        if not _JITTER.holds(self.jitter):
            yield f"the jitter is {self.jitter!r}; it must be {_JITTER.text}"
        if self.misfire not in _MISFIRES:
            yield f'misfire is {self.misfire!r}; it must be "run" or "skip"'

    def text(self) -> str:
        """Return the times as text, which can be passed to `Plan` again."""
        match self.given:
            case timedelta():
                return f"{self.given.total_seconds():.15g}s"
            case bool() | int() | float():
                return f"{self.given:.15g}s"
            case datetime():
                return self.given.isoformat()
        return self.given

    def stored(self) -> "Plan":
        """Return the same plan with its times as text."""
        return attrs.evolve(self, given=self.text())

    def __repr__(self) -> str:
        zone = "" if self.timezone == "UTC" else f", timezone={self.timezone!r}"
        return f"{self.kind}({self.given!r}{zone})"

    def __str__(self) -> str:
        zone = "" if self.timezone == "UTC" else f" {self.timezone}"
        return f"{self.kind} {self.text()}{zone}"


def problems_of_plan(definition: Definition) -> Iterator[str]:
    """Yield the errors in the schedule of the method of *definition*."""
    plan: Plan | None = definition.options.get(OPTION)
    if plan is None:
        return
    yield from plan.problems()
    for parameter in definition.signature.parameters:
        if parameter.is_required and _is_sent(parameter):
            yield (
                f"the parameter {parameter.name!r} has no default, but a run by @{plan.kind} has "
                f"no parameters and no body; write a default, or make the method a @procedure and "
                f"pass the arguments to Scheduler.add"
            )


def _is_sent(parameter: Parameter) -> bool:
    """Whether the argument is missing in a run without params and body. A class of parameters is
    not checked, since all its fields may have defaults."""
    if parameter.source is Source.BODY and not parameter.key:
        return _rejects_null(parameter.type)
    return bool(parameter.key) and parameter.source in _SENT


def _rejects_null(kind: object) -> bool:
    try:
        msgspec.convert(None, kind)
    except msgspec.ValidationError:
        return True
    except TypeError:  # msgspec does not know the type
        return False
    return False
