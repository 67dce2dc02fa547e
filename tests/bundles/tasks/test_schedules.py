"""The due times of periods, cron expressions and moments."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from bundles.tasks.scheduler.schedule import Every, Schedule, read_at, read_cron, read_every

BERLIN = ZoneInfo("Europe/Berlin")
THURSDAY = datetime(2027, 7, 15, 12, 0, 30, tzinfo=UTC)


def dues(schedule: Schedule, start: datetime) -> Iterator[datetime]:
    """Return the due times of *schedule* after *start*, in its time zone."""
    moment = schedule.next_after(start.timestamp())
    while moment is not None:
        yield datetime.fromtimestamp(moment, start.tzinfo)
        moment = schedule.next_after(moment, moment)


def texts(schedule: Schedule, start: datetime = THURSDAY, count: int = 3) -> list[str]:
    return [due.strftime("%Y-%m-%d %H:%M:%S") for due in islice(dues(schedule, start), count)]


@pytest.mark.parametrize(
    ("period", "seconds"),
    [
        ("30m 17s", 1817.0),
        ("1d", 86400.0),
        ("100s", 100.0),
        ("1d 2h 3m 4s", 93784.0),
        ("0.5s", 0.5),
        (30, 30.0),
        (timedelta(minutes=1), 60.0),
    ],
)
def test_every_interval_is_sum_of_parts(period: object, seconds: float) -> None:
    """Impress's notation of periods, such as ``1d 2h``."""
    assert read_every(period) == Every(seconds)


def test_every_next_is_counted_from_last_due_time() -> None:
    assert Every(30.0).next_after(100.0) == 130.0
    assert Every(30.0).next_after(131.0, 130.0) == 160.0
    assert Every(30.0).next_after(200.0, 130.0) == 220.0
    assert Every(30.0).next_after(160.0, 130.0) == 190.0


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("Apr 1st", ["2028-04-01 00:00:00", "2029-04-01 00:00:00", "2030-04-01 00:00:00"]),
        ("15th 100s", ["2027-07-15 12:01:40", "2027-07-15 12:03:20", "2027-07-15 12:05:00"]),
        ("Sun 17:", ["2027-07-18 17:00:00", "2027-07-25 17:00:00", "2027-08-01 17:00:00"]),
        ("20th 17:15", ["2027-07-20 17:15:00", "2027-08-20 17:15:00", "2027-09-20 17:15:00"]),
        ("Apr Sun :30", ["2028-04-02 00:30:00", "2028-04-02 01:30:00", "2028-04-02 02:30:00"]),
        (":30", ["2027-07-15 12:30:00", "2027-07-15 13:30:00", "2027-07-15 14:30:00"]),
        ("Apr", ["2028-04-01 00:00:00", "2029-04-01 00:00:00", "2030-04-01 00:00:00"]),
        ("31st 0:", ["2027-07-31 00:00:00", "2027-08-31 00:00:00", "2027-10-31 00:00:00"]),
        ("Feb 29th", ["2028-02-29 00:00:00", "2032-02-29 00:00:00", "2036-02-29 00:00:00"]),
        ("2028", ["2028-01-01 00:00:00"]),
        ("2027-07-20", ["2027-07-20 00:00:00"]),
        ("2027-07-20 17:30", ["2027-07-20 17:30:00"]),
        ("2021", []),
        ("2021-07-20 17:30", []),
    ],
)
def test_every_notation_of_impress_is_due(period: str, expected: list[str]) -> None:
    """Impress's notation of times, with the ISO dates that Impress accepts and never runs."""
    assert texts(read_every(period)) == expected


def test_every_notation_follows_time_zone() -> None:
    start = datetime(2027, 3, 27, 12, tzinfo=BERLIN)

    assert texts(read_every("17:30", "Europe/Berlin"), start) == [
        "2027-03-27 17:30:00",
        "2027-03-28 17:30:00",
        "2027-03-29 17:30:00",
    ]


@pytest.mark.parametrize("period", ["2:30", "30 2 * * *"])
def test_schedule_skipped_hour_of_spring_is_due_once(period: str) -> None:
    """Berlin, March 28th 2027: 02:00 is 03:00."""
    read = read_cron if "*" in period else read_every
    start = datetime(2027, 3, 27, 12, tzinfo=BERLIN)

    found = [due.date().day for due in islice(dues(read(period, "Europe/Berlin"), start), 3)]

    assert found == [28, 29, 30]


@pytest.mark.parametrize("period", ["2:30", "30 2 * * *"])
def test_schedule_repeated_hour_of_autumn_is_due_once(period: str) -> None:
    """Berlin, October 31st 2027: the hour from 02:00 to 03:00 is repeated."""
    read = read_cron if "*" in period else read_every
    schedule = read(period, "Europe/Berlin")
    expected = ["2027-10-31 02:30:00", "2027-11-01 02:30:00", "2027-11-02 02:30:00"]

    assert texts(schedule, datetime(2027, 10, 30, 12, tzinfo=BERLIN)) == expected
    in_second_pass = datetime(2027, 10, 31, 2, 10, fold=1, tzinfo=BERLIN)
    assert texts(schedule, in_second_pass, 1) == expected[1:2]


@pytest.mark.parametrize("period", [":30", "30 * * * *"])
@pytest.mark.parametrize("day", [datetime(2027, 3, 28), datetime(2027, 10, 31)])
def test_schedule_of_each_hour_follows_elapsed_time_when_clocks_change(
    period: str, day: datetime
) -> None:
    read = read_cron if "*" in period else read_every
    found = [
        due.timestamp()
        for due in islice(dues(read(period, "Europe/Berlin"), day.replace(tzinfo=BERLIN)), 6)
    ]

    assert {later - due for due, later in pairwise(found)} == {3600.0}


# F8
def test_cron_six_fields_have_seconds_first() -> None:
    assert texts(read_cron("* * * * * *")) == [
        "2027-07-15 12:00:31",
        "2027-07-15 12:00:32",
        "2027-07-15 12:00:33",
    ]


def test_cron_last_day_of_february_is_due() -> None:
    assert texts(read_cron("0 3 29 2 *"), count=2) == [
        "2028-02-29 03:00:00",
        "2032-02-29 03:00:00",
    ]


def test_at_is_due_once_in_its_time_zone() -> None:
    schedule = read_at("2027-12-24 18:00", "Europe/Berlin")

    assert texts(schedule) == ["2027-12-24 17:00:00"]
    assert schedule == read_at(datetime(2027, 12, 24, 18, tzinfo=BERLIN))
    assert texts(read_at("2026-12-24 18:00")) == []


@pytest.mark.parametrize(
    ("read", "given", "message"),
    [
        (read_every, "", "the period is ''; write it like '30s'"),
        (read_every, "3x", "has the invalid part '3x'"),
        (read_every, "0s", "0.1 seconds or more"),
        (read_every, -1, "0.1 seconds or more"),
        (read_every, float("nan"), "0.1 seconds or more"),
        (read_every, float("inf"), "0.1 seconds or more"),
        (read_every, 10**400, "at most a century"),
        (read_every, "36526d", "at most a century"),
        (read_every, "9999-12-31 100s", "it must be before 9999"),
        (read_every, None, "the period is None"),
        (read_every, True, "the period is True"),
        (read_every, "Feb 30th", "the day 30, which does not exist"),
        (read_every, "Feb 29th 2027", "the day 29, which does not exist"),
        (read_every, "2027-02-29", "the day 29, which does not exist"),
        (read_every, "2027-13-01", "the month 13, which does not exist"),
        (read_every, "0000-01-01", "the year 0, which does not exist"),
        (read_every, "0th", "the day 0, which does not exist"),
        (read_every, "24:00", "has the invalid part '24:00'"),
        (read_every, ":", "has the invalid part ':'"),
        (read_every, "Sun Mon", "two values for the weekday"),
        (read_every, "17:30 10s", "an interval and a time"),
        (read_every, "15th 0s", "must be 1 second or more"),
        (read_cron, "0 3 30 2 *", "Bad day-of-month"),
        (read_cron, "0 3 * *", "Wrong number of fields"),
        (read_cron, "61 * * * *", "Bad minute"),
        (read_cron, 5, "the cron expression is 5"),
        (read_at, "Christmas", "the moment is 'Christmas'"),
        (read_at, "9999-12-31 23:00-12:00", "its year must be before 9999"),
        (read_at, 5, "the moment is 5"),
    ],
)
def test_schedule_invalid_text_is_an_error(read: object, given: object, message: str) -> None:
    assert callable(read)
    with pytest.raises(ValueError, match=message.replace("*", r"\*")):
        read(given)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", None, 5])
def test_schedule_unknown_time_zone_is_an_error(zone: object) -> None:
    with pytest.raises(ValueError, match="does not exist; write a name such as 'Europe/Berlin'"):
        read_every("1s", zone)  # type: ignore[arg-type]
