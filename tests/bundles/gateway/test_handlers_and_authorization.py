"""Handlers, middlewares and authorization: checks 27 to 33 of moleculer-io."""

import asyncio
import logging
from typing import Any

import pytest
from injector import Binder, inject, singleton

from bundles.gateway import (
    CurrentContext,
    Gateway,
    MoleculerClientError,
    Packet,
    UnAuthorizedError,
    action,
)
from rxkernel import Acknowledgement, ConfigurationError, Connection, ConnectionRefusedException
from tests.bundles.gateway.gateways import (
    Greeter,
    Math,
    application_of,
    gateway,
    in_process,
    listening,
)
from tests.servers.socketio_clients import client, raw_socket


class Handlers(Gateway):
    namespaces = {
        "/": {
            "events": {
                "custom": "custom",
                "upload": "upload",
                "pair": "pair",
                "fail": "fail",
                "call": {"before_call": "never"},
            }
        }
    }

    async def never(self, call: Any) -> None:
        raise AssertionError("a hook has run")

    async def custom(self, connection: Connection, data: Any) -> list[Any]:
        total = await self.broker.call("math.add", {"a": 1, "b": 2})
        await connection.emit("hello", data)
        return [data, total]

    async def upload(self, connection: Connection, info: dict[str, str], file: bytes) -> str:
        assert isinstance(file, bytes)
        return info["name"]

    async def pair(self, connection: Connection, *args: Any) -> Acknowledgement:
        return Acknowledgement(*args)

    async def fail(self, connection: Connection, kind: str = "plain") -> None:
        if kind == "client":
            raise MoleculerClientError("no", 409, "NO", [1])
        raise ValueError("a secret")


# check 27
async def test_handler_receives_the_arguments_without_hooks() -> None:
    async with in_process(Math, gateway=Handlers) as client_, client_.connected() as io:
        assert await io.emit("custom", {"x": 1}) == [None, [{"x": 1}, 3.0]]
        assert io.connection.emitted == [("hello", ({"x": 1},))]  # type: ignore[union-attr]
        assert await io.emit("pair", 1, [2]) == [1, [2]]
        assert await io.emit("pair") == []


# check 27
async def test_handler_receives_binary_values_over_a_socket() -> None:
    async with listening(Math, gateway=Handlers) as app, client(app) as socket:
        assert await socket.call("upload", ({"name": "a.txt"}, b"\x00")) == (None, "a.txt")


# check 27
async def test_handler_may_be_a_function_or_a_method_of_the_class_body() -> None:
    async def ping(connection: Connection, *args: Any) -> int:
        return len(args)

    class Io(Gateway):
        async def own(self, connection: Connection) -> str:
            return type(self).__name__

        namespaces = {"/": {"events": {"ping": ping, "own": own}}}

    async with in_process(gateway=Io) as io:
        assert await io.emit("ping", 1, 2) == [None, 2]
        assert await io.emit("own") == [None, "Io"]


# check 27
@pytest.mark.parametrize("args", [(), (1, 2)])
async def test_handler_with_other_arguments_is_a_bad_request(args: Any) -> None:
    async with in_process(Math, gateway=Handlers) as io:
        (error,) = await io.emit("custom", *args)
    assert (error["name"], error["data"]) == ("BadRequestError", {"arguments": len(args)})


# check 28
async def test_handler_that_raises_is_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with listening(Math, gateway=Handlers) as app, client(app) as socket:
        assert await socket.call("fail") == {"name": "Error", "message": "Internal Server Error"}
        assert await socket.call("fail", "client") == {
            "name": "MoleculerClientError",
            "message": "no",
            "code": 409,
            "type": "NO",
            "data": [1],
        }
        await socket.emit("fail")
        assert await socket.call("pair", "alive") == "alive"
    failures = [one for one in caplog.records if one.exc_info and one.levelno == logging.ERROR]
    assert len(failures) == 2


class Doors(Gateway):
    """The namespace ``/closed`` refuses all clients."""

    namespaces = {
        "/": {"events": {"call": {}}},
        "/closed": {"middlewares": ["first", "close"], "events": {"call": {}}},
        "/broken": {"middlewares": ["fail"], "events": {"call": {}}},
    }

    async def first(self, connection: Connection) -> None:
        connection.attributes["first"] = True

    async def close(self, connection: Connection) -> None:
        assert connection.attributes["first"]
        raise MoleculerClientError("closed today", 403, "CLOSED", {"until": "Monday"})

    async def fail(self, connection: Connection) -> None:
        raise RuntimeError("a secret")


# check 29
async def test_middleware_refuses_with_message_and_data() -> None:
    async with listening(gateway=Doors) as app, raw_socket(app, connect="") as raw:
        await raw.send("40/closed,")
        assert await raw.receive() == (
            '44/closed,{"message":"closed today","data":{"until":"Monday"}}'
        )
        await raw.send("40")
        assert str(await raw.receive()).startswith("40{")
        await raw.send('421["call","greeter.hello"]')
        assert await raw.receive() == '431[null,"Hello"]'


# check 29
async def test_middleware_that_fails_refuses_without_its_text() -> None:
    async with listening(gateway=Doors) as app, raw_socket(app, connect="") as raw:
        await raw.send("40/broken,")
        frame = str(await raw.receive())
    assert frame.startswith('44/broken,{"message":"Internal Server Error","data":')
    assert "secret" not in frame


# check 29
async def test_namespace_that_is_not_served_is_invalid() -> None:
    async with listening(gateway=Doors) as app, raw_socket(app, connect="") as raw:
        await raw.send("40/ghost,")
        assert await raw.receive() == '44/ghost,{"message":"Invalid namespace"}'


class Packets(Gateway):
    namespaces = {
        "/": {
            "packet_middlewares": ["rename", "limit"],
            "events": {"call": {}, "custom": "custom"},
        }
    }

    async def rename(self, packet: Packet) -> None:
        if packet.args[:1] == ["add"]:
            packet.args[0] = "math.add"
        if packet.args[:1] == ["replace"]:
            packet.args = ["greeter.echo", packet.event]

    async def limit(self, packet: Packet) -> None:
        if "forbidden" in packet.args:
            raise MoleculerClientError("forbidden word", 403, "FORBIDDEN")

    async def custom(self, connection: Connection, *args: Any) -> list[Any]:
        return list(args)


# check 30
async def test_packet_middleware_rewrites_the_arguments() -> None:
    async with in_process(gateway=Packets) as io:
        assert await io.call("add", {"a": 1, "b": 2}) == 3
        assert await io.call("replace") == "call"
        assert await io.emit("custom", "add") == [None, ["math.add"]]


# check 30
async def test_packet_middleware_that_refuses_is_an_error() -> None:
    async with in_process(gateway=Packets) as io:
        for event in ("call", "custom"):
            (error,) = await io.emit(event, "greeter.hello", "forbidden")
            assert (error["code"], error["message"]) == (403, "forbidden word")
        assert await io.call("greeter.hello") == "Hello"


def test_packet_event_and_connection_are_read_only() -> None:
    packet = Packet(None, "call", [])  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        packet.event = "other"


class Secure(Gateway):
    namespaces = {
        "/": {"events": {"call": {}, "admin": {"authorization": True}}},
        "/admin": {"authorization": True, "events": {"call": {}}},
    }

    async def authorize(self, connection: Connection) -> Any:
        token = (connection.auth or {}).get("token")
        if token is None:
            return None
        if token == "good":
            return {"name": "Ada"}
        if token == "empty":
            raise Exception
        if token == "blank":
            raise UnAuthorizedError("")
        raise UnAuthorizedError


# check 31
async def test_authorized_user_reaches_the_action() -> None:
    async with (
        in_process(gateway=Secure) as all_,
        all_.connected("/admin", auth={"token": "good"}) as io,
    ):
        error, meta = await io.emit("/admin:call", "greeter.meta")
        assert (error, meta["user"]) == (None, {"name": "Ada"})


# check 31
async def test_client_without_credentials_is_anonymous() -> None:
    async with in_process(gateway=Secure) as all_, all_.connected("/admin") as io:
        assert (await io.emit("/admin:call", "greeter.meta"))[1]["user"] is None


# check 31
async def test_bad_token_is_refused() -> None:
    async with listening(gateway=Secure) as app, raw_socket(app, connect="") as raw:
        await raw.send('40/admin,{"token":"bad"}')
        assert await raw.receive() == (
            '44/admin,{"message":"Unauthorized","data":{"statusCode":401,'
            '"name":"UnAuthorizedError","message":"Unauthorized","code":401,'
            '"type":"ERR_INVALID_TOKEN"}}'
        )


# check 31
@pytest.mark.parametrize("token", ["empty", "blank", "other"])
async def test_exception_of_the_authorizer_refuses_the_client(token: str) -> None:
    async with in_process(gateway=Secure) as all_:
        with pytest.raises(ConnectionRefusedException):
            async with all_.connected("/admin", auth={"token": token}):
                pass


class Open(Gateway):
    namespaces = {"/admin": {"authorization": True, "events": {"call": {}}}}


# check 31
async def test_missing_authorizer_is_an_error() -> None:
    with pytest.raises(ConfigurationError) as raised:
        await application_of(gateway=Open).boot()
    assert raised.value.problems == (
        "namespace '/admin' of the gateway Open has authorization=True, but the class has no "
        "method authorize; write async def authorize(self, connection)",
    )


class Accounts:
    @action("accounts.login", visibility="published")
    async def login(self, ctx: CurrentContext, name: str) -> None:
        ctx.meta["user"] = name
        if name == "nobody":
            raise MoleculerClientError("unknown user", 404, "UNKNOWN")

    @action("accounts.nested", visibility="published")
    async def nested(self, ctx: CurrentContext) -> None:
        await ctx.call("accounts.login", {"name": "Grace"})

    @action("accounts.logout", visibility="published")
    async def logout(self, ctx: CurrentContext) -> None:
        ctx.meta["user"] = None


async def user_of(io: Any) -> Any:
    return (await io.call("greeter.meta"))["user"]


# check 32
async def test_user_of_a_connection_follows_login_and_logout_actions() -> None:
    async with in_process(Accounts, Greeter) as all_, all_.connected() as io:
        assert await user_of(io) is None
        await io.call("accounts.login", {"name": "Ada"})
        assert await user_of(io) == "Ada"
        assert await io.code("accounts.login", {"name": "nobody"}) == 404
        assert await user_of(io) == "Ada"
        await io.call("accounts.nested")
        assert await user_of(io) == "Grace"
        await io.call("accounts.logout")
        assert await user_of(io) is None
        async with all_.connected() as other:
            assert await user_of(other) is None


# check 32
async def test_slow_call_does_not_overwrite_a_later_login() -> None:
    entered, gate = asyncio.Event(), asyncio.Event()

    class Slow:
        @action("slow.wait", visibility="published")
        async def wait(self) -> None:
            entered.set()
            await gate.wait()

    async with in_process(Accounts, Greeter, Slow) as all_, all_.connected() as io:
        slow = asyncio.create_task(io.call("slow.wait"))
        await entered.wait()
        await io.call("accounts.login", {"name": "Ada"})
        gate.set()
        await slow
        assert await user_of(io) == "Ada"


# check 33
async def test_user_of_one_namespace_is_unknown_in_another() -> None:
    async with listening(gateway=Secure) as app, raw_socket(app) as raw:
        await raw.send('40/admin,{"token":"good"}')
        assert str(await raw.receive()).startswith("40/admin,{")
        await raw.send('42/admin,1["call","greeter.meta"]', '422["call","greeter.meta"]')
        frames = sorted([str(await raw.receive()), str(await raw.receive())])
    assert frames[0].startswith('43/admin,1[null,{"user":{"name":"Ada"}')
    assert frames[1].startswith('432[null,{"user":null')


async def test_event_with_authorization_refuses_clients_without_a_user() -> None:
    async with in_process(Accounts, Greeter, gateway=Secure) as all_, all_.connected() as io:
        (error,) = await io.emit("admin", "greeter.hello")
        assert (error["name"], error["code"]) == ("UnAuthorizedError", 401)
        await io.call("accounts.login", {"name": "Ada"})
        assert await io.emit("admin", "greeter.hello") == [None, "Hello"]


async def test_meta_of_a_subclass_of_gateway_is_read_and_saved() -> None:
    class Tenants(Gateway):
        def get_meta(self, connection: Connection) -> dict[str, Any]:
            return {"tenant": connection.attributes.get("tenant", 1)}

        def save_meta(self, connection: Connection, meta: Any) -> None:
            connection.attributes.update(meta)

    class Move:
        @action("tenant.move", visibility="published")
        async def move(self, ctx: CurrentContext, to: int) -> None:
            ctx.meta["tenant"] = to

    async with in_process(Move, Greeter, gateway=Tenants) as all_, all_.connected() as io:
        assert await io.call("greeter.meta") == {"tenant": 1}
        await io.call("tenant.move", {"to": 2})
        assert await io.call("greeter.meta") == {"tenant": 2}


async def test_error_body_of_a_subclass_is_acknowledged() -> None:
    class Short(Gateway):
        def error_body(self, exception: Exception) -> dict[str, Any]:
            return {"failed": type(exception).__name__}

    async with in_process(gateway=Short) as io:
        assert await io.error("nope") == {"failed": "ServiceNotFoundError"}


async def test_gateway_is_built_by_the_injector() -> None:
    class Rules:
        limit = 1

    class Io(Gateway):
        @inject
        def __init__(self, rules: Rules) -> None:
            self.rules = rules

        namespaces = {"/": {"events": {"limit": "read"}}}

        async def read(self, connection: Connection) -> int:
            return self.rules.limit

    def configure(binder: Binder) -> None:
        binder.bind(Rules, scope=singleton)

    async with in_process(gateway=Io, modules=(configure,)) as io:
        assert await io.emit("limit") == [None, 1]
        assert io.kernel_client.application.injector.get(Gateway) is (
            io.kernel_client.application.injector.get(Io)
        )


def test_helper_gateway_declares_its_events_in_one_namespace() -> None:
    assert gateway(call={}).namespaces == {"/": {"events": {"call": {}}}}
