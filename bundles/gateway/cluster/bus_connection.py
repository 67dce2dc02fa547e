"""The interface of one connection to a bus, from its opening until it is lost or closed."""

from abc import ABC, abstractmethod
from collections.abc import Iterable


class BusConnection(ABC):
    """All methods raise `BusUnavailableError` if the connection is lost or the bus does not reply,
    except where they say otherwise."""

    @abstractmethod
    async def subscribe(self, topics: Iterable[str]) -> None:
        """Return when the bus has read the subscriptions."""

    @abstractmethod
    async def publish(self, topic: str, data: bytes) -> None:
        """See `Transporter.publish`."""

    @abstractmethod
    async def has_subscriber(self, topic: str) -> bool:
        """See `Transporter.has_subscriber`."""

    @abstractmethod
    async def watch(self) -> str:
        """Return the reason when the connection is lost, also if the bus does not reply."""

    @abstractmethod
    async def close(self) -> None:
        """Send what was published before, then disconnect; raises nothing."""

    @abstractmethod
    async def discard(self) -> None:
        """Disconnect at once, after the connection was lost; raises nothing."""
