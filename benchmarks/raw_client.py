"""A Socket.IO client without libraries: on one core it must be faster than every server.

It implements the parts of websocket, Engine.IO v4 and Socket.IO v5 that are needed to connect
to "/", to respond to pings, and to distinguish acknowledgements from events.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeVar, cast

from benchmarks.frames import CLOSE, DEFLATED, Inflater, close, encode, split

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="

PATIENCE = 20.0
"""Seconds for one connect and for one call."""


class RawClient(asyncio.Protocol):
    """Once `connected` is done, frames can be sent.

    ``offers_deflate``: offer permessage-deflate in the handshake, as every browser does;
    if the server accepts it, both sides compress.

    ``headers``: more lines of the handshake.

    A subclass speaks another protocol, with another *path* of the handshake.
    """

    path = "/socket.io/?EIO=4&transport=websocket"

    def __init__(
        self, address: str, *, offers_deflate: bool = True, headers: Sequence[str] = ()
    ) -> None:
        loop = asyncio.get_running_loop()
        self.connected: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._address = address
        self._offers_deflate = offers_deflate
        self._headers = headers
        self._transport: asyncio.Transport | None = None
        self._inflate: Inflater | None = None
        self._has_head = False
        self._rest = b""
        self._ids = count(1_000_000)
        self._answers: dict[int, asyncio.Future[Any]] = {}

    def acknowledged(self, id: int, payload: bytes) -> None:
        """Called with an acknowledgement; *payload* is its JSON."""
        answer = self._answers.pop(id, None)
        if answer is not None and not answer.done():
            answer.set_result(self.content_of(payload))

    @staticmethod
    def content_of(payload: bytes) -> Any:
        """The value in an acknowledgement."""
        return json.loads(payload)[0]

    def heard(self, payload: bytes) -> None:
        """Called with an event."""

    def frame_of(self, id: int, arguments: str) -> bytes:
        """The frame of an event that is to be acknowledged; *arguments* are JSON."""
        return self.frame(f"42{id}{arguments}")

    def frame(self, text: str) -> bytes:
        """The frame of *text* for this connection."""
        return encode(text, deflated=self._inflate is not None)

    def write(self, frame: bytes) -> None:
        assert self._transport is not None
        self._transport.write(frame)

    async def call(self, event: str, body: object = None) -> Any:
        """The content of the acknowledgement.

        Raises:
            RuntimeError: it is an error.
        """
        id = next(self._ids)
        answer = self._answers[id] = asyncio.get_running_loop().create_future()
        self.write(self.frame_of(id, message(event, body)))
        values = await asyncio.wait_for(answer, PATIENCE)
        if values["statusCode"] != 200:
            raise RuntimeError(f"{event}: {values}")
        return values["content"]

    def leave(self, *, politely: bool = True) -> None:
        """Close the connection: with a close frame, or by resetting it."""
        assert self._transport is not None
        if politely:
            self._transport.write(close())
            self._transport.close()
        else:
            self._transport.abort()

    # --- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            asyncio.Transport, transport
        )  # the transport of uvloop is not a subclass
        extensions = "permessage-deflate; client_max_window_bits"
        head = [
            f"GET {self.path} HTTP/1.1",
            f"Host: {self._address}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {_KEY}",
            *([f"Sec-WebSocket-Extensions: {extensions}"] if self._offers_deflate else []),
            *self._headers,
        ]
        self.write("\r\n".join([*head, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        if not self._has_head:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            self._read_head(head)
        frames, self._rest = split(data)
        for first, payload in frames:
            self._read(first, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.connected.done():
            self.connected.set_exception(ConnectionError(f"not connected: {exc}"))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError(f"closed: {exc}"))
        self.closed.set_result(None)

    def _read_head(self, head: bytes) -> None:
        self._has_head = True
        if not head.startswith(b"HTTP/1.1 101 "):
            self.connected.set_exception(ConnectionError(head.decode(errors="replace")))
            self.leave(politely=False)
            return
        if b"permessage-deflate" in head:
            self._inflate = Inflater()
        self.upgraded()

    def upgraded(self) -> None:
        """The handshake of the WebSocket is completed; that of Engine.IO follows."""

    def _read(self, first: int, payload: bytes) -> None:
        if first & DEFLATED and self._inflate is not None:
            payload = self._inflate(payload)
        if first & 0x0F == CLOSE:
            self.leave()
        else:
            self.read_message(payload)

    def read_message(self, payload: bytes) -> None:
        """Called with a message of Engine.IO."""
        if payload.startswith(b"43"):
            bracket = payload.index(b"[")
            self.acknowledged(int(payload[2:bracket]), payload[bracket:])
        elif payload.startswith(b"42"):
            self.heard(payload)
        elif payload == b"2":
            self.write(self.frame("3"))
        elif payload.startswith(b"0"):
            self.write(self.frame("40"))
        elif payload.startswith(b"40"):
            self.connected.set_result(None)
        elif payload.startswith(b"44"):
            self.connected.set_exception(ConnectionError(payload.decode()))


Client = TypeVar("Client", bound=RawClient)


def message(event: str, body: object) -> str:
    """The arguments of an event, as rxkernel and its peers of this benchmark read them."""
    return json.dumps([event, {"params": {}, "body": body}], separators=(",", ":"))


async def connect(port: int, make: Callable[[str], Client]) -> Client:
    """A connected client."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE):
        _, client = await loop.create_connection(
            lambda: make(f"127.0.0.1:{port}"), "127.0.0.1", port
        )
        await client.connected
    return client


async def connect_many(
    port: int, number: int, make: Callable[[str], Client], *, at_once: int = 32
) -> list[Client]:
    """Connect clients, *at_once* of them at the same time."""
    clients: list[Client] = []
    for begin in range(0, number, at_once):
        some = (connect(port, make) for _ in range(begin, min(begin + at_once, number)))
        clients += await asyncio.gather(*some)
    return clients


async def leave_all(clients: list[Client]) -> None:
    for client in clients:
        if not client.closed.done():
            client.leave()
    await asyncio.gather(*(client.closed for client in clients))
