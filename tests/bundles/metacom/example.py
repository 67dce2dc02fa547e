"""The unit ``example``."""

import asyncio
from typing import Any

from bundles.contracts import contract
from bundles.metacom import METACOM
from rxkernel import Connection, Request, procedure


class Example:
    @procedure("example/hello", METACOM)
    async def hello(self) -> dict[str, str]:
        return {"message": "hello"}

    @procedure("example/add", METACOM, arguments="value")
    @contract(parameters={"a": "number", "b": "number"}, returns="number")
    async def add(self, a: int | float, b: int | float) -> int | float:
        return a + b

    @procedure("example/echo", METACOM, arguments="value")
    async def echo(self, request: Request) -> Any:
        return request.body

    @procedure("example/value", METACOM, arguments="value")
    async def value(self, request: Request) -> Any:
        return request.params["value"]

    @procedure("example/wait", METACOM, arguments="value")
    async def wait(self, milliseconds: int) -> int:
        await asyncio.sleep(milliseconds / 1000)
        return milliseconds

    @procedure("versioned.1/hello", METACOM)
    async def hello_1(self) -> int:
        return 1

    @procedure("versioned.1/only1", METACOM)
    async def only_1(self) -> int:
        return 1

    @procedure("versioned.2/hello", METACOM)
    async def hello_2(self) -> int:
        return 2

    @procedure("example/fail", METACOM)
    async def fail(self) -> None:
        raise RuntimeError("the secret")

    @procedure("example/notify", METACOM)
    async def notify(self, connection: Connection) -> str:
        await connection.emit("example/message", {"text": "before"})
        return "done"
