"""The head phase: `kernel.head` runs before the body of a message is read and decoded."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

import pytest

from rxkernel import (
    Application,
    ConfigurationError,
    Definition,
    DefinitionEvent,
    ExceptionEvent,
    HeadEvent,
    KernelClient,
    KernelEvents,
    PayloadTooLargeException,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    Settings,
    TerminateEvent,
    UnauthorizedException,
    UploadedFile,
    error_response,
    http,
    observe,
    procedure,
    websocket,
)
from rxkernel.kernel.deadline import client_is_awaited
from rxkernel.pytest_plugin import ClientOf
from rxkernel.routing.definitions import Handler
from tests.context_probe import LINES, Lines

Send = Callable[[KernelClient], Awaitable[Response]]

TRANSPORTS = pytest.mark.parametrize(
    "send",
    [
        pytest.param(lambda client: client.http("echo", body="text"), id="http"),
        pytest.param(lambda client: client.websocket("echo", body="text"), id="websocket"),
        pytest.param(lambda client: client.call(LINES, "echo", body="text"), id="procedure"),
    ],
)

ALL_PHASES = ["head", "body", "request", "action", "response"]


class Pages:
    """A controller that records which phases ran, and that reacts in *on_head*."""

    def __init__(self, on_head: Callable[[HeadEvent], None] = lambda event: None) -> None:
        self.trace: list[str] = []
        self.on_head = on_head

    @http("POST", "/echo", "echo")
    @websocket("echo")
    @procedure("echo", LINES)
    async def echo(self, request: Request) -> Any:
        self.trace.append("action")
        return request.body

    @http("GET", "/other", "other")
    async def other(self, request: Request) -> str:
        return "other"

    @observe(KernelEvents.KERNEL_HEAD)
    async def head(self, event: HeadEvent) -> None:
        self.trace.append("head")
        self.on_head(event)

    @observe(KernelEvents.KERNEL_REQUEST)
    async def request(self, event: RequestEvent) -> None:
        self.trace.append("request")

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def response(self, event: ResponseEvent) -> None:
        self.trace.append("response")

    @observe(KernelEvents.KERNEL_EXCEPTION, only=lambda definition: definition.name == "echo")
    async def exception(self, event: ExceptionEvent) -> None:
        self.trace.append(f"exception {type(event.exception).__name__}")

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def terminate(self, event: TerminateEvent) -> None:
        self.trace.append("terminate")

    def request_with_body(self, failure: Exception | None = None) -> Request:
        """A request whose body loader sets "loaded" or raises *failure*."""
        request = Request("HTTP")

        async def load() -> None:
            self.trace.append("body")
            assert request.body_loader is None
            if failure is not None:
                raise failure
            request.body = "loaded"

        request.body_loader = load
        return request


async def echo_of(client: KernelClient) -> Definition:
    await client.application.boot()
    return client.application.kernel.http_definitions["echo"]


def client_with(client_of: ClientOf, *parts: object, **options: Any) -> KernelClient:
    return client_of(
        Application(bundles=[Lines], controllers=[parts[0]], listeners=parts[1:], **options)
    )


# --- order


@TRANSPORTS
async def test_head_phase_runs_before_request_phase(client_of: ClientOf, send: Send) -> None:
    pages = Pages()

    response = await send(client_with(client_of, pages))

    assert response.content == "text"
    assert pages.trace == ["head", "request", "action", "response", "terminate"]


async def test_body_loader_runs_between_head_and_request_phase(client_of: ClientOf) -> None:
    bodies: list[Any] = []
    pages = Pages(lambda event: bodies.append(event.request.body))
    definition = await echo_of(client_with(client_of, pages))

    response = await definition.handler(pages.request_with_body())

    assert response.content == "loaded"
    assert bodies == [None]
    assert pages.trace == ALL_PHASES


async def test_body_loader_without_head_listeners_runs_before_the_action(
    client_of: ClientOf,
) -> None:
    pages = Pages()
    client = client_with(client_of, pages)
    definition = await echo_of(client)

    with client.dispatcher.signal(KernelEvents.KERNEL_HEAD).muted():
        response = await definition.handler(pages.request_with_body())

    assert response.content == "loaded"
    assert pages.trace == ALL_PHASES[1:]


async def test_head_event_has_the_definition_and_its_controller(client_of: ClientOf) -> None:
    requests: list[Request] = []
    pages = Pages(lambda event: requests.append(event.request))
    client = client_with(client_of, pages)

    await client.http("echo")

    [request] = requests
    assert request.definition is await echo_of(client)
    assert request.controller is pages
    assert (request.route_name, request.path, request.method) == ("echo", "/echo", "POST")


async def test_head_listeners_run_by_priority_until_one_responds(client_of: ClientOf) -> None:
    client = client_with(client_of, Pages())
    ran: list[str] = []

    async def early(event: HeadEvent) -> None:
        ran.append("early")

    async def respond(event: HeadEvent) -> None:
        ran.append("respond")
        event.set_response(Response("closed", 503))
        assert event.response is not None

    async def late(event: HeadEvent) -> None:
        pytest.fail("ran after a response was set")

    client.dispatcher.add_listener(KernelEvents.KERNEL_HEAD, late, -1)
    client.dispatcher.add_listener(KernelEvents.KERNEL_HEAD, respond, 5)
    client.dispatcher.add_listener(KernelEvents.KERNEL_HEAD, early, 10)

    assert (await client.http("echo")).status_code == 503
    assert ran == ["early", "respond"]


# --- a response of the head phase


@TRANSPORTS
async def test_head_response_skips_request_phase_and_action(
    client_of: ClientOf, send: Send
) -> None:
    pages = Pages(lambda event: event.set_response(Response("closed", 503)))

    response = await send(client_with(client_of, pages))

    assert (response.status_code, response.content) == (503, "closed")
    assert pages.trace == ["head", "response", "terminate"]


async def test_head_response_leaves_the_body_unread(client_of: ClientOf) -> None:
    pages = Pages(lambda event: event.set_response(Response("closed", 503)))
    definition = await echo_of(client_with(client_of, pages))
    request = pages.request_with_body()

    response = await definition.handler(request)

    assert response.content == "closed"
    assert pages.trace == ["head", "response"]
    assert request.body_loader is not None


async def test_head_listener_that_only_stops_propagation_does_not_skip_the_action(
    client_of: ClientOf,
) -> None:
    pages = Pages(lambda event: event.stop_propagation())
    definition = await echo_of(client_with(client_of, pages))

    response = await definition.handler(pages.request_with_body())

    assert response.content == "loaded"
    assert pages.trace == ALL_PHASES


# --- exceptions


@TRANSPORTS
async def test_head_listener_that_raises_starts_the_exception_phase_of_the_definition(
    client_of: ClientOf, send: Send
) -> None:
    def refuse(event: HeadEvent) -> None:
        raise UnauthorizedException

    pages = Pages(refuse)

    response = await send(client_with(client_of, pages))

    assert response.status_code == 401
    assert pages.trace == ["head", "exception UnauthorizedException", "response", "terminate"]


async def test_head_listener_that_raises_leaves_the_body_unread(client_of: ClientOf) -> None:
    def refuse(event: HeadEvent) -> None:
        raise UnauthorizedException

    pages = Pages(refuse)
    definition = await echo_of(client_with(client_of, pages))
    request = pages.request_with_body()

    with pytest.raises(UnauthorizedException):
        await definition.handler(request)

    assert pages.trace == ["head", "exception UnauthorizedException"]
    assert request.body_loader is not None


async def test_body_loader_that_raises_starts_the_exception_phase_of_the_definition(
    client_of: ClientOf,
) -> None:
    pages = Pages()
    client = client_with(client_of, pages)
    definition = await echo_of(client)
    kernel = client.application.kernel
    request = pages.request_with_body(PayloadTooLargeException())

    kernel.begin(request)
    response = await kernel.answer(definition, request)
    kernel.terminate(request, response)
    await kernel.drain()

    assert response.status_code == 413
    exception = "exception PayloadTooLargeException"
    assert pages.trace == ["head", "body", exception, "response", "terminate"]


class Transaction:
    """A context manager that records the exception that it is exited with."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, exc: BaseException | None, tb: object) -> None:
        self.failure = exc


async def test_body_loader_that_raises_is_passed_to_context_managers_of_the_head_phase(
    client_of: ClientOf,
) -> None:
    transaction = Transaction()
    failure = PayloadTooLargeException()
    pages = Pages()

    async def begin(event: HeadEvent) -> None:
        await event.request.enter(transaction)

    client = client_with(client_of, pages)
    client.dispatcher.add_listener(KernelEvents.KERNEL_HEAD, begin)
    definition = await echo_of(client)

    with pytest.raises(PayloadTooLargeException):
        await definition.handler(pages.request_with_body(failure))

    assert transaction.failure is failure


# --- wrappers and timeouts


class Wrapping:
    """Wraps every handler; *pages* records when the wrapper begins and ends."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    @observe(KernelEvents.KERNEL_DEFINITION)
    async def wrap(self, event: DefinitionEvent) -> None:
        def around(handler: Handler) -> Handler:
            async def wrapped(request: Request) -> Response:
                self.pages.trace.append("wrapper begins")
                try:
                    return await handler(request)
                except PayloadTooLargeException as exc:
                    return error_response(exc)
                finally:
                    self.pages.trace.append("wrapper ends")

            return wrapped

        event.wrap_handler(around)


@pytest.mark.parametrize("settings", [Settings(), Settings(request_timeout=60)])
async def test_wrapper_of_a_handler_is_around_head_phase_and_body(
    client_of: ClientOf, settings: Settings
) -> None:
    pages = Pages()
    definition = await echo_of(client_with(client_of, pages, Wrapping(pages), settings=settings))

    response = await definition.handler(pages.request_with_body(PayloadTooLargeException()))

    assert response.status_code == 413
    assert pages.trace == [
        "wrapper begins",
        "head",
        "body",
        "exception PayloadTooLargeException",
        "wrapper ends",
    ]


@pytest.mark.parametrize("slow", ["head", "body"])
async def test_request_timeout_includes_head_phase_and_body(
    client_of: ClientOf, slow: str
) -> None:
    client = client_with(client_of, Pages(), settings=Settings(request_timeout=0.05))
    definition = await echo_of(client)
    request = Request("HTTP")

    async def never(event: HeadEvent | None = None) -> None:
        await asyncio.Event().wait()

    if slow == "head":
        client.dispatcher.add_listener(KernelEvents.KERNEL_HEAD, never)
    else:
        request.body_loader = never

    response = await client.application.kernel.answer(definition, request)

    assert response.status_code == 503
    assert response.content["code"] == "timeout"


async def test_request_timeout_pauses_while_the_body_loader_waits_for_the_client(
    client_of: ClientOf,
) -> None:
    client = client_with(client_of, Pages(), settings=Settings(request_timeout=0.3))
    definition = await echo_of(client)
    request = Request("HTTP")

    async def load() -> None:
        with client_is_awaited():
            await asyncio.sleep(0.4)  # longer than the timeout
        request.body = "loaded"

    request.body_loader = load

    response = await definition.handler(request)

    assert response.content == "loaded"


async def test_cancellation_while_the_body_is_read_runs_no_exception_phase(
    client_of: ClientOf,
) -> None:
    pages = Pages()
    definition = await echo_of(client_with(client_of, pages))
    request = Request("HTTP")
    reading = asyncio.Event()

    async def load() -> None:
        reading.set()
        await asyncio.Event().wait()

    request.body_loader = load
    handling = asyncio.ensure_future(definition.handler(request))
    await reading.wait()
    handling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await handling
    assert pages.trace == ["head"]


# --- only=


async def test_head_listener_with_only_runs_for_accepted_definitions(client_of: ClientOf) -> None:
    names: list[str] = []

    class Rules:
        @observe(KernelEvents.KERNEL_HEAD, only=lambda definition: definition.name == "other")
        async def check(self, event: HeadEvent) -> None:
            names.append(event.request.definition.name)

    client = client_with(client_of, Pages(), Rules())
    await client.http("echo", body="text")
    await client.http("other")

    assert names == ["other"]


async def test_only_of_a_head_listener_that_raises_is_an_error_at_boot() -> None:
    def broken(definition: Definition) -> bool:
        raise LookupError("no rule")

    class Rules:
        @observe(KernelEvents.KERNEL_HEAD, only=broken)
        async def check(self, event: HeadEvent) -> None: ...

    with pytest.raises(ConfigurationError, match=r"only= of a listener of 'kernel\.head'.*'echo'"):
        await Application(bundles=[Lines], controllers=[Pages()], listeners=[Rules()]).boot()


async def test_head_phase_does_not_run_without_a_definition(client_of: ClientOf) -> None:
    pages = Pages()
    client = client_with(client_of, pages)
    await client.application.boot()

    response = await client.application.kernel.fail(Request("HTTP"), PayloadTooLargeException())

    assert response.status_code == 413
    assert pages.trace == ["response"]


# --- KernelClient


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ({"body": {"a": 1}}, {"a": 1}),
        ({"form": {"a": 1}}, {"a": "1"}),
        ({"files": {"f": UploadedFile("f.txt", b"x")}}, {}),
    ],
    ids=["json", "urlencoded", "multipart"],
)
async def test_client_reads_the_body_of_an_http_request_after_the_head_phase(
    client_of: ClientOf, content: dict[str, Any], seen: Any
) -> None:
    bodies: list[Any] = []
    pages = Pages(lambda event: bodies.append((event.request.body, len(event.request.files))))

    response = await client_with(client_of, pages).http("echo", **content)

    assert dict(response.content) == seen
    assert bodies == [(None, 0)]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/json", b"{"), ("text/plain; charset=none", "text"), ("invalid", "text")],
)
async def test_client_head_response_comes_before_errors_of_the_body(
    client_of: ClientOf, content_type: str, body: Any
) -> None:
    pages = Pages()
    client = client_with(client_of, pages)
    headers = {"Content-Type": content_type}
    failed = await client.http("echo", headers=headers, body=body)

    pages.on_head = lambda event: event.set_response(Response("closed", 503))
    closed = await client.http("echo", headers=headers, body=body)

    assert failed.status_code in (400, 415)
    assert closed.status_code == 503
