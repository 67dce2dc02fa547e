"""Headers and cookies of a client: sent with every call, unless the call passes others."""

from typing import Any

import pytest
from multidict import CIMultiDict

from rxkernel import (
    Bundle,
    ConnectionEvent,
    HttpSettings,
    KernelClient,
    Request,
    Response,
    ServerEvents,
    Settings,
    Transport,
    http,
    observe,
    procedure,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf

CLIENT_HEADERS = {"X-Tenant": "acme", "Authorization": "Bearer x"}


class Mirror:
    """Responds with the received headers and cookies."""

    @http("GET", "/headers", "headers")
    @websocket("headers")
    @procedure("headers", "RPC")
    async def headers(self, request: Request) -> list[Any]:
        return [
            request.headers.getall("X-Tenant", []),
            request.headers.get("authorization"),
            dict(request.cookies),
        ]

    @observe(ServerEvents.CONNECTED)
    async def came(self, event: ConnectionEvent) -> None:
        event.connection.attributes["tenant"] = event.connection.headers.get("X-Tenant")

    @websocket("tenant")
    async def tenant(self, request: Request) -> Any:
        assert request.connection is not None
        return request.connection.attributes["tenant"]


class Rpc(Bundle):
    name = "rpc"
    transports = (Transport("RPC"),)


@pytest.fixture
def client(client_of: ClientOf) -> KernelClient:
    return client_of(Mirror, bundles=[Rpc], headers=CLIENT_HEADERS, cookies={"sid": "1"})


class TestHeaders:
    async def test_client_headers_are_sent_over_every_transport(
        self, client: KernelClient
    ) -> None:
        sent = [["acme"], "Bearer x", {"sid": "1"}]

        assert (await client.http("headers")).content == sent
        assert (await client.websocket("headers")).content == sent
        assert (await client.call("RPC", "headers")).content == sent
        async with client.connection() as connection:
            assert (await client.websocket("headers", connection=connection)).content == sent
            assert (await client.websocket("tenant", connection=connection)).content == "acme"
            response = await client.call("RPC", "headers", connection=connection)
            assert response.content == sent

    @pytest.mark.parametrize("value", ["Bearer x\n", "a\r\nX-Other: b", "\x00"])
    async def test_header_that_servers_reject_raises_value_error(
        self, client: KernelClient, value: str
    ) -> None:
        refused = r"^header 'Authorization' has control characters, which servers reject: '\\"
        given = {"Authorization": value}
        with pytest.raises(ValueError, match=refused):
            await client.http("headers", headers=given)
        with pytest.raises(ValueError, match=refused):
            await client.call("RPC", "headers", headers=given)
        with pytest.raises(ValueError, match=refused):
            client.connection(headers=given)
        client.headers["Authorization"] = value
        with pytest.raises(ValueError, match=refused):
            await client.http("headers")

    async def test_headers_of_call_override_in_any_case(self, client: KernelClient) -> None:
        given = {"x-tenant": "other"}
        sent = [["other"], "Bearer x", {"sid": "1"}]

        assert (await client.http("headers", headers=given)).content == sent
        assert (await client.call("RPC", "headers", headers=given)).content == sent
        async with client.connection(headers=given) as connection:
            assert (await client.websocket("headers", connection=connection)).content == sent
            response = await client.call(
                "RPC", "headers", connection=connection, headers={"X-Tenant": "third"}
            )
            assert response.content == [["third"], "Bearer x", {"sid": "1"}]

    async def test_header_with_two_values_is_sent_twice(self, client: KernelClient) -> None:
        twice = CIMultiDict([("X-Tenant", "a"), ("X-Tenant", "b")])

        assert (await client.http("headers", headers=twice)).content[0] == ["a", "b"]

    async def test_client_headers_can_change_between_calls(self, client: KernelClient) -> None:
        before = client.connection()
        del client.headers["authorization"]
        client.headers["X-Tenant"] = "other"

        assert (await client.http("headers")).content[:2] == [["other"], None]
        assert (await client.websocket("tenant", connection=before)).content == "acme"

    async def test_headers_of_one_call_are_not_sent_with_the_next(
        self, client: KernelClient
    ) -> None:
        given = {"X-Tenant": "other"}
        await client.http("headers", headers=given, body={})

        assert given == {"X-Tenant": "other"}
        assert client.headers == CLIENT_HEADERS


class Login:
    @http("POST", "/users/{name}/login", "login")
    async def login(self, name: str) -> Response:
        response = Response(name)
        response.set_cookie("user", name)
        response.set_cookie("refresh", "r", path="/users/ada/login")
        response.headers.add("Set-Cookie", "draft=1")
        return response

    @http("POST", "/logout", "logout")
    async def logout(self) -> Response:
        response = Response()
        response.delete_cookie("user")
        return response

    @http("GET", "/broken/{id:int}", "broken")
    async def broken(self, id: int) -> Response:
        raise RuntimeError

    @http("GET", "/cookies", "cookies")
    @websocket("cookies")
    async def cookies(self, request: Request) -> dict[str, str]:
        return dict(request.cookies)


class TestCookies:
    async def test_cookie_of_response_is_sent_until_deleted(self, client_of: ClientOf) -> None:
        """Like httpx, requests and the test client of Django."""
        client = client_of(Login)
        await client.http("login", params={"name": "ada"})

        assert client.cookies["user"] == "ada"
        assert (await client.http("cookies")).content == {"user": "ada"}
        assert (await client.websocket("cookies")).content == {"user": "ada"}
        await client.http("logout")
        assert (await client.http("cookies")).content == {}

    async def test_cookie_is_sent_to_urls_of_its_path(self, client_of: ClientOf) -> None:
        settings = Settings(http=HttpSettings(prefix="/api"))

        class Paths(Login):
            @http("GET", "/shop/cart", "cart")
            async def cart(self, request: Request) -> Response:
                response = Response(dict(request.cookies))
                response.set_cookie("cart", "1", path="/api/shop")
                return response

        client = client_of(Paths, settings=settings)
        await client.http("cart")

        assert (await client.http("cart")).content == {"cart": "1"}
        assert (await client.http("cookies")).content == {}

    async def test_cookies_of_call_override_and_are_not_kept(self, client_of: ClientOf) -> None:
        client = client_of(Login, cookies={"a": "1", "b": "2"})

        mine = await client.http("cookies", cookies={"b": "3", "c": "x y; z"})
        assert mine.content == {"a": "1", "b": "3", "c": "x y; z"}
        assert (await client.http("cookies")).content == {"a": "1", "b": "2"}

    async def test_cookie_header_of_test_replaces_all_cookies(self, client_of: ClientOf) -> None:
        client = client_of(Login, cookies={"a": "1"})

        response = await client.http("cookies", headers={"Cookie": "b=2"}, cookies={"c": "3"})
        assert response.content == {"b": "2"}

    async def test_clients_of_one_application_have_their_own_cookies(
        self, client_of: ClientOf
    ) -> None:
        ada = client_of(Login, headers={"X": "a"})
        bob = client_of(ada.application)
        await ada.http("login", params={"name": "ada"})

        assert (await bob.http("cookies")).content == {}
        assert bob.headers == {}

    @pytest.mark.parametrize("id", ["x", 1])
    async def test_exception_listener_can_read_cookies(self, client_of: ClientOf, id: Any) -> None:
        """Also of a request whose path does not match."""
        seen: list[dict[str, str]] = []

        class Errors:
            @observe("kernel.exception")
            async def note(self, event: Any) -> None:
                seen.append(dict(event.request.cookies))

        client = client_of(Login, listeners=[Errors], cookies={"a": "1"})
        response = await client.http("broken", params={"id": id})

        assert response.status_code == (500 if id == 1 else 404)
        assert seen == [{"a": "1"}]
