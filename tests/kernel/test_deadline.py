"""``request_timeout``: cancelled actions, the error response, and what does not count."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from rxkernel import (
    Application,
    EventStreamResponse,
    ExceptionEvent,
    KernelClient,
    KernelEvents,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    ServerSentEvent,
    ServiceUnavailableException,
    Settings,
    StreamResponse,
    http,
    websocket,
)
from rxkernel.kernel.deadline import client_is_awaited
from rxkernel.kernel.scopes import current_request
from rxkernel.pytest_plugin import ClientOf

LATE = {"statusCode": 503, "message": "no response within 0.05 s", "code": "timeout"}
FOREVER = 3600.0

TRACE: list[str] = []


class Slow:
    released: threading.Event

    @http("GET", "/", "sleeps")
    @websocket("sleeps")
    async def sleeps(self, request: Request) -> str:
        try:
            await asyncio.sleep(FOREVER)
        finally:
            TRACE.append("cleaned up")
        return "never"

    @http("GET", "/quick", "quick")
    async def quick(self, request: Request) -> str:
        return "quick"

    @http("GET", "/own", "own")
    async def own(self, request: Request) -> None:
        raise TimeoutError("of the database")

    @http("GET", "/own-limit", "own_limit")
    async def own_limit(self, request: Request) -> str:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(FOREVER)
        except TimeoutError:
            return "from the cache"
        return "never"

    @http("GET", "/stubborn", "stubborn")
    async def stubborn(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[str]:
            try:
                yield "x"
            finally:
                TRACE.append("closed")

        source = pieces()
        await anext(source)
        try:
            await asyncio.sleep(FOREVER)
        except asyncio.CancelledError:
            TRACE.append("caught")
        return StreamResponse(source)

    @http("GET", "/clumsy", "clumsy")
    async def clumsy(self, request: Request) -> None:
        try:
            await asyncio.sleep(FOREVER)
        finally:
            raise RuntimeError("the rollback failed")

    @http("GET", "/thread", "thread")
    def thread(self, request: Request) -> str:
        self.released.wait(20)
        TRACE.append("went on")
        return "dropped"

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> EventStreamResponse:
        async def events() -> AsyncIterator[ServerSentEvent]:
            await asyncio.sleep(0.1)
            yield ServerSentEvent(data="late, and welcome")

        return EventStreamResponse(events())


def with_timeout(client_of: ClientOf, seconds: float) -> KernelClient:
    TRACE.clear()
    Slow.released = threading.Event()
    return client_of(Application(controllers=[Slow], settings=Settings(request_timeout=seconds)))


@pytest.fixture
def client(client_of: ClientOf) -> KernelClient:
    """Return a client with a timeout of 0.05 s."""
    return with_timeout(client_of, 0.05)


@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_action_past_timeout_is_cancelled_and_503(
    client: KernelClient, transport: str
) -> None:
    response = await getattr(client, transport)("sleeps")

    assert (response.status_code, response.content) == (503, LATE)
    assert TRACE == ["cleaned up"]


async def test_action_within_timeout_is_not_affected(client_of: ClientOf) -> None:
    client = with_timeout(client_of, 20)

    assert (await client.http("quick")).content == "quick"
    assert (await client.http("own_limit")).content == "from the cache"


async def test_timeout_error_of_application_is_500(client: KernelClient) -> None:
    assert (await client.http("own")).content == {
        "statusCode": 500,
        "message": "Internal Server Error",
    }


async def test_exception_listener_may_respond_to_timeout(client: KernelClient) -> None:
    async def answer(event: ExceptionEvent) -> None:
        assert isinstance(event.exception, ServiceUnavailableException)
        assert event.exception.code == "timeout"
        assert current_request.get() is event.request
        event.set_response(Response("try later", 503))

    client.dispatcher.add_listener(KernelEvents.KERNEL_EXCEPTION, answer)

    assert (await client.http("sleeps")).content == "try later"


@pytest.mark.parametrize("phase", [KernelEvents.KERNEL_REQUEST, KernelEvents.KERNEL_RESPONSE])
async def test_listener_past_timeout_is_503(client: KernelClient, phase: KernelEvents) -> None:
    async def hang(event: RequestEvent | ResponseEvent) -> None:
        await asyncio.sleep(FOREVER)

    client.dispatcher.add_listener(phase, hang)

    async with asyncio.timeout(20):
        assert (await client.http("quick")).content == LATE


async def test_exception_listener_past_timeout_is_cancelled(client: KernelClient) -> None:
    """The exception phase has the same timeout again, so a response is always sent."""

    async def hang(event: ExceptionEvent) -> None:
        await asyncio.sleep(FOREVER)

    client.dispatcher.add_listener(KernelEvents.KERNEL_EXCEPTION, hang)

    async with asyncio.timeout(20):
        assert (await client.http("sleeps")).content == LATE
        assert (await client.http("own")).content == LATE


async def test_action_that_catches_cancellation_is_503(
    client: KernelClient,
) -> None:
    """Its return value is discarded; a stream is closed."""
    assert (await client.http("stubborn")).content == LATE
    assert TRACE == ["caught", "closed"]


async def test_action_that_raises_on_cancellation_is_logged(
    client: KernelClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await client.http("clumsy")).content == LATE
    assert "the rollback failed" in caplog.text


async def test_thread_past_timeout_continues_after_503(client: KernelClient) -> None:
    assert (await client.http("thread")).content == LATE
    assert TRACE == []

    Slow.released.set()
    async with asyncio.timeout(20):
        while not TRACE:  # noqa: ASYNC110 - a thread says it
            await asyncio.sleep(0.005)


async def test_stream_sending_time_is_not_limited(client: KernelClient) -> None:
    response = await client.http("stream")

    assert [event.data async for event in response.content] == ["late, and welcome"]


async def test_response_at_timeout_is_the_response_or_503(
    client: KernelClient,
) -> None:
    """Both in one iteration of the event loop. The task does not stay in the cancelling state."""
    loop = asyncio.get_running_loop()

    async def wait(event: RequestEvent) -> None:
        ready = loop.create_future()
        loop.call_later(0.05, ready.set_result, None)
        await ready

    client.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, wait)

    for _ in range(10):
        response = await client.http("quick")
        assert response.content in ("quick", LATE)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0


async def test_cancelled_request_at_timeout_stays_cancelled(client: KernelClient) -> None:
    """Also if the timeout expires in the same iteration of the event loop: no 503 replaces it."""
    await client.http("quick")  # boots the application
    task = asyncio.create_task(client.http("sleeps"))
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, task.cancel)

    (result,) = await asyncio.gather(task, return_exceptions=True)

    if not isinstance(result, asyncio.CancelledError):
        assert isinstance(result, Response)
        assert result.content == LATE
    assert TRACE == ["cleaned up"]


async def test_timeout_is_paused_while_waiting_for_client(client_of: ClientOf) -> None:
    """Also with several readers at a time, nested phases, and a reader after the timeout."""
    client = with_timeout(client_of, 0.3)
    readers: list[asyncio.Task[None]] = []

    async def read() -> None:
        with client_is_awaited():
            await asyncio.sleep(0.4)
        with client_is_awaited():
            await asyncio.sleep(0.001)

    async def listen(event: RequestEvent) -> None:
        readers.append(asyncio.create_task(read()))
        await asyncio.gather(read(), read())

    async def rescue(event: ExceptionEvent) -> None:
        await read()
        event.set_response(Response("rescued"))

    client.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, listen)
    client.dispatcher.add_listener(KernelEvents.KERNEL_EXCEPTION, rescue)

    assert (await client.http("quick")).content == "quick"
    assert (await client.http("own")).content == "rescued"
    assert (await client.http("sleeps")).content == "rescued", "the timeout did not run again"
    await asyncio.gather(*readers)
