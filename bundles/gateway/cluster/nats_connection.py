"""One connection to NATS with nats-py.

nats-py does not reconnect here: it would send old packets after an outage, and would wait without
a limit for a server that hangs.
"""

import asyncio
import logging
import math
import ssl
from collections.abc import Callable, Iterable
from typing import Any

from nats import errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from bundles.gateway.cluster.nats_client import NatsClient
from bundles.gateway.cluster.nats_url import NatsServerUrl
from bundles.message_bus import (
    BusConnection,
    BusUnavailableError,
    PacketTooLargeError,
    Receiver,
    tls_failure,
)
from rxkernel import ServerStartError

logger = logging.getLogger(__name__)

_NEVER = 2**31
"""The timeout of calls of nats-py that are limited in another way, in seconds."""

_ABORT_TIMEOUT = 0.2
"""Seconds: nats-py waits forever for a connection whose TLS handshake has failed."""

_PROBE_TIMEOUT = 0.5
"""Seconds. NATS reports a missing subscriber at once; a node of Moleculer does not reply."""


class NatsConnection(BusConnection):
    """See `BusConnection`.

    Args:
        url: the server.
        timeout: the maximum time to connect, and for each reply, in seconds.
        receiver: called with the received packets.
    """

    def __init__(self, url: NatsServerUrl, timeout: float, receiver: Receiver) -> None:
        super().__init__(timeout)
        self._url = url
        self._receiver = receiver
        self._client = NatsClient(receiver.received)
        self._subscriptions: list[Subscription] = []
        self._is_open = False
        self._last_error = "the connection was closed"

    async def open(self) -> None:
        """Connect.

        Raises:
            BusUnavailableError, ServerStartError: see `Transporter.connect`.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._connect()
        except TimeoutError as exc:
            await self.discard()
            raise BusUnavailableError(f"no reply within {self._timeout} seconds") from exc
        except (OSError, errors.Error) as exc:
            await self.discard()
            raise self._failure_of(exc) from exc
        except BaseException:
            await self.discard()
            raise
        self._is_open = True

    async def subscribe(self, topics: Iterable[str]) -> None:
        try:
            for topic in topics:
                self._client.topics[topic.encode()] = topic
                subscription = await self._client.subscribe(topic, cb=_reply)
                self._subscriptions.append(subscription)
        except (OSError, errors.Error) as exc:
            raise BusUnavailableError(self._reason(exc)) from exc
        await self._round_trip()

    async def publish(self, topic: str, data: bytes) -> None:
        client = self._client
        if client.is_closed:
            reason = self._reason(client.last_error or errors.ConnectionClosedError())
            self._lose(reason)
            raise BusUnavailableError(reason)
        if len(data) > client.max_payload:
            raise PacketTooLargeError(
                f"a packet for {topic} has {len(data)} bytes; {self._url.place} accepts at most "
                f"{client.max_payload}, see max_payload in its configuration"
            )
        if not client.send(topic, data):
            await self._until_sent()

    async def _until_sent(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._client.sent()
        except TimeoutError:
            self._lose("it does not read")
        except OSError as exc:
            raise BusUnavailableError(self._reason(exc)) from exc

    async def has_subscriber(self, topic: str) -> bool:
        try:
            await self._client.request(topic, timeout=_PROBE_TIMEOUT)
        except errors.NoRespondersError:
            return False
        except errors.TimeoutError:
            await self._round_trip()
        except (OSError, errors.Error) as exc:
            raise BusUnavailableError(self._reason(exc)) from exc
        return True

    async def close(self) -> None:
        try:
            await self._round_trip()
        except BusUnavailableError as exc:
            logger.debug("%s was away at the end: %s", self._url.place, exc)
            await self.discard()
        else:
            await self._disconnect(self._timeout)

    async def discard(self) -> None:
        # nats-py would first send the rest, and wait for a server that hangs.
        if (connection := self._client.connection) is not None:
            connection.abort()
        await self._disconnect(_ABORT_TIMEOUT)

    async def _connect(self) -> None:
        url = self._url
        is_token = url.password is None
        await self._client.connect(
            [url.place],
            name="rxkernel",
            error_cb=self._note,
            disconnected_cb=self._end,
            allow_reconnect=False,
            connect_timeout=math.ceil(self._timeout),  # nats-py declares it as int
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            flush_timeout=self._timeout,
            user=self._guarded(None if is_token else url.user),
            password=self._guarded(url.password),
            token=self._guarded(url.user if is_token else None),
        )
        if url.is_encrypted and not self._client.is_encrypted:
            raise errors.SecureConnWantedError

    def _guarded(self, secret: str | None) -> Callable[[], str] | None:
        """Return a function that returns *secret* when nats-py sends it. It protects the secret
        of a ``tls://`` URL: a server without TLS does not receive it."""

        def reveal() -> str:
            if self._url.is_encrypted and not self._client.is_encrypted:
                raise errors.SecureConnWantedError
            return secret or ""

        return None if secret is None else reveal

    async def _round_trip(self) -> None:
        # nats-py sends a PING before its buffered commands; only a second PING follows them.
        pings = asyncio.create_task(self._ping_twice())
        try:
            await self._until(pings)
        finally:
            pings.cancel()
        if (exc := pings.exception()) is not None:
            raise BusUnavailableError(self._reason(exc)) from exc

    async def _ping_twice(self) -> None:
        await self._client.flush(_NEVER)
        await self._client.flush(_NEVER)

    async def _note(self, exc: Exception) -> None:
        """Handle an error that nats-py reports; before the connection is open, only keep it."""
        if isinstance(exc, errors.FlushTimeoutError):
            self._lose("it does not read")
        elif self._is_open and isinstance(exc, OSError | errors.StaleConnectionError):
            self._lose(self._reason(exc))
            # nats-py would disconnect in a task next, and asyncio would log the task's error.
            await self._disconnect(_ABORT_TIMEOUT)
        elif "permissions violation" in str(exc).lower():
            logger.error(
                "%s: the user in gateway.nats_url may not do this: %s", self._url.place, exc
            )
        elif self._is_open:
            logger.error("%s: %s", self._url.place, self._reason(exc), exc_info=exc)
        else:
            self._last_error = self._reason(exc)

    async def _end(self) -> None:
        exc = self._client.last_error
        self._lose(self._last_error if exc is None else self._reason(exc))

    def _reason(self, exc: BaseException) -> str:
        return str(exc).removeprefix("nats: ") or type(exc).__name__

    def _failure_of(self, exc: Exception) -> Exception:
        place = self._url.place
        if isinstance(exc, errors.AuthorizationError) or "authorization" in str(exc).lower():
            return ServerStartError(
                f"NATS at {place} rejects the user, the password or the token in gateway.nats_url"
            )
        if isinstance(exc, errors.SecureConnWantedError):
            return ServerStartError(
                f"NATS at {place} does not use TLS; enable it there, or write nats:// in "
                f"gateway.nats_url"
            )
        if isinstance(exc, ssl.SSLError):
            return tls_failure(f"NATS at {place}", exc, "gateway.nats_url")
        if isinstance(exc, errors.NoServersError):
            return BusUnavailableError(self._last_error)
        return BusUnavailableError(self._reason(exc))

    async def _disconnect(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await self._client.close()
        except (OSError, errors.Error) as exc:  # TimeoutError is an OSError
            logger.debug("%s was disconnected: %s", self._url.place, exc)
        finally:
            # nats-py does not end them if it could not send the rest.
            for subscription in self._subscriptions:
                if (task := subscription._wait_for_msgs_task) is not None:
                    task.cancel()
            if (reading := self._client._reading_task) is not None:
                reading.add_done_callback(_retrieve)


async def _reply(message: Msg) -> None:
    """Reply to the probe of `has_subscriber`."""
    await message.respond(b"")


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Keep asyncio from logging the error of *task*: the reason of the outage is logged anyway."""
    if not task.cancelled():
        task.exception()
