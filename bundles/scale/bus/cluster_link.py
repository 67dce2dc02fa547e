"""The link over a transporter: signed messages, and heartbeats."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from random import uniform
from secrets import token_bytes

from bundles.message_bus import Transporter
from bundles.scale.bus.counted import REASONS, CountedMessages
from bundles.scale.bus.link import Handler, Link
from bundles.scale.bus.members import Members
from bundles.scale.bus.outbox import Outbox
from bundles.scale.bus.seal import KIND_AT, SENDER_AT, Kind, Message, RejectedError, Seal
from bundles.scale.settings import CHANNEL, ScaleSettings

logger = logging.getLogger(__name__)

_ID_SIZE = 8
_MISCONFIGURED = frozenset({"wrong_signature", "expired"})
"""The reasons for which all messages of a process are rejected, until its or our settings or clock
are corrected."""

_HEARTBEAT = bytes((Kind.HEARTBEAT,))


class ClusterLink(Link):
    """Implements `Receiver` of *transporter*.

    Each process sends heartbeats to all, itself included. A process that does not receive its own
    heartbeats does not receive broadcasts either, and is not ready. A process that rejects all
    messages of the others is not ready either.
    """

    def __init__(
        self, transporter: Transporter, settings: ScaleSettings, secret: str, prefix: str = ""
    ) -> None:
        super().__init__(prefix)
        self.id = token_bytes(_ID_SIZE)
        self._transporter = transporter
        self._interval = settings.heartbeat_interval
        self._timeout = settings.heartbeat_timeout
        self._channel = f"{prefix}{CHANNEL}"
        self._to_all = f"{self._channel}.all"
        self._numbers = {True: 0, False: 0}  # the last number of messages to all, and to one
        self._counted = CountedMessages()
        self._seal = Seal(secret, settings.max_message_size)
        self._outbox = Outbox(transporter, self._counted, settings.max_queue_size)
        self._members = Members()
        self._members.vanished = lambda: self.missed()
        self._members.left = self._process_left
        self._heard: float | None = None
        self._rejected = ("", float("-inf"))  # the last reason of `_MISCONFIGURED`, and its time
        self._listened = 0.0  # seconds in which heartbeats of others could be received
        self._arrived = asyncio.Event()
        self._received = asyncio.Event()  # a message of another process
        self._beating: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str | None:
        place = self._transporter.place
        if not self._transporter.is_connected:
            return f"no connection to {place}"
        if self._outbox.is_slow:
            return f"{place} does not reply"
        if self._heard is None or time.monotonic() - self._heard > self._timeout:
            return f"no own heartbeat through {place} within {self._timeout:g} s"
        reason, when = self._rejected
        if not self._members and time.monotonic() - when <= self._timeout:
            return f"each message of another process is rejected: {REASONS[reason]}"
        return None

    @property
    def others(self) -> frozenset[bytes]:
        return self._members.ids

    @property
    def silent(self) -> frozenset[bytes]:
        return self._members.silent

    @property
    def counts(self) -> Mapping[str, int]:
        return self._counted.counts

    @property
    def figures(self) -> Mapping[str, int]:
        return {"bus.processes": len(self._members), "bus.waiting_bytes": self._outbox.size}

    async def start(self) -> None:
        self._arrived.clear()
        await self._transporter.subscribe((self._to_all, self._topic(self.id), *self.channels))
        await self._transporter.connect(self)
        self._beating = asyncio.create_task(self._beat())
        if self._transporter.is_connected:
            # Once the own heartbeat has arrived, broadcasts of others arrive too.
            waiting = asyncio.create_task(self._arrived.wait())
            await asyncio.wait({waiting}, timeout=self._timeout)
            waiting.cancel()

    async def meet(self, timeout: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not self._members and self.problem is None:
                    self._received.clear()
                    await self._received.wait()

    def send(self, kind: Kind, body: bytes, to: bytes | None = None) -> bool:
        is_to_all = to is None
        topic = self._to_all if to is None else self._topic(to)
        number = self._numbers[is_to_all] + 1
        try:
            frame = self._seal.close(topic, Message(self.id, kind, number, body))
        except RejectedError as exc:
            self._counted.add(exc.reason, topic)
            return False
        self._numbers[is_to_all] = number
        return self._outbox.put(topic, frame) and self.problem is None

    def dropped(self, reason: str, number: int = 1) -> None:
        self._counted.add(reason, self._to_all, number)

    async def stop(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait({self._beating})
            self._beating = None
        if self._transporter.is_connected:
            self.send(Kind.GOODBYE, b"")
            await self._outbox.flush()
        await self._transporter.close()
        self._heard = None

    async def _beat(self) -> None:
        """Send heartbeats. The delays are random, so that not all processes send at once."""
        while True:
            if self._transporter.is_connected and not self._outbox.is_slow:
                self.send(Kind.HEARTBEAT, self.status())
            await asyncio.sleep(uniform(0.8, 1.0) * self._interval)

    # --- the interface of `Receiver`

    def connected(self) -> None:
        self.send(Kind.HELLO, b"")
        self.send(Kind.HEARTBEAT, self.status())
        self.missed()

    def lost(self, reason: str) -> None:
        """The transporter logs it."""
        self._heard = None

    def received(self, topic: str, data: bytes) -> None:
        if topic in self.channels:
            self.channels[topic](data)
            return
        if data.startswith(self.id, SENDER_AT) and data[KIND_AT : KIND_AT + 1] != _HEARTBEAT:
            return  # its own message to all
        try:
            message = self._seal.open(topic, data)
        except RejectedError as exc:
            self._counted.add(exc.reason, topic)
            if exc.reason in _MISCONFIGURED and not data.startswith(self.id, SENDER_AT):
                self._rejected = exc.reason, time.monotonic()
                self._received.set()
            return
        if message.sender == self.id:
            if message.kind is Kind.HEARTBEAT:
                self._hear_itself()
            return
        self._received.set()
        missing = self._members.number(message.sender, topic, message.number)
        if missing is None:
            self._counted.add("replayed", topic)
            return
        if missing and topic == self._to_all:  # the numbers to one have gaps
            self._counted.add("lost", topic, missing)
            self.missed()
        self._handle(message)

    def _hear_itself(self) -> None:
        """Note the own heartbeat, and remove the processes that have not sent any for long. Only
        the time counts in which they could be received: during an outage of the bus, all
        remain."""
        now = time.monotonic()
        if self._heard is not None:
            self._listened += min(now - self._heard, self._interval)
        self._heard = now
        self._arrived.set()
        self._members.expire(self._listened - self._timeout)

    def _handle(self, message: Message) -> None:
        match message.kind:
            case Kind.HEARTBEAT:
                self._members.heard(message.sender, self._listened)
                self._call(self.heard, message)
            case Kind.HELLO:
                self._members.heard(message.sender, self._listened)
                self.send(Kind.HEARTBEAT, self.status(), message.sender)
            case Kind.GOODBYE:
                self._members.leave(message.sender)
            case kind if (handler := self.handlers.get(kind)) is not None:
                self._call(handler, message)

    def _call(self, handler: Handler, message: Message) -> None:
        try:
            handler(message.sender, message.body)
        except Exception:  # else a bug in a handler would end the connection
            logger.exception("handling a message of the bus failed")
            self.dropped("invalid")

    def _process_left(self, id: bytes) -> None:
        for left in self.left:
            left(id)

    def _topic(self, id: bytes) -> str:
        return f"{self._channel}.{id.hex()}"
