"""`KernelClient.call`, with which bundles test their own transports."""

from typing import Annotated, Any

import pytest
from injector import Binder

from rxkernel import (
    Bundle,
    Inject,
    KernelClient,
    KernelEvents,
    Request,
    Response,
    Settings,
    TerminateEvent,
    Transport,
    connection_scope,
    http,
    observe,
    procedure,
    request_scope,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf

ID = "X-Request-ID"


class Seat:
    def __init__(self) -> None:
        self.is_closed = False

    async def aclose(self) -> None:
        self.is_closed = True


class Unit(Seat): ...


class Procedures:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.kept: list[Seat] = []
        self.terminated: list[str | None] = []

    @procedure("show", "RPC")
    async def show(self, request: Request, unit: Annotated[Unit, Inject()]) -> Response:
        self.requests.append(request)
        self.kept.append(unit)
        return Response({"body": request.body, "params": dict(request.params)}, 201, {"X-A": "1"})

    @procedure("sit", "RPC")
    async def sit(self, request: Request, seat: Annotated[Seat, Inject()]) -> None:
        self.requests.append(request)
        self.kept.append(seat)

    @http("GET", "/page", "page")
    @websocket("event")
    async def page(self) -> None: ...

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def end(self, event: TerminateEvent) -> None:
        self.terminated.append(event.request.route_name)


class Rpc(Bundle):
    name = "rpc"
    transports = (Transport("RPC"),)


def configure(binder: Binder) -> None:
    binder.bind(Unit, scope=request_scope)
    binder.bind(Seat, scope=connection_scope)


@pytest.fixture
def client(client_of: ClientOf) -> KernelClient:
    return client_of(Procedures, bundles=[Rpc], modules=[configure])


@pytest.fixture
async def procedures(client: KernelClient) -> Procedures:
    return (await client.application.boot()).get(Procedures)


async def test_procedure_gets_plain_values_and_runs_as_message(
    client: KernelClient, procedures: Procedures
) -> None:
    response = await client.call("RPC", "show", params={"a": (1, 2)}, body=(b"\x00", None))

    assert (response.status_code, response.headers["X-A"]) == (201, "1")
    assert response.content == {"params": {"a": [1, 2]}, "body": [b"\x00", None]}
    (request,) = procedures.requests
    assert (request.transport, request.url, request.method) == ("RPC", "show", None)
    assert (request.connection, request.native) == (None, None)
    assert procedures.kept[0].is_closed
    assert procedures.terminated == ["show"]


async def test_request_id_valid_header_is_used_and_else_a_new_one(
    client: KernelClient, procedures: Procedures
) -> None:
    given = await client.call("RPC", "show", headers={ID: "mine"})
    made = await client.call("RPC", "show", headers={ID: "not one"})

    assert [request.id for request in procedures.requests] == ["mine", made.headers[ID]]
    assert given.headers[ID] == "mine"
    assert made.headers[ID] != "not one"


async def test_request_ids_of_messages_begin_with_id_of_connection(
    client: KernelClient, procedures: Procedures
) -> None:
    async with client.connection(headers={ID: "mine"}) as connection:
        for _ in range(2):
            await client.call("RPC", "show", connection=connection)

    first, second = (request.id for request in procedures.requests)
    assert first != second
    assert first.startswith("mine-")
    assert second.startswith("mine-")


async def test_request_id_without_header_setting_is_not_sent(client_of: ClientOf) -> None:
    settings = Settings(request_id_header=None)
    client = client_of(Procedures, bundles=[Rpc], modules=[configure], settings=settings)

    response = await client.call("RPC", "show", headers={ID: "mine"})
    assert dict(response.headers) == {"X-A": "1"}


async def test_connection_services_end_with_connection(
    client: KernelClient, procedures: Procedures
) -> None:
    async with client.connection() as connection:
        for _ in range(2):
            await client.call("RPC", "sit", connection=connection)
        assert procedures.kept[0] is procedures.kept[1]
        assert not procedures.kept[0].is_closed
        assert procedures.requests[0].connection is connection
    assert procedures.kept[0].is_closed


@pytest.mark.parametrize(
    ("transport", "name", "error"),
    [
        ("RPC", "shown", "no definition 'shown'; there is: show, sit"),
        ("PRC", "show", "no transport 'PRC'; there is: HTTP, SOCKET, RPC"),
    ],
)
async def test_unknown_procedure_or_transport_lists_known_ones(
    client: KernelClient, transport: str, name: str, error: str
) -> None:
    with pytest.raises(KeyError, match=error):
        await client.call(transport, name)


@pytest.mark.parametrize(
    ("transport", "name", "method"),
    [("HTTP", "page", "http"), ("SOCKET", "event", "websocket")],
)
async def test_call_over_http_or_socket_raises_value_error(
    client: KernelClient, transport: str, name: str, method: str
) -> None:
    """Such a call would have no path, query or connection."""
    with pytest.raises(ValueError, match=rf"call client\.{method}\('{name}'\)"):
        await client.call(transport, name)


async def test_client_of_application_with_further_arguments_raises_error(
    client_of: ClientOf, client: KernelClient
) -> None:
    options: dict[str, Any] = {"listeners": [], "modules": []}
    with pytest.raises(TypeError, match="has no argument listeners, modules"):
        client_of(client.application, **options)
