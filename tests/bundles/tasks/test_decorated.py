"""`@every`, `@cron` and `@at` on methods of controllers and of bound services."""

from pathlib import Path
from typing import Annotated, Any

import pytest
from injector import Binder, Module, inject, singleton

from bundles.tasks import TASKS, TasksBundle, TasksSettings, Watcher, at, cron, every, task
from rxkernel import (
    Application,
    Body,
    ConfigurationError,
    ExceptionEvent,
    HttpException,
    Inject,
    KernelEvents,
    Request,
    RequestEvent,
    ResponseEvent,
    Settings,
    TerminateEvent,
    http,
    observe,
    option,
    request_scope,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.tasks.site import running_site


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []


class Session:
    """A service of one run."""

    @inject
    def __init__(self, log: Log) -> None:
        self.log = log

    async def aclose(self) -> None:
        self.log.lines.append("closed")


class Services(Module):
    def configure(self, binder: Binder) -> None:
        binder.bind(Log, scope=singleton)
        binder.bind(Session, scope=request_scope)
        binder.bind(Reports, scope=singleton)


class Reports:
    @inject
    def __init__(self, log: Log) -> None:
        self.log = log

    @every("30s")
    async def refresh(self, session: Annotated[Session, Inject()]) -> str:
        self.log.lines.append("refresh")
        return "fresh"

    @cron("0 3 * * *", timezone="Europe/Berlin", name="nightly")
    async def clean(self) -> None:
        self.log.lines.append("clean")

    @at("2027-07-15 18:00")
    def remind(self) -> int:
        self.log.lines.append("remind")
        return 7


async def test_decorated_method_of_service_runs_when_due() -> None:
    async with running_site(modules=(Services,)) as site:
        log = site.client.application.injector.get(Log)

        await site.advance(29.9)
        assert log.lines == []
        await site.advance(0.1)
        assert log.lines == ["refresh", "closed"]
        await site.advance(30)
        assert log.lines == ["refresh", "closed"] * 2

        entry = await site.entry("Reports.refresh")
        assert (entry.record.runs, entry.record.result, entry.record.error) == (2, "fresh", None)
        assert entry.record.last_start == entry.record.last_end == site.clock.now()
        assert entry.record.due == site.clock.now() + 30


async def test_decorated_methods_with_cron_and_moment_run_when_due() -> None:
    async with running_site(modules=(Services,)) as site:
        log = site.client.application.injector.get(Log)
        await site.advance(6 * 3600)
        assert "clean" not in log.lines
        await site.advance(7 * 3600)  # 01:00 UTC is 03:00 in Berlin

        assert log.lines.count("remind") == log.lines.count("clean") == 1
        remind, clean = await site.entry("Reports.remind"), await site.entry("nightly")
        assert (remind.record.result, remind.record.due) == (7, None)
        assert clean.record.due == site.clock.now() + 24 * 3600


class Watch:
    """Counts the messages of the kernel."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @observe(KernelEvents.KERNEL_REQUEST)
    async def request(self, event: RequestEvent) -> None:
        assert event.request.transport is TASKS
        self.seen.append(f"request {event.request.route_name}")

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def response(self, event: ResponseEvent) -> None:
        self.seen.append(f"response {event.response.status_code}")

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def exception(self, event: ExceptionEvent) -> None:
        self.seen.append(f"exception {event.exception}")

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def terminate(self, event: TerminateEvent) -> None:
        self.seen.append("terminate")


class Failing:
    @every("10s", name="fails")
    async def fail(self) -> None:
        raise ValueError("no disk")

    @every("20s", name="refuses")
    async def refuse(self) -> None:
        raise HttpException("busy")


async def test_schedule_of_task_is_readable_in_list_of_routes() -> None:
    async with running_site(modules=(Services,)) as site:
        definitions = site.client.application.kernel.definitions[TASKS]

        shown = {
            definition.name: repr(definition.options["schedule"]) for definition in definitions
        }

        assert shown == {
            "Reports.refresh": "every('30s')",
            "nightly": "cron('0 3 * * *', timezone='Europe/Berlin')",
            "Reports.remind": "at('2027-07-15 18:00')",
        }


async def test_run_is_message_that_listeners_see() -> None:
    """Each run passes the pipeline of the kernel."""
    watch = Watch()
    async with running_site(Failing, modules=(Services,), listeners=(watch,)) as site:
        await site.advance(10)
        assert watch.seen == ["request fails", "exception no disk", "response 500", "terminate"]
        watch.seen.clear()

        await site.client.call(TASKS, "Reports.refresh")

        assert watch.seen == ["request Reports.refresh", "response 200", "terminate"]


async def test_failed_run_is_recorded_and_logged_and_the_next_one_runs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running_site(Failing) as site:
        await site.advance(20)

        fails, refuses = await site.entry("fails"), await site.entry("refuses")
        assert (fails.record.runs, fails.record.failures) == (2, 2)
        assert fails.record.error == "ValueError: no disk"
        assert refuses.record.error == "500 busy"
        assert site.client.application.servers["tasks"].counts == {
            "tasks.runs": 3,
            "tasks.failures": 3,
        }
    assert [r.getMessage() for r in caplog.records].count("TASKS fails failed") == 2


class Both:
    @every("1h")
    @http("POST", "/both", "both")
    @option("colour", "red")
    async def both(self, request: Request) -> str:
        return request.transport


async def test_task_and_http_route_of_one_method_have_separate_options(
    client_of: ClientOf,
) -> None:
    """If they shared options, an option ``public`` of the task would open the route."""
    client = client_of(
        Both, bundles=[TasksBundle], options=["colour"], settings=settings(store="memory")
    )
    assert (await client.http("both")).content == "HTTP"

    kernel = client.application.kernel
    assert kernel.http_definitions["both"].options == {"colour": "red"}
    assert kernel.definitions[TASKS]["Both.both"].options.keys() == {
        *("colour", "public", "schedule"),
    }


def settings(**given: Any) -> Settings:
    return Settings(bundles={"tasks": TasksSettings(**given)})


class Wrong:
    @every("3x")
    async def period(self) -> None: ...

    @cron("0 3 30 2 *", jitter=-1)
    async def never(self) -> None: ...

    @at("2027-07-15", timezone="Mars", misfire="explode")  # type: ignore[arg-type]
    async def moment(self) -> None: ...


async def test_boot_reports_all_invalid_plans_with_their_places() -> None:
    with pytest.raises(ConfigurationError) as caught:
        await Application(
            bundles=[TasksBundle], controllers=[Wrong], settings=settings(store="memory")
        ).boot()

    assert [problem.partition(" is invalid: ")[0] for problem in caught.value.problems] == [
        f"the task 'Wrong.period' ({__name__}.Wrong.period)",
        *[f"the task 'Wrong.never' ({__name__}.Wrong.never)"] * 2,
        *[f"the task 'Wrong.moment' ({__name__}.Wrong.moment)"] * 2,
    ]
    text = str(caught.value)
    assert "Bad day-of-month" in text
    assert "the jitter is -1; it must be seconds, 0 or more" in text
    assert "the time zone 'Mars' does not exist" in text
    assert "misfire is 'explode'" in text


def test_bundle_with_arguments_that_are_not_lists_is_one_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        TasksBundle(functions=settings, watchers=Watcher)  # type: ignore[arg-type]

    one, two = caught.value.problems
    assert one.endswith("; write a list: functions=[settings]")
    assert two == "watchers is the class Watcher; write a list: watchers=[Watcher]"


@pytest.mark.parametrize(("decorator", "form"), [(every, '"30s"'), (cron, '"0 3'), (at, '"2026')])
def test_decorator_without_argument_is_an_error(decorator: Any, form: str) -> None:
    """The method would never run."""

    async def run() -> None: ...

    with pytest.raises(
        ConfigurationError, match=r"on .*run requires an argument; write @"
    ) as caught:
        decorator(run)

    assert f"write @{decorator.__name__}({form}" in str(caught.value)


class Greedy:
    @every("1h")
    async def greet(self, name: str, count: int = 1) -> None: ...

    @cron("0 3 * * *")
    async def search(self, text: Annotated[str, Body()]) -> None: ...

    @every("1h")
    async def optional(self, text: Annotated[str | None, Body()]) -> None: ...

    @every("1h")
    async def fine(self, log: Annotated[Log, Inject()], page: int = 1) -> None: ...

    @task(retries=-1)
    async def queued(self, page: int) -> None: ...

    @every("1x")
    async def period(self) -> None: ...


async def test_boot_rejects_scheduled_method_with_required_parameters() -> None:
    """Each run would fail with 422. The problems of `@task` are reported at the same time."""
    application = Application(
        bundles=[TasksBundle],
        controllers=[Greedy],
        modules=[Services],
        settings=settings(store="memory"),
    )
    with pytest.raises(ConfigurationError) as caught:
        await application.boot()

    places = [problem.partition(" is invalid: ")[::2] for problem in caught.value.problems]
    named = [(place.split("'")[1], problem.partition(", ")[0]) for place, problem in places]
    assert named == [
        ("Greedy.greet", "the parameter 'name' has no default"),
        ("Greedy.search", "the parameter 'text' has no default"),
        ("Greedy.queued", "retries is -1; it must be a whole number"),
        ("Greedy.period", "the period '1x' has the invalid part '1x'; write an interval"),
    ]


class Scoped:
    @every("1s")
    async def run(self) -> None: ...


async def test_boot_rejects_decorated_method_of_service_in_other_scope() -> None:
    application = Application(
        bundles=[TasksBundle],
        modules=[lambda binder: binder.bind(Scoped, scope=request_scope)],
        settings=settings(store="memory"),
    )
    with pytest.raises(ConfigurationError, match=r"'Scoped.run', and Scoped is not a singleton"):
        await application.boot()


async def test_boot_rejects_two_tasks_with_one_name() -> None:
    class Other:
        @every("1s", name="fails")
        async def run(self) -> None: ...

    application = Application(
        bundles=[TasksBundle], controllers=[Failing, Other], settings=settings(store="memory")
    )
    with pytest.raises(ConfigurationError, match="procedure name 'TASKS:fails' is used twice"):
        await application.boot()


async def test_boot_rejects_memory_store_with_workers() -> None:
    with pytest.raises(ConfigurationError, match="every worker process would run every task"):
        async with running_site(Failing, workers=True):
            pass


async def test_reload_adds_and_removes_tasks() -> None:
    class Next:
        ran = 0

        @every("5s", name="next")
        async def run(self) -> None:
            Next.ran += 1

    async with running_site(Failing) as site:
        await site.client.application.reload(remove=[Failing], controllers=[Next])
        await site.advance(10)

        assert [entry.id for entry in await site.scheduler.entries()] == ["next"]
        assert Next.ran == 2


async def test_task_that_reloads_remove_and_bring_back_runs(tmp_path: Path) -> None:
    file = tmp_path / "tasks.sqlite3"
    async with running_site(Failing, file=file) as site:
        reload = site.client.application.reload
        await reload(remove=[Failing])
        await reload(controllers=[Failing])
        await site.advance(10)
        await site.stop()

        assert (await site.entry("fails")).record.runs == 1
