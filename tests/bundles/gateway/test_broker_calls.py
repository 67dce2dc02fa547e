"""Calls of actions by their names, without sockets."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Annotated, Any, ClassVar

import attrs
import pytest
from injector import Binder

from bundles.gateway import (
    ACTIONS,
    Broker,
    Context,
    CurrentContext,
    MoleculerError,
    ServiceNotFoundError,
    ValidationError,
    action,
    on_event,
)
from rxkernel import (
    ExceptionEvent,
    FileResponse,
    HeadEvent,
    Inject,
    KernelEvents,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    StreamNotSupportedException,
    StreamResponse,
    TerminateEvent,
    controller,
    current_request,
    http,
    observe,
    request_scope,
)
from tests.bundles.gateway.conftest import SiteOf

seen: ContextVar[str] = ContextVar("seen", default="")


class Math:
    @action("math.add", visibility="published")
    async def add(self, a: int, b: int) -> int:
        return a + b

    @action("math.double", version=2)
    async def double(self, ctx: CurrentContext, a: int) -> int:
        result: int = await ctx.call("math.add", {"a": a, "b": a})
        return result

    @action("math.total", version="beta")
    def total(self, values: list[int]) -> int:
        return sum(values)

    @action("__proto__")
    async def proto(self) -> str:
        return "plain"


async def test_call_of_an_action_returns_its_result(site_of: SiteOf) -> None:
    site = await site_of(Math)

    assert await site.broker.call("math.add", {"a": 1, "b": 2}) == 3


async def test_call_of_a_version_has_it_in_the_name(site_of: SiteOf) -> None:
    site = await site_of(Math)

    assert await site.broker.call("v2.math.double", {"a": 2}) == 4
    with pytest.raises(ServiceNotFoundError):
        await site.broker.call("math.double", {"a": 2})


async def test_call_of_a_plain_def_runs_it(site_of: SiteOf) -> None:
    site = await site_of(Math)

    assert await site.broker.call("beta.math.total", {"values": [1, 2, 3]}) == 6


class Greeter:
    @action("greeter.hello")
    async def hello(self, ctx: CurrentContext) -> str:
        assert ctx.params == {}
        return "Hello"

    @action("greeter.quiet")
    async def quiet(self) -> None: ...

    @action("greeter.echo")
    async def echo(self, ctx: CurrentContext) -> Any:
        return ctx.params


# check 2
async def test_call_without_params_has_empty_params(site_of: SiteOf) -> None:
    site = await site_of(Greeter)

    assert await site.broker.call("greeter.hello") == "Hello"


# check 5
async def test_call_of_an_unknown_action_raises_service_not_found(site_of: SiteOf) -> None:
    site = await site_of(Math)

    with pytest.raises(ServiceNotFoundError) as caught:
        await site.broker.call("x.y")

    error = caught.value
    assert error.name == "ServiceNotFoundError"
    assert error.message == "Service 'x.y' is not found."
    assert (error.number, error.type, error.data) == (404, "SERVICE_NOT_FOUND", {"action": "x.y"})


# check 6
async def test_call_of_an_action_without_a_result_returns_none(site_of: SiteOf) -> None:
    site = await site_of(Greeter)

    assert await site.broker.call("greeter.quiet") is None


# check 7
async def test_call_with_a_missing_parameter_raises_validation_error(site_of: SiteOf) -> None:
    site = await site_of(Math)

    with pytest.raises(ValidationError, match="Parameters validation error!") as caught:
        await site.broker.call("math.add", {"a": 1})

    error = caught.value
    assert (error.number, error.type) == (422, "VALIDATION_ERROR")
    assert error.data == [{"type": "required", "field": "b", "message": "is missing"}]


@pytest.mark.parametrize("params", [0, False, "", None, [1], b"\x00", {"a": {"b": [1]}}])
async def test_call_passes_any_value_as_params(site_of: SiteOf, params: Any) -> None:
    site = await site_of(Greeter)

    assert await site.broker.call("greeter.echo", params) == ({} if params is None else params)


@pytest.mark.parametrize("name", ["__class__", "constructor", "toString", "", ".", "math.", "*"])
async def test_call_of_a_name_of_the_language_is_not_found(site_of: SiteOf, name: str) -> None:
    site = await site_of(Math)

    with pytest.raises(ServiceNotFoundError):
        await site.broker.call(name)
    assert await site.broker.call("__proto__") == "plain"


class Counting:
    """Counts the messages of each phase."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.statuses: list[int] = []

    @observe(KernelEvents.KERNEL_HEAD)
    async def head(self, event: HeadEvent) -> None:
        self.phases.append("head")

    @observe(KernelEvents.KERNEL_REQUEST)
    async def request(self, event: RequestEvent) -> None:
        self.phases.append("request")

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def response(self, event: ResponseEvent) -> None:
        self.phases.append("response")

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def exception(self, event: ExceptionEvent) -> None:
        self.phases.append("exception")

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def terminate(self, event: TerminateEvent) -> None:
        self.phases.append("terminate")
        self.statuses.append(event.response.status_code)
        assert event.duration > 0


async def test_call_runs_every_phase_of_the_kernel(site_of: SiteOf) -> None:
    counting = Counting()
    site = await site_of(Math, listeners=(counting,))

    await site.broker.call("math.add", {"a": 1, "b": 2})
    with pytest.raises(ValidationError):
        await site.broker.call("math.add")

    assert counting.phases == [
        *("head", "request", "response", "terminate"),
        *("head", "request", "exception", "terminate"),
    ]
    assert counting.statuses == [200, 422]


class Early:
    @observe(KernelEvents.KERNEL_HEAD)
    async def head(self, event: HeadEvent) -> None:
        status = event.request.params.get("status")
        if status is not None:
            event.set_response(
                Response({"message": "no", "code": "NOT_NOW", "errors": {"a": 1}}, status)
            )


async def test_response_of_a_listener_with_an_error_status_is_an_error(site_of: SiteOf) -> None:
    site = await site_of(Greeter, listeners=(Early,))

    with pytest.raises(MoleculerError, match="no") as caught:
        await site.broker.call("greeter.hello", {"status": 403})

    assert (caught.value.number, caught.value.type) == (403, "NOT_NOW")
    assert caught.value.data == {"a": 1}


async def test_call_in_a_test_client_has_a_separate_context(site_of: SiteOf) -> None:
    site = await site_of(Math)

    response = await site.client.call(ACTIONS, "v2.math.double", params={"a": 4})

    assert response.content == 8


# --- identity and context of the message


class Who:
    @action("who.am_i")
    async def am_i(self, request: Request, ctx: CurrentContext) -> dict[str, Any]:
        seen.set("by the action")
        assert current_request.get() is request
        return {
            "id": ctx.request_id,
            "token": request.token,
            "client": request.client,
            "connection": request.connection,
            "is_context": request.native is ctx,
        }


class Front:
    def __init__(self) -> None:
        self.outer: Request | None = None

    @http("GET", "/who", "who")
    async def who(self, request: Request, broker: Annotated[Broker, Inject()]) -> Any:
        self.outer = request
        request.token = "ada"
        inner = await broker.call("who.am_i")
        assert current_request.get() is request
        return inner | {"same_id": inner["id"] == request.id, "seen": seen.get()}


async def test_call_has_the_identity_of_the_current_message(site_of: SiteOf) -> None:
    front = Front()
    site = await site_of(Who, front)

    found = (await site.client.http("who")).content

    assert front.outer is not None
    assert found["same_id"]
    assert found["token"] == "ada"
    assert found["client"] == front.outer.client
    assert found["is_context"]
    assert found["seen"] == "by the action"  # the same task, and the same context


async def test_call_outside_of_a_message_has_a_new_id(site_of: SiteOf) -> None:
    site = await site_of(Who)

    first, second = [await site.broker.call("who.am_i") for _ in range(2)]

    assert first["id"] != second["id"]
    assert first["token"] is None


class Both:
    @http("GET", "/level", "level")
    @action("both.level")
    async def level(self, ctx: CurrentContext) -> int:
        return ctx.level


async def test_action_with_an_http_route_gets_a_context_over_http(site_of: SiteOf) -> None:
    site = await site_of(Both)

    assert (await site.client.http("level")).content == 0
    assert await site.broker.call("both.level") == 1


@controller("/articles", name="article_")
class Articles:
    @http("GET", "/", "list")
    @action("articles.list")
    async def list_(self) -> list[str]:
        return ["tea"]


async def test_prefix_of_a_controller_is_not_in_the_name_of_an_action(site_of: SiteOf) -> None:
    site = await site_of(Articles)

    assert await site.broker.call("articles.list") == ["tea"]
    assert (await site.client.http("article_list")).content == ["tea"]


# --- services of a call

log: list[str] = []


class Database:
    pass


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    log.append("open")
    try:
        yield Database()
    except BaseException as exc:
        log.append(f"rolled back {type(exc).__name__}")
        raise
    log.append("committed")


class Cursor:
    def close(self) -> None:
        log.append("closed")


def _bind_cursor(binder: Binder) -> None:
    binder.bind(Cursor, scope=request_scope)


class Stock:
    @action("stock.read")
    async def read(self, cursor: Annotated[Cursor, Inject()]) -> None:
        log.append("read")

    @action("stock.write")
    async def write(self, request: Request, fail: bool = False) -> None:
        await request.enter(_database())
        log.append("write")
        if fail:
            raise LookupError

    @action("stock.both")
    async def both(self, ctx: CurrentContext) -> None:
        await ctx.call("stock.read")
        log.append("after read")


async def test_services_of_a_call_are_closed_when_it_returns(site_of: SiteOf) -> None:
    log.clear()
    site = await site_of(Stock, modules=(_bind_cursor,))

    await site.broker.call("stock.both")

    assert log == ["read", "closed", "after read"]


async def test_context_manager_of_a_call_is_left_with_its_exception(site_of: SiteOf) -> None:
    log.clear()
    site = await site_of(Stock, modules=(_bind_cursor,))

    await site.broker.call("stock.write")
    with pytest.raises(LookupError):
        await site.broker.call("stock.write", {"fail": True})

    assert log == ["open", "write", "committed", "open", "write", "rolled back LookupError"]


class Service:
    """A bound service that is not a controller."""

    @action("service.ping")
    async def ping(self) -> str:
        return "pong"


async def test_action_of_a_bound_service_is_called(site_of: SiteOf) -> None:
    def bind(binder: Binder) -> None:
        binder.bind(Service, to=Service())

    site = await site_of(modules=(bind,))

    assert await site.broker.call("service.ping") == "pong"


# --- results that cannot be returned


class Odd:
    ended: ClassVar[list[str]] = []

    @action("odd.coroutine")
    async def coroutine(self) -> Any:
        return asyncio.sleep(0)

    @action("odd.stream")
    async def stream(self, request: Request) -> StreamResponse:
        request.when_ended(lambda: self.ended.append("message"))
        return StreamResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes | str]:
        try:
            yield b"piece"
            yield "text"
        finally:
            self.ended.append("source")

    @action("odd.broken")
    async def broken(self) -> StreamResponse:
        return StreamResponse(self._fails())

    async def _fails(self) -> AsyncIterator[bytes]:
        raise ValueError("broken")
        yield b""

    @action("odd.file")
    async def file(self) -> FileResponse:
        return FileResponse(__file__)

    @action("odd.upload")
    async def upload(self, ctx: CurrentContext, name: str) -> dict[str, Any]:
        assert ctx.stream is not None
        return {"name": name, "size": sum([len(piece) async for piece in ctx.stream])}

    @action("odd.cancelled")
    async def cancelled(self) -> None:
        raise asyncio.CancelledError

    @action("odd.exit")
    async def exit(self) -> None:
        raise SystemExit(1)


async def test_action_that_returns_a_coroutine_is_a_type_error(site_of: SiteOf) -> None:
    site = await site_of(Odd)

    with pytest.raises(TypeError, match=r"'odd\.coroutine' returned a coroutine; await it"):
        await site.broker.call("odd.coroutine")


async def test_action_that_returns_a_file_is_refused(site_of: SiteOf) -> None:
    site = await site_of(Odd)

    with pytest.raises(StreamNotSupportedException, match=r"'odd\.file' returned a file"):
        await site.broker.call("odd.file")


async def test_call_of_action_that_returns_a_stream_returns_its_pieces(site_of: SiteOf) -> None:
    site = await site_of(Odd)

    stream = await site.broker.call("odd.stream")

    assert [piece async for piece in stream] == [b"piece", b"text"]


async def test_message_of_a_stream_ends_when_it_is_closed(site_of: SiteOf) -> None:
    Odd.ended = []
    site = await site_of(Odd)

    stream = await site.broker.call("odd.stream")
    await anext(stream)
    assert Odd.ended == []
    await stream.aclose()

    assert Odd.ended == ["source", "message"]
    assert [piece async for piece in stream] == []


async def test_stream_that_fails_raises_its_exception(site_of: SiteOf) -> None:
    site = await site_of(Odd)

    stream = await site.broker.call("odd.broken")

    with pytest.raises(ValueError, match="broken"):
        await anext(stream)


async def test_call_with_stream_passes_it_to_the_action(site_of: SiteOf) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    site = await site_of(Odd)

    result = await site.broker.call("odd.upload", {"name": "x"}, stream=pieces(), retries=3)

    assert result == {"name": "x", "size": 6}


@pytest.mark.parametrize("name", ["odd.cancelled", "odd.exit"])
async def test_action_that_would_end_the_caller_raises_an_error(
    site_of: SiteOf, name: str
) -> None:
    site = await site_of(Odd)

    with pytest.raises(RuntimeError):
        await site.broker.call(name)


class Waiting:
    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = False

    @action("waiting.forever")
    async def forever(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True


async def test_cancelled_caller_cancels_the_action(site_of: SiteOf) -> None:
    waiting = Waiting()
    counting = Counting()
    site = await site_of(waiting, listeners=(counting,))
    task = asyncio.create_task(site.broker.call("waiting.forever"))
    await waiting.begun.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting.cancelled
    assert counting.phases == ["head", "request"]


class Keeping:
    context: "weakref.ref[Context] | None" = None

    @action("keeping.context")
    async def keep(self, ctx: CurrentContext, params: dict[str, Any] | None = None) -> None:
        self.context = weakref.ref(ctx)


async def test_call_leaves_no_reference_cycle(site_of: SiteOf) -> None:
    """Otherwise the memory of a call would not be freed at its end."""
    keeping = Keeping()
    site = await site_of(keeping)
    gc.disable()
    try:
        await site.broker.call("keeping.context")

        assert keeping.context is not None
        assert keeping.context() is None
    finally:
        gc.enable()


async def test_call_with_an_unknown_option_is_a_type_error(site_of: SiteOf) -> None:
    site = await site_of(Math)

    with pytest.raises(TypeError, match="unknown options of a call: retryCount; known are"):
        await site.broker.call("math.add", retryCount=2)


@attrs.frozen
class Line:
    id: int


class Orders:
    def __init__(self) -> None:
        self.placed: list[Any] = []

    @http("POST", "/orders", "orders.place")
    @action("orders.place")
    async def place(self, shop: str, lines: list[Line]) -> list[Any]:
        return [shop, *(line.id for line in lines)]

    @action("orders.tags")
    async def tags(self, tags: list[Any]) -> list[Any]:
        return tags

    @on_event("order.placed")
    async def record(self, shop: str, line: Line) -> None:
        self.placed.append((shop, line.id))


async def test_list_and_class_are_fields_of_the_parameters(site_of: SiteOf) -> None:
    orders = Orders()
    site = await site_of(orders)
    params = {"shop": "tea", "lines": [{"id": 1}, {"id": 2}]}
    assert await site.broker.call("orders.place", params) == ["tea", 1, 2]
    assert (await site.client.call(ACTIONS, "orders.place", params=params)).content[0] == "tea"
    assert await site.broker.call("orders.tags", {"tags": ["a", 1]}) == ["a", 1]
    await site.broker.emit("order.placed", {"shop": "tea", "line": {"id": 3}})
    assert orders.placed == [("tea", 3)]

    over_http = await site.client.http(
        "orders.place", params={"shop": "tea"}, body=params["lines"]
    )
    assert over_http.content == ["tea", 1, 2]
