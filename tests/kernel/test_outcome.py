"""The outcome that context managers get if the response of their message cannot be sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from injector import Binder

from rxkernel import (
    Bundle,
    ConflictException,
    ExceptionEvent,
    Inject,
    Kernel,
    KernelEvents,
    Request,
    Response,
    StreamNotSupportedException,
    StreamResponse,
    TerminateEvent,
    Transport,
    http,
    observe,
    procedure,
    request_scope,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf

LINES = Transport("LINES")


class Lines(Bundle):
    name = "lines"
    transports = (LINES,)


class Session:
    """The service that the manager yields."""


class Journal:
    """Records the session of a message; *rollback* is raised if the message fails."""

    def __init__(self, rollback: Exception | None = None) -> None:
        self.lines: list[str] = []
        self.rollback = rollback

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        try:
            yield Session()
        except BaseException as exc:
            self.lines.append(f"rollback for {type(exc).__name__}")
            if self.rollback is not None:
                raise self.rollback from exc
            raise
        self.lines.append("commit")

    def configure(self, binder: Binder) -> None:
        binder.bind(Session, to=self.session, scope=request_scope)  # type: ignore[arg-type]

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def ended(self, event: TerminateEvent) -> None:
        self.lines.append("terminate")

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def failed(self, event: ExceptionEvent) -> None:
        self.lines.append(f"exception phase for {type(event.exception).__name__}")


class Read:
    """A stream over HTTP, whose source uses the session."""

    @http("GET", "/read", "read")
    async def read(
        self, session: Annotated[Session, Inject()], request: Request, end: str = ""
    ) -> StreamResponse:
        async def pieces() -> AsyncIterator[str]:
            assert await request.get(Session) is session
            yield "one"
            yield "two"
            if end == "badly":
                raise LookupError

        return StreamResponse(pieces())


class Rows:
    @websocket("rows")
    @procedure("rows", LINES)
    async def rows(self, session: Annotated[Session, Inject()]) -> StreamResponse:
        async def pieces() -> AsyncIterator[str]:
            yield "row"

        return StreamResponse(pieces())


def encode(response: Response) -> bytes:
    if isinstance(response, StreamResponse):
        raise StreamNotSupportedException("no streams here")
    return b"sent"


async def handle_and_encode(kernel: Kernel) -> Response:
    """Handle a message as the transport of a bundle does."""
    request = Request(LINES)
    kernel.begin(request)
    response = await kernel.answer(kernel.definitions[LINES]["rows"], request)
    response, _ = await kernel.encoded(request, response, encode)
    kernel.terminate(request, response)
    return response


@pytest.mark.parametrize(
    ("rollback", "status", "failure"),
    [
        (None, 500, "StreamNotSupportedException"),
        (ConflictException("changed meanwhile"), 409, "ConflictException"),
    ],
)
async def test_stream_that_a_transport_cannot_encode_is_rolled_back_before_the_exception_phase(
    client_of: ClientOf, rollback: Exception | None, status: int, failure: str
) -> None:
    journal = Journal(rollback)
    client = client_of(Rows, listeners=[journal], modules=[journal.configure], bundles=[Lines])
    await client.application.boot()

    response = await asyncio.create_task(handle_and_encode(client.application.kernel))
    await client.application.kernel.drain()

    assert response.status_code == status
    assert journal.lines == [
        "rollback for StreamNotSupportedException",
        f"exception phase for {failure}",
        "terminate",
    ]


async def test_stream_over_a_socket_is_rolled_back_before_the_exception_phase(
    client_of: ClientOf,
) -> None:
    journal = Journal()
    client = client_of(Rows, listeners=[journal], modules=[journal.configure], bundles=[Lines])

    assert (await client.websocket("rows")).status_code == 500
    assert journal.lines == [
        "rollback for StreamNotSupportedException",
        "exception phase for StreamNotSupportedException",
        "terminate",
    ]


async def test_services_of_stream_are_closed_after_its_end(
    client_of: ClientOf,
) -> None:
    """As in a server."""
    journal = Journal()
    client = client_of(Read, listeners=[journal], modules=[journal.configure])

    response = await client.http("read")

    assert journal.lines == []
    assert [piece async for piece in response.content] == ["one", "two"]
    assert journal.lines == ["terminate", "commit"]


async def test_services_of_failing_stream_get_its_exception(
    client_of: ClientOf,
) -> None:
    journal = Journal()
    client = client_of(Read, listeners=[journal], modules=[journal.configure])
    response = await client.http("read", params={"end": "badly"})

    with pytest.raises(LookupError):
        async for _ in response.content:
            pass

    assert journal.lines == ["terminate", "rollback for LookupError"]


async def test_stream_closed_by_test_is_rolled_back(
    client_of: ClientOf,
) -> None:
    journal = Journal()
    client = client_of(Read, listeners=[journal], modules=[journal.configure])
    response = await client.http("read")
    assert await anext(response.content) == "one"

    for _ in range(2):
        await response.content.aclose()

    assert journal.lines == ["terminate", "rollback for CancelledError"]


async def test_stream_not_read_by_test_is_closed_with_client(
    client_of: ClientOf,
) -> None:
    journal = Journal()
    client = client_of(Read, listeners=[journal], modules=[journal.configure])
    await client.http("read")

    await client.close()

    assert journal.lines == ["terminate", "rollback for CancelledError"]
