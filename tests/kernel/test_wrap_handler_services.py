"""Context managers that a wrapper of a handler enters: exited with the outcome of the message."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from injector import Binder

from rxkernel import (
    Application,
    ConflictException,
    DefinitionEvent,
    Inject,
    KernelClient,
    KernelEvents,
    Request,
    Response,
    Settings,
    TerminateEvent,
    TooManyRequestsException,
    http,
    observe,
    request_scope,
)
from rxkernel.routing.definitions import Handler

Wrapper = Callable[[Handler, Request], Awaitable[Response]]


class Session:
    """The service that the manager yields."""


class Pages:
    @http("GET", "/page", "page")
    async def page(self, request: Request) -> str:
        return "page"


@pytest.fixture
def log() -> list[str]:
    return []


class Rows:
    @http("GET", "/page", "page")
    async def page(self, session: Annotated[Session, Inject()]) -> str:
        return "page"


async def raises_error(handler: Handler, request: Request) -> Response:
    await request.get(Session)
    raise TooManyRequestsException


async def responds(handler: Handler, request: Request) -> Response:
    await request.get(Session)
    return Response("cached")


async def enters_before(handler: Handler, request: Request) -> Response:
    await request.get(Session)
    return await handler(request)


async def enters_after(handler: Handler, request: Request) -> Response:
    response = await handler(request)
    await request.get(Session)
    return response


async def compares_before_and_after(handler: Handler, request: Request) -> Response:
    """A wrapper that gets a service before and after the handler; it must be the same."""
    session = await request.get(Session)
    response = await handler(request)
    return Response(await request.get(Session) is session, response.status_code)


async def raises_after(handler: Handler, request: Request) -> Response:
    await handler(request)
    await request.get(Session)
    raise TooManyRequestsException


@pytest.mark.parametrize("controller", [Pages, Rows])
@pytest.mark.parametrize("request_timeout", [None, 60.0])
@pytest.mark.parametrize(
    ("wrapper", "status", "outcome"),
    [
        (raises_error, 429, "exited with TooManyRequestsException"),
        (responds, 200, "exited with nothing"),
        (enters_before, 200, "exited with nothing"),
        (enters_after, 200, "exited with nothing"),
        (compares_before_and_after, 200, "exited with nothing"),
        (raises_after, 429, "exited with TooManyRequestsException"),
    ],
)
async def test_manager_entered_by_wrapper_is_exited_with_outcome(
    log: list[str],
    wrapper: Wrapper,
    status: int,
    outcome: str,
    request_timeout: float | None,
    controller: type,
) -> None:
    """Once, before the response is sent, like the manager of an action."""

    @asynccontextmanager
    async def session() -> AsyncIterator[Session]:
        try:
            yield Session()
        except BaseException as exc:
            log.append(f"exited with {type(exc).__name__}")
            raise
        log.append("exited with nothing")

    def configure(binder: Binder) -> None:
        binder.bind(Session, to=session, scope=request_scope)  # type: ignore[arg-type]

    class Wrap:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def wrap(self, event: DefinitionEvent) -> None:
            event.wrap_handler(self.around)

        def around(self, handler: Handler) -> Handler:
            async def wrapped(request: Request) -> Response:
                return await wrapper(handler, request)

            return wrapped

        @observe(KernelEvents.KERNEL_TERMINATE)
        async def end(self, event: TerminateEvent) -> None:
            log.append("terminate")

    application = Application(
        controllers=[controller],
        listeners=[Wrap],
        modules=[configure],
        settings=Settings(request_timeout=request_timeout),
    )
    async with KernelClient(application) as client:
        response = await client.http("page")
    assert response.status_code == status
    assert response.content is not False

    assert log == [outcome, "terminate"]


async def test_manager_entered_first_by_wrapper_gets_exception_of_commit(
    log: list[str],
) -> None:
    """Thus a wrapper can store the response only if the data of its message was committed."""

    @asynccontextmanager
    async def remembered() -> AsyncIterator[None]:
        try:
            yield
        except ConflictException:
            log.append("forgotten")
            raise

    @asynccontextmanager
    async def session() -> AsyncIterator[Session]:
        yield Session()
        raise ConflictException

    def configure(binder: Binder) -> None:
        binder.bind(Session, to=session, scope=request_scope)  # type: ignore[arg-type]

    class Remember:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def wrap(self, event: DefinitionEvent) -> None:
            handler = event.handler

            async def wrapped(request: Request) -> Response:
                await request.enter(remembered())
                return await handler(request)

            event.wrap_handler(lambda _: wrapped)

    application = Application(controllers=[Rows], listeners=[Remember], modules=[configure])
    async with KernelClient(application) as client:
        assert (await client.http("page")).status_code == 409

    assert log == ["forgotten"]
