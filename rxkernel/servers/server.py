"""The base class of servers."""

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
        name: its key in ``application.servers``.
        transport: the transport of the definitions that it serves.
        connects_processes: whether it has no port, and connects this process to other processes of
            the application; then commands such as ``tasks worker`` also start it.
        label: the name of its protocol in output; by default the name of the transport.
        counts: how often each limit was reached, by the name of its setting, and other misuse.
        engine: the object of the library (``aiohttp.web.Application``,
            ``socketio.AsyncServer``); None before `configure`.
    """

    name: str
    transport: Transport
    connects_processes: ClassVar[bool] = False
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
        """The port; if the setting is 0, the port that the system has chosen, after the start.
        None for a server without a port."""
        return None

    @property
    def scheme(self) -> str:
        """The scheme of its `url`."""
        return "http"

    @property
    def url(self) -> str | None:
        """The URL for clients; None for a server without a port."""
        if self.host is None or self.port is None:
            return None
        return url_of(self.scheme, self.host, self.port)

    @property
    def counts(self) -> Mapping[str, int]:
        return MappingProxyType({})

    @property
    def figures(self) -> Mapping[str, int]:
        """Current numbers, such as the number of connections, for the details of ``/readyz``."""
        return MappingProxyType({})

    def check(self, compiled: Compiled) -> None:  # noqa: B027 - most serve all definitions
        """Check that this server can serve *compiled*; called at boot and before a reload.

        Raises:
            ConfigurationError: lists every problem found.
        """

    @abstractmethod
    def configure(self, kernel: Kernel) -> None:
        """Create the engine; do not listen yet."""

    def recompiled(self, compiled: Compiled) -> None:  # noqa: B027 - most keep nothing
        """Serve the definitions of *compiled* from now on, and drop what was stored for others.

        Called at each reload, without an ``await`` after the kernel has changed. A server that
        looks up definitions in the kernel for each message need not implement it.
        """

    @abstractmethod
    async def start(self) -> None:
        """Listen.

        Raises:
            ServerStartError: the server cannot listen on its address. It has released all
                resources.
        """

    @abstractmethod
    async def drain(self) -> None:
        """Accept no more messages, and handle those in flight; the manager limits the time."""

    @abstractmethod
    async def stop(self) -> None:
        """Close all connections, drained or not."""


def url_of(scheme: str, host: str, port: int) -> str:
    """The URL of a port; *host* may be an IPv6 address."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


class ServerStartError(RxKernelError):
    """A server cannot listen on its address; the message contains the reason and a fix."""
