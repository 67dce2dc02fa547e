"""The client of nats-py, without its queues for packets.

nats-py wakes a task for each sent packet, and another one for each received packet. This took half
of the time of a call.
"""

import asyncio
import ssl
from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.transport import TcpTransport

_MOST_UNSENT = 2 * 1024 * 1024
"""The maximum number of unsent bytes; then further packets wait until the server has read."""


class NatsClient(Client):
    """
    Attributes:
        receive: called with each packet of `topics`, in the order of arrival.
        topics: the topics as text, by their bytes as nats-py reads them.
        is_encrypted: whether the connection uses TLS: nats-py also accepts a server without TLS.
    """

    def __init__(self, receive: Callable[[str, bytes], None]) -> None:
        super().__init__()
        self.receive = receive
        self.topics: dict[bytes, str] = {}
        self.is_encrypted = False
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0  # includes bytes that the transport may not have sent

    @property
    def ssl_context(self) -> ssl.SSLContext:
        self.is_encrypted = True
        return super().ssl_context

    @property
    def connection(self) -> asyncio.WriteTransport | None:
        """The socket; None before `connect`."""
        transport = self._transport
        if isinstance(transport, TcpTransport) and transport._io_writer is not None:
            return transport._io_writer.transport
        return None

    # --- received packets

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        topic = self.topics.get(subject)
        if topic is None or (reply and not data):  # a reply to a probe, or a probe
            await super()._process_msg(sid, subject, reply, data, headers)
        else:
            self.receive(topic, data)

    # --- sent packets

    def send(self, topic: str, data: bytes) -> bool:
        """Send a packet, with the others of this iteration of the event loop. Return False if
        `sent` must be awaited before the next one."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._write)
        self._unsent.append(b"PUB %b %d\r\n%b\r\n" % (topic.encode(), len(data), data))
        self._unsent_bytes += len(data)
        return self._unsent_bytes < _MOST_UNSENT

    async def sent(self) -> None:
        """Wait until the server has read most of the sent packets.

        Raises:
            OSError: the connection is lost.
        """
        await asyncio.sleep(0)  # let `_write` run
        if self._transport is not None:
            await self._transport.drain()  # type: ignore[no-untyped-call]
        self._unsent_bytes = 0

    def _write(self) -> None:
        connection = self.connection
        if connection is not None and not connection.is_closing():
            connection.write(b"".join(self._unsent))
        self._unsent.clear()
