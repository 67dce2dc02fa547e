"""The interface of a transporter: packets by topic, over a bus that all nodes share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Protocol

from rxkernel import RxKernelError


class BusUnavailableError(RxKernelError):
    """A packet was not published: the bus is not connected, or it does not reply."""


class PacketTooLargeError(RxKernelError):
    """A packet was not published: it has more bytes than the bus accepts."""


class Receiver(Protocol):
    """What a transporter reports to; its methods do not raise and return at once."""

    def received(self, topic: str, data: bytes) -> None:
        """A packet has arrived."""

    def connected(self) -> None:
        """The bus can be used, at the start or after an outage; all topics are subscribed."""

    def lost(self, reason: str) -> None:
        """The bus cannot be used, once for each outage.

        Called neither after `Transporter.close` nor while the first connection is missing.
        """


class Transporter(ABC):
    """Publishes packets, and reports those that others publish. Packets of a topic keep their
    order; a received packet does not wait for the handling of another one.

    An outage is logged once when it begins and once when it ends.

    Attributes:
        place: the bus for logs and errors, without credentials: ``nats://127.0.0.1:4222``.
    """

    place: str

    @property
    @abstractmethod
    def is_connected(self) -> bool:
        """Whether packets can be published."""

    @abstractmethod
    async def connect(self, receiver: Receiver) -> None:
        """Connect, and call ``receiver.connected()``.

        If the bus cannot be reached within the connect timeout, log one error and return. It is
        tried again in the background, with delays that grow from 0.1 to 2 seconds.

        Raises:
            ServerStartError: the bus rejects the user or the password, or TLS fails.
        """

    @abstractmethod
    async def subscribe(self, topics: Iterable[str]) -> None:
        """Receive the packets of *topics*: now if connected, and after each reconnection.

        When it returns and the bus is connected, no later packet is missed.

        Raises:
            ValueError: see `check_topic`.
        """

    @abstractmethod
    async def publish(self, topic: str, data: bytes) -> None:
        """Send *data* to all subscribers of *topic*, this node included.

        Raises:
            BusUnavailableError: the bus is not connected, or it does not reply.
            PacketTooLargeError: NATS accepts no more than its ``max_payload``.
            ValueError: see `check_topic`.
        """

    @abstractmethod
    async def has_subscriber(self, topic: str) -> bool:
        """Whether anyone receives *topic*, as far as the bus knows.

        Raises:
            BusUnavailableError: the bus is not connected, or it does not reply.
            ValueError: see `check_topic`.
        """

    @abstractmethod
    async def close(self) -> None:
        """Send the packets that were published before, then disconnect; no error if the bus is not
        connected."""
