"""Services with access rules, contracts, reloads, and a bundle that is enabled by name."""

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bundles.contracts import ContractsBundle, contract
from bundles.realtime import Data, IOServerError, Middleware, RealtimeBundle, Service, event
from bundles.security import SecurityBundle, access
from rxkernel import (
    Application,
    ConfigurationError,
    Connection,
    DisconnectReason,
    KernelClient,
    Request,
)
from tests.bundles.accounts import Account, Accounts


class Guard(Middleware):
    async def event(self, request: Request) -> None:
        if request.body == {"closed": True}:
            raise IOServerError("closed", 403)


class Shop(Service, namespace="/shop", middlewares=[Guard]):
    @event
    @contract(parameters={"amount": "number"})
    async def buy(self, amount: int) -> int:
        return amount

    @event
    @contract(timeout=0.01)
    async def wait(self) -> None:
        await asyncio.Event().wait()


class Versioned(Service, namespace="/versioned"):
    @event
    async def version(self) -> int:
        return 1


class NewVersioned(Service, namespace="/versioned"):
    ended: ClassVar[list[str]] = []

    @event
    async def version(self, data: Data = None) -> Any:
        return [2, data]

    async def disconnect(self, connection: Connection, reason: DisconnectReason) -> None:
        self.ended.append(connection.id)


async def test_contract_of_an_event_is_enforced_after_the_middlewares() -> None:
    bundles: list[Any] = [ContractsBundle, RealtimeBundle(services=[Shop])]
    async with KernelClient(Application(bundles=bundles)) as client:
        assert (await client.websocket("/shop:buy", body={"amount": 2})).content == 2
        wrong = (await client.websocket("/shop:buy", body={"amount": "x"})).content
        closed = (await client.websocket("/shop:buy", body={"closed": True})).content
        late = (await client.websocket("/shop:wait")).content
    assert (wrong["status"], wrong["statusCode"]) == ("error", 422)
    assert (closed["message"], closed["statusCode"]) == ("closed", 403)
    assert (late["type"], late["statusCode"]) == ("RequestTimeoutException", 408)


async def test_access_rule_of_an_event_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown event has the rule of its class. Without a rule it is 404 for all clients."""
    monkeypatch.chdir(tmp_path)

    class Private(Service, namespace="/private"):
        @event
        @access("authenticated")
        async def who(self, request: Request) -> Any:
            return request.user.name

    @access("authenticated")
    class Closed(Service, namespace="/closed"):
        pass

    bundle = RealtimeBundle(services=[Private, Closed])
    app = Application(bundles=[SecurityBundle(Accounts), bundle])
    async with KernelClient(app) as client:
        assert (await client.websocket("/private:nothing")).status_code == 404
        assert (await client.websocket("/closed:nothing")).status_code == 401
        refused = (await client.websocket("/private:who")).content
        assert (refused["status"], refused["statusCode"]) == ("error", 401)
        allowed = await client.as_user(Account("ada")).websocket("/private:who")
        assert allowed.content == "ada"


async def test_unknown_event_that_is_overridden_needs_an_access_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    class Every(Service, namespace="/every"):
        async def unknown_event(self, request: Request) -> Any:
            return request.body

    bundles: list[Any] = [SecurityBundle(Accounts), RealtimeBundle(services=[Every])]
    with pytest.raises(ConfigurationError, match=r"'/every:\*' .* has no access rule"):
        await Application(bundles=bundles).boot()


async def test_reload_replaces_a_service_and_its_hooks() -> None:
    app = Application(bundles=["realtime"], controllers=[Versioned])
    async with KernelClient(app) as client, client.connection("/versioned") as ada:
        assert (await client.websocket("/versioned:version", connection=ada)).content == 1
        await app.reload(remove=[Versioned], controllers=[NewVersioned])
        response = await client.websocket("/versioned:version", body=0, connection=ada)
        assert response.content == [2, 0]
        await ada.close()
    assert NewVersioned.ended == [ada.id]
