"""Reserves the port that several processes share."""

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
    """Reserve the port, and return it: one port for all processes, also for 0.

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
        try:
            port = _reserve(settings.host, settings.port, stack)
        except OSError as exc:
            in_use = exc.errno == errno.EADDRINUSE
            reason = "the port is in use" if in_use else exc.strerror or exc
            raise ServerStartError(
                f"cannot listen on {settings.host}:{settings.port}: {reason}; "
                f"choose another {'port' if in_use else 'host or port'}"
            ) from exc
        yield port


def _reserve(host: str, port: int, stack: ExitStack) -> int:
    """Bind every address of *host* to one port."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, *_, address in dict.fromkeys(found):
        address = (address[0], port, *address[2:])
        if port:  # whoever else shares it would go unnoticed
            _bind(family, address, socket.SO_REUSEADDR).close()
        port = stack.enter_context(_bind(family, address, socket.SO_REUSEPORT)).getsockname()[1]
    return port


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
