"""A client of the example bundle: one JSON object on a line, in both directions."""

import asyncio
import itertools
import json
from typing import Any, Self


class LinesClient:
    def __init__(self, port: int) -> None:
        self._port = port
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._receiving = asyncio.create_task(self._receive())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._receiving

    async def call(self, name: str, body: Any) -> Any:
        """The response, with ``status`` and ``content``."""
        id = next(self._ids)
        self._waiting[id] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": id, "call": name, "body": body})
        self._writer.write(line.encode() + b"\n")
        async with asyncio.timeout(30):
            return await self._waiting[id]

    async def _receive(self) -> None:
        while line := await self._reader.readline():
            response = json.loads(line)
            self._waiting[response["id"]].set_result(response)
