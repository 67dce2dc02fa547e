"""The notation of periods of Impress: ``"1h 30m"``, ``"Apr Sun 17:30"``, ``"2027-07-20"``.

A missing part that is larger than the smallest given part means each year, month, day or hour. A
missing part that is smaller has its first value. So ``"Sun 17:"`` is each Sunday at 17:00,
``":30"`` is 30 minutes past each hour, and ``"Apr"`` is each April 1st at 00:00.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import MAXYEAR, date, datetime, time, timedelta, tzinfo
from typing import Any, ClassVar

import attrs
from cronsim import CronSim

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}

_INTERVAL = re.compile(r"(\d+(?:\.\d+)?)([dhms])")
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)")
_TIME = re.compile(r"(\d{1,2})?:(\d{2})?")
_YEAR = re.compile(r"\d{4}")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")

_LONGEST_SEARCH = 50
"""Years to search for a matching day: February 29th on a Sunday may be 40 years away."""


@attrs.frozen
class Interval:
    seconds: float


@attrs.frozen
class Dates:
    """The days and times of a notation; None means every value."""

    zone: tzinfo
    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    hour: int | None = None
    minute: int | None = None
    interval: float | None = None

    is_elapsed: ClassVar[bool] = False

    @property
    def is_frequent(self) -> bool:
        return self.interval is not None or self.hour is None

    def next_after(self, moment: float, last: float | None = None) -> float | None:
        for day in self._days(datetime.fromtimestamp(moment, self.zone).date()):
            for due in self._times(day):
                if due > moment:
                    return due
        return None

    def _days(self, day: date) -> Iterator[date]:
        if self.year is not None and day < date(self.year, 1, 1):
            day = date(self.year, 1, 1)
        last = date(self.year or min(day.year + _LONGEST_SEARCH, 9998), 12, 31)
        while day <= last:
            if self._matches(day):
                yield day
            day += timedelta(days=1)

    def _matches(self, day: date) -> bool:
        return (
            self.month in (None, day.month)
            and self.day in (None, day.day)
            and self.weekday in (None, day.weekday())
        )

    def _times(self, day: date) -> Iterator[float]:
        if self.interval is not None:
            due = datetime.combine(day, time(), self.zone).timestamp()
            end = datetime.combine(day + timedelta(days=1), time(), self.zone).timestamp()
            while due < end:
                yield due
                due += self.interval
            return
        minute = self.minute or 0
        if self.hour is not None:
            # a local time that the change to summer time skips is due one hour later
            yield datetime.combine(day, time(self.hour, minute), self.zone).timestamp()
            return
        before = datetime.combine(day, time(), self.zone) - timedelta(seconds=1)
        for found in CronSim(f"{minute} * * * *", before):  # also in a repeated hour
            if found.date() != day:
                return
            yield found.timestamp()


def read_notation(text: str, zone: tzinfo) -> Interval | Dates:
    """Read *text*.

    Raises:
        ValueError: it is invalid.
    """
    parts: dict[str, Any] = {}
    for word in text.split():
        for name, value in _read_word(text, word):
            if name in parts and name != "interval":
                raise ValueError(f"the period {text!r} has two values for the {name}; remove one")
            parts[name] = parts.get(name, 0.0) + value if name == "interval" else value
    if not parts:
        raise ValueError(f"the period is {text!r}; write it like '30s'")
    if parts.keys() == {"interval"}:
        return Interval(parts["interval"])
    if "interval" in parts:
        if not parts["interval"] >= 1:
            raise ValueError(f"the interval of the period {text!r} must be 1 second or more")
        if parts.keys() & {"hour", "minute"}:
            raise ValueError(f"the period {text!r} has an interval and a time; remove one of them")
    _check_day(text, parts)
    return Dates(zone, **_completed(parts))


def _read_word(text: str, word: str) -> list[tuple[str, Any]]:
    lower = word.lower()
    if lower in _MONTHS:
        return [("month", _MONTHS.index(lower) + 1)]
    if lower in _DAYS:
        return [("weekday", _DAYS.index(lower))]
    if found := _INTERVAL.fullmatch(lower):
        return [("interval", float(found[1]) * _UNITS[found[2]])]
    if found := _ORDINAL.fullmatch(lower):
        return [("day", int(found[1]))]
    if _YEAR.fullmatch(word):
        return [("year", int(word))]
    if found := _DATE.fullmatch(word):
        return [("year", int(found[1])), ("month", int(found[2])), ("day", int(found[3]))]
    if (found := _TIME.fullmatch(word)) and (found[1] or found[2]):
        hour, minute = found[1], int(found[2] or 0)
        if int(hour or 0) < 24 and minute < 60:
            return [("minute", minute), *([] if hour is None else [("hour", int(hour))])]
    raise ValueError(
        f"the period {text!r} has the invalid part {word!r}; write an interval, such as '1h 30m', "
        f"or a date, such as 'Apr 1st', 'Sun 17:30', ':30' or '2027-07-20 17:30'"
    )


def _check_day(text: str, parts: dict[str, Any]) -> None:
    """Reject a date that does not exist."""
    day, month, year = parts.get("day"), parts.get("month"), parts.get("year")
    if year == 0:
        raise ValueError(f"the period {text!r} has the year 0, which does not exist")
    if year == MAXYEAR:
        raise ValueError(f"the period {text!r} has the year {year}; it must be before {MAXYEAR}")
    if month is not None and not 1 <= month <= 12:
        raise ValueError(f"the period {text!r} has the month {month}, which does not exist")
    longest = 31 if month is None else monthrange(year or 2024, month)[1]  # 2024 has a Feb 29th
    if day is not None and not 1 <= day <= longest:
        raise ValueError(f"the period {text!r} has the day {day}, which does not exist")


def _completed(parts: dict[str, Any]) -> dict[str, Any]:
    """Add the first values of the parts below the smallest given part."""
    is_time = parts.keys() & {"hour", "minute", "interval"}
    if not is_time:
        parts["hour"] = 0
    if not is_time and not parts.keys() & {"day", "weekday"}:
        parts["day"] = 1
        if "month" not in parts:
            parts["month"] = 1
    return parts
