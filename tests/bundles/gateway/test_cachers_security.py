"""Cached actions with access rules and users of the bundle security."""

from typing import Any

import attrs
import pytest
from injector import inject

from bundles.gateway import Broker, Cache, GatewayBundle, GatewaySettings, action
from bundles.security import CurrentUser, SecurityBundle, SecuritySettings, UserProvider, access
from rxkernel import Application, ConfigurationError, KernelClient, Settings, both
from tests.bundles.security.shop import TOKENS


@attrs.define
class Account:
    identifier: str
    roles: list[str] = attrs.field(factory=list)


class Accounts(UserProvider[Account]):
    async def load(self, identifier: str) -> Account | None:
        return Account(identifier)


class Reports:
    runs = 0

    @inject
    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    @action("reports.sales", cache=True)
    @access(roles="admin")
    async def sales(self) -> int:
        self.runs += 1
        return self.runs

    @action("reports.own", cache=Cache(keys=("#user.identifier",)))
    async def own(self, user: CurrentUser[Account]) -> str:
        return f"of {user.identifier}"

    @access("public")
    @both("GET", "/reports/{name}", "report")
    async def report(self, name: str) -> Any:
        return await self.broker.call(f"reports.{name}")


def application_of(*controllers: type) -> Application:
    return Application(
        bundles=[SecurityBundle(Accounts), GatewayBundle],
        controllers=controllers,
        settings=Settings(
            bundles={
                "gateway": GatewaySettings(cacher="memory"),
                "security": SecuritySettings(tokens=TOKENS),
            }
        ),
    )


async def test_cached_result_is_for_clients_with_access_only() -> None:
    async with KernelClient(application_of(Reports)) as client:
        root, eve = client.as_user(Account("root", ["admin"])), client.as_user(Account("eve"))
        for one, status in ((root, 200), (eve, 403), (client, 401), (root, 200)):
            for call in (one.http, one.websocket):
                response = await call("report", params={"name": "sales"})
                assert response.status_code == status
                if status == 200:
                    assert response.content == 1


async def test_cached_result_by_user_is_returned_to_that_user_only() -> None:
    async with KernelClient(application_of(Reports)) as client:
        for name in ("ada", "bob", "ada"):
            user = client.as_user(Account(name))
            for call in (user.http, user.websocket):
                assert (await call("report", params={"name": "own"})).content == f"of {name}"


async def test_cache_of_an_action_that_takes_the_user_needs_a_key_of_it() -> None:
    class Profiles:
        @action("profiles.show", cache=Cache(keys=("id",)))
        async def show(self, id: int, user: CurrentUser[Account]) -> str:
            return user.identifier

    with pytest.raises(ConfigurationError, match="'user' would be that of another client"):
        await application_of(Profiles).boot()
