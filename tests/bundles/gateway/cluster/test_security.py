"""Access rules in a cluster: the identity of a client stays on its node."""

from pathlib import Path
from typing import Any

import pytest

from bundles.gateway import CurrentContext, GatewayBundle, action
from bundles.security import SecurityBundle, access
from rxkernel import Request
from tests.bundles.accounts import Account, Accounts
from tests.bundles.gateway.cluster.nodes import Nodes
from tests.bundles.gateway.gateways import Client, gateway


class Orders:
    @action("orders.mine", visibility="published")
    @access("authenticated")
    async def mine(self, request: Request) -> Any:
        return request.user.name

    @action("orders.of", visibility="published")
    @access("public")
    async def of(self, ctx: CurrentContext) -> Any:
        return ctx.meta.get("user")


class Front:
    @action("front.mine", visibility="published")
    @access("authenticated")
    async def mine(self, ctx: CurrentContext, request: Request) -> Any:
        return await ctx.call("orders.of", meta={"user": request.user.name})


@pytest.fixture(autouse=True)
def _key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_access_rule_of_another_node_rejects_a_user_of_this_one(nodes: Nodes) -> None:
    bundles = (GatewayBundle, SecurityBundle(Accounts))
    await nodes.start("orders-1", Orders, bundles=bundles)
    listed = (GatewayBundle(gateway(call={"whitelist": ["orders.*"]})), SecurityBundle(Accounts))
    web = await nodes.start("io-1", bundles=listed)
    ada = Client(web.client.as_user(Account("ada")))

    error = await ada.error("orders.mine")

    assert (error["name"], error["code"]) == ("Unauthenticated", 401)


async def test_actions_of_other_nodes_need_a_whitelist_where_routes_need_rules(
    nodes: Nodes,
) -> None:
    """The rules of another node are unknown here, so its actions are not open by default."""
    bundles = (GatewayBundle, SecurityBundle(Accounts))
    await nodes.start("orders-1", Orders, bundles=bundles)
    web = await nodes.start("io-1", bundles=bundles)
    anything = (GatewayBundle(gateway(call={"whitelist": ["**"]})), SecurityBundle(Accounts))
    open_ = await nodes.start("io-2", bundles=anything)
    named = (GatewayBundle(gateway(call={"whitelist": ["orders.of"]})), SecurityBundle(Accounts))
    listed = await nodes.start("io-3", bundles=named)

    assert await Client(web.client).code("orders.of") == 404
    assert await Client(open_.client).code("orders.of") == 404
    assert await Client(listed.client).call("orders.of") is None


async def test_user_is_passed_to_another_node_in_the_meta(nodes: Nodes) -> None:
    bundles = (GatewayBundle, SecurityBundle(Accounts))
    await nodes.start("orders-1", Orders, bundles=bundles)
    web = await nodes.start("io-1", Front, bundles=bundles)

    assert await Client(web.client.as_user(Account("ada"))).call("front.mine") == "ada"
    assert (await Client(web.client).error("front.mine"))["code"] == 401
