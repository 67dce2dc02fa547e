"""Tasks that are added at run time, and how runs are planned."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from bundles.tasks import TASKS, Scheduler, TasksBundle, at, every
from rxkernel import ConflictException, Request, Response, StreamResponse, http, procedure
from tests.bundles.tasks.manual_clock import ManualClock, settle
from tests.bundles.tasks.site import Site, running_site
from tests.waiting import until


@attrs.frozen
class Mail:
    to: str
    text: str = ""


class Jobs:
    def __init__(self) -> None:
        self.ran: list[Any] = []
        self.gate = asyncio.Event()
        self.gate.set()

    @procedure("mail", TASKS)
    async def mail(self, mail: Mail, urgent: bool = False) -> str:
        self.ran.append((mail, urgent))
        return mail.to

    @procedure("note", TASKS)
    async def note(self, request: Request) -> None:
        self.ran.append(dict(request.params))
        request.body["changed"] = True

    @procedure("slow", TASKS)
    async def slow(self) -> str:
        self.ran.append("begun")
        await self.gate.wait()
        return "done"

    @procedure("missing", TASKS)
    async def missing(self) -> Response:
        return Response({"message": "no such file"}, 404)

    @procedure("stream", TASKS)
    async def stream(self) -> StreamResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"x"

        return StreamResponse(pieces())

    @procedure("large", TASKS)
    async def large(self, size: int) -> str:
        return "x" * size


async def ids(site: Site) -> list[str]:
    return [entry.id for entry in await site.scheduler.entries()]


async def due_by_name(site: Site) -> dict[str, float | None]:
    return {entry.name: entry.record.due for entry in await site.scheduler.entries()}


# T59
async def test_added_interval_runs_each_period_with_its_params_and_body() -> None:
    """`every: '1s'` runs at least 3 times in 4 s."""
    jobs = Jobs()
    async with running_site(jobs) as site:
        id = await site.add("mail", every="1s", params={"urgent": True}, body={"to": "ada"})
        await site.advance(4)

        assert jobs.ran == [(Mail("ada"), True)] * 4
        record = (await site.entry(id)).record
        assert (record.runs, record.result, record.error) == (4, "ada", None)


@pytest.mark.parametrize(
    ("task", "given", "problem"),
    [
        (
            "mail",
            {"params": {"urgnt": 1}},
            "'mail' does not accept the parameter 'urgnt'; its parameters are: urgent",
        ),
        (
            "slow",
            {"params": {"x": 1, "y": 2}},
            "the parameter 'x' and 'y'; its parameters are: none",
        ),
        ("slow", {"body": {"x": 1}}, "'slow' does not accept a body; pass body=None"),
        ("large", {"params": {"size": 1}, "body": []}, "'large' does not accept a body"),
    ],
)
async def test_argument_that_the_procedure_does_not_take_is_rejected(
    task: str, given: dict[str, Any], problem: str
) -> None:
    async with running_site(Jobs()) as site:
        with pytest.raises(ValueError, match=problem):
            await site.scheduler.add(task, every="1s", **given)

        assert await site.scheduler.entries() == []


async def test_run_cannot_change_the_body_of_the_next_run() -> None:
    jobs = Jobs()
    async with running_site(jobs) as site:
        id = await site.add("note", every="1s", params={"n": 1}, body={"a": [1]})
        await site.advance(2)

        assert (await site.entry(id)).body == {"a": [1]}
        assert jobs.ran == [{"n": 1}] * 2


async def test_body_that_does_not_fit_is_recorded_as_422(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running_site(Jobs()) as site:
        id = await site.add("mail", every="1s", body={"to": 5})
        await site.advance(1)

        record = (await site.entry(id)).record
        assert record.error is not None
        assert record.error.startswith("422 validation failed; see errors: ")
        assert '"path":"body.to"' in record.error
    assert "task mail failed: 422" in caplog.text


# T60
async def test_remove_and_stop_end_added_tasks(tmp_path: Path) -> None:
    """After `remove(id)`, `stop(name)` and `stop()` tasks and files are gone."""
    jobs = Jobs()
    file = tmp_path / "tasks.sqlite3"
    async with running_site(jobs, file=file) as site:
        add = site.scheduler.add
        one = await add("mail", every="1s", name="one", body={"to": "1"})
        await add("mail", every="1s", name="two", body={"to": "2"})
        await add("mail", every="1s", name="two", body={"to": "2"})
        await add("mail", every="1s", name="three", body={"to": "3"})
        assert one is not None

        assert await site.scheduler.remove(one)
        assert not await site.scheduler.remove(one)
        assert await site.scheduler.stop("two") == 2
        await site.advance(1)
        await until(lambda: jobs.ran)  # the start is stored first, in a thread
        assert jobs.ran == [(Mail("3"), False)]
        assert await site.scheduler.stop() == 1
        assert await ids(site) == []

    async with running_site(jobs, file=file) as site:
        assert await ids(site) == []


# T60
async def test_past_moment_is_not_added() -> None:
    """The id of a task with a past date is empty."""
    async with running_site(Jobs()) as site:
        assert await site.scheduler.add("slow", at="2027-07-15 12:00") is None
        assert await site.scheduler.add("slow", every="2021") is None
        assert await ids(site) == []


async def test_one_time_task_is_removed_after_its_run(tmp_path: Path) -> None:
    jobs = Jobs()
    async with running_site(jobs, file=tmp_path / "tasks.sqlite3") as site:
        jobs.gate.clear()
        id = await site.scheduler.add("slow", at="2027-07-15 12:00:05")
        await site.advance(5)
        assert await ids(site) == [id]

        jobs.gate.set()
        await site.stop()

        assert await ids(site) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "the task 'slow' needs exactly one of every=, cron= and at="),
        ({"every": "1s", "cron": "* * * * *"}, "needs exactly one of every=, cron= and at="),
        ({"every": "3x"}, "the task 'slow' is invalid: the period '3x' has the invalid part '3x'"),
        ({"cron": "0 3 30 2 *"}, "Bad day-of-month"),
        ({"every": "1s", "timezone": "Mars"}, "the time zone 'Mars' does not exist"),
        ({"every": "1s", "jitter": float("nan")}, "the jitter is nan"),
        ({"every": "1s", "jitter": 10**400}, "the jitter is 10000"),
        ({"every": "1s", "misfire": "x"}, "misfire is 'x'"),
        ({"task": "unknown", "every": "1s"}, "unknown task 'unknown'; the tasks are: mail, note"),
    ],
)
async def test_add_invalid_argument_is_an_error(given: Any, message: str) -> None:
    async with running_site(Jobs()) as site:
        with pytest.raises(ValueError, match=message):
            await site.scheduler.add(**{"task": "slow", **given})
        with pytest.raises(TypeError):
            await site.scheduler.add("mail", every="1s", body=object())
        assert await ids(site) == []


async def test_remove_of_decorated_method_is_an_error() -> None:
    class Ticks:
        @every("1s", name="tick")
        async def tick(self) -> None: ...

    async with running_site(Ticks) as site:
        with pytest.raises(ValueError, match="the task 'tick' is made by a decorator"):
            await site.scheduler.remove("tick")
        assert await site.scheduler.stop() == 0
        assert await ids(site) == ["tick"]


async def test_job_longer_than_its_period_never_overlaps(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A run that is still active is logged, as in Impress."""
    jobs = Jobs()
    async with running_site(jobs) as site:
        jobs.gate.clear()
        id = await site.add("slow", every="1s")
        await site.advance(3)
        assert jobs.ran == ["begun"]
        assert (await site.entry(id)).record.is_running

        jobs.gate.set()
        await settle()
        await site.advance(1)

        assert jobs.ran == ["begun"] * 2
        record = (await site.entry(id)).record
        assert (record.runs, record.skipped) == (2, 2)
    assert "is due while its last run is still active; skipped" in caplog.text


async def test_runs_wait_for_their_turn_beyond_the_concurrency() -> None:
    jobs = Jobs()
    async with running_site(jobs, concurrency=2) as site:
        jobs.gate.clear()
        for _ in range(3):
            await site.scheduler.add("slow", at="2027-07-15 12:00:01")
        await site.advance(1)
        assert jobs.ran == ["begun"] * 2

        jobs.gate.set()
        await settle()

        assert jobs.ran == ["begun"] * 3


async def test_jitter_delays_each_run_within_its_bound() -> None:
    jobs = Jobs()
    async with running_site(jobs) as site:
        for _ in range(20):
            await site.scheduler.add("note", every="100s", jitter=10, body={})
        await site.advance(99)
        assert jobs.ran == []
        await site.advance(2)
        assert len(jobs.ran) < 20
        await site.advance(9)
        assert len(jobs.ran) == 20
        (due,) = {entry.record.due for entry in await site.scheduler.entries()}
        assert due == site.clock.now() + 90


async def test_result_beyond_4_kib_is_not_kept() -> None:
    async with running_site(Jobs()) as site:
        small = await site.add("large", every="1s", params={"size": 4094})
        large = await site.add("large", every="1s", params={"size": 4095})
        await site.advance(1)

        assert (await site.entry(small)).record.result == "x" * 4094
        record = (await site.entry(large)).record
        assert (record.result, record.error) == (None, None)


async def test_response_that_is_an_error_or_a_stream_is_a_failed_run() -> None:
    async with running_site(Jobs()) as site:
        assert (await site.scheduler.run("missing")).error == "404 no such file"
        error = (await site.scheduler.run("stream")).error
        assert error == "500 a task returns its result, not a stream or a file"


async def test_stored_task_whose_procedure_has_gone_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, clock = tmp_path / "tasks.sqlite3", ManualClock()
    async with running_site(Jobs(), file=file, clock=clock) as site:
        id = await site.add("slow", every="1s")
    async with running_site(file=file, clock=clock) as site:
        await site.advance(1)
        await wait_for_runs(site, id, 1)

        assert (await site.entry(id)).record.error == "404 unknown task 'slow'"
    assert "task slow failed: there is no procedure of this name" in caplog.text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"every": 90}, "every 90s"),
        ({"every": timedelta(minutes=1, microseconds=500000)}, "every 60.5s"),
        ({"at": datetime(2027, 12, 24, 18, tzinfo=UTC)}, "at 2027-12-24T18:00:00+00:00"),
        ({"cron": "0 3 * * *", "timezone": "Asia/Tokyo"}, "cron 0 3 * * * Asia/Tokyo"),
    ],
)
async def test_times_are_the_same_after_a_restart(given: Any, text: str, tmp_path: Path) -> None:
    file, clock = tmp_path / "tasks.sqlite3", ManualClock()
    async with running_site(Jobs(), file=file, clock=clock) as site:
        id = await site.add("slow", **given)
        before = await site.entry(id)
    async with running_site(Jobs(), file=file, clock=clock) as site:
        after = await site.entry(id)
        assert str(after.plan) == text
        assert (after.plan, after.schedule) == (before.plan, before.schedule)


async def test_run_runs_a_task_at_once_and_returns_its_record() -> None:
    jobs = Jobs()
    async with running_site(jobs, is_started=False) as site:
        id = await site.add("mail", every="1h", body={"to": "ada"})
        due = (await site.entry(id)).record.due

        record = await site.scheduler.run(id)

        assert (record.runs, record.result, record.due) == (1, "ada", due)
        assert (await site.scheduler.run("slow")).result == "done"
        assert await ids(site) == [id]
        with pytest.raises(KeyError):
            await site.scheduler.run("unknown")


async def test_run_of_running_task_is_a_conflict() -> None:
    jobs = Jobs()
    async with running_site(jobs) as site:
        jobs.gate.clear()
        id = await site.add("slow", every="1s")
        await site.advance(1)
        with pytest.raises(ConflictException, match="already running"):
            await site.scheduler.run(id)
        jobs.gate.set()


async def test_stop_of_application_waits_for_runs() -> None:
    jobs = Jobs()
    async with running_site(jobs) as site:
        jobs.gate.clear()
        id = await site.add("slow", every="1s")
        await site.advance(1)
        entry = await site.entry(id)
        stopping = asyncio.ensure_future(site.client.application.servers["tasks"].drain())
        await settle()
        assert not stopping.done()

        jobs.gate.set()
        await stopping

        assert entry.record.result == "done"


async def test_run_past_the_shutdown_timeout_is_cancelled_and_recorded() -> None:
    jobs = Jobs()
    async with running_site(jobs) as site:
        jobs.gate.clear()
        id = await site.add("slow", every="1s")
        await site.advance(1)
        entry = await site.entry(id)

        await site.client.application.servers["tasks"].stop()

        assert (entry.record.is_running, entry.record.error) == (False, "cancelled")


class Adding:
    @http("POST", "/jobs", "add")
    async def add(self, scheduler_id: str, request: Request) -> str | None:
        scheduler = await request.get(Scheduler)
        return await scheduler.add("note", every="10s", name=scheduler_id, body={})


async def test_action_adds_a_task_whose_runs_are_messages_of_their_own() -> None:
    jobs = Jobs()
    async with running_site(jobs, Adding) as site:
        response = await site.client.http("add", params={"scheduler_id": "mine"})
        await site.advance(10)

        entry = await site.entry(response.content)
        assert (entry.name, entry.record.runs) == ("mine", 1)


async def test_tasks_that_are_due_at_the_same_time_all_run() -> None:
    jobs = Jobs()
    async with running_site(jobs) as site:
        for _ in range(250):
            await site.scheduler.add("note", at="2027-07-15 12:00:01", body={})
        await site.advance(1)
        await until(lambda: len(jobs.ran) == 250)
        await site.stop()
        assert await ids(site) == []


async def test_one_time_task_that_was_missed_is_removed_or_runs() -> None:
    jobs = Jobs()
    async with running_site(jobs) as site:
        for misfire in ("run", "skip"):
            await site.scheduler.add(
                "note",
                at="2027-07-15 12:10",
                misfire=misfire,
                params={"kind": misfire},
                body={},
            )
        site.clock.set_forward(3600)
        await site.advance(30)

        assert jobs.ran == [{"kind": "run"}]
        assert await ids(site) == []


async def test_decorated_moment_that_has_passed_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Past:
        @at("2021-07-20", name="past")
        async def past(self) -> None: ...

    file = tmp_path / "tasks.sqlite3"
    for _ in range(2):
        async with running_site(Past, file=file) as site:
            assert (await site.entry("past")).record.due is None
    assert caplog.text.count("the task past (at 2021-07-20) never runs: its time has passed") == 1


# --- the clock


# F8
async def test_clock_set_forward_runs_cron_once_and_does_not_affect_intervals() -> None:
    """The clock jumps by an hour."""
    jobs = Jobs()
    async with running_site(jobs) as site:
        await site.scheduler.add("note", cron="*/5 * * * *", params={"kind": "cron"}, body={})
        await site.scheduler.add("note", every="40s", params={"kind": "every"}, body={})

        site.clock.set_forward(3600)
        await site.advance(39)
        assert jobs.ran == [{"kind": "cron"}]
        await site.advance(1)

        assert jobs.ran == [{"kind": "cron"}, {"kind": "every"}]


async def test_clock_set_back_during_a_restart_does_not_delay_frequent_tasks(
    tmp_path: Path,
) -> None:
    file = tmp_path / "tasks.sqlite3"
    clock = ManualClock("2050-07-15T12:00:00+00:00")
    async with running_site(Jobs, clock=clock, file=file) as site:
        await site.scheduler.add("note", every="10m", name="interval", body={})
        await site.scheduler.add("note", cron="5 * * * *", name="hourly", body={})
        await site.scheduler.add("note", cron="0 3 * * *", name="daily", body={})
        before = await due_by_name(site)

    clock = ManualClock()
    async with running_site(Jobs, clock=clock, file=file) as site:
        after = await due_by_name(site)
        assert after["interval"] == clock.now() + 600
        assert after["hourly"] == clock.now() + 300
        assert after["daily"] == before["daily"]


async def test_clock_set_back_runs_frequent_tasks_and_repeats_no_fixed_time() -> None:
    jobs = Jobs()
    async with running_site(jobs) as site:
        await site.scheduler.add("note", cron="1 12 * * *", params={"kind": "fixed"}, body={})
        await site.scheduler.add("note", cron="*/5 * * * *", params={"kind": "cron"}, body={})
        await site.scheduler.add("note", every="40s", params={"kind": "every"}, body={})
        await site.advance(60)
        assert jobs.ran == [{"kind": "every"}, {"kind": "fixed"}]
        jobs.ran.clear()

        site.clock.set_forward(-3600)
        await site.advance(300)

        kinds = [params["kind"] for params in jobs.ran]
        assert (kinds.count("fixed"), kinds.count("cron"), kinds.count("every")) == (0, 1, 8)


async def test_time_that_was_missed_runs_once_or_is_skipped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    jobs = Jobs()
    async with running_site(jobs, misfire_grace=60) as site:
        add = site.scheduler.add
        run = await add("note", cron="*/5 * * * *", params={"kind": "run"}, body={})
        skip = await add(
            "note", cron="*/5 * * * *", params={"kind": "skip"}, body={}, misfire="skip"
        )
        assert run is not None
        assert skip is not None
        site.clock.set_forward(3599)
        await site.advance(30)

        assert jobs.ran == [{"kind": "run"}]
        missed = (await site.entry(skip)).record
        assert (missed.runs, missed.missed) == (0, 1)
        assert missed.due == (await site.entry(run)).record.due
    assert "has missed its time by" in caplog.text


# T59
async def test_no_timer_wakes_more_often_than_twice_a_minute_when_nothing_is_due() -> None:
    """The CPU stays idle."""
    async with running_site(Jobs()) as site:
        for _ in range(1000):
            await site.scheduler.add("slow", every="1d")
        assert len(site.clock.timers) == 1
        site.clock.wakes = 0

        await site.advance(600)

        assert site.clock.wakes == 20
        assert len(site.clock.timers) == 1


# --- restarts


async def test_tasks_survive_a_restart_with_their_records(tmp_path: Path) -> None:
    jobs, clock, file = Jobs(), ManualClock(), tmp_path / "sub" / "tasks.sqlite3"
    async with running_site(jobs, clock=clock, file=file) as site:
        id = await site.add(
            "mail", every="1h", name="group", params={"urgent": True}, body={"to": "ada"}, jitter=1
        )
        await clock.advance(1800)
        await site.scheduler.run(id)
        before = await site.entry(id)
    assert file.stat().st_mode & 0o777 == 0o600

    async with running_site(jobs, clock=clock, file=file) as site:
        after = await site.entry(id)
        assert (after.record, after.plan, after.name) == (before.record, before.plan, "group")
        jobs.ran.clear()

        await clock.advance(1801)
        await site.stop()

        assert jobs.ran == [(Mail("ada"), True)]


async def test_time_during_a_restart_is_run_by_the_misfire_policy(tmp_path: Path) -> None:
    class Nightly:
        def __init__(self) -> None:
            self.ran: list[str] = []

        @every("3:", name="late")
        async def late(self) -> None:
            self.ran.append("late")

        @every("3:", name="never", misfire="skip")
        async def never(self) -> None:
            self.ran.append("never")

    nightly, clock, file = Nightly(), ManualClock(), tmp_path / "tasks.sqlite3"
    async with running_site(nightly, clock=clock, file=file):
        pass
    clock.set_forward(3 * 24 * 3600)

    async with running_site(nightly, clock=clock, file=file) as site:
        await clock.advance(0.1)
        await site.stop()
        assert nightly.ran == ["late"]


async def test_changed_plan_of_decorated_method_replaces_the_stored_one(tmp_path: Path) -> None:
    def ticks(period: str) -> Any:
        class Ticks:
            @every(period, name="tick")
            async def tick(self) -> None: ...

        return Ticks

    clock, file = ManualClock(), tmp_path / "tasks.sqlite3"
    async with running_site(ticks("1h"), clock=clock, file=file) as site:
        await site.scheduler.run("tick")
        first = (await site.entry("tick")).record.due
        await clock.advance(60)
    async with running_site(ticks("1h"), clock=clock, file=file) as site:
        assert (await site.entry("tick")).record.due == first
    async with running_site(ticks("2h"), clock=clock, file=file) as site:
        record = (await site.entry("tick")).record
        assert (record.due, record.runs) == (clock.now() + 7200, 1)
    async with running_site(Jobs(), clock=clock, file=file) as site:
        assert await ids(site) == []


async def test_one_of_two_processes_runs_the_tasks_and_the_other_takes_over(
    tmp_path: Path,
) -> None:
    one, two, clock = Jobs(), Jobs(), ManualClock()
    file = tmp_path / "tasks.sqlite3"
    async with (
        running_site(one, clock=clock, file=file, workers=True) as first,
        running_site(two, clock=clock, file=file, workers=True) as second,
    ):
        id = await second.add("note", every="10s", body={})
        await wait_for(clock, lambda: one.ran)
        assert (one.ran, two.ran) == ([{}], [])
        await wait_for_runs(second, id, 1)

        await first.stop()
        await wait_for(clock, lambda: two.ran)

        await wait_for_runs(second, id, 2)
        assert await first.scheduler.stop() == 1
        await wait_for_empty(clock, second)


async def wait_for(clock: ManualClock, condition: Any) -> None:
    """Let time elapse until *condition*; the files are read in threads."""
    async with asyncio.timeout(20):
        while not condition():
            await clock.advance(1)
            await asyncio.sleep(0.001)


async def wait_for_runs(site: Site, id: str, number: int) -> None:
    async with asyncio.timeout(20):
        while (await site.entry(id)).record.runs < number:  # noqa: ASYNC110 - it is in a file
            await asyncio.sleep(0.001)


async def wait_for_empty(clock: ManualClock, site: Site) -> None:
    async with asyncio.timeout(20):
        while await ids(site):
            await clock.advance(1)
            await asyncio.sleep(0.001)


async def test_bundle_without_tasks_stores_nothing() -> None:
    async with running_site(bundles=(TasksBundle,)) as site:
        assert await ids(site) == []
