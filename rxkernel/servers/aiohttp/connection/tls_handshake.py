"""The TLS handshake of an accepted connection, within the limits of all connections.

``create_server(ssl=…)`` would report a connection only after its handshake, so a client that does
not finish it would not be counted.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, cast

import attrs

from rxkernel.servers.aiohttp.connection.protocol import HttpConnection
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.certificates import Certificates

logger = logging.getLogger(__name__)

HANDSHAKE_ERROR = "tls handshake"
"""The counter of failed handshakes. Scanners cause many, so they are logged at DEBUG only."""

_SHUTDOWN_TIMEOUT = 120.0
"""Seconds after its close in which a connection must send its data and receive the
``close_notify`` of the client. The timeouts of `HttpConnection` end it earlier if the client
receives nothing, or has received everything."""


@attrs.define(eq=False)
class TlsAcceptor:
    """Creates the protocol of each accepted connection of one port.

    Attributes:
        running: the connections whose handshakes are not finished.
        open: the connections whose handshakes are finished.
    """

    connections: ConnectionRegistry
    certificates: Certificates
    new_connection: Callable[[], HttpConnection]
    running: set[asyncio.Transport] = attrs.field(factory=set, init=False)
    open: set[asyncio.Transport] = attrs.field(factory=set, init=False)

    def __call__(self) -> "TlsHandshake":
        return TlsHandshake(self)

    def close(self) -> None:
        """Close all connections, without waiting for the ``close_notify`` of the clients."""
        for transport in (*self.running, *self.open):
            transport.abort()


class TlsHandshake(asyncio.Protocol):
    """An accepted connection, until its `HttpConnection` has a TLS transport.

    It counts as a connection. The handshake and the first request head must arrive within
    ``http.header_timeout`` seconds. Above the limits a connection is closed without a response: an
    encrypted one would need a handshake.
    """

    def __init__(self, acceptor: TlsAcceptor) -> None:
        self._acceptor = acceptor
        self._connections = acceptor.connections
        self._early = b""
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connections = self._connections
        self._tcp = tcp = cast(asyncio.Transport, transport)
        peer = tcp.get_extra_info("peername")
        self._network = connections.network(peer[0]) if isinstance(peer, tuple) else None
        if connections.admit(self._network) is not None:
            tcp.abort()
            return
        self._deadline = monotonic() + connections.header_timeout
        try:
            self._start(tcp)
        except BaseException:
            connections.release(self._network)
            tcp.abort()
            raise
        self._acceptor.running.add(tcp)

    def _start(self, tcp: asyncio.Transport) -> None:
        timeout = self._connections.header_timeout
        self._starting: Coroutine[Any, Any, asyncio.Transport | None]
        self._starting = asyncio.get_running_loop().start_tls(
            tcp,
            self,
            self._acceptor.certificates.context(),
            server_side=True,
            ssl_handshake_timeout=timeout,
            ssl_shutdown_timeout=_SHUTDOWN_TIMEOUT,
        )
        # Run to its first await here, not in a task: uvloop reads before it starts a task, and
        # the data would be lost.
        self._starting.send(None).add_done_callback(self._finish)

    # --- called by the TLS transport, between the handshake and `_finish`

    def data_received(self, data: bytes) -> None:
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True

    # ---

    def _finish(self, _: "asyncio.Future[Any]") -> None:
        """Pass the TLS transport to an `HttpConnection`, or count the failed handshake."""
        self._acceptor.running.discard(self._tcp)
        self._connections.release(self._network)  # `HttpConnection` is admitted in its place
        try:
            self._starting.send(None)
        except StopIteration as finished:
            tls: asyncio.Transport | None = finished.value
            if tls is not None and not tls.is_closing() and not self._is_lost:
                self._connect(tls)
        except OSError as exc:
            self._record(exc)

    def _connect(self, tls: asyncio.Transport) -> None:
        acceptor = self._acceptor
        connection = acceptor.new_connection()
        tls.set_protocol(connection)
        acceptor.open.add(self._tcp)
        connection.connection_made(tls)
        connection.set_tcp(self._tcp, acceptor.open, self._deadline)
        if self._early:
            connection.data_received(self._early)

    def _record(self, exc: OSError) -> None:
        who = self._network or "a proxy"
        if isinstance(exc, ConnectionAbortedError):
            self._connections.record("http.header_timeout", f"closed {who}: no TLS handshake")
        else:
            self._connections.counts[HANDSHAKE_ERROR] += 1
            logger.debug("the TLS handshake of %s failed: %r", who, exc)
