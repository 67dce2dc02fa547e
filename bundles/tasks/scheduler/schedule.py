"""The times of a task: intervals, cron expressions, moments, and incomplete dates."""

from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo
from math import floor
from typing import ClassVar, Protocol
from zoneinfo import ZoneInfo

import attrs
from cronsim import CronSim, CronSimError

from bundles.tasks.scheduler.notation import Interval, read_notation

_SHORTEST = 0.1

LONGEST = 36525 * 86400
"""The maximum of a period or a jitter in seconds: a century, so that `datetime` can hold each
time."""


class Schedule(Protocol):
    """The moments at which a task is due, in seconds since the epoch."""

    @property
    def is_elapsed(self) -> bool:
        """Whether it is measured in elapsed time, not by the wall clock."""

    @property
    def is_frequent(self) -> bool:
        """Whether it is due each minute or hour. Then setting the wall clock back does not delay
        it. Other schedules are due only once in an hour that is repeated."""

    def next_after(self, moment: float, last: float | None = None) -> float | None:
        """Return the next time after *moment*; None: never.

        *last* is the last time at which the task was due; an interval begins there.
        """


@attrs.frozen
class Every:
    """Due each *seconds*, from the start or from the last time it was due."""

    seconds: float

    is_elapsed: ClassVar[bool] = True
    is_frequent: ClassVar[bool] = False

    def next_after(self, moment: float, last: float | None = None) -> float:
        if last is None or last > moment:
            return moment + self.seconds
        return last + self.seconds * (floor((moment - last) / self.seconds) + 1)


@attrs.frozen
class Cron:
    """The times of *expression*, which has five fields, or six with the seconds first.

    As in Debian's cron, a time in the hour that summer time skips is due at the end of that hour,
    and a time in the hour that is repeated in autumn is due once. Expressions whose minute or hour
    begins with ``*`` follow the elapsed time.
    """

    expression: str
    zone: tzinfo

    is_elapsed: ClassVar[bool] = False

    @property
    def is_frequent(self) -> bool:
        fields = self.expression.split()
        return len(fields) == 6 or any(field.startswith("*") for field in fields[:2])

    def next_after(self, moment: float, last: float | None = None) -> float | None:
        # in the repeated hour, cronsim also yields the times of its first half again
        for found in CronSim(self.expression, datetime.fromtimestamp(moment, self.zone)):
            if (due := found.timestamp()) > moment:
                return due
        return None


@attrs.frozen
class At:
    """Due once, at *moment*."""

    moment: float

    is_elapsed: ClassVar[bool] = False
    is_frequent: ClassVar[bool] = False

    def next_after(self, moment: float, last: float | None = None) -> float | None:
        return self.moment if self.moment > moment else None


def read_every(period: object, timezone: str = "UTC") -> Schedule:
    """Read an interval, such as ``"1h 30m"`` or a number of seconds, or a date, such as
    ``"Apr Sun 17:30"``.

    Raises:
        ValueError: *period* is invalid.
    """
    zone = read_zone(timezone)
    if isinstance(period, str):
        found = read_notation(period, zone)
        if not isinstance(found, Interval):
            return found
        seconds = found.seconds
    elif isinstance(period, int | float) and not isinstance(period, bool):
        seconds = period
    elif isinstance(period, timedelta):
        seconds = period.total_seconds()
    else:
        raise ValueError(f"the period is {period!r}; write it like '30s', or as seconds")
    if not _SHORTEST <= seconds <= LONGEST:
        raise ValueError(
            f"the period is {period!r}; it must be {_SHORTEST} seconds or more, and at most a "
            f"century"
        )
    return Every(float(seconds))


def read_cron(expression: object, timezone: str = "UTC") -> Cron:
    """Read a cron expression.

    Raises:
        ValueError: it is invalid, or never due.
    """
    zone = read_zone(timezone)
    if not isinstance(expression, str):
        raise ValueError(f"the cron expression is {expression!r}; write it like '0 3 * * *'")
    try:
        is_due = next(CronSim(expression, datetime.now(zone)), None) is not None
    except CronSimError as exc:
        raise ValueError(
            f"the cron expression {expression!r} is invalid: {exc}; write minute, hour, day, "
            f"month and day of the week, like '0 3 * * *'"
        ) from exc
    if not is_due:
        raise ValueError(f"the cron expression {expression!r} is never due; correct its day")
    return Cron(expression, zone)


def read_at(moment: object, timezone: str = "UTC") -> At:
    """Read a moment, such as ``"2026-12-24 18:00"``, or a datetime; *timezone* is the time zone of
    one without an offset.

    Raises:
        ValueError: it is invalid.
    """
    zone = read_zone(timezone)
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError as exc:
            raise ValueError(
                f"the moment is {moment!r}; write it like '2026-12-24 18:00': {exc}"
            ) from exc
    if not isinstance(moment, datetime):
        raise ValueError(f"the moment is {moment!r}; write it like '2026-12-24 18:00'")
    if moment.year == MAXYEAR:
        raise ValueError(f"the moment is {str(moment)!r}; its year must be before {MAXYEAR}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return At(moment.timestamp())


def read_zone(timezone: object) -> tzinfo:
    """Return the time zone with the name *timezone*.

    Raises:
        ValueError: it does not exist.
    """
    if timezone == "UTC":
        return UTC
    try:
        return ZoneInfo(timezone)  # type: ignore[arg-type]  # another class is an error too
    except (OSError, LookupError, TypeError, ValueError) as exc:
        raise ValueError(
            f"the time zone {timezone!r} does not exist; write a name such as 'Europe/Berlin'"
        ) from exc
