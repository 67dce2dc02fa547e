"""A gateway in an application with the bundle security, and tokens without it."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from bundles.gateway import Gateway, GatewayEvent, action
from bundles.security import SecurityBundle, access
from rxkernel import ConfigurationError, Connection, Request
from tests.bundles.accounts import Account, Accounts
from tests.bundles.gateway.gateways import Client, application_of, gateway, in_process


class Shop:
    @action("shop.who", visibility="published")
    @access("authenticated")
    async def who(self, request: Request) -> Any:
        return request.user.name

    @action("shop.open", visibility="published")
    @access("public")
    async def open(self, request: Request) -> Any:
        return getattr(request.user, "name", None)

    @action("shop.listed")
    async def listed(self, request: Request) -> Any:
        return getattr(request.user, "name", None)


@pytest.fixture(autouse=True)
def _key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_action_has_the_identity_of_the_connection() -> None:
    async with in_process(Shop, bundles=(SecurityBundle(Accounts),)) as io:
        error = await io.error("shop.who")
        assert (error["name"], error["code"]) == ("Unauthenticated", 401)
        assert await io.call("shop.open") is None
        ada = Client(io.kernel_client.as_user(Account("ada")))
        assert await ada.call("shop.who") == "ada"
        assert await ada.call("shop.open") == "ada"


async def test_published_action_without_an_access_rule_is_an_error() -> None:
    class Open:
        @action("open.run", visibility="published")
        async def run(self) -> None: ...

    with pytest.raises(ConfigurationError, match=r"'ACTION:open.run' .* has no access rule"):
        await application_of(Open, bundles=(SecurityBundle(Accounts),)).boot()


@pytest.mark.parametrize("mask", ["shop.listed", "shop.*"])
async def test_public_action_that_is_listed_without_an_access_rule_is_an_error(mask: str) -> None:
    listed = gateway(call={"whitelist": [mask]})
    bundles = (SecurityBundle(Accounts),)
    with pytest.raises(ConfigurationError, match=r"'ACTION:shop.listed' .* has no access rule"):
        await application_of(Shop, gateway=listed, bundles=bundles).boot()


async def test_public_action_that_is_listed_has_the_default_rule() -> None:
    listed = gateway(call={"whitelist": ["shop.listed"]})
    bundles = (SecurityBundle(Accounts, access="authenticated"),)
    async with in_process(Shop, gateway=listed, bundles=bundles) as io:
        assert await io.code("shop.listed") == 401
        assert await Client(io.kernel_client.as_user(Account("ada"))).call("shop.listed") == "ada"


async def test_listed_actions_of_the_bundle_need_no_access_rule() -> None:
    listed = gateway(call={"whitelist": ["io.*", "$node.list"]})
    async with in_process(Shop, gateway=listed, bundles=(SecurityBundle(Accounts),)) as io:
        assert await io.call("io.get_clients", {"room": "tea"}) == []
        assert len(await io.call("$node.list")) == 1


async def test_added_namespace_lists_no_action_without_an_access_rule() -> None:
    async with in_process(Shop, bundles=(SecurityBundle(Accounts),)) as io:
        added = io.kernel_client.application.injector.get(Gateway)
        listed: GatewayEvent = {"whitelist": ["shop.*"]}
        with pytest.raises(ConfigurationError, match=r"'shop.listed', which has no access rule"):
            await added.add_namespace("/late", {"events": {"call": listed}})
        open_: GatewayEvent = {"whitelist": ["shop.open"]}
        await added.add_namespace("/late", {"events": {"call": open_}})


async def test_token_that_the_gateway_sets_reaches_actions_and_handlers() -> None:
    @attrs.frozen
    class Token:
        user: Any

    class Io(Gateway):
        namespaces = {"/": {"authorization": True, "events": {"call": {}, "who": "who"}}}

        async def authorize(self, connection: Connection) -> Any:
            connection.token = Token(connection.auth)

        async def who(self, connection: Connection) -> Any:
            return await self.broker.call("shop.listed")

    class Plain:
        @action("shop.listed", visibility="published")
        async def listed(self, request: Request) -> Any:
            return request.user["name"]

    async with (
        in_process(Plain, gateway=Io) as all_,
        all_.connected(auth={"name": "ada"}) as io,
    ):
        assert await io.call("shop.listed") == "ada"
        assert await io.emit("who") == [None, "ada"]
