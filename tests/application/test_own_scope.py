"""Classes under ``@request_scope`` and ``@connection_scope``: services without a binding."""

from typing import Annotated, Any

import pytest
from injector import inject

from rxkernel import ConfigurationError, Inject, Request, connection_scope, http, request_scope
from rxkernel.pytest_plugin import ClientOf


@request_scope
class Unit:
    pass


@request_scope
class Repository:
    @inject
    def __init__(self, unit: Unit) -> None:
        self.unit = unit


class Articles(Repository):
    """Has the scope of its base class."""


class Shop:
    @http("GET", "/", "show")
    async def show(
        self, articles: Annotated[Articles, Inject()], unit: Annotated[Unit, Inject()]
    ) -> bool:
        return articles.unit is unit

    @http("GET", "/get", "get")
    async def get(self, request: Request) -> bool:
        return (await request.get(Articles)).unit is await request.get(Unit)


async def test_class_with_own_scope_needs_no_binding(client_of: ClientOf) -> None:
    client = client_of(Shop)

    assert (await client.http("show")).content is True
    assert (await client.http("get")).content is True


async def test_class_with_own_scope_can_be_overridden(client_of: ClientOf) -> None:
    class Fake(Unit):
        pass

    class Named:
        @http("GET", "/", "show")
        async def show(self, articles: Annotated[Articles, Inject()]) -> str:
            return type(articles.unit).__name__

    client = client_of(Named, overrides={Unit: Fake})

    assert (await client.http("show")).content == "Fake"


async def test_class_with_own_scope_that_cannot_be_built_is_an_error_at_boot(
    client_of: ClientOf,
) -> None:
    @request_scope
    class Wrong:
        @inject
        def __init__(self, missing: dict[str, Any]) -> None:
            pass

    class Controller:
        @http("GET", "/", "wrong")
        async def wrong(self, wrong: Annotated[Wrong, Inject()]) -> None:
            pass

    with pytest.raises(ConfigurationError, match=r"Wrong asks for dict.*nothing binds"):
        await client_of(Controller).application.boot()


async def test_class_in_connection_scope_in_http_action_is_an_error(client_of: ClientOf) -> None:
    @connection_scope
    class Cursor:
        pass

    class Controller:
        @http("GET", "/", "cursor")
        async def act(self, cursor: Annotated[Cursor, Inject()]) -> None:
            pass

    with pytest.raises(ConfigurationError, match="exists only with a socket connection"):
        await client_of(Controller).application.boot()
