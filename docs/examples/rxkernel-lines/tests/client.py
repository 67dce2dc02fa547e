"""The other side of the wire."""

import asyncio
import itertools
import json
from types import TracebackType
from typing import Any, Self


class Client:
    """Sends calls over one connection, and matches the responses to them by their ids.

    ``receiving`` is done once the server has closed the connection.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.receiving = asyncio.create_task(self._receive())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.writer.close()
        await self.receiving

    async def call(self, name: str, **parts: Any) -> Any:
        """The response to one call; *parts* are ``params``, ``body`` and ``headers``."""
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self.writer.write(json.dumps({"id": number, "call": name, **parts}).encode() + b"\n")
        return await future

    async def send(self, line: bytes) -> Any:
        """The response to *line*, which has no id."""
        future = self._waiting[0] = asyncio.get_running_loop().create_future()
        self.writer.write(line)
        return await future

    async def _receive(self) -> None:
        while line := await self.reader.readline():
            answer = json.loads(line)
            self._waiting.pop(answer["id"] or 0).set_result(answer)
        self.writer.close()
        for future in self._waiting.values():
            future.set_exception(ConnectionError("the server has closed the connection"))
