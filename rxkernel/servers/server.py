"""What every server is to its manager."""

from abc import ABC, abstractmethod
from typing import Any

from rxkernel.exceptions import RxKernelError
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.transport import Transport


class Server(ABC):
    """One transport. The manager calls `configure`, `start`, `drain`, `stop`, in that order.

    Attributes:
        name: what it is found by in ``application.servers``.
        engine: the library's own object (``aiohttp.web.Application``,
            ``socketio.AsyncServer``), there once configured.
    """

    name: str
    transport: Transport
    engine: Any = None

    @property
    @abstractmethod
    def host(self) -> str: ...

    @property
    @abstractmethod
    def port(self) -> int:
        """The real port once started, also where 0 asked for a free one."""

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @abstractmethod
    def configure(self, kernel: Kernel) -> None:
        """Make the engine; nothing listens yet."""

    @abstractmethod
    async def start(self) -> None:
        """Listen.

        Raises:
            ServerStartError: the address cannot be listened on; nothing is left open.
        """

    @abstractmethod
    async def drain(self) -> None:
        """Accept nothing new and answer what is in flight; the manager limits the time."""

    @abstractmethod
    async def stop(self) -> None:
        """Close what is left, drained or not."""


class ServerStartError(RxKernelError):
    """A server cannot listen where it was told to; the message says why and what to change."""
