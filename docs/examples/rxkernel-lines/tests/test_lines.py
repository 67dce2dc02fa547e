"""The bundle in functional tests: no port, the same definitions and listeners."""

from typing import Annotated

import pytest
from rxkernel import (
    Application,
    ConfigurationError,
    Settings,
    StreamResponse,
    http,
    procedure,
)
from rxkernel.pytest_plugin import ClientOf
from rxkernel_lines import LINES, AuditLog, Caller, LinesSettings, audited

SETTINGS = Settings(bundles={"lines": LinesSettings(modules=("stock",))})


TEA = {"name": "tea"}


def shop(*controllers: type) -> Application:
    return Application(bundles=["lines"], controllers=controllers, settings=SETTINGS)


async def test_function_of_module_is_procedure(client_of: ClientOf) -> None:
    client = client_of(shop())

    assert (await client.call("LINES", "stock.price", params=TEA)).content == 3
    assert (await client.call("LINES", "stock.price", params={"name": "rum"})).status_code == 404
    assert "stock._hidden" not in client.application.kernel.definitions[LINES]


async def test_marked_parameter_is_name_of_caller(client_of: ClientOf) -> None:
    client = client_of(shop())

    named = await client.call("LINES", "stock.order", params=TEA, headers={"From": "ada"})
    unnamed = await client.call("LINES", "stock.order", params=TEA)

    assert named.content == "3 from ada"
    assert unnamed.status_code == 401


async def test_audited_call_is_in_audit_log(client_of: ClientOf) -> None:
    class Orders:
        @http("POST", "/orders", "order_add")
        @audited("orders")
        async def add(self) -> None: ...

    client = client_of(shop(Orders))
    await client.call("LINES", "stock.price", params=TEA)
    await client.call("LINES", "stock.order", params=TEA)
    await client.http("order_add")

    log = client.application.injector.get(AuditLog)
    assert log.entries == ["stock: stock.order 401", "orders: order_add 200"]


async def test_procedure_that_returns_stream_fails_at_boot() -> None:
    class Streams:
        @procedure("pieces", LINES)
        async def pieces(self) -> StreamResponse:
            pytest.fail("the application must not boot")

    with pytest.raises(ConfigurationError, match="'pieces' returns a StreamResponse"):
        await shop(Streams).boot()


async def test_marker_on_wrong_type_fails_at_boot() -> None:
    class Wrong:
        @procedure("wrong", LINES)
        async def wrong(self, who: Annotated[int, Caller()]) -> None: ...

    with pytest.raises(ConfigurationError, match="a Caller is a str"):
        await shop(Wrong).boot()


async def test_unknown_module_fails_at_boot() -> None:
    settings = Settings(bundles={"lines": LinesSettings(modules=("nowhere",))})

    with pytest.raises(ConfigurationError, match="names 'nowhere', which cannot be imported"):
        await Application(bundles=["lines"], settings=settings).boot()
