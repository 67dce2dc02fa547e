"""`current_application` in the code that an application runs."""

import asyncio
from typing import Any

import aiohttp
import pytest

from rxkernel import Application, HttpSettings, Request, Settings, current_application, http
from rxkernel.application.events import ApplicationEvents, BootstrapEvent, ShutdownEvent


class Observer:
    """Records `current_application` during its requests."""

    seen: list[Application | None]

    def __init__(self) -> None:
        self.seen = []

    @http("GET", "/task", "task")
    async def task(self, request: Request) -> None:
        async def note() -> None:
            self.seen.append(current_application.get())

        await asyncio.create_task(note())

    @http("GET", "/thread", "thread")
    def thread(self, request: Request) -> None:
        self.seen.append(current_application.get())


def make(which: Observer, *, fast_path: bool) -> Application:
    settings = Settings(http=HttpSettings(port=0, fast_path=fast_path))
    return Application(controllers=[which], settings=settings)


async def get(application: Application, path: str) -> None:
    url = f"{application.servers['http'].url}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200


async def ask_two(*, fast_path: bool) -> None:
    """Start two applications from one task, and compare what their requests see."""
    one, other = Observer(), Observer()
    applications = [make(one, fast_path=fast_path), make(other, fast_path=fast_path)]
    for application in applications:
        await application.start()
    try:
        for path in ("/task", "/thread"):
            for application in applications:
                await get(application, path)
        assert current_application.get() is None
    finally:
        for application in applications:
            await application.stop()
    assert one.seen == [applications[0]] * 2
    assert other.seen == [applications[1]] * 2


@pytest.mark.parametrize("fast_path", [True, False])
async def test_current_application_of_two_applications_is_separate(fast_path: bool) -> None:
    await ask_two(fast_path=fast_path)


def test_current_application_with_uvloop_is_separate() -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask_two(fast_path=True))
        runner.run(ask_two(fast_path=False))


async def test_current_application_is_set_during_boot_reload_and_stop() -> None:
    application = Application()
    seen: list[Any] = []

    async def bootstrap(event: BootstrapEvent) -> None:
        seen.append(current_application.get())

    async def shutdown(event: ShutdownEvent) -> None:
        seen.append(current_application.get())

    async def before_swap() -> None:
        seen.append(current_application.get())

    application.dispatcher.add_listener(ApplicationEvents.BOOTSTRAP, bootstrap)
    application.dispatcher.add_listener(ApplicationEvents.SHUTDOWN, shutdown)
    await application.boot()
    await application.reload(before_swap=before_swap)
    await application.stop()

    assert seen == [application] * 3
    assert current_application.get() is None
