"""The visibility of actions for their callers."""

from typing import Annotated, Any

import attrs
import pytest

from bundles.gateway import (
    Broker,
    CurrentContext,
    GatewayBundle,
    ServiceNotFoundError,
    action,
    on_event,
)
from bundles.security import CurrentUser, SecurityBundle, UserProvider, access
from rxkernel import ConfigurationError, Inject, http
from tests.bundles.gateway.conftest import SiteOf


class Math:
    @action("math.secret", visibility="private")
    async def secret(self) -> str:
        return "secret"

    @action("math.shared", visibility="protected")
    async def shared(self) -> str:
        return "shared"

    @action("math.own")
    async def own(self, ctx: CurrentContext) -> Any:
        return await ctx.call("math.secret")


class MoreMath:
    @action("math.more")
    async def more(self, broker: Annotated[Broker, Inject()]) -> Any:
        return await broker.call("math.secret")


class Other:
    @action("other.steal")
    async def steal(self, ctx: CurrentContext) -> Any:
        return await ctx.call("math.secret")

    @action("other.steal_deep")
    async def steal_deep(self, ctx: CurrentContext) -> Any:
        return await ctx.call("math.own")


# check 19
async def test_private_action_is_called_by_its_own_service_only(site_of: SiteOf) -> None:
    site = await site_of(Math, MoreMath, Other)

    assert await site.broker.call("math.own") == "secret"
    assert await site.broker.call("math.more") == "secret"
    assert await site.broker.call("other.steal_deep") == "secret"
    for name in ("math.secret", "other.steal"):
        with pytest.raises(ServiceNotFoundError, match=r"Service 'math\.secret' is not found\."):
            await site.broker.call(name)


# check 19
async def test_protected_action_is_called_on_its_node(site_of: SiteOf) -> None:
    site = await site_of(Math)

    assert await site.broker.call("math.shared") == "shared"
    assert await site.broker.call("math.shared", node_id="node-1") == "shared"


async def test_call_of_another_node_is_not_found(site_of: SiteOf) -> None:
    site = await site_of(Math)

    with pytest.raises(ServiceNotFoundError) as caught:
        await site.broker.call("math.shared", node_id="node-2", fallback="unused")

    assert caught.value.data == {"action": "math.shared", "nodeID": "node-2"}


@attrs.frozen
class Account:
    identifier: str


class Users(UserProvider[Account]):
    async def load(self, identifier: str) -> Account | None:
        return Account(identifier)


class Posts:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @action("posts.count")
    async def count(self) -> int:
        return 1

    @action("posts.mine")
    async def mine(self, user: CurrentUser[Account]) -> str:
        return user.identifier

    @access(roles="admin")
    @action("posts.clear")
    async def clear(self) -> None: ...

    @on_event("posts.*")
    async def hear(self, user: CurrentUser[Account]) -> None:
        self.heard.append(user.identifier)

    @access("public")
    @http("POST", "/{name:path}", "run")
    async def run(self, name: str, broker: Annotated[Broker, Inject()]) -> Any:
        await broker.emit("posts.run")
        return await broker.call(name)


async def test_public_action_needs_no_access_rule_and_keeps_the_user(site_of: SiteOf) -> None:
    posts = Posts()
    site = await site_of(posts, bundles=(GatewayBundle, SecurityBundle(Users)))
    ada = site.client.as_user(Account("ada"))

    assert (await ada.http("run", params={"name": "posts.mine"})).content == "ada"
    assert (await site.client.http("run", params={"name": "posts.count"})).content == 1
    assert (await site.client.http("run", params={"name": "posts.mine"})).status_code == 401
    assert (await ada.http("run", params={"name": "posts.clear"})).status_code == 403
    assert posts.heard == ["ada", "ada"]


class Published:
    @action("published.action", visibility="published")
    async def run(self) -> None: ...


async def test_published_action_without_an_access_rule_is_an_error(site_of: SiteOf) -> None:
    with pytest.raises(ConfigurationError, match=r"published\.action' .* has no access rule"):
        await site_of(Published, bundles=(GatewayBundle, SecurityBundle(Users)))
