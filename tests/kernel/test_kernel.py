"""Definitions, standard errors, wrapping, terminating, threads."""

import asyncio
import gc
import logging
import threading
import weakref
from contextlib import AbstractContextManager
from typing import Any

import pytest

from rxkernel import (
    ConfigurationError,
    ConflictException,
    DefinitionEvent,
    Event,
    ExceptionEvent,
    HttpDefinition,
    KernelClient,
    KernelEvents,
    NotFoundException,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    Settings,
    TerminateEvent,
    Transport,
    http,
    observe,
    option,
    websocket,
)
from rxkernel.kernel.events import Action
from rxkernel.pytest_plugin import ClientOf


class Articles:
    @http("GET", "/articles/{id:int}", "article_show")
    @websocket("article_show")
    @option("probe", True)
    async def show(self, request: Request) -> Any:
        return {"id": request.params["id"]}

    @http("GET", "/plain", "plain")
    def plain(self, request: Request) -> str:
        return threading.current_thread().name

    @http("POST", "/fail", "fail")
    async def fail(self, request: Request) -> Any:
        raise request.body if isinstance(request.body, Exception) else RuntimeError("secret")

    @websocket("join", namespace="/chat")
    async def join(self, request: Request) -> Response:
        return Response("joined", 201)


async def test_definitions_are_ordered_and_found_by_name(client_of: ClientOf) -> None:
    client = client_of(Articles)
    await client.application.boot()
    https = client.application.kernel.http_definitions
    sockets = client.application.kernel.websocket_definitions

    assert [definition.name for definition in https] == ["article_show", "plain", "fail"]
    assert [definition.name for definition in sockets] == ["article_show", "join"]
    assert (https["plain"].method, https["plain"].path) == ("GET", "/plain")
    assert sockets["/chat:join"].namespace == "/chat"
    assert "join" not in sockets
    assert https.get("nothing") is None
    assert len(https) == 3
    with pytest.raises(KeyError, match="no definition 'nothing'; there is: article_show"):
        https["nothing"]


async def test_handler_with_plain_request_returns_response(client_of: ClientOf) -> None:
    """The seam of functional tests: `Request("HTTP")` is enough."""
    client = client_of(Articles)
    await client.application.boot()
    request = Request("HTTP", params={"id": 1})

    response = await client.application.kernel.http_definitions["article_show"].handler(request)

    assert response.content == {"id": 1}
    assert (request.route_name, request.path, request.method) == (
        "article_show",
        "/articles/{id:int}",
        "GET",
    )
    assert isinstance(request.controller, Articles)
    assert request.definition.options == {"probe": True}


async def test_both_transports_run_the_same_phases(client_of: ClientOf) -> None:
    client = client_of(Articles)

    over_http = await client.http("article_show", params={"id": "7"})
    over_socket = await client.websocket("article_show", params={"id": 7})

    assert over_http.content == over_socket.content == {"id": 7}


async def test_path_parameter_that_does_not_match_is_404(
    client_of: ClientOf,
) -> None:
    assert (await client_of(Articles).http("article_show", params={"id": "x"})).status_code == 404


async def test_plain_def_runs_in_limited_thread_pool(client_of: ClientOf) -> None:
    response = await client_of(Articles).http("plain")

    assert str(response.content).startswith("rxkernel-action")


async def test_plain_def_that_raises_stop_iteration_is_500(client_of: ClientOf) -> None:
    """A future cannot hold a StopIteration, so awaiting the thread would never end."""

    class Controller:
        @http("GET", "/", "index")
        def index(self, request: Request) -> Any:
            return next(iter([]))

    async with asyncio.timeout(20):
        assert (await client_of(Controller).http("index")).status_code == 500


async def test_failed_request_leaves_no_reference_cycle(client_of: ClientOf) -> None:
    """Otherwise many 404s would keep their requests until the garbage collector runs."""

    class Controller:
        @http("GET", "/", "missing")
        async def missing(self, request: Request) -> None:
            raise NotFoundException

    client = client_of(Controller)
    await client.application.boot()
    kernel = client.application.kernel
    in_action, unmatched = Request("HTTP"), Request("HTTP")
    left = [weakref.ref(in_action), weakref.ref(unmatched)]
    gc.collect()
    gc.disable()
    try:
        await kernel.answer(kernel.http_definitions["missing"], in_action)
        await kernel.fail(unmatched, NotFoundException())
        del in_action, unmatched
        assert [reference() for reference in left] == [None, None]
    finally:
        gc.enable()


class TestErrors:
    async def test_other_exception_is_logged_500_without_text(
        self, client_of: ClientOf, caplog: pytest.LogCaptureFixture
    ) -> None:
        response = await client_of(Articles).http("fail")

        assert response.status_code == 500
        assert response.content == {"statusCode": 500, "message": "Internal Server Error"}
        (record,) = caplog.records
        assert record.levelno == logging.ERROR
        assert record.exc_info is not None
        assert "secret" in str(record.exc_info[1])
        first = caplog.text.partition("Traceback (most recent call last):\n")[2]
        assert first.startswith(f'  File "{__file__}"'), "the lines of rxkernel are omitted"

    async def test_http_exception_response_has_its_arguments(
        self, client_of: ClientOf, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = client_of(Articles)
        raised = ConflictException(
            "taken", code="name_taken", errors=[{"path": "name"}], headers={"Retry-After": "1"}
        )
        with raising(client, raised):
            response = await client.http("fail")

        assert response.status_code == 409
        assert response.content == {
            "statusCode": 409,
            "message": "taken",
            "code": "name_taken",
            "errors": [{"path": "name"}],
        }
        assert response.headers["Retry-After"] == "1"
        assert not caplog.records, "a rejection is not a failure of the server"

    async def test_errors_that_json_cannot_represent_are_omitted(
        self, client_of: ClientOf, caplog: pytest.LogCaptureFixture
    ) -> None:
        """RxStack: a circular reference inside an error stopped the process."""
        circular: list[Any] = []
        circular.append(circular)
        client = client_of(Articles)
        with raising(client, ConflictException(errors=circular)):
            response = await client.http("fail")

        assert response.content == {"statusCode": 409, "message": "Conflict"}
        assert "omitted" in caplog.text

    async def test_listener_response_500_is_logged(
        self, client_of: ClientOf, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A listener that shapes errors must not hide them from the log."""

        class Shape:
            @observe(KernelEvents.KERNEL_EXCEPTION)
            async def shape(self, event: ExceptionEvent) -> None:
                event.set_response(Response("oops", 503))

        response = await client_of(Articles, listeners=[Shape]).http("fail")

        assert (response.content, response.status_code) == ("oops", 503)
        assert "secret" in caplog.text

    async def test_standard_error_passes_response_phase(self, client_of: ClientOf) -> None:
        class Stamp:
            @observe(KernelEvents.KERNEL_RESPONSE)
            async def stamp(self, event: ResponseEvent) -> None:
                event.response.headers["X-Stamp"] = "yes"

        response = await client_of(Articles, listeners=[Stamp]).http("fail")

        assert response.headers["X-Stamp"] == "yes"

    async def test_response_listener_that_always_raises_is_500(self, client_of: ClientOf) -> None:
        class Broken:
            @observe(KernelEvents.KERNEL_RESPONSE)
            async def break_it(self, event: ResponseEvent) -> None:
                raise RuntimeError

        response = await client_of(Articles, listeners=[Broken]).http("plain")

        assert response.content == {"statusCode": 500, "message": "Internal Server Error"}

    async def test_action_that_raises_cancelled_error_is_500(
        self, client_of: ClientOf, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Controller:
            @http("GET", "/", "index")
            async def index(self, request: Request) -> None:
                gone = asyncio.ensure_future(asyncio.Event().wait())
                gone.cancel()
                await gone

        assert (await client_of(Controller).http("index")).status_code == 500
        assert "cancelled by its own code" in caplog.text

    async def test_listener_that_raises_cancelled_error_is_500(self, client_of: ClientOf) -> None:
        class Broken:
            @observe(KernelEvents.KERNEL_EXCEPTION)
            @observe(KernelEvents.KERNEL_RESPONSE)
            async def fail(self, event: Event) -> None:
                raise asyncio.CancelledError

        client = client_of(Articles, listeners=[Broken])
        await client.application.boot()
        kernel = client.application.kernel

        assert (await kernel.fail(Request("HTTP"), NotFoundException())).status_code == 500
        assert (await kernel.respond(Request("HTTP"), Response())).status_code == 500
        assert (await client.http("fail")).status_code == 500

    async def test_unmatched_request_skips_request_listeners_and_only(
        self, client_of: ClientOf
    ) -> None:
        trace = []

        class Everything:
            @observe(KernelEvents.KERNEL_REQUEST)
            async def request(self, event: RequestEvent) -> None:
                trace.append("request")

            @observe(KernelEvents.KERNEL_EXCEPTION)
            async def exception(self, event: ExceptionEvent) -> None:
                trace.append("exception")

            @observe(KernelEvents.KERNEL_EXCEPTION, only=lambda definition: True)
            async def limited(self, event: ExceptionEvent) -> None:
                trace.append("limited")

            @observe(KernelEvents.KERNEL_RESPONSE)
            async def response(self, event: ResponseEvent) -> None:
                trace.append("response")

        client = client_of(Articles, listeners=[Everything])
        await client.application.boot()
        response = await client.application.kernel.fail(Request("HTTP"), NotFoundException())

        assert response.status_code == 404
        assert trace == ["exception", "response"]


def raising(client: KernelClient, exception: Exception) -> AbstractContextManager[None]:
    """Within the block, `Articles.fail` finds *exception* as its body and raises it."""

    async def put(event: RequestEvent) -> None:
        event.request.body = exception

    return client.dispatcher.signal(KernelEvents.KERNEL_REQUEST).connected_to(put)


async def test_only_is_called_once_per_definition(
    client_of: ClientOf,
) -> None:
    asked, heard = [], []

    def sockets_only(definition: Any) -> bool:
        asked.append((definition.transport, definition.name))
        return bool(definition.transport == Transport.SOCKET)

    class Listener:
        @observe(KernelEvents.KERNEL_REQUEST, only=sockets_only)
        async def listen(self, event: RequestEvent) -> None:
            heard.append(event.request.transport)

    client = client_of(Articles, listeners=[Listener])
    for _ in range(2):
        await client.http("plain")
        await client.websocket("article_show", params={"id": 1})
        with client.dispatcher.signal(KernelEvents.KERNEL_REQUEST).muted():
            pass

    assert heard == ["SOCKET", "SOCKET"]
    assert len(asked) == len(set(asked)) == 5


async def test_definition_listener_added_later_wraps_earlier(client_of: ClientOf) -> None:
    def around(word: str) -> Any:
        def decorate(action: Action) -> Action:
            async def wrapped(request: Request) -> Any:
                return f"{word}({await action(request)})"

            return wrapped

        return decorate

    class Wrap:
        @observe(KernelEvents.KERNEL_DEFINITION, priority=2)
        async def inner(self, event: DefinitionEvent) -> None:
            if isinstance(event.definition, HttpDefinition):
                event.wrap(around("inner"))

        @observe(KernelEvents.KERNEL_DEFINITION, only=lambda d: d.name == "plain")
        async def outer(self, event: DefinitionEvent) -> None:
            event.wrap(around("outer"))

    client = client_of(Articles, listeners=[Wrap])

    assert str((await client.http("plain")).content).startswith("outer(inner(rxkernel-action")
    assert (await client.http("article_show", params={"id": 1})).content == "inner({'id': 1})"
    assert (await client.websocket("/chat:join")).content == "joined"


async def test_wrapper_that_returns_no_action_raises(client_of: ClientOf) -> None:
    class Wrap:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def wrap(self, event: DefinitionEvent) -> None:
            event.wrap(lambda action: None)  # type: ignore[arg-type, return-value]

    with pytest.raises(ConfigurationError, match="the wrapper None of 'article_show'"):
        await client_of(Articles, listeners=[Wrap]).application.boot()


async def test_only_that_raises_is_reported_with_listener(client_of: ClientOf) -> None:
    class Listener:
        @observe(KernelEvents.KERNEL_REQUEST, only=lambda definition: definition.namespace == "/")
        async def listen(self, event: RequestEvent) -> None: ...

    with pytest.raises(
        ConfigurationError, match=r"only= of a listener of 'kernel\.request', fails"
    ):
        await client_of(Articles, listeners=[Listener]).application.boot()


class TestTerminate:
    async def test_terminate_listener_gets_final_response_and_its_exception_is_logged(
        self, client_of: ClientOf, caplog: pytest.LogCaptureFixture
    ) -> None:
        seen = []

        class Listener:
            @observe(KernelEvents.KERNEL_TERMINATE)
            async def done(self, event: TerminateEvent) -> None:
                seen.append((event.request.route_name, event.response.status_code))
                raise RuntimeError("after the fact")

        response = await client_of(Articles, listeners=[Listener]).websocket("/chat:join")

        assert response.status_code == 201
        assert seen == [("join", 201)]
        assert "after the fact" in caplog.text

    async def test_shutdown_waits_for_terminate_listener(self, client_of: ClientOf) -> None:
        done = asyncio.Event()

        class Listener:
            @observe(KernelEvents.KERNEL_TERMINATE)
            async def slow(self, event: TerminateEvent) -> None:
                for _ in range(5):
                    await asyncio.sleep(0)
                done.set()

        client = client_of(Articles, listeners=[Listener])
        await client.application.boot()
        kernel = client.application.kernel
        request = Request("SOCKET")
        response = await kernel.answer(kernel.websocket_definitions["/chat:join"], request)
        kernel.terminate(request, response)
        await client.close()

        assert done.is_set()

    async def test_terminate_listener_past_timeout_is_cancelled(
        self, client_of: ClientOf, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Listener:
            @observe(KernelEvents.KERNEL_TERMINATE)
            async def endless(self, event: TerminateEvent) -> None:
                await asyncio.Event().wait()

        settings = Settings(shutdown_timeout=0.01)
        client = client_of(Articles, listeners=[Listener], settings=settings)
        await client.application.boot()
        kernel = client.application.kernel
        request = Request("SOCKET")
        response = await kernel.answer(kernel.websocket_definitions["/chat:join"], request)
        kernel.terminate(request, response)
        await client.close()

        assert "took too long" in caplog.text


async def test_debug_error_has_text_of_exception(client_of: ClientOf) -> None:
    client = client_of(Articles, settings=Settings(debug=True))

    response = await client.http("fail")

    assert response.content == {"statusCode": 500, "message": "RuntimeError: secret"}
