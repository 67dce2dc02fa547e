"""The gateway of ``server.mjs``, with the bundle."""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from injector import Binder, inject, singleton

from bundles.gateway import (
    Call,
    CurrentContext,
    Gateway,
    GatewayBundle,
    GatewayNamespace,
    GatewaySettings,
    MoleculerClientError,
    Packet,
    UnAuthorizedError,
    action,
)
from rxkernel import Application, Connection, HttpSettings, Settings
from tests.bundles.gateway.peer.services import (
    Accounts,
    Cellar,
    Counter,
    Errors,
    Greeter,
    Math,
    News,
    Rooms,
)


class Order:
    """The hooks and actions that ran, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, what: str, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        self.lines.append(f"{what} {text}")


class Steps:
    @inject
    def __init__(self, order: Order) -> None:
        self.order = order

    @action("steps.run", visibility="published")
    async def run(self, ctx: CurrentContext) -> str:
        params = json.dumps(ctx.params, separators=(",", ":"))
        self.order.add("action", f"{params} {ctx.meta['stamp']}")
        return "ran"

    @action("steps.take", visibility="published")
    async def take(self) -> list[str]:
        lines = self.order.lines[:]
        self.order.lines.clear()
        return lines


async def fence(connection: Connection) -> None:
    pass


class Io(Gateway):
    namespaces: ClassVar[Mapping[str, GatewayNamespace]] = {
        "/": GatewayNamespace(
            events={
                "call": {},
                "listed": {"whitelist": ["math.*", re.compile(r"^greeter\.(hello|echo)$")]},
                "nothing_listed": {"whitelist": []},
                "general_pattern": {"whitelist": ["*.add"]},
                "repeated_pattern": {"whitelist": [re.compile(r"^math\.")]},
                "any_depth": {"whitelist": ["math.**"]},
                "aliased": {"aliases": {"add": "math.add", "greeter.hello": "math.div"}},
                "aliased_and_listed": {
                    "aliases": {"hello": "greeter.hello"},
                    "whitelist": ["greeter.hello"],
                },
                "restricted": {"aliases": {"add": "math.add"}, "mapping_policy": "restrict"},
                "no_aliases": {"mapping_policy": "restrict"},
                "quick": {"call_options": {"timeout": 0.05}},
                "patient": {"call_options": {"timeout": 60}},
                "fallback": {"call_options": {"timeout": 0.05, "fallback": "fallback"}},
                "false_fallback": {"call_options": {"fallback": False}},
                "computed_fallback": {
                    "call_options": {"fallback": lambda ctx, error: f"instead of {error.type}"}
                },
                "retried": {"call_options": {"retries": 2}},
                "with_meta": {"call_options": {"meta": {"tenant": "t1"}}},
                "hooked": {"before_call": "before", "after_call": "after"},
                "upload": "upload",
                "upload_by_action": "upload_by_action",
                "broken_handler": "broken_handler",
                "fence": fence,
            }
        ),
        "/admin": GatewayNamespace(
            authorization=True,
            middlewares=["reject_banned"],
            packet_middlewares=["change_packet"],
            events={
                "adminCall": {"before_call": "before", "after_call": "after"},
                "call": {"whitelist": ["accounts.*", "rooms.*"]},
                "fence": fence,
            },
        ),
    }

    @inject
    def __init__(self, order: Order) -> None:
        self.order = order

    async def authorize(self, connection: Connection) -> Any:
        auth = connection.auth or {}
        match auth.get("token"):
            case "good":
                return {"name": "Ada"}
            case "empty":
                raise RuntimeError
            case None:
                return None
        raise UnAuthorizedError("Unauthorized", data={"reason": "unknown token"})

    async def reject_banned(self, connection: Connection) -> None:
        if (connection.auth or {}).get("banned"):
            raise MoleculerClientError("banned", 403, data={"until": "noon"})

    async def change_packet(self, packet: Packet) -> None:
        if packet.args and packet.args[0] == "math.sum":
            packet.args[0] = "math.add"
        if packet.args and packet.args[0] == "math.secret":
            raise MoleculerClientError("refused packet", 403, "REFUSED")
        if packet.event != "fence":
            self.order.add("packet", packet.event)

    async def before(self, call: Call) -> None:
        self.order.add("before", call.action)
        call.meta["stamp"] = "stamped"
        if call.params.get("refuse"):
            raise MoleculerClientError("refused by the hook", 403, "REFUSED")
        if user := call.params.get("user"):
            call.meta["user"] = {"name": user}
        if call.params.get("timeout"):
            call.options["timeout"] = 0.05
        call.params["seen"] = True

    async def after(self, call: Call, result: Any) -> Any:
        self.order.add("after", json.dumps(result, separators=(",", ":")))
        if result == "ran":
            return "replaced"
        if result == 1:
            return 0
        if result == 2:
            raise MoleculerClientError("after the call", 409, "AFTER")
        return None

    async def upload(
        self, connection: Connection, file: dict[str, str], content: bytes
    ) -> dict[str, Any]:
        return {**file, "size": len(content), "id": connection.id}

    async def upload_by_action(
        self, connection: Connection, file: dict[str, str], content: bytes
    ) -> Any:
        return await self.broker.call("greeter.reverse", {"data": content})

    async def broken_handler(self, connection: Connection) -> None:
        raise MoleculerClientError("this handler fails", 400, "BROKEN")


SERVICES = [Accounts, Cellar, Counter, Errors, Greeter, Math, News, Rooms, Steps]


def bind_order(binder: Binder) -> None:
    binder.bind(Order, scope=singleton)


def application() -> Application:
    settings = Settings(
        request_id_header=None,
        http=HttpSettings(port=0),
        bundles={"gateway": GatewaySettings(node_id="node-1")},
    )
    return Application(
        bundles=[GatewayBundle(Io)], controllers=SERVICES, modules=[bind_order], settings=settings
    )
