"""Namespaces that are added and removed while the gateway runs, and reloads of actions."""

import asyncio
from typing import Any

import pytest

from bundles.gateway import Gateway, GatewayEvent, UnAuthorizedError, action
from rxkernel import ConfigurationError, Connection, ConnectionRefusedException, websocket
from tests.bundles.gateway.gateways import Client, Greeter, Math, gateway, in_process, listening
from tests.servers.socketio_clients import raw_socket


def gateway_in(io: Client) -> Gateway:
    found: Gateway = io.kernel_client.application.injector.get(Gateway)
    return found


async def test_added_namespace_is_served() -> None:
    async with in_process() as all_:
        listed: GatewayEvent = {"whitelist": ["math.*"]}
        await gateway_in(all_).add_namespace("/game", {"events": {"call": listed}})
        async with all_.connected("/game") as io:
            assert await io.emit("/game:call", "math.add", {"a": 1, "b": 2}) == [None, 3]
            (error,) = await io.emit("/game:call", "greeter.hello")
            assert error["code"] == 404
        assert await all_.call("greeter.hello") == "Hello"


async def test_added_namespace_is_authorized() -> None:
    class Io(Gateway):
        async def authorize(self, connection: Any) -> Any:
            raise PermissionError

    async with in_process(gateway=Io) as all_:
        await gateway_in(all_).add_namespace(
            "/game", {"authorization": True, "events": {"call": {}}}
        )
        with pytest.raises(ConnectionRefusedException):
            async with all_.connected("/game"):
                pass


async def test_added_namespace_that_exists_is_an_error() -> None:
    async with in_process() as io:
        with pytest.raises(ConfigurationError, match=r"namespace '/' of .* already exists"):
            await gateway_in(io).add_namespace("/", {"events": {"call": {}}})
        with pytest.raises(ConfigurationError, match=r"namespace '/x' of .* does not exist"):
            await gateway_in(io).remove_namespace("/x")


@pytest.mark.parametrize(
    "options",
    [{"evnts": {}}, {}, {"events": {"call": {"whitelist": ["nothing.*"]}}}],
    ids=["unknown", "empty", "whitelist"],
)
async def test_added_namespace_with_an_error_changes_nothing(options: Any) -> None:
    async with in_process() as io:
        with pytest.raises(ConfigurationError, match="'/game'"):
            await gateway_in(io).add_namespace("/game", options)
        await gateway_in(io).add_namespace("/game", {"events": {"call": {}}})


async def test_removed_namespace_disconnects_its_clients() -> None:
    class Io(Gateway):
        namespaces = {"/": {"events": {"call": {}}}, "/game": {"events": {"call": {}}}}

    async with listening(gateway=Io) as app, raw_socket(app) as raw:
        await raw.send("40/game,")
        assert str(await raw.receive()).startswith("40/game,{")
        await app.injector.get(Io).remove_namespace("/game")
        assert await raw.receive() == "41/game,"
        await raw.send("40/game,")
        assert await raw.receive() == '44/game,{"message":"Invalid namespace"}'
        await raw.send('421["call","greeter.hello"]')
        assert await raw.receive() == '431[null,"Hello"]'
        await app.injector.get(Io).add_namespace("/game", {"events": {"call": {}}})
        await raw.send("40/game,")
        assert str(await raw.receive()).startswith("40/game,{")


async def test_removed_namespace_with_parameters_disconnects_its_clients() -> None:
    entered, released = asyncio.Event(), asyncio.Event()

    class Io(Gateway):
        namespaces = {"/room/{id:int}": {"authorization": True, "events": {"call": {}}}}

        async def authorize(self, connection: Connection) -> Any:
            if connection.params["id"] == 2:
                entered.set()
                await released.wait()

    async with listening(gateway=Io) as app, raw_socket(app) as raw:
        await raw.send("40/room/1,")
        assert str(await raw.receive()).startswith("40/room/1,{")
        await raw.send("40/room/2,")
        await entered.wait()
        await app.injector.get(Io).remove_namespace("/room/{id:int}")
        released.set()
        packets = {str(await raw.receive()).partition(",")[0] for _ in range(2)}
        assert packets == {"41/room/1", "44/room/2"}


class Late:
    @action("late.run", visibility="published")
    async def run(self) -> str:
        return "late"


async def test_action_that_a_reload_adds_may_be_called() -> None:
    async with in_process() as io:
        assert await io.code("late.run") == 404
        await io.kernel_client.application.reload(controllers=[Late])
        assert await io.call("late.run") == "late"
        await io.kernel_client.application.reload(remove=[Late])
        assert await io.code("late.run") == 404


async def test_reload_that_removes_a_listed_action_changes_nothing() -> None:
    cls = gateway(call={"whitelist": ["math.*", "greeter.*"]})
    async with in_process(Math, Greeter, gateway=cls) as io:
        with pytest.raises(ConfigurationError, match=r"'greeter.\*' matches no action"):
            await io.kernel_client.application.reload(remove=[Greeter])
        assert await io.call("greeter.hello") == "Hello"


async def test_namespace_may_have_parameters() -> None:
    class Io(Gateway):
        namespaces = {
            "/room/{id:int}": {
                "authorization": True,
                "events": {"call": {}, "where": "where"},
            }
        }

        async def authorize(self, connection: Connection) -> Any:
            if connection.params["id"] == 5:
                raise UnAuthorizedError
            return connection.params["id"]

        async def where(self, connection: Connection) -> Any:
            return connection.params["id"]

    async with in_process(gateway=Io) as all_:
        async with all_.connected("/room/3") as io:
            assert await io.emit("/room/{id:int}:where") == [None, 3]
            _, meta = await io.emit("/room/{id:int}:call", "greeter.meta")
            assert meta["user"] == 3
        with pytest.raises(ConnectionRefusedException):
            async with all_.connected("/room/5"):
                pass


async def test_event_of_a_controller_in_the_namespace_keeps_its_envelope_and_errors() -> None:
    class Plain:
        @websocket("plain")
        async def plain(self, a: int) -> int:
            return a

    async with in_process(Plain, Math) as io:
        good = await io.kernel_client.websocket("plain", params={"a": 1})
        bad = await io.kernel_client.websocket("plain", params={"a": "x"})
        assert await io.call("math.add", {"a": 1, "b": 2}) == 3
    assert (good.content, bad.content["statusCode"]) == (1, 422)


async def test_user_of_a_subclass_of_gateway_is_used_for_authorization() -> None:
    class Io(Gateway):
        namespaces = {"/": {"events": {"call": {"authorization": True}}}}

        def get_user(self, connection: Connection) -> Any:
            return (connection.auth or {}).get("name")

    async with in_process(gateway=Io) as all_, all_.connected(auth={"name": "ada"}) as io:
        assert (await io.call("greeter.meta"))["user"] == "ada"
        assert await all_.code("greeter.meta") == 401
