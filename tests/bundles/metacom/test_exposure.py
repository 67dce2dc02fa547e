"""Controllers whose routes are also methods of Metacom."""

from typing import Any

import pytest

from bundles.contracts import ContractsBundle, contract
from bundles.metacom import METACOM, MetacomBundle
from bundles.security import SecurityBundle, UserProvider, access
from bundles.sessions import SessionsBundle
from rxkernel import (
    Application,
    ConfigurationError,
    KernelClient,
    UnprocessableEntityException,
    http,
    websocket,
)


class Articles:
    @http("GET", "/articles/{id:int}", "article_show")
    @websocket("article_show")
    async def show(self, id: int) -> dict[str, int]:
        return {"id": id}

    @http("POST", "/articles", "article_create")
    @contract(parameters={"title": "string"})
    async def create(self, title: str) -> str:
        if not title:
            raise UnprocessableEntityException("no title")
        return title

    @websocket("article_ping")
    async def ping(self) -> str:
        return "pong"

    async def inner(self) -> None: ...


def application_of(
    *bundles: Any, expose: Any = None, controllers: Any = (Articles,)
) -> Application:
    exposing = MetacomBundle(expose={"articles": Articles} if expose is None else expose)
    return Application(controllers=controllers, bundles=[ContractsBundle, exposing, *bundles])


async def test_functions_with_a_route_are_methods_under_their_names() -> None:
    async with KernelClient(application_of()) as client:

        async def call(method: str, args: Any) -> Any:
            packet = {"type": "call", "id": 1, "method": method, "args": args}
            content: bytes = (await client.post("/api", body=packet)).content
            return content.decode()

        assert await call("articles/show", {"id": 7}) == (
            '{"type":"callback","id":1,"result":{"id":7}}'
        )
        assert await call("articles/create", {"title": "Tea"}) == (
            '{"type":"callback","id":1,"result":"Tea"}'
        )
        assert '"code":422' in await call("articles/create", {"title": 1})
        assert await call("articles/ping", {}) == '{"type":"callback","id":1,"result":"pong"}'
        assert '"code":404' in await call("articles/inner", {})
        response = await client.call(METACOM, "articles/show", body={"id": 1})
        assert response.content == {"id": 1}


async def test_exposed_unit_with_a_version_is_called_without_it() -> None:
    application = application_of(expose={"articles.2": Articles})
    async with KernelClient(application) as client:
        names = [definition.name for definition in application.kernel.definitions[METACOM]]
        packet = {"type": "call", "id": 1, "method": "articles/ping"}
        content = (await client.post("/api", body=packet)).content

    assert names[:3] == ["articles.2/show", "articles.2/create", "articles.2/ping"]
    assert b'"pong"' in content


class Users(UserProvider[dict[str, Any]]):
    async def load(self, identifier: str) -> dict[str, Any] | None:
        return None


async def test_method_has_the_access_rule_of_its_route() -> None:
    @access("authenticated")
    class Guarded:
        @http("GET", "/secrets", "secrets")
        async def all(self) -> list[str]:
            return ["a secret"]

    application = application_of(
        SessionsBundle,
        SecurityBundle(Users),
        expose={"secrets": Guarded},
        controllers=(Guarded,),
    )
    async with KernelClient(application) as client:
        packet = {"type": "call", "id": 1, "method": "secrets/all"}
        response = await client.post("/api", body=packet)

    assert response.status_code == 401
    assert b"a secret" not in response.content


class Empty:
    async def nothing(self) -> None: ...


async def test_units_that_cannot_be_exposed_are_all_reported() -> None:
    units = {"a/b": Articles, "": Articles, "empty": Empty, 1: Articles}
    application = application_of(expose=units)
    with pytest.raises(ConfigurationError) as caught:
        await application.boot()

    problems = caught.value.problems
    assert len(problems) == 4
    assert "with the invalid name 'a/b'; a unit name" in problems[0]
    assert "with the invalid name ''; a unit name" in problems[1]
    assert "as 'empty', but it has no routes" in problems[2]
    assert "with the invalid name 1; a unit name" in problems[3]


@pytest.mark.parametrize("given", [[Articles], Articles, None, "articles"])
def test_expose_that_is_not_a_mapping_is_an_error(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'write expose=\{"articles": Articles\}'):
        MetacomBundle(expose=given)


async def test_controller_that_is_not_registered_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="Articles"):
        await application_of(controllers=()).boot()
