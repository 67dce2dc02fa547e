"""Opens the ports of several processes."""

import errno
import logging
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from rxkernel.exceptions import ConfigurationError
from rxkernel.servers.server import ServerStartError
from rxkernel.servers.workers.listening_sockets import BACKLOG
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)

TRIES = 3
"""Number of times that each of several ports is tried while it is in use."""

PAUSE = 2.0
"""Seconds between two tries."""

Opened = list[socket.socket]
"""A listening socket for each address of a host."""


@contextmanager
def shared_port(settings: HttpSettings, count: int) -> Iterator[list[Opened]]:
    """Open the port for each of *count* processes; the system distributes the connections.

    Raises:
        ConfigurationError: this system cannot share a port among processes.
        ServerStartError: the port is in use, or the host is not one of this machine.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ConfigurationError(
            "--workers needs SO_REUSEPORT, which this system does not support; remove the option"
        )
    with ExitStack() as stack:
        host, port, option = settings.host, settings.port, socket.SO_REUSEPORT
        opened: list[Opened] = []
        with ExitStack() as chosen:
            if not port:  # a socket that has chosen its port would lose it by a shutdown
                port = _open(host, 0, chosen, option)[0].getsockname()[1]
                opened.append(_open(host, port, stack, option, is_first=False))
            while len(opened) < count:
                opened.append(_open(host, port, stack, option, is_first=not opened))
        yield opened


@contextmanager
def opened_port(settings: HttpSettings) -> Iterator[Opened]:
    """Open the port for one process that accepts all connections.

    Raises:
        ServerStartError: the port is in use, or the host is not one of this machine.
    """
    with ExitStack() as stack:
        yield _open(settings.host, settings.port, stack, socket.SO_REUSEADDR)


@contextmanager
def opened_ports(host: str, ports: Sequence[int], pause: float = PAUSE) -> Iterator[list[Opened]]:
    """Open all *ports*. Ports in use are tried again, like in Metarhia's servers, because the
    process that uses them may be about to end.

    Raises:
        ServerStartError: lists each port that cannot be opened.
    """
    with ExitStack() as stack:
        opened: dict[int, Opened] = {}
        for left in reversed(range(TRIES)):
            problems = []
            for place, port in enumerate(ports):
                if place in opened:
                    continue
                try:
                    opened[place] = _open(host, port, stack, socket.SO_REUSEADDR)
                except ServerStartError as exc:
                    problems.append(exc)
            if not problems:
                break
            if not left or any(not _is_in_use(exc) for exc in problems):
                raise ServerStartError("\n".join(map(str, problems)))
            for problem in problems:
                text = str(problem).partition(";")[0]
                logger.warning("%s; retrying in %g s", text, pause)
            time.sleep(pause)
        yield [opened[place] for place in range(len(ports))]


def check_redirect_port(settings: HttpSettings) -> None:
    """Check that no other program uses ``http.tls.redirect_port``. The workers share it with
    SO_REUSEPORT, so the workers of another site could open it too, and would get a part of its
    connections.

    Raises:
        ServerStartError: the port is in use, or the host is not one of this machine.
    """
    if settings.tls is not None and settings.tls.redirect_port is not None:
        with ExitStack() as stack:
            _open(settings.host, settings.tls.redirect_port, stack, socket.SO_REUSEADDR)


def _is_in_use(error: ServerStartError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE


def _open(host: str, port: int, stack: ExitStack, option: int, *, is_first: bool = True) -> Opened:
    try:
        return _open_all(host, port, stack, option, is_first=is_first)
    except OSError as exc:
        in_use = exc.errno == errno.EADDRINUSE
        reason = "the port is in use" if in_use else exc.strerror or exc
        raise ServerStartError(
            f"cannot listen on {host}:{port}: {reason}; "
            f"choose another {'port' if in_use else 'host or port'}"
        ) from exc


def _open_all(host: str, port: int, stack: ExitStack, option: int, *, is_first: bool) -> Opened:
    """Open a port at every address of *host*; *is_first* checks that no other program uses it."""
    opened = []
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, *_, address in dict.fromkeys(found):
        address = (address[0], port, *address[2:])
        if port and is_first and option != socket.SO_REUSEADDR:
            _bind(family, address, socket.SO_REUSEADDR).close()  # fails if it is in use
        opened.append(stack.enter_context(_bind(family, address, option)))
        port = opened[-1].getsockname()[1]
        opened[-1].listen(BACKLOG)
    return opened


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
