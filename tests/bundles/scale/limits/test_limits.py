"""`@limit`: over each transport, by key, at boot, and in documents."""

import asyncio
from typing import Any

import attrs
import pytest

from bundles.apidocs import ApidocsBundle, Documents
from bundles.scale import Limit, Limits, ScaleBundle, by_address, by_client, limit, limits_of
from bundles.security import SecurityBundle, UserProvider
from rxkernel import (
    Application,
    ClientAddress,
    ConfigurationError,
    HeadEvent,
    KernelClient,
    KernelEvents,
    Request,
    both,
    http,
    observe,
    option,
)


def by_tenant(request: Request) -> str | None:
    found = request.params.get("tenant")
    return None if found is None else str(found)


class Search:
    """The periods are so long that no window ends within a test."""

    def __init__(self) -> None:
        self.calls = 0

    @both("POST", "/search", "search")
    @limit("2/year")
    async def search(self) -> str:
        self.calls += 1
        return "found"

    @http("GET", "/tenants/{tenant}", "tenant")
    @http("GET", "/tenants", "tenants")
    @limit("1/year", key=by_tenant)
    async def tenant(self) -> str:
        return "tenant"

    @http("GET", "/twice", "twice")
    @limit("3/year", key=by_tenant)
    @limit("1/year", "9/month", key=by_address)
    async def twice(self) -> str:
        return "twice"

    @http("POST", "/number/{number:int}", "number")
    @limit("1/year")
    async def number(self, number: int, body: dict[str, int]) -> int:
        return number


@limit("1/year")
class Pages:
    @http("GET", "/one", "one")
    async def one(self) -> str:
        return "one"

    @http("GET", "/two", "two")
    @limit("2/year")
    async def two(self) -> str:
        return "two"


class Addresses:
    """Reads the address of a client from a header; a server reads it from the socket."""

    @observe(KernelEvents.KERNEL_HEAD, priority=1000)
    async def set_address(self, event: HeadEvent) -> None:
        if (host := event.request.headers.get("X-Address")) is not None:
            event.request.client = ClientAddress(host, 1)


def client_of(*controllers: Any, bundles: Any = (), **given: Any) -> KernelClient:
    return KernelClient(
        Application(
            bundles=[ScaleBundle, *bundles],
            controllers=controllers or [Search],
            listeners=[Addresses],
            **given,
        )
    )


async def statuses(client: KernelClient, count: int, name: str, **given: Any) -> list[int]:
    return [(await client.http(name, **given)).status_code for _ in range(count)]


async def test_call_over_the_limit_is_429_with_retry_after() -> None:
    search = Search()
    async with client_of(search) as client:
        assert await statuses(client, 2, "search") == [200, 200]
        response = await client.http("search")

    assert (response.status_code, search.calls) == (429, 2)
    assert response.content["code"] == "limit_exceeded"
    assert 1 <= int(response.headers["Retry-After"]) <= 360 * 24 * 3600


async def test_transports_of_an_action_are_counted_together() -> None:
    async with client_of() as client, client.connection() as connection:
        assert await statuses(client, 1, "search") == [200]
        assert (await client.websocket("search", connection=connection)).status_code == 200
        response = await client.websocket("search", connection=connection)

    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) >= 1


async def test_addresses_are_counted_separately() -> None:
    async with client_of() as client:
        for host in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
            assert await statuses(client, 3, "search", headers={"X-Address": host}) == [
                *(200, 200, 429)
            ]
        other = {"X-Address": "2001:db8::2:1"}  # the same network of 64 bits
        assert await statuses(client, 1, "search", headers=other) == [429]


@attrs.frozen
class User:
    name: str


class Users(UserProvider[User]):
    async def load(self, identifier: str) -> User | None:
        return User(identifier)

    def identifier(self, user: User) -> str:
        return user.name


async def test_user_is_one_client_at_all_addresses() -> None:
    security = SecurityBundle(Users, access="public")
    async with client_of(bundles=[security]) as client:
        one = client.as_user(User("ada"))
        for host in ("192.0.2.1", "192.0.2.2"):
            assert await statuses(one, 1, "search", headers={"X-Address": host}) == [200]
        assert await statuses(one, 1, "search", headers={"X-Address": "192.0.2.3"}) == [429]
        assert await statuses(client.as_user(User("bob")), 1, "search") == [200]
        assert await statuses(client, 1, "search", headers={"X-Address": "192.0.2.1"}) == [200]


async def test_call_that_the_access_rule_refuses_is_not_counted() -> None:
    security = SecurityBundle(Users, access="authenticated")
    async with client_of(bundles=[security]) as client:
        assert await statuses(client, 4, "search") == [401] * 4


async def test_key_function_counts_each_value_separately_and_ignores_none() -> None:
    async with client_of() as client:
        assert await statuses(client, 2, "tenant", params={"tenant": "a"}) == [200, 429]
        assert await statuses(client, 2, "tenant", params={"tenant": "b"}) == [200, 429]
        long = {"tenant": "c" * 500}
        assert await statuses(client, 2, "tenant", params=long) == [200, 429]
        assert await statuses(client, 3, "tenants") == [200] * 3


async def test_call_is_counted_for_all_limits_of_its_action() -> None:
    async with client_of() as client:
        assert await statuses(client, 2, "twice", headers={"X-Address": "192.0.2.1"}) == [200, 429]
        of_a = {"params": {"tenant": "a"}}
        found = [
            await statuses(client, 1, "twice", headers={"X-Address": f"192.0.2.{n}"}, **of_a)
            for n in range(2, 6)
        ]
        assert found == [[200], [200], [200], [429]]


async def test_limit_of_a_method_replaces_the_limit_of_its_class() -> None:
    async with client_of(Pages) as client:
        assert await statuses(client, 2, "one") == [200, 429]
        assert await statuses(client, 3, "two") == [200, 200, 429]


async def test_limit_is_enforced_before_the_body_is_read() -> None:
    async with client_of() as client:
        given = {"params": {"number": 1}, "headers": {"Content-Type": "application/json"}}
        assert await statuses(client, 2, "number", body=b"{", **given) == [400, 429]


async def test_concurrent_calls_do_not_pass_a_limit() -> None:
    search = Search()
    async with client_of(search) as client:
        responses = await asyncio.gather(*(client.http("search") for _ in range(20)))

    assert sorted(r.status_code for r in responses) == [200] * 2 + [429] * 18
    assert search.calls == 2


async def wrong_async(request: Request) -> str:
    return ""


def wrong_arguments() -> str:
    return ""


async def test_all_problems_of_limits_are_reported_at_boot() -> None:
    class Wrong:
        @http("GET", "/a", "a")
        @limit("often", "0/minute")
        async def a(self) -> None: ...

        @http("GET", "/b", "b")
        @limit("1/minute", key="address")  # type: ignore[arg-type]
        @limit("1/minute", key=wrong_async)  # type: ignore[arg-type]
        @limit("1/minute", key=wrong_arguments)  # type: ignore[arg-type]
        async def b(self) -> None: ...

        @http("GET", "/c", "c")
        @limit()
        async def c(self) -> None: ...

        @http("GET", "/d", "d")
        @limit(10)  # type: ignore[arg-type]
        async def d(self) -> None: ...

    with pytest.raises(ConfigurationError) as caught:
        await client_of(Wrong).http("a")

    text = "\n".join(caught.value.problems)
    for expected in (
        "the rate is 'often'; write a str such as '10/minute', with second, minute, hour, day, "
        "month or year",
        "the rate '0/minute' allows no call",
        "the key is 'address'; write a function",
        "the key wrong_async is an async def",
        "the key wrong_arguments must take one argument",
        "the limit of route 'c'",
        "the rate is 10; write",
    ):
        assert expected in text


async def test_limit_without_the_bundle_is_an_error_at_boot() -> None:
    application = Application(controllers=[Search])
    with pytest.raises(ConfigurationError, match=r"limit.*no effect without the bundle scale"):
        await application.boot()


def test_limit_as_a_plain_option_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="write @limit"):
        option("limit", Limits((Limit("1/minute"),)))


async def test_limits_of_an_action_are_in_its_definition_and_document() -> None:
    async with client_of(bundles=[ApidocsBundle]) as client:
        definitions = client.application.kernel.http_definitions
        documents = client.application.injector.get(Documents)

        assert limits_of(definitions["search"]) == (Limit("2/year", by_client),)
        shown = repr(definitions["twice"].options["limit"])
        assert shown == "3/year by_tenant; 1/year by_address; 9/month by_address"
        reference = documents.openapi["paths"]["/search"]["post"]["responses"]["429"]["$ref"]
        response = documents.openapi["components"]["responses"][reference.rpartition("/")[2]]
        assert "Retry-After" in response["headers"]
