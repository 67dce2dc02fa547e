"""Watchers: started with the servers, restarted after failures, stopped with the application."""

import asyncio
import sys

import pytest
from injector import Binder, inject, singleton

from bundles.tasks import TasksBundle, Watcher, Watchers, WatcherState
from rxkernel import ConfigurationError, HttpSettings, KernelClient, Settings
from tests.bundles.tasks.manual_clock import settle
from tests.bundles.tasks.site import Site, running_site


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []


class Endless(Watcher):
    @inject
    def __init__(self, log: Log) -> None:
        self.log = log

    async def watch(self) -> None:
        self.log.lines.append("endless begins")
        try:
            await asyncio.Event().wait()
        finally:
            self.log.lines.append("endless is cancelled")

    async def stop(self) -> None:
        self.log.lines.append("endless stops")


class Failing(Watcher):
    name = "health"

    @inject
    def __init__(self, log: Log) -> None:
        self.log = log
        self.gate = asyncio.Event()
        self.calls = 0

    async def watch(self) -> None:
        self.calls += 1
        await self.gate.wait()
        raise ConnectionError(f"no database, call {self.calls}")

    async def stop(self) -> None:
        raise RuntimeError("cannot stop")


class Ending(Watcher):
    async def watch(self) -> None:
        return


def bind(binder: Binder) -> None:
    binder.bind(Log, scope=singleton)


def status_of(site: Site, name: str) -> str:
    watchers: Watchers = site.client.application.injector.get(Watchers)
    return watchers.statuses[name].state


# check 36
async def test_watcher_stops_with_the_servers_although_others_raise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bundle = TasksBundle(watchers=[Endless, Failing, Ending])
    async with running_site(bundles=(bundle,), modules=(bind,)) as site:
        log = site.client.application.injector.get(Log)
        assert log.lines == ["endless begins"]
        assert status_of(site, "Ending") == WatcherState.ENDED
        site.client.application.injector.get(Failing).gate.set()
        await settle()
        assert "the watcher health failed; it will be restarted in 1 s" in caplog.text

        await site.stop()

        assert log.lines == ["endless begins", "endless stops", "endless is cancelled"]
        assert "the watcher health failed to stop" in caplog.text
        assert status_of(site, "Endless") == status_of(site, "health") == WatcherState.STOPPED


async def test_watcher_that_fails_at_once_is_restarted_with_longer_delays() -> None:
    """The delays are 1, 2, 4, … 60 seconds."""
    bundle = TasksBundle(watchers=[Failing])
    async with running_site(bundles=(bundle,), modules=(bind,)) as site:
        watcher = site.client.application.injector.get(Failing)
        watcher.gate.set()
        await settle()
        calls = []
        for _ in range(10):
            calls.append(watcher.calls)
            await site.advance(1)
        assert calls == [1, 2, 2, 3, 3, 3, 3, 4, 4, 4]

        await site.advance(590)

        assert watcher.calls == 6 + (600 - 63) // 60 + 1


class Exiting(Watcher):
    calls = 0

    async def watch(self) -> None:
        self.calls += 1
        sys.exit(3)

    async def stop(self) -> None:
        sys.exit(4)


async def test_watcher_that_exits_is_restarted_and_the_process_continues() -> None:
    bundle = TasksBundle(watchers=[Exiting])
    async with running_site(bundles=(bundle,)) as site:
        watcher = site.client.application.injector.get(Exiting)
        await settle()
        await site.advance(1)
        assert watcher.calls == 2
        await site.stop()
        assert status_of(site, "Exiting") == WatcherState.STOPPED


async def test_watcher_that_has_run_long_is_restarted_with_the_shortest_delay() -> None:
    bundle = TasksBundle(watchers=[Failing])
    async with running_site(bundles=(bundle,), modules=(bind,)) as site:
        watcher = site.client.application.injector.get(Failing)
        watcher.gate.set()
        await settle()
        await site.advance(31)
        watcher.gate.clear()
        await site.advance(32)
        assert status_of(site, "health") == WatcherState.RUNNING
        await site.advance(60)
        calls = watcher.calls

        watcher.gate.set()
        await settle()
        await site.advance(1)

        assert watcher.calls == calls + 1


async def test_failing_watcher_makes_the_process_not_ready_until_it_works() -> None:
    bundle = TasksBundle(watchers=[Failing])
    async with running_site(bundles=(bundle,), modules=(bind,)) as site:
        watcher = site.client.application.injector.get(Failing)
        assert "watcher health" not in await not_ready(site.client)

        watcher.gate.set()
        await settle()
        await site.advance(1)
        watcher.gate.clear()
        assert "watcher health" in await not_ready(site.client)
        await site.advance(2)
        assert status_of(site, "health") == WatcherState.RUNNING
        assert "watcher health" in await not_ready(site.client)
        await site.advance(2)

        assert "watcher health" not in await not_ready(site.client)


async def not_ready(client: KernelClient) -> set[str]:
    response = await client.http("readyz")
    return {error["name"] for error in response.content.get("errors", ())}


async def test_cancellation_within_a_watcher_is_a_failure() -> None:
    class Cancelled(Watcher):
        async def watch(self) -> None:
            raise asyncio.CancelledError

    async with running_site(bundles=(TasksBundle(watchers=[Cancelled]),)) as site:
        assert status_of(site, "Cancelled") == WatcherState.WAITING


async def test_bound_watcher_is_supervised_and_names_must_differ() -> None:
    class Other(Watcher):
        name = "Ending"

        async def watch(self) -> None: ...

    def both(binder: Binder) -> None:
        binder.bind(Ending, scope=singleton)
        binder.bind(Other, scope=singleton)

    async with running_site(modules=(lambda b: b.bind(Ending, scope=singleton),)) as site:
        assert status_of(site, "Ending") == WatcherState.ENDED
    with pytest.raises(
        ConfigurationError, match=r"Ending and .*Other have the same name 'Ending'"
    ):
        async with running_site(modules=(both,)):
            pass


async def test_watcher_without_a_name_is_an_error() -> None:
    class Nameless(Watcher):
        name = ""

        async def watch(self) -> None: ...

    with pytest.raises(ConfigurationError, match="Nameless has an empty name"):
        async with running_site(bundles=(TasksBundle(watchers=[Nameless]),)):
            pass


async def test_watchers_of_a_served_application_see_a_listening_server() -> None:
    ports: list[object] = []

    class Ports(Watcher):
        async def watch(self) -> None:
            ports.append(site.client.application.servers["http"].port)

    async with running_site(bundles=(TasksBundle(watchers=[Ports]),), is_started=False) as site:
        application = site.client.application
        await application.stop()
        application.settings = Settings(
            http=HttpSettings(port=0), bundles=application.settings.bundles
        )
        await application.start()
        await settle()
        assert ports
        assert ports[0] != 0


class Cancelling(Watcher):
    """A watcher that cancels its own task when it stops, as most watchers do."""

    async def watch(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        task = asyncio.create_task(asyncio.Event().wait())
        task.cancel()
        await task


async def test_watcher_whose_stop_is_cancelled_from_within_does_not_cancel_the_shutdown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bundle = TasksBundle(watchers=[Cancelling])
    async with running_site(bundles=(bundle,)) as site:
        await site.stop()
        assert "the watcher Cancelling failed to stop" in caplog.text


class Hasty(Watcher):
    min_delay = 0.0

    async def watch(self) -> None: ...


class Patient(Watcher):
    min_delay, max_delay = 5.0, 1.0

    async def watch(self) -> None: ...


async def test_boot_reports_all_watchers_with_an_invalid_delay_or_scope() -> None:
    bundle = TasksBundle(watchers=[Hasty, Patient])
    with pytest.raises(ConfigurationError) as raised:
        async with running_site(bundles=(bundle,), modules=(lambda binder: binder.bind(Ending),)):
            pass
    text = str(raised.value)
    assert "the watcher Hasty has min_delay = 0.0 and max_delay = 60.0; both are seconds" in text
    assert "the watcher Patient has min_delay = 5.0 and max_delay = 1.0" in text
    assert "the watcher Ending is not a singleton; bind it with scope=singleton" in text


class Blocking(Watcher):
    def watch(self) -> None:  # type: ignore[override]
        ...


async def test_watcher_that_is_not_async_is_an_error_at_boot() -> None:
    bundle = TasksBundle(watchers=[Blocking])
    with pytest.raises(ConfigurationError, match=r"Blocking\.watch is not async; write async def"):
        async with running_site(bundles=(bundle,)):
            pass


async def test_listed_class_that_is_not_a_watcher_is_an_error_at_boot() -> None:
    bundle = TasksBundle(watchers=[Log])  # type: ignore[list-item]
    with pytest.raises(ConfigurationError, match=r"Log'> in TasksBundle\(watchers="):
        async with running_site(bundles=(bundle,)):
            pass
