"""One subscribing connection to Redis, and the pool of the bundle `redis` for publishing."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from redis.asyncio import Connection, ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bundles.message_bus import BusConnection, BusUnavailableError, Receiver
from bundles.redis.problems import problem_of
from bundles.redis.settings import RedisSettings
from bundles.redis.start import start_error_of

_Packet = tuple[str, bytes, "asyncio.Future[None]"]


class RedisConnection(BusConnection):
    """See `BusConnection`.

    Args:
        client: sends packets, on the connections of its pool.
        settings: of the bundle `redis`.
        receiver: gets the packets.
    """

    def __init__(self, client: Redis, settings: RedisSettings, receiver: Receiver) -> None:
        super().__init__(settings.command_timeout)
        self._client = client
        self._url = settings.url
        self._connect_timeout = settings.connect_timeout
        self._receiver = receiver
        self._connection = _connection_of(settings)
        self._reading: asyncio.Task[None] | None = None
        self._pongs: deque[asyncio.Future[None]] = deque()
        self._outbox: list[_Packet] = []
        self._sending: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect.

        Raises:
            BusUnavailableError, ServerStartError: see `Transporter.connect`.
        """
        try:
            async with asyncio.timeout(self._connect_timeout):
                await self._connection.connect()  # type: ignore[no-untyped-call]
                await self._connection.send_command("PING")
                await self._connection.read_response()
        except TimeoutError as exc:
            await self.discard()
            raise BusUnavailableError(f"no reply within {self._connect_timeout} seconds") from exc
        except RedisError as exc:
            await self.discard()
            raise start_error_of(exc, self._url) or BusUnavailableError(_reason(exc)) from exc
        except BaseException:
            await self.discard()
            raise
        self._reading = asyncio.create_task(self._read())

    async def subscribe(self, topics: Iterable[str]) -> None:
        await self._round_trip("SUBSCRIBE", *topics)

    async def publish(self, topic: str, data: bytes) -> None:
        """Return when Redis has replied. Packets that are published meanwhile are sent together:
        this keeps their order, and a separate command costs three times as much."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outbox.append((topic, data, sent))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        await sent

    async def has_subscriber(self, topic: str) -> bool:
        try:
            ((_, count),) = await self._client.pubsub_numsub(topic)
        except RedisError as exc:
            raise BusUnavailableError(_reason(exc)) from exc
        return bool(count)

    async def close(self) -> None:
        if self._sending is not None:
            await asyncio.wait({self._sending})  # ends within redis.command_timeout
        await self.discard()

    async def discard(self) -> None:
        self._lose("the connection was closed")
        tasks = {task for task in (self._reading, self._sending) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._fail(self._outbox)  # a task that was cancelled before it began has sent nothing
        await self._connection.disconnect(nowait=True)

    async def _read(self) -> None:
        read, received = self._connection.read_response, self._receiver.received
        try:
            while True:
                match await read():
                    case [b"message", topic, data]:
                        received(topic.decode(), data)
                    case [b"pong", _] | b"PONG":
                        self._pongs.popleft().set_result(None)
        except RedisError as exc:
            self._lose(_reason(exc))

    async def _round_trip(self, *command: str) -> None:
        """Send *command*, if any, and a PING, and wait for the reply to the PING: it comes after
        all others."""
        pong: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            if command:
                await self._connection.send_command(*command)
            self._pongs.append(pong)
            await self._connection.send_command("PING")
        except RedisError as exc:
            raise BusUnavailableError(_reason(exc)) from exc
        await self._until(pong)

    async def _send(self) -> None:
        packets: list[_Packet] = []
        try:
            while self._outbox:
                packets, self._outbox = self._outbox, []
                pipeline = self._client.pipeline(transaction=False)
                for topic, data, _ in packets:
                    pipeline.execute_command("PUBLISH", topic, data)
                try:
                    results = await pipeline.execute(raise_on_error=False)
                except RedisError as exc:
                    results = [exc] * len(packets)
                _settle(packets, results)
        finally:
            self._fail(packets)
            self._sending = None

    def _fail(self, packets: list[_Packet]) -> None:
        """Raise in the callers that still wait: *packets* may not have been sent."""
        for _, _, sent in packets:
            if not sent.done():
                sent.set_exception(BusUnavailableError("the connection was lost"))


def _settle(packets: list[_Packet], results: list[Any]) -> None:
    for (_, _, sent), result in zip(packets, results, strict=True):
        if sent.done():
            continue  # the caller was cancelled
        if isinstance(result, RedisError):
            failure = BusUnavailableError(_reason(result))
            failure.__cause__ = result
            sent.set_exception(failure)
        else:
            sent.set_result(None)


def _reason(exc: RedisError) -> str:
    problem = problem_of(exc)
    return str(exc) if problem is None else problem.text


def _connection_of(settings: RedisSettings) -> Connection:
    """A connection that reads packets without a timeout, and does not reconnect by itself."""
    options: dict[str, Any] = dict(parse_url(settings.url))
    options.update(
        protocol=2,  # packets come as replies
        decode_responses=False,
        health_check_interval=0,
        socket_connect_timeout=settings.connect_timeout,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
    )
    connection: Connection = ConnectionPool(**options).make_connection()  # type: ignore[no-untyped-call]
    return connection
