"""What every server is to its manager."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from rxkernel.exceptions import RxKernelError
from rxkernel.kernel.compiled import Compiled
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.transport import Transport


class Server(ABC):
    """One transport. The manager calls `configure`, `start`, `drain`, `stop`, in that order.

    Attributes:
        name: what it is found by in ``application.servers``.
        transport: that of the definitions which it serves.
        label: what people call its protocol; the transport's name unless set.
        counts: how often each limit was reached, by the name of its setting, and other misuse.
        engine: the library's own object (``aiohttp.web.Application``,
            ``socketio.AsyncServer``), there once configured.
    """

    name: str
    transport: Transport
    label: ClassVar[str] = ""
    engine: Any = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.label:
            cls.label = str(getattr(cls, "transport", cls.__name__))

    @property
    def host(self) -> str | None:
        """The address that it listens on; None for a server without a port."""
        return None

    @property
    def port(self) -> int | None:
        """The real port once started, also where 0 asked for a free one; None without one."""
        return None

    @property
    def scheme(self) -> str:
        """The scheme of its `url`."""
        return "http"

    @property
    def url(self) -> str | None:
        """Where clients find it; None for a server without a port."""
        if self.host is None or self.port is None:
            return None
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def counts(self) -> Mapping[str, int]:
        return MappingProxyType({})

    def check(self, compiled: Compiled) -> None:  # noqa: B027 - most serve all definitions
        """Refuse definitions that this server cannot serve; at boot, and before a reload.

        Raises:
            ConfigurationError: with every problem found.
        """

    @abstractmethod
    def configure(self, kernel: Kernel) -> None:
        """Make the engine; nothing listens yet."""

    def recompiled(self, compiled: Compiled) -> None:  # noqa: B027 - most keep nothing
        """Serve the definitions of *compiled* from now on: drop what was kept of the others.

        Called at each reload, without an ``await`` between the kernel's change and this. A
        server that looks definitions up in the kernel for each message has nothing to do.
        """

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
