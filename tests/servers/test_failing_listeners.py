"""For events that report an end, a failing listener does not prevent the others from running."""

import asyncio
from typing import Any

import pytest

from rxkernel import (
    Application,
    ApplicationEvents,
    Event,
    HttpMetadata,
    KernelClient,
    KernelEvents,
    ServerEvents,
    http,
    observe,
    websocket,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until


class Hello:
    @http("GET", "/hello", "hello")
    @websocket("hello")
    async def hello(self) -> str:
        return "hello"


class Listeners:
    """The first two fail if ``armed``; the others record the event in ``heard``."""

    def __init__(self) -> None:
        self.armed = True
        self.heard: list[str] = []

    def add(self, application: Application, event_name: str) -> None:
        async def fail(event: Event) -> None:
            if self.armed:
                raise RuntimeError("the first failure")

        async def cancel(event: Event) -> None:
            if self.armed:
                raise asyncio.CancelledError

        async def hear(event: Event) -> None:
            self.heard.append(event_name)

        async def stop(event: Event) -> None:
            event.stop_propagation()

        async def unreachable(event: Event) -> None:
            pytest.fail("called after propagation was stopped")

        for listener in (fail, cancel, hear, stop, unreachable):
            application.dispatcher.add_listener(event_name, listener)


ENDS = (
    ServerEvents.STOPPING,
    ServerEvents.DISCONNECTED,
    KernelEvents.KERNEL_TERMINATE,
    ApplicationEvents.SHUTDOWN,
)


async def test_failing_listeners_in_server_do_not_prevent_the_others(
    serve: Serve, session: Any, http_path: str, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Hello)
    listeners = Listeners()
    for event_name in ENDS:
        listeners.add(application, event_name)

    async with session.get(http_url(application, "/hello")) as response:
        assert await response.text() == "hello"
    async with raw_socket(application) as raw:
        await raw.send('421["hello"]')
        await raw.acknowledged(1)
    await until(lambda: ServerEvents.DISCONNECTED in listeners.heard)
    await application.stop()

    both = [ServerEvents.STOPPING] * 2  # one of each server
    assert sorted(listeners.heard) == sorted(
        [*both, ServerEvents.DISCONNECTED, *[KernelEvents.KERNEL_TERMINATE] * 2, ENDS[-1]]
    )
    for event_name in ENDS:
        assert f"Listeners.add.<locals>.fail of {event_name} failed" in caplog.text
        assert f"Listeners.add.<locals>.cancel of {event_name} failed" in caplog.text
    assert "the first failure" in caplog.text


async def test_failing_listeners_in_kernel_client_do_not_prevent_the_others() -> None:
    application = Application(controllers=[Hello])
    listeners = Listeners()
    for event_name in ENDS[1:]:
        listeners.add(application, event_name)

    async with KernelClient(application) as client:
        await client.http("hello")
        async with client.connection():
            pass

    assert sorted(listeners.heard) == sorted(ENDS[1:])


async def test_failing_listener_of_a_reload_does_not_prevent_the_others() -> None:
    application = Application(controllers=[Hello])
    listeners = Listeners()
    listeners.armed = False
    listeners.add(application, KernelEvents.KERNEL_COMPILED)

    async with application:
        listeners.armed = True
        added = HttpMetadata(Hello, "other", "/other", "GET", "hello")
        await application.reload(add=[added])

    assert listeners.heard == [KernelEvents.KERNEL_COMPILED] * 2


@pytest.mark.parametrize("event_name", [ApplicationEvents.BOOTSTRAP, KernelEvents.KERNEL_COMPILED])
async def test_failing_listener_of_boot_ends_boot_and_the_others_are_not_called(
    event_name: str,
) -> None:
    application = Application(controllers=[Hello])
    listeners = Listeners()
    listeners.add(application, event_name)

    with pytest.raises(RuntimeError, match="the first failure"):
        await application.boot()

    assert listeners.heard == []


async def test_stop_cancelled_in_a_listener_of_shutdown_calls_no_further_listener() -> None:
    """Here the task that stops the application is cancelled, not the listener."""

    class Waits:
        @observe(ApplicationEvents.SHUTDOWN, priority=1)
        async def wait(self, event: Event) -> None:
            entered.set()
            await asyncio.Event().wait()

    entered = asyncio.Event()
    application = Application(controllers=[Hello], listeners=[Waits])
    listeners = Listeners()
    listeners.add(application, ApplicationEvents.SHUTDOWN)
    await application.boot()

    stopping = asyncio.create_task(application.stop())
    await entered.wait()
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping

    assert listeners.heard == []
