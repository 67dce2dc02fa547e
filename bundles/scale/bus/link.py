"""The link of a process to the others."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from bundles.scale.bus.seal import Kind

Handler = Callable[[bytes, bytes], None]
"""Called with the sender and the body of a message. It must return at once."""


class Link(ABC):
    """Sends messages to the other processes, and passes theirs to handlers.

    Attributes:
        prefix: begins the names of all channels, of messages of other programs too.
        handlers: of messages of other processes, by kind; set before `start`.
        channels: handlers of messages of other programs, by channel; set before `start`.
        left: called with the id of a process that has ended.
        missed: called when messages of other processes may have been lost.
        status: returns the bytes that are sent with each heartbeat.
        heard: called with the sender and its status at each heartbeat of another process.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.handlers: dict[Kind, Handler] = {}
        self.channels: dict[str, Callable[[bytes], None]] = {}
        self.left: list[Callable[[bytes], None]] = []
        self.missed: Callable[[], None] = lambda: None
        self.status: Callable[[], bytes] = lambda: b""
        self.heard: Handler = lambda id, status: None

    @property
    @abstractmethod
    def problem(self) -> str | None:
        """Why the other processes cannot be reached; None if they can, as far as is known."""

    @property
    @abstractmethod
    def others(self) -> frozenset[bytes]:
        """The ids of the other processes that are present."""

    @property
    @abstractmethod
    def silent(self) -> frozenset[bytes]:
        """The ids of processes that became silent in the last minute without a message. They may
        only hang, and still have connections."""

    @property
    @abstractmethod
    def counts(self) -> Mapping[str, int]:
        """Messages that were not delivered, by reason."""

    @property
    @abstractmethod
    def figures(self) -> Mapping[str, int]:
        """The number of other processes, and of bytes that wait to be sent."""

    @abstractmethod
    async def start(self) -> None:
        """Connect.

        Raises:
            ServerStartError: the bus rejects the user or the password, or TLS fails.
        """

    @abstractmethod
    async def meet(self, timeout: float) -> None:
        """Wait until another process is known or there is a problem, at most *timeout* seconds.
        Other processes reply to a new one at once."""

    @abstractmethod
    def send(self, kind: Kind, body: bytes, to: bytes | None = None) -> bool:
        """Send a message to the process *to*, or to all others. It does not wait.

        Returns:
            False if this process knows that the others cannot be reached.
        """

    @abstractmethod
    def dropped(self, reason: str, number: int = 1) -> None:
        """Count messages that were not sent or not handled; *reason* is one of `REASONS`."""

    @abstractmethod
    async def stop(self) -> None:
        """Send the waiting messages, and disconnect."""


class NoLink(Link):
    """The link without other processes, for ``scale.bus = "memory"``."""

    problem = None
    others: frozenset[bytes] = frozenset()
    silent: frozenset[bytes] = frozenset()
    counts: Mapping[str, int] = {}
    figures: Mapping[str, int] = {}

    async def start(self) -> None:
        pass

    async def meet(self, timeout: float) -> None:
        pass

    def send(self, kind: Kind, body: bytes, to: bytes | None = None) -> bool:
        return True

    def dropped(self, reason: str, number: int = 1) -> None:
        pass

    async def stop(self) -> None:
        pass
