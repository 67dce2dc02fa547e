"""Numbers the events of all channels, so that a client can continue after its last one."""

import asyncio
from abc import ABC, abstractmethod
from typing import Protocol

from injector import inject

from bundles.web.channels.event_ids import EventIds


class LogReceiver(Protocol):
    """Receives the events of a log, each once and in order."""

    def received(
        self, key: str, event: str, body: bytes, *, sequence: int, sent_at: float
    ) -> None:
        """Receive an event, whose number is one more than that of the previous event.

        Args:
            key: of the channel.
            body: the data, as JSON.
            sent_at: seconds, of the clock of the event loop.

        Raises:
            TypeError, ValueError: *event* is not a valid name.
        """

    def restarted(self) -> None:
        """Note that events were lost: the log continues after ``ids.last``, maybe in another
        run."""


class EventLog(ABC):
    """Numbers events, and passes them to the receiver of each process.

    Attributes:
        ids: of the events that the receiver has received.
        receiver: set once, before the first event.
    """

    receiver: LogReceiver

    def __init__(self, *, is_shared: bool) -> None:
        self.ids = EventIds(is_shared=is_shared)

    @abstractmethod
    async def append(self, key: str, event: str, body: bytes) -> None:
        """Add an event, for the receivers of all processes with this log.

        Raises:
            TypeError, ValueError: see `LogReceiver.received`.
        """


class MemoryEventLog(EventLog):
    """The log of one process."""

    @inject
    def __init__(self) -> None:
        super().__init__(is_shared=False)

    async def append(self, key: str, event: str, body: bytes) -> None:
        sequence = self.ids.last + 1
        now = asyncio.get_running_loop().time()
        self.receiver.received(key, event, body, sequence=sequence, sent_at=now)
        self.ids.last = sequence
