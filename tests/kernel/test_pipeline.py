"""The phases of one request, as in Symfony's HttpKernel.

A trace lists the listeners that ran: R10 is the request listener of priority 10, S response, X
exception.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rxkernel import (
    Event,
    ExceptionEvent,
    KernelClient,
    KernelEvents,
    NotFoundException,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    http,
)
from rxkernel.pytest_plugin import ClientOf

Reaction = Callable[[Any], None]


class Controller:
    @http("GET", "/", "index")
    async def index(self, request: Request) -> Any:
        TRACE.append("action")
        if "action" in FAIL:
            raise FAIL["action"]
        return Response("action")


TRACE: list[str] = []
FAIL: dict[str, BaseException] = {}


class Scene:
    """A client with six listeners that record their calls, then call functions of the test."""

    def __init__(self, client: KernelClient) -> None:
        self.client = client
        self.reactions: dict[str, Reaction] = {}
        TRACE.clear()
        FAIL.clear()
        phases = {
            "R": KernelEvents.KERNEL_REQUEST,
            "S": KernelEvents.KERNEL_RESPONSE,
            "X": KernelEvents.KERNEL_EXCEPTION,
        }
        for letter, event_name in phases.items():
            for priority in (5, 10):
                name = f"{letter}{priority}"
                client.dispatcher.add_listener(event_name, self.listener(name), priority)

    def listener(self, name: str) -> Callable[[Event], Awaitable[None]]:
        async def listen(event: Event) -> None:
            TRACE.append(name)
            if name in self.reactions:
                self.reactions[name](event)

        return listen

    async def run(self) -> Response:
        await self.client.application.boot()
        handler = self.client.application.kernel.http_definitions["index"].handler
        return await handler(Request("HTTP"))

    @property
    def trace(self) -> str:
        return " ".join(TRACE)


@pytest.fixture
def scene(client_of: ClientOf) -> Scene:
    return Scene(client_of(Controller))


def respond(text: str, status: int = 200) -> Reaction:
    def react(event: RequestEvent | ExceptionEvent | ResponseEvent) -> None:
        event.set_response(Response(text, status))

    return react


def fail(exception: Exception) -> Reaction:
    def react(event: Event) -> None:
        raise exception

    return react


def stop(event: Event) -> None:
    event.stop_propagation()


async def test_phases_of_successful_request_run_in_order(scene: Scene) -> None:
    response = await scene.run()

    assert scene.trace == "R10 R5 action S10 S5"
    assert response.content == "action"


async def test_request_listener_response_skips_later_listeners_and_action(scene: Scene) -> None:
    scene.reactions["R10"] = respond("early", 202)

    response = await scene.run()

    assert scene.trace == "R10 S10 S5"
    assert (response.content, response.status_code) == ("early", 202)


async def test_request_listener_that_only_stops_does_not_skip_action(scene: Scene) -> None:
    scene.reactions["R10"] = stop

    assert (await scene.run()).content == "action"
    assert scene.trace == "R10 action S10 S5"


async def test_response_listener_replacement_is_passed_to_next(scene: Scene) -> None:
    seen = []
    scene.reactions["S10"] = respond("replaced")
    scene.reactions["S5"] = lambda event: seen.append(event.response.content)

    assert (await scene.run()).content == "replaced"
    assert seen == ["replaced"]


async def test_response_listener_that_stops_skips_the_rest(scene: Scene) -> None:
    scene.reactions["S10"] = stop

    assert (await scene.run()).content == "action"
    assert scene.trace == "R10 R5 action S10"


async def test_request_listener_that_raises_starts_exception_phase(scene: Scene) -> None:
    scene.reactions["R10"] = fail(ValueError("mine"))

    with pytest.raises(ValueError, match="mine"):
        await scene.run()
    assert scene.trace == "R10 X10 X5"


async def test_action_exception_without_response_is_raised(scene: Scene) -> None:
    FAIL["action"] = ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        await scene.run()
    assert scene.trace == "R10 R5 action X10 X5"
    assert caught.value is FAIL["action"]


async def test_exception_listener_response_keeps_status_and_passes_response_phase(
    scene: Scene,
) -> None:
    FAIL["action"] = NotFoundException()
    scene.reactions["X10"] = respond("handled", 404)

    response = await scene.run()

    assert scene.trace == "R10 R5 action X10 S10 S5"
    assert (response.content, response.status_code) == ("handled", 404)


async def test_replaced_exception_is_passed_on_and_raised(scene: Scene) -> None:
    FAIL["action"] = ValueError("original")
    seen = []
    scene.reactions["X10"] = lambda event: event.set_exception(NotFoundException("replacement"))
    scene.reactions["X5"] = lambda event: seen.append(str(event.exception))

    with pytest.raises(NotFoundException, match="replacement") as caught:
        await scene.run()
    assert seen == ["replacement"]
    assert caught.value.__context__ is FAIL["action"]


async def test_exception_listener_that_raises_replaces_exception_and_keeps_context(
    scene: Scene,
) -> None:
    """RxStack loses the original."""
    FAIL["action"] = ValueError("original")
    scene.reactions["X10"] = fail(RuntimeError("from the listener"))

    with pytest.raises(RuntimeError, match="from the listener") as caught:
        await scene.run()
    assert scene.trace == "R10 R5 action X10"
    assert caught.value.__context__ is FAIL["action"]


async def test_response_listener_that_raises_starts_one_exception_phase(scene: Scene) -> None:
    scene.reactions["S10"] = fail(ValueError("mine"))

    with pytest.raises(ValueError, match="mine"):
        await scene.run()
    assert scene.trace == "R10 R5 action S10 X10 X5"


async def test_response_phase_failing_twice_raises(scene: Scene) -> None:
    scene.reactions["S10"] = fail(ValueError("again"))
    scene.reactions["X10"] = respond("handled")

    with pytest.raises(ValueError, match="again"):
        await scene.run()
    assert scene.trace == "R10 R5 action S10 X10 S10"


async def test_response_listener_that_raised_runs_again_for_error_response(
    scene: Scene,
) -> None:
    def once(event: Event) -> None:
        del scene.reactions["S10"]
        raise ValueError

    scene.reactions["S10"] = once
    scene.reactions["X10"] = respond("handled")

    assert (await scene.run()).content == "handled"
    assert scene.trace == "R10 R5 action S10 X10 S10 S5"


async def test_cancellation_of_task_runs_no_exception_phase(scene: Scene) -> None:
    def cancel(event: Event) -> None:
        task.cancel()

    task = asyncio.create_task(scene.run())
    scene.reactions["R5"] = cancel
    FAIL["action"] = asyncio.CancelledError()

    await asyncio.wait({task})

    assert task.cancelled()
    assert scene.trace == "R10 R5 action"


async def test_cancelled_error_of_action_starts_exception_phase(scene: Scene) -> None:
    """For example, an action awaits a task that it has cancelled; its own task goes on."""
    FAIL["action"] = asyncio.CancelledError()
    scene.reactions["X10"] = respond("handled")

    assert (await scene.run()).content == "handled"
    assert scene.trace == "R10 R5 action X10 S10 S5"


async def test_listeners_added_after_boot_run(scene: Scene) -> None:
    """The compiled tuples are dropped when a signal's receivers change."""
    await scene.run()
    TRACE.clear()
    signal = scene.client.dispatcher.signal(KernelEvents.KERNEL_REQUEST)

    with signal.connected_to(scene.listener("R0")):
        await scene.run()
    with signal.muted():
        await scene.run()
    await scene.run()

    expected = "R10 R5 R0 action S10 S5", "action S10 S5", "R10 R5 action S10 S5"
    assert scene.trace == " ".join(expected)
