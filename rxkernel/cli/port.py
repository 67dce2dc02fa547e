"""Opens the port of several processes."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rxkernel.exceptions import ConfigurationError
from rxkernel.servers.server import ServerStartError
from rxkernel.settings import HttpSettings


@contextmanager
def reserved_port(settings: HttpSettings) -> Iterator[int]:
    """Reserve the port that each process opens, and return it: the same for all, also for 0.

    The socket is bound but does not listen, so it gets no connections.

    Raises:
        ConfigurationError: this system cannot share a port.
        ServerStartError: the port is in use, or the host is not one of this machine.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ConfigurationError(
            "--workers needs SO_REUSEPORT, which this system does not have; remove the option"
        )
    with ExitStack() as stack:
        yield _bound(settings, stack, is_shared=True)[0].getsockname()[1]


BACKLOG = 1024
"""Connections that the system queues until they are accepted, also while no worker listens."""


@contextmanager
def opened_port(settings: HttpSettings) -> Iterator[list[socket.socket]]:
    """Open the port for one process that accepts all connections; return a listening socket for
    each address of the host.

    Raises:
        ServerStartError: the port is in use, or the host is not one of this machine.
    """
    with ExitStack() as stack:
        yield _bound(settings, stack, is_shared=False)


def _bound(settings: HttpSettings, stack: ExitStack, *, is_shared: bool) -> list[socket.socket]:
    try:
        return _bind_all(settings.host, settings.port, stack, is_shared=is_shared)
    except OSError as exc:
        in_use = exc.errno == errno.EADDRINUSE
        reason = "the port is in use" if in_use else exc.strerror or exc
        raise ServerStartError(
            f"cannot listen on {settings.host}:{settings.port}: {reason}; "
            f"choose another {'port' if in_use else 'host or port'}"
        ) from exc


def _bind_all(host: str, port: int, stack: ExitStack, *, is_shared: bool) -> list[socket.socket]:
    """Bind every address of *host* to one port."""
    bound = []
    option = socket.SO_REUSEPORT if is_shared else socket.SO_REUSEADDR
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, *_, address in dict.fromkeys(found):
        address = (address[0], port, *address[2:])
        if port and is_shared:  # whoever else shares it would go unnoticed
            _bind(family, address, socket.SO_REUSEADDR).close()
        bound.append(stack.enter_context(_bind(family, address, option)))
        port = bound[-1].getsockname()[1]
        if not is_shared:
            bound[-1].listen(BACKLOG)
    return bound


def _bind(family: int, address: Any, option: int) -> socket.socket:
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, option, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
