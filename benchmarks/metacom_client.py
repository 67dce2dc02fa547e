"""A client of Metacom without libraries, like `RawClient` for Socket.IO."""

import asyncio
import json
from typing import Any

from benchmarks.raw_client import PATIENCE, RawClient

_BEGIN = b'{"type":"callback","id":'


class MetacomClient(RawClient):
    """The *arguments* of a call are the fields of its packet after the id."""

    path = "/"

    def upgraded(self) -> None:
        self.connected.set_result(None)

    def frame_of(self, id: int, arguments: str) -> bytes:
        return self.frame(f'{{"type":"call","id":{id + 1},{arguments}}}')  # 0 is not a valid id

    async def call(self, event: str, body: object = None) -> Any:
        """The result of the method *event* of the unit ``example``."""
        id = next(self._ids)
        answer = self._answers[id] = asyncio.get_running_loop().create_future()
        self.write(self.frame_of(id, f'"method":"example/{event}","args":{{}}'))
        return await asyncio.wait_for(answer, PATIENCE)

    @staticmethod
    def content_of(payload: bytes) -> Any:
        """An error is ``{"message": …}``."""
        packet = json.loads(b"{" + payload)
        return packet["result"] if "result" in packet else packet["error"]

    def read_message(self, payload: bytes) -> None:
        if payload.startswith(_BEGIN):
            id, _, rest = payload[len(_BEGIN) :].partition(b",")
            self.acknowledged(int(id) - 1, rest)
