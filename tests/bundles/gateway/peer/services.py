"""The services of ``server.mjs``, in Python."""

import asyncio
from typing import Any

from bundles.gateway import (
    CurrentContext,
    MoleculerClientError,
    MoleculerError,
    MoleculerRetryableError,
    action,
    on_event,
)

Number = int | float


class Math:
    @action("math.add", visibility="published")
    async def add(self, a: Number, b: Number) -> Number:
        return a + b

    @action("math.div", visibility="published")
    async def div(self, a: Number, b: Number) -> Number:
        if b == 0:
            raise MoleculerClientError("division by zero", 422, "DIV_ZERO", {"a": a})
        return a / b

    @action("math.adv.pow", visibility="published")
    async def pow(self, a: Number, b: Number) -> Number:
        return a**b

    @action("math.add", version=2, visibility="published")
    async def add_version_2(self) -> str:
        return "version 2"

    @action("mathXadd", visibility="published")
    async def no_dot(self) -> str:
        return "mathXadd"


class Greeter:
    def __init__(self) -> None:
        self.released = asyncio.Event()

    @action("greeter.hello", visibility="published")
    async def hello(self) -> str:
        return "Hello"

    @action("greeter.echo", visibility="published")
    async def echo(self, ctx: CurrentContext) -> Any:
        return ctx.params

    @action("greeter.nothing", visibility="published")
    async def nothing(self) -> None:
        pass

    @action("greeter.reverse", visibility="published")
    async def reverse(self, ctx: CurrentContext) -> bytes:
        data: bytes = ctx.params["data"]
        return data[::-1]

    @action("greeter.wait", visibility="published")
    async def wait(self) -> str:
        await self.released.wait()
        return "released"

    @action("greeter.release", visibility="published")
    async def release(self) -> None:
        self.released.set()

    @action("greeter.slow", visibility="published")
    async def slow(self, milliseconds: float) -> str:
        await asyncio.sleep(milliseconds / 1000)
        return "slow"


class TeapotError(Exception):
    code = 418
    type = "TEAPOT"
    status_code = 418
    secret = "never sent"


def circle() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


class Errors:
    def __init__(self) -> None:
        self.number = 0

    @action("errors.moleculer", visibility="published")
    async def moleculer(self) -> None:
        raise MoleculerError("message", 567, "TYPE", {"d": 1})

    @action("errors.client", visibility="published")
    async def client(self) -> None:
        raise MoleculerClientError("not like this")

    @action("errors.plain", visibility="published")
    async def plain(self) -> None:
        raise RuntimeError("the password is in this text")

    @action("errors.teapot", visibility="published")
    async def teapot(self) -> None:
        raise TeapotError("short and stout")

    @action("errors.circularData", visibility="published")
    async def circular_data(self) -> None:
        raise MoleculerError("circular", 500, "CIRCULAR", circle())

    @action("errors.circularResult", visibility="published")
    async def circular_result(self) -> Any:
        return circle()

    @action("errors.flaky", visibility="published")
    async def flaky(self) -> None:
        self.number += 1
        raise MoleculerRetryableError(f"attempt {self.number}", 500, "FLAKY")

    @action("errors.attempts", visibility="published")
    async def attempts(self) -> int:
        number, self.number = self.number, 0
        return number


class Cellar:
    @action("cellar.published", visibility="published")
    async def published(self) -> str:
        return "published"

    @action("cellar.public")
    async def public(self) -> str:
        return "public"

    @action("cellar.protected", visibility="protected")
    async def protected(self) -> str:
        return "protected"

    @action("cellar.private", visibility="private")
    async def private(self) -> str:
        return "private"


class Counter:
    def __init__(self) -> None:
        self.number = 0

    @action("counter.bump", visibility="published")
    async def bump(self) -> None:
        self.number += 1

    @action("counter.get", visibility="published")
    async def get(self) -> int:
        return self.number


class Accounts:
    @action("accounts.login", visibility="published")
    async def login(self, ctx: CurrentContext, name: str, password: str) -> str:
        ctx.meta["user"] = {"name": name}
        if password != "right":
            raise MoleculerClientError("wrong password", 401, "WRONG_PASSWORD")
        return "welcome"

    @action("accounts.logout", visibility="published")
    async def logout(self, ctx: CurrentContext) -> None:
        ctx.meta["user"] = None

    @action("accounts.whoami", visibility="published")
    async def whoami(self, ctx: CurrentContext) -> Any:
        return ctx.meta.get("user")

    @action("accounts.meta", visibility="published")
    async def meta(self, ctx: CurrentContext) -> dict[str, Any]:
        meta = ctx.meta
        return {
            "user": meta.get("user"),
            "rooms": meta.get("$rooms"),
            "id": meta.get("$socketId"),
            "tenant": meta.get("tenant"),
            "stamp": meta.get("stamp"),
        }


class Rooms:
    @action("rooms.move", visibility="published")
    async def move(self, ctx: CurrentContext) -> Any:
        ctx.meta["$join"] = ctx.params.get("join")
        ctx.meta["$leave"] = ctx.params.get("leave")
        if ctx.params.get("fail"):
            raise MoleculerClientError("did not move")
        return ctx.meta["$rooms"]

    @action("rooms.nested", visibility="published")
    async def nested(self, ctx: CurrentContext) -> Any:
        return await ctx.call("rooms.move", ctx.params)

    @action("rooms.get", visibility="published")
    async def get(self, ctx: CurrentContext) -> Any:
        return ctx.meta["$rooms"]

    @action("rooms.say", visibility="published")
    async def say(self, ctx: CurrentContext) -> Any:
        return await ctx.call("io.broadcast", ctx.params)

    @action("rooms.clients", visibility="published")
    async def clients(self, ctx: CurrentContext) -> Any:
        return await ctx.call("io.get_clients", ctx.params)


class News:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @action("news.emit", visibility="published")
    async def emit(self, ctx: CurrentContext, event: str, payload: int) -> list[str]:
        self.heard.clear()
        await ctx.emit(event, payload)
        return sorted(self.heard)

    @action("news.broadcast", visibility="published")
    async def broadcast(self, ctx: CurrentContext, event: str, payload: int) -> list[str]:
        self.heard.clear()
        await ctx.broadcast(event, payload)
        return sorted(self.heard)

    @on_event("news.*", group="news")
    async def any_news(self, ctx: CurrentContext) -> None:
        self.heard.append(f"news {ctx.event_name} {ctx.params}")

    @on_event("news.created", group="mail")
    async def created(self, ctx: CurrentContext) -> None:
        self.heard.append(f"mail {ctx.params}")
