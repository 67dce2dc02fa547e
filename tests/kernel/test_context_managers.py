"""Context managers of a message: entered for its action, exited with its exception or None."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Annotated, Any

import pytest
from injector import Binder, ProviderOf, inject

from rxkernel import (
    Application,
    ConflictException,
    ExceptionEvent,
    Inject,
    KernelClient,
    KernelEvents,
    NotFoundException,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    RxKernelError,
    Settings,
    StreamResponse,
    TerminateEvent,
    connection_scope,
    http,
    observe,
    request_scope,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf
from tests.waiting import until

LOG: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


class Session:
    """Records in `LOG` the outcome that it was exited with."""

    def __init__(self, name: str = "session") -> None:
        self.name = name
        self.is_open = False

    async def __aenter__(self) -> "Session":
        LOG.append(f"{self.name} entered")
        self.is_open = True
        return self

    async def __aexit__(self, kind: Any, exc: BaseException | None, tb: Any) -> None:
        await asyncio.sleep(0)
        self.is_open = False
        LOG.append(f"{self.name} exited with {exc!r}")


class Repository:
    @inject
    def __init__(self, session: Session) -> None:
        self.session = session

    async def aclose(self) -> None:
        LOG.append(f"repository closed, session open: {self.session.is_open}")


class Early:
    """A service that is built before any context manager."""

    def close(self) -> None:
        LOG.append("early closed")


class Actions:
    @inject
    def __init__(self, early: ProviderOf[Early]) -> None:
        self.early = early

    @http("GET", "/do/{what}", "do")
    @websocket("do")
    async def do(
        self, what: str, session: Annotated[Session, Inject()], request: Request
    ) -> Response:
        assert session.is_open
        LOG.append(what)
        if what == "conflict":
            raise ConflictException
        if what == "bug":
            raise LookupError("bug")
        if what == "error status":
            return Response(None, 400)
        return Response(what)

    @http("GET", "/repository", "repository")
    @websocket("repository")
    async def repository(self, repository: Annotated[Repository, Inject()]) -> bool:
        return repository.session.is_open

    @http("GET", "/both", "both")
    async def both(
        self,
        first: Annotated[Session, Inject()],
        repository: Annotated[Repository, Inject()],
    ) -> bool:
        return repository.session is first

    @http("GET", "/early", "early")
    async def with_early(self, request: Request) -> None:
        self.early.get()
        await request.get(Session)


class Late:
    @observe(KernelEvents.KERNEL_RESPONSE)
    async def respond(self, event: ResponseEvent) -> None:
        LOG.append("response listener")

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def rescue(self, event: ExceptionEvent) -> None:
        LOG.append(f"exception listener: {event.exception!r}")

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def terminate(self, event: TerminateEvent) -> None:
        LOG.append("terminate listener")


def configure(binder: Binder) -> None:
    binder.bind(Session, scope=request_scope)
    binder.bind(Repository, scope=request_scope)
    binder.bind(Early, scope=request_scope)


async def call(client: KernelClient, transport: str, name: str, **params: Any) -> Response:
    if transport == "HTTP":
        return await client.http(name, params=params)
    return await client.websocket(name, params=params)


over_both = pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])


@over_both
async def test_manager_is_exited_with_none_before_response_is_sent(
    client_of: ClientOf, transport: str
) -> None:
    client = client_of(Actions, modules=[configure], listeners=[Late])

    response = await call(client, transport, "do", what="well")

    assert response.content == "well"
    assert LOG == [
        "session entered",
        "well",
        "response listener",
        "session exited with None",
        "terminate listener",
    ]


@over_both
@pytest.mark.parametrize(
    ("what", "failure", "status"),
    [("conflict", "ConflictException('Conflict')", 409), ("bug", "LookupError('bug')", 500)],
)
async def test_manager_is_exited_with_exception_before_exception_phase(
    client_of: ClientOf, transport: str, what: str, failure: str, status: int
) -> None:
    client = client_of(Actions, modules=[configure], listeners=[Late])

    response = await call(client, transport, "do", what=what)

    assert response.status_code == status
    assert LOG[:4] == [
        "session entered",
        what,
        f"session exited with {failure}",
        f"exception listener: {failure}",
    ]


async def test_manager_is_exited_with_exception_even_if_listener_responds(
    client_of: ClientOf,
) -> None:
    """An action that raised is rolled back, even if a listener sets a response."""

    class Answering:
        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def rescue(self, event: ExceptionEvent) -> None:
            event.set_response(Response("all is well"))

    client = client_of(Actions, modules=[configure], listeners=[Answering])

    assert (await client.http("do", params={"what": "bug"})).status_code == 200
    assert LOG[-1] == "session exited with LookupError('bug')"


async def test_manager_is_exited_with_none_for_returned_error_status(client_of: ClientOf) -> None:
    client = client_of(Actions, modules=[configure])

    assert (await client.http("do", params={"what": "error status"})).status_code == 400
    assert LOG[-1] == "session exited with None"


async def test_manager_is_exited_with_exception_of_response_listener(client_of: ClientOf) -> None:
    class Failing:
        @observe(KernelEvents.KERNEL_RESPONSE)
        async def respond(self, event: ResponseEvent) -> None:
            if event.response.status_code == 200:
                raise LookupError("in a listener")

    client = client_of(Actions, modules=[configure], listeners=[Failing])

    assert (await client.http("do", params={"what": "well"})).status_code == 500
    assert LOG[-1] == "session exited with LookupError('in a listener')"


@over_both
async def test_service_with_async_dependency_gets_it_open(
    client_of: ClientOf, transport: str
) -> None:
    """The action takes the repository only; the dependencies of that are opened before."""
    client = client_of(Actions, modules=[configure])

    assert (await call(client, transport, "repository")).content is True
    assert LOG == [
        "session entered",
        "repository closed, session open: True",
        "session exited with None",
    ]


async def test_service_needed_twice_is_opened_once(client_of: ClientOf) -> None:
    client = client_of(Actions, modules=[configure])

    assert (await client.http("both")).content is True
    assert LOG.count("session entered") == 1


async def test_service_older_than_managers_is_closed_after_terminate(
    client_of: ClientOf,
) -> None:
    client = client_of(Actions, modules=[configure], listeners=[Late])

    await client.http("early")

    assert LOG == [
        "session entered",
        "response listener",
        "session exited with None",
        "terminate listener",
        "early closed",
    ]


async def test_terminate_listener_gets_new_session(client_of: ClientOf) -> None:
    class Auditing:
        @observe(KernelEvents.KERNEL_TERMINATE)
        async def terminate(self, event: TerminateEvent) -> None:
            session = await event.request.get(Session)
            LOG.append(f"audit, open: {session.is_open}")

    client = client_of(Actions, modules=[configure], listeners=[Auditing])
    await client.http("do", params={"what": "bug"})

    assert LOG[2:] == [
        "session exited with LookupError('bug')",
        "session entered",
        "audit, open: True",
        "session exited with None",
    ]


class Raising(Session):
    """Raises on exit; a test sets ``raises``."""

    raises: BaseException = ConflictException("changed meanwhile")

    async def __aexit__(self, kind: Any, exc: BaseException | None, tb: Any) -> None:
        await super().__aexit__(kind, exc, tb)
        raise self.raises


class Entering:
    @http("GET", "/enter", "enter")
    @websocket("enter")
    async def enter(self, request: Request, fails: bool = False) -> str:
        first: Session = await request.enter(Session("first"))
        await request.enter(Raising("raising"))
        await request.enter(Session("last"))
        if fails:
            raise LookupError("bug")
        return first.name


@over_both
async def test_manager_that_raises_on_exit_sets_response_and_others_are_exited(
    client_of: ClientOf, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A commit that fails must not follow a 200."""
    client = client_of(Entering, listeners=[Late])

    response = await call(client, transport, "enter")

    failure = "ConflictException('changed meanwhile')"
    assert response.status_code == 409
    assert LOG[3:7] == [
        "response listener",
        "last exited with None",
        "raising exited with None",
        f"first exited with {failure}",
    ]
    assert LOG[7] == f"exception listener: {failure}"
    assert caplog.records == []


@over_both
async def test_manager_that_raises_on_exit_replaces_exception_and_keeps_context(
    client_of: ClientOf,
    transport: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Raising, "raises", OSError("connection lost"))
    client = client_of(Entering)

    response = await call(client, transport, "enter", fails=True)

    assert response.status_code == 500
    assert LOG[-1] == "first exited with OSError('connection lost')"
    (record,) = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], OSError)
    assert isinstance(record.exc_info[1].__context__, LookupError)


async def test_manager_may_replace_error_by_http_exception(client_of: ClientOf) -> None:
    @asynccontextmanager
    async def translating() -> AsyncIterator[str]:
        try:
            yield "open"
        except LookupError as exc:
            raise NotFoundException from exc

    class Translated:
        @http("GET", "/", "translated")
        async def translated(self, request: Request) -> None:
            assert await request.enter(translating()) == "open"
            raise LookupError

    assert (await client_of(Translated).http("translated")).status_code == 404


async def test_manager_that_suppresses_exception_does_not_change_response(
    client_of: ClientOf,
) -> None:
    @asynccontextmanager
    async def swallowing() -> AsyncIterator[None]:
        try:
            yield
        except LookupError:
            LOG.append("swallowed")

    class Swallowed:
        @http("GET", "/", "swallowed")
        async def swallowed(self, request: Request) -> None:
            await request.enter(Session())
            await request.enter(swallowing())
            raise LookupError("bug")

    assert (await client_of(Swallowed).http("swallowed")).status_code == 500
    assert LOG[-2:] == ["swallowed", "session exited with LookupError('bug')"]


async def test_manager_that_raises_on_entry_is_one_error_and_others_are_exited(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[Early]:
        raise OSError("no connection")
        yield Early()

    class Broken:
        @http("GET", "/", "broken")
        async def act(
            self, session: Annotated[Session, Inject()], early: Annotated[Early, Inject()]
        ) -> None:
            pytest.fail("ran without its services")

    def bind(binder: Binder) -> None:
        configure(binder)
        binder.bind(Early, to=broken, scope=request_scope)  # type: ignore[arg-type]

    response = await client_of(Broken, modules=[bind]).http("broken")

    assert response.status_code == 500
    assert LOG == ["session entered", "session exited with OSError('no connection')"]
    assert len(caplog.records) == 1


async def test_plain_context_manager_can_be_entered_by_hand(client_of: ClientOf) -> None:
    @contextmanager
    def plain() -> Iterator[int]:
        try:
            yield 3
        except LookupError as exc:
            LOG.append(f"exited with {exc!r}")
            raise

    class Plain:
        @http("GET", "/", "plain")
        async def plain(self, request: Request) -> None:
            assert await request.enter(plain()) == 3
            raise LookupError("bug")

    assert (await client_of(Plain).http("plain")).status_code == 500
    assert LOG == ["exited with LookupError('bug')"]


async def test_enter_other_object_raises(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    async def coroutine() -> None: ...

    class Wrong:
        @http("GET", "/", "wrong")
        async def wrong(self, request: Request) -> None:
            await request.enter(coroutine())

    assert (await client_of(Wrong).http("wrong")).status_code == 500
    assert "'coroutine' object is not a context manager; decorate its generator" in caplog.text


async def test_manager_entered_by_request_listener_is_exited_with_outcome_of_message(
    client_of: ClientOf,
) -> None:
    class Transaction:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def begin(self, event: RequestEvent) -> None:
            await event.request.enter(Session("transaction"))

    client = client_of(Actions, modules=[configure], listeners=[Transaction])
    await client.http("do", params={"what": "conflict"})

    assert LOG[-1] == "transaction exited with ConflictException('Conflict')"


async def test_listener_of_unmatched_request_may_get_and_enter(client_of: ClientOf) -> None:
    class Unmatched:
        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def rescue(self, event: ExceptionEvent) -> None:
            await event.request.get(Session)

    client = client_of(Actions, modules=[configure], listeners=[Unmatched])
    await client.application.boot()
    request = Request("HTTP")

    await client.application.kernel.fail(request, NotFoundException())
    client.application.kernel.terminate(request, None)
    await client.application.kernel.drain()

    assert LOG == ["session entered", "session exited with None"]


class Getting:
    @http("GET", "/get", "get")
    @websocket("get")
    async def get(self, request: Request) -> bool:
        sessions = await asyncio.gather(*(request.get(Session) for _ in range(3)))
        repository = await request.get(Repository)
        return len({*sessions, repository.session}) == 1

    @http("GET", "/unbound", "unbound")
    async def unbound(self, request: Request) -> None:
        await request.get(LookupError)

    @http("GET", "/seat", "seat")
    async def seat(self, request: Request) -> None:
        await request.get(Early)


@over_both
async def test_get_by_concurrent_tasks_opens_service_once(
    client_of: ClientOf, transport: str
) -> None:
    client = client_of(Getting, modules=[configure])

    assert (await call(client, transport, "get")).content is True
    assert LOG.count("session entered") == 1


async def test_get_unbound_service_raises_with_its_name(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await client_of(Getting, modules=[configure]).http("unbound")).status_code == 500
    assert "request.get(LookupError) asks for LookupError, which nothing binds" in caplog.text


async def test_get_connection_service_over_http_raises(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    def bind(binder: Binder) -> None:
        configure(binder)
        binder.bind(Early, scope=connection_scope)

    assert (await client_of(Getting, modules=[bind]).http("seat")).status_code == 500
    assert "which exists only with a socket connection" in caplog.text


async def test_get_of_request_without_application_raises_with_hint() -> None:
    with pytest.raises(RxKernelError, match=r"request.get\(Session\) needs an application .* Ker"):
        await Request("HTTP").get(Session)
    with pytest.raises(RxKernelError, match=r"request.enter\(\) needs an application"):
        await Request("HTTP").enter(Session())


async def test_get_after_end_of_message_raises(client_of: ClientOf) -> None:
    """Nothing would close the service."""
    tasks: list[asyncio.Task[Any]] = []
    ended = asyncio.Event()

    async def later(request: Request) -> None:
        await ended.wait()
        await request.get(Session)

    class Leaving:
        @http("GET", "/", "leaving")
        async def leaving(self, request: Request) -> None:
            tasks.append(asyncio.create_task(later(request)))

    await client_of(Leaving, modules=[configure]).http("leaving")
    ended.set()

    with pytest.raises(RxKernelError, match="the message or connection has ended"):
        await tasks[0]
    assert LOG == []


class Lazy:
    """The tasks of its messages ask for a service once they have ended."""

    @inject
    def __init__(self, service: ProviderOf[Early]) -> None:
        self._service = service
        self.ended = asyncio.Event()
        self.tasks: list[asyncio.Task[Early]] = []

    @http("GET", "/", "lazy")
    @websocket("lazy")
    async def lazy(self) -> None:
        self.tasks.append(asyncio.create_task(self.later()))

    async def later(self) -> Early:
        await self.ended.wait()
        return self._service.get()


async def test_provider_after_end_of_message_raises(client_of: ClientOf) -> None:
    """Nothing would close the service, also if the message has used no other."""
    client = client_of(Lazy, modules=[lambda b: b.bind(Early, scope=request_scope)])

    await client.http("lazy")
    await client.websocket("lazy")
    kernel = client.application.kernel
    await kernel.http_definitions["lazy"].handler(Request("HTTP"))
    await kernel.websocket_definitions["lazy"].handler(Request("SOCKET"))

    lazy = client.application.injector.get(Lazy)
    lazy.ended.set()
    assert len(lazy.tasks) == 4
    for task in lazy.tasks:
        with pytest.raises(RxKernelError, match="the message or connection has ended"):
            await task
    assert LOG == []


async def test_manager_entered_after_end_of_message_is_exited_at_once(client_of: ClientOf) -> None:
    tasks: list[asyncio.Task[Any]] = []
    opening = asyncio.Event()

    class Slow(Session):
        async def __aenter__(self) -> Session:
            await opening.wait()
            return await super().__aenter__()

    class Leaving:
        @http("GET", "/", "leaving")
        async def leaving(self, request: Request) -> None:
            await request.get(Session)
            tasks.append(asyncio.create_task(request.enter(Slow("slow"))))
            await asyncio.sleep(0)

    await client_of(Leaving, modules=[configure]).http("leaving")
    opening.set()

    with pytest.raises(RxKernelError, match="the message or connection has ended"):
        await tasks[0]
    assert LOG[-1].startswith("slow exited with RxKernelError")


async def test_service_opened_after_end_of_message_is_closed_at_once(client_of: ClientOf) -> None:
    tasks: list[asyncio.Task[Any]] = []
    opening = asyncio.Event()

    async def slow() -> Early:
        await opening.wait()
        return Early()

    class Leaving:
        @http("GET", "/", "leaving")
        async def leaving(self, request: Request) -> None:
            tasks.append(asyncio.create_task(request.get(Early)))
            await asyncio.sleep(0)

    await client_of(Leaving, modules=[lambda b: b.bind(Early, to=slow, scope=request_scope)]).http(
        "leaving"
    )
    opening.set()

    with pytest.raises(RxKernelError, match="the message or connection has ended"):
        await tasks[0]
    assert LOG == ["early closed"]


async def test_service_that_depends_on_itself_while_opening_raises(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    @inject
    async def circular(request: Request) -> Session:
        return await request.get(Session)

    client = client_of(
        Getting, modules=[lambda b: b.bind(Session, to=circular, scope=request_scope)]
    )
    client.application.modules = (
        *client.application.modules,
        lambda b: b.bind(Repository, scope=request_scope),
    )

    assert (await client.http("get")).status_code == 500
    assert "circular dependency: opening Session requires Session" in caplog.text


async def test_get_waiting_for_cancelled_opening_opens_service_itself(
    client_of: ClientOf,
) -> None:
    held = asyncio.Event()

    async def slow() -> Session:
        LOG.append("opening")
        await held.wait()
        return Session()

    class Twice:
        @http("GET", "/", "twice")
        async def twice(self, request: Request) -> str:
            first = asyncio.create_task(request.get(Session))
            second = asyncio.create_task(request.get(Session))
            await until(lambda: LOG == ["opening"])
            first.cancel()
            held.set()
            return (await second).name

    client = client_of(Twice, modules=[lambda b: b.bind(Session, to=slow, scope=request_scope)])

    assert (await client.http("twice")).content == "session"
    assert LOG == ["opening", "opening"]


# --- cancellation, deadlines, threads


class Slow:
    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.in_thread = threading.Event()
        self.released = threading.Event()

    @http("GET", "/slow", "slow")
    async def slow(self, session: Annotated[Session, Inject()]) -> None:
        self.began.set()
        await asyncio.Event().wait()

    @http("GET", "/stubborn", "stubborn")
    async def stubborn(self, session: Annotated[Session, Inject()]) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "all the same"
        return "never"

    @http("GET", "/thread", "thread")
    def thread(self, session: Annotated[Session, Inject()]) -> None:
        self.in_thread.set()
        self.released.wait(20)
        LOG.append(f"thread ends, session open: {session.is_open}")


async def test_cancelled_message_exits_its_managers_first(client_of: ClientOf) -> None:
    client = client_of(Slow, modules=[configure])
    controller = (await client.application.boot()).get(Slow)
    calling = asyncio.create_task(client.http("slow"))
    await controller.began.wait()

    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling

    assert LOG == ["session entered", "session exited with CancelledError()"]


async def test_manager_that_is_cancelled_while_it_exits_exits_the_others(
    client_of: ClientOf,
) -> None:
    leaving = asyncio.Event()

    class Stuck(Session):
        async def __aexit__(self, kind: Any, exc: BaseException | None, tb: Any) -> None:
            leaving.set()
            await asyncio.Event().wait()

    class Stay:
        @http("GET", "/", "stay")
        async def stay(self, request: Request) -> None:
            await request.enter(Session("outer"))
            await request.enter(Stuck("stuck"))

    calling = asyncio.create_task(client_of(Stay).http("stay"))
    await leaving.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling

    assert LOG[-1] == "outer exited with CancelledError()"


@pytest.mark.parametrize("name", ["slow", "stubborn"])
async def test_message_past_timeout_exits_managers_with_cancelled_error(
    client_of: ClientOf, name: str
) -> None:
    """Also if the action catches its cancellation: its return value is not sent."""
    settings = Settings(request_timeout=0.1)
    client = client_of(Slow, modules=[configure], settings=settings)

    assert (await client.http(name)).status_code == 503
    assert LOG == ["session entered", "session exited with CancelledError()"]


async def test_thread_past_timeout_keeps_managers_until_its_end(
    client_of: ClientOf,
) -> None:
    settings = Settings(request_timeout=0.3)
    client = client_of(Slow, modules=[configure], settings=settings)
    controller = (await client.application.boot()).get(Slow)
    calling = asyncio.create_task(client.http("thread"))
    await until(controller.in_thread.is_set)
    asyncio.get_running_loop().call_later(0.6, controller.released.set)

    assert (await calling).status_code == 503
    assert LOG == [
        "session entered",
        "thread ends, session open: True",
        "session exited with CancelledError()",
    ]


async def test_manager_is_exited_in_task_and_context_of_message(
    client_of: ClientOf,
) -> None:
    """``ContextVar.reset`` works there, and so does ``asyncio.timeout``."""
    unit: ContextVar[str] = ContextVar("unit", default="none")

    @asynccontextmanager
    async def in_context() -> AsyncIterator[None]:
        token = unit.set("mine")
        async with asyncio.timeout(20):
            yield
        unit.reset(token)

    class Contextual:
        @http("GET", "/", "contextual")
        @websocket("contextual")
        async def contextual(self, request: Request) -> str:
            await request.enter(in_context())
            return unit.get()

    client = client_of(Contextual)

    assert (await client.http("contextual")).content == "mine"
    assert (await client.websocket("contextual")).content == "mine"


async def test_handler_called_directly_exits_managers(client_of: ClientOf) -> None:
    client = client_of(Actions, modules=[configure])
    await client.application.boot()
    handler = client.application.kernel.http_definitions["do"].handler

    await handler(Request("HTTP", params={"what": "well"}))
    with pytest.raises(ConflictException):
        await handler(Request("HTTP", params={"what": "conflict"}))

    assert LOG.count("session exited with None") == 1
    assert LOG[-1] == "session exited with ConflictException('Conflict')"


async def test_manager_that_raises_after_stream_is_logged(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    """The response has been sent by then."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece"

    class Streaming:
        @http("GET", "/", "streaming")
        async def streaming(self, request: Request) -> StreamResponse:
            await request.enter(Raising())
            return StreamResponse(pieces())

    response = await client_of(Streaming).http("streaming")
    assert [piece async for piece in response.content] == [b"piece"]
    assert LOG[-1] == "session exited with None"
    (record,) = caplog.records
    assert "a context manager failed when it was exited" in record.message


# --- connections


class Seated:
    @websocket("sit")
    async def sit(self, session: Annotated[Session, Inject()]) -> str:
        return session.name

    @websocket("fail")
    async def fail(self, session: Annotated[Session, Inject()]) -> None:
        raise LookupError("bug")


async def test_connection_manager_is_exited_at_end_of_connection(client_of: ClientOf) -> None:
    client = client_of(Seated, modules=[lambda b: b.bind(Session, scope=connection_scope)])

    async with client.connection() as connection:
        await asyncio.gather(*(client.websocket("sit", connection=connection) for _ in range(3)))
        await client.websocket("fail", connection=connection)
        assert LOG == ["session entered"]
    assert LOG == ["session entered", "session exited with None"]


async def test_get_service_of_ended_connection_raises(client_of: ClientOf) -> None:
    client = client_of(Seated, modules=[lambda b: b.bind(Session, scope=connection_scope)])
    async with client.connection() as connection:
        pass
    handler = client.application.kernel.websocket_definitions["sit"].handler

    with pytest.raises(RxKernelError, match="the message or connection has ended"):
        await handler(Request("SOCKET", connection=connection))


async def test_request_without_services_creates_no_scope(client_of: ClientOf) -> None:
    class Bare:
        @http("GET", "/", "bare")
        async def bare(self, request: Request) -> bool:
            return request.services is None

    assert (await client_of(Application(controllers=[Bare])).http("bare")).content is True
