"""Wrappers around the listeners and the action: `DefinitionEvent.wrap_handler`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rxkernel import (
    Application,
    ConfigurationError,
    ConflictException,
    DefinitionEvent,
    ExceptionEvent,
    KernelClient,
    KernelEvents,
    NotFoundException,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    Settings,
    TerminateEvent,
    TooManyRequestsException,
    error_response,
    http,
    observe,
    procedure,
    websocket,
)
from rxkernel.routing.definitions import Handler
from tests.context_probe import LINES, Lines

Wrapper = Callable[[Handler, Request], Awaitable[Response]]


class Pages:
    """Routes and listeners that log."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    @http("GET", "/page", "page")
    @websocket("page")
    @procedure("page", LINES)
    async def page(self, request: Request) -> str:
        self.log.append("action")
        return "page"

    @http("GET", "/missing", "missing")
    async def missing(self, request: Request) -> None:
        raise NotFoundException

    @http("GET", "/conflict", "conflict")
    async def conflict(self, request: Request) -> None:
        raise ConflictException

    @observe(KernelEvents.KERNEL_REQUEST)
    async def before(self, event: RequestEvent) -> None:
        self.log.append("request")

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def after(self, event: ResponseEvent) -> None:
        self.log.append(f"response {event.response.status_code}")

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def failed(self, event: ExceptionEvent) -> None:
        self.log.append(f"exception {type(event.exception).__name__}")
        if isinstance(event.exception, ConflictException | TooManyRequestsException):
            event.set_response(error_response(event.exception))

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def end(self, event: TerminateEvent) -> None:
        self.log.append("terminate")


def around(wrapper: Wrapper) -> Callable[[Handler], Handler]:
    """Return the decorator that puts *wrapper* around a handler."""

    def decorate(handler: Handler) -> Handler:
        async def wrapped(request: Request) -> Response:
            return await wrapper(handler, request)

        return wrapped

    return decorate


def logged(word: str, log: list[str]) -> Wrapper:
    """Return a wrapper that logs the outcome of its handler."""

    async def wrapper(handler: Handler, request: Request) -> Response:
        log.append(f"{word}: {request.definition.name}")
        try:
            response = await handler(request)
        except BaseException as exc:
            log.append(f"{word} got {type(exc).__name__}")
            raise
        log.append(f"{word} got {response.status_code}")
        return response

    return wrapper


class Wrap:
    """Puts *wrappers* around each handler, the first innermost."""

    def __init__(self, *wrappers: Wrapper) -> None:
        self.wrappers = wrappers

    @observe(KernelEvents.KERNEL_DEFINITION)
    async def wrap(self, event: DefinitionEvent) -> None:
        for wrapper in self.wrappers:
            event.wrap_handler(around(wrapper))


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def wrapped(log: list[str]) -> Callable[..., KernelClient]:
    """``wrapped(wrapper, …)`` is a client of `Pages` with wrappers around each handler."""

    def client(*wrappers: Wrapper, **settings: Any) -> KernelClient:
        return KernelClient(
            Application(
                controllers=[Pages(log)],
                listeners=[Wrap(*wrappers)],
                bundles=[Lines],
                settings=Settings(**settings),
            )
        )

    return client


INSIDE = ["request", "action", "response 200"]


@pytest.mark.parametrize("transport", ["HTTP", "SOCKET", "LINES"])
async def test_wrapper_added_later_is_outside(
    wrapped: Callable[..., KernelClient], log: list[str], transport: str
) -> None:
    async with wrapped(logged("inner", log), logged("outer", log)) as client:
        if transport == "HTTP":
            response = await client.http("page")
        elif transport == "SOCKET":
            response = await client.websocket("page")
        else:
            response = await client.call(transport, "page")

    around = ["outer: page", "inner: page", *INSIDE, "inner got 200", "outer got 200"]
    assert response.content == "page"
    assert log == [*around, "terminate"]


async def test_handler_of_a_definition_has_the_wrappers(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    async with wrapped(logged("wrapper", log)) as client:
        await client.application.kernel.http_definitions["page"].handler(Request("HTTP"))

    assert log == ["wrapper: page", *INSIDE, "wrapper got 200"]


async def test_wrapper_gets_exception_without_response(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    """The exception passes one exception phase; the standard error is made outside the wrapper."""
    async with wrapped(logged("inner", log), logged("outer", log)) as client:
        assert (await client.http("missing")).status_code == 404

    assert log == [
        "outer: missing",
        "inner: missing",
        "request",
        "exception NotFoundException",
        "inner got NotFoundException",
        "outer got NotFoundException",
        "response 404",
        "terminate",
    ]


async def test_wrapper_gets_the_response_of_an_exception_listener(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    async with wrapped(logged("wrapper", log)) as client:
        assert (await client.http("conflict")).status_code == 409

    assert log[2:-1] == ["exception ConflictException", "response 409", "wrapper got 409"]


async def test_wrapper_with_own_response_skips_handler(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    async def cached(handler: Handler, request: Request) -> Response:
        return Response("cached", 203)

    async with wrapped(logged("inner", log), cached) as client:
        response = await client.http("page")

    assert (response.status_code, response.content) == (203, "cached")
    assert log == ["terminate"]


async def test_wrapper_exception_starts_exception_phase(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    """One listener can shape every error, also that of a wrapper."""

    async def limited(handler: Handler, request: Request) -> Response:
        raise TooManyRequestsException

    async with wrapped(limited) as client:
        assert (await client.http("page")).status_code == 429

    assert log == ["exception TooManyRequestsException", "response 429", "terminate"]


async def test_wrapper_exception_replacing_another_starts_exception_phase(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    async def translated(handler: Handler, request: Request) -> Response:
        try:
            return await handler(request)
        except NotFoundException as exc:
            raise ConflictException from exc

    async with wrapped(translated) as client:
        assert (await client.http("missing")).status_code == 409

    assert log == [
        "request",
        "exception NotFoundException",
        "exception ConflictException",
        "response 409",
        "terminate",
    ]


async def test_wrapper_task_exception_starts_one_exception_phase(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    """On Python 3.11, `asyncio.wait_for` runs its coroutine in another context."""

    async def in_a_task(handler: Handler, request: Request) -> Response:
        task = asyncio.ensure_future(handler(request))
        return await task

    async with wrapped(in_a_task) as client:
        assert (await client.http("missing")).status_code == 404

    assert log.count("exception NotFoundException") == 1


async def test_wrapper_task_group_with_handler_exception_is_unwrapped(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    async def handle(handler: Handler, request: Request) -> Response:
        return await handler(request)

    async def in_a_group(handler: Handler, request: Request) -> Response:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(asyncio.sleep(0))
            async with asyncio.TaskGroup() as inner:
                task = inner.create_task(handle(handler, request))
        return task.result()

    async with wrapped(in_a_group) as client:
        assert (await client.http("missing")).status_code == 404

    assert log == ["request", "exception NotFoundException", "response 404", "terminate"]


async def test_wrapper_exception_group_starts_exception_phase(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    async def fails(handler: Handler, request: Request) -> Response:
        raise ExceptionGroup("of the wrapper", [NotFoundException()])

    async with wrapped(fails) as client:
        assert (await client.http("page")).status_code == 500

    assert log == ["exception ExceptionGroup", "response 500", "terminate"]


async def test_wrapper_that_returns_no_response_is_logged_500(
    wrapped: Callable[..., KernelClient], log: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def plain(handler: Handler, request: Request) -> Response:
        return "page"  # type: ignore[return-value]

    async with wrapped(plain) as client:
        assert (await client.http("page")).status_code == 500

    assert log == ["exception TypeError", "response 500", "terminate"]
    assert "of 'page' returned str; a wrapper of a handler returns a Response" in caplog.text


async def test_wrappers_not_async_are_all_reported(log: list[str]) -> None:
    class Plain:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def wrap(self, event: DefinitionEvent) -> None:
            event.wrap_handler(lambda handler: lambda request: handler(request))

    with pytest.raises(ConfigurationError) as caught:
        await Application(controllers=[Pages(log)], listeners=[Plain()], bundles=[Lines]).boot()

    assert len(caught.value.problems) == 3, "one problem for each definition"
    assert f"the wrapper {__name__}.test_wrappers" in caught.value.problems[0]
    assert "is not async; return an async def that takes the request" in caught.value.problems[0]
    assert " at 0x" not in caught.value.problems[0]


async def test_cancellation_is_raised_in_wrapper(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    started = asyncio.Event()

    async def waiting(handler: Handler, request: Request) -> Response:
        started.set()
        await asyncio.Event().wait()
        return await handler(request)

    async with wrapped(waiting, logged("outer", log)) as client:
        call = asyncio.ensure_future(client.http("page"))
        await started.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert log == ["outer: page", "outer got CancelledError"]


async def test_request_timeout_includes_the_time_of_a_wrapper(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    """It is cancelled like an action; the exception phase of the timeout is outside of it."""

    async def waiting(handler: Handler, request: Request) -> Response:
        await asyncio.Event().wait()
        return await handler(request)

    async with wrapped(waiting, logged("outer", log), request_timeout=0.01) as client:
        response = await client.http("page")

    assert (response.status_code, response.content["code"]) == (503, "timeout")
    assert log[:2] == ["outer: page", "outer got CancelledError"]
    assert log[2:] == ["exception _DeadlineException", "response 503", "terminate"]


async def test_wrapper_with_request_timeout_has_same_result(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    async with wrapped(logged("wrapper", log), request_timeout=60.0) as client:
        assert (await client.http("page")).content == "page"
        assert (await client.http("missing")).status_code == 404

    assert log[:6] == ["wrapper: page", *INSIDE, "wrapper got 200", "terminate"]
    assert log.count("exception NotFoundException") == 1


async def test_reload_wraps_new_definitions_only(
    wrapped: Callable[..., KernelClient], log: list[str]
) -> None:
    class More:
        @http("GET", "/more", "more")
        async def more(self, request: Request) -> str:
            return "more"

    async with wrapped(logged("wrapper", log)) as client:
        await client.application.boot()
        await client.application.reload(controllers=[More])
        await client.http("page")
        await client.http("more")

    assert [line for line in log if ":" in line] == ["wrapper: page", "wrapper: more"]


async def test_definition_without_wrapper_has_no_wrapped_handler(
    log: list[str],
) -> None:
    class Some:
        @observe(KernelEvents.KERNEL_DEFINITION, only=lambda d: d.name == "page")
        async def wrap(self, event: DefinitionEvent) -> None:
            event.wrap_handler(around(logged("wrapper", log)))

    application = Application(controllers=[Pages(log)], listeners=[Some()], bundles=[Lines])
    async with application:
        definitions = application.kernel.http_definitions
        assert "handle" in vars(definitions["page"].pipeline)
        assert "handle" not in vars(definitions["missing"].pipeline)
