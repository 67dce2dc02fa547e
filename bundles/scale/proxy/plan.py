"""The facts about an application that a proxy in front of it needs, from its settings."""

import math
from collections.abc import Iterator, Sequence
from typing import Self

import attrs

from rxkernel import ConfigurationError, Settings

_LEAST_TIMEOUT = 75
"""Seconds; more than the heartbeat of event streams."""

_MARGIN = 15
"""Seconds by which the proxy waits longer than the application."""


@attrs.frozen(kw_only=True)
class Plan:
    """The facts from which a configuration is written.

    Attributes:
        name: the prefix of names in the configuration.
        listen: the port of the proxy, or ``address:port``.
        servers: ``host:port`` of each process.
        certificate: the file of the certificate, for TLS; None: no TLS.
        key: the file of its key.
        hosts: the names in ``http.allowed_hosts``; empty: all.
        health_host: the host of the requests of health checks.
        socket_path: the path of Socket.IO, if each client must reach the same process with all its
            requests; None if there is one server, or if it is not served, or over WebSockets only.
        health_path: the prefix of the paths of the probes; None: they are off.
        header_timeout: seconds until a client must have sent the head of a request.
        body_timeout: seconds between two parts of a body.
        read_timeout: seconds without a byte after which a connection is closed.
        keepalive_timeout: seconds for which an idle connection to a process is kept open.
        body_limit: the most bytes of a body.
    """

    name: str
    listen: str
    servers: Sequence[str]
    certificate: str | None = None
    key: str | None = None
    hosts: Sequence[str]
    health_host: str
    socket_path: str | None
    health_path: str | None
    header_timeout: int
    body_timeout: int
    read_timeout: int
    keepalive_timeout: int
    body_limit: int

    @property
    def place(self) -> str:
        """What the proxy is in front of."""
        count = len(self.servers)
        return f"{count} processes" if count > 1 else "one process, or its workers"

    @classmethod
    def of(
        cls,
        settings: Settings,
        name: str,
        listen: str,
        servers: Sequence[str],
        *,
        certificate: str | None = None,
        key: str | None = None,
    ) -> Self:
        """Return the plan for an application with *settings*.

        Raises:
            ConfigurationError: the settings cannot be used behind a proxy.
        """
        if problems := list(_problems_of(settings)):
            raise ConfigurationError(*problems)
        http, sockets = settings.http, settings.socketio
        hosts = () if "*" in http.allowed_hosts else http.allowed_hosts
        waiting = [_LEAST_TIMEOUT, http.body_timeout + _MARGIN]
        if settings.request_timeout is not None:
            waiting.append(settings.request_timeout + _MARGIN)
        if sockets.enabled:
            waiting.append(sockets.ping_interval + sockets.ping_timeout + _MARGIN)
        is_sticky = len(servers) > 1 and sockets.enabled and "polling" in sockets.transports
        return cls(
            name=name,
            listen=listen,
            servers=tuple(servers),
            certificate=certificate,
            key=key,
            hosts=tuple(dict.fromkeys(map(_without_port, hosts))),
            health_host=hosts[0].replace("*", "check") if hosts else "localhost",
            socket_path=f"{sockets.path}/" if is_sticky else None,
            health_path=f"{http.prefix}/" if settings.health else None,
            header_timeout=math.ceil(http.header_timeout),
            body_timeout=math.ceil(http.body_timeout),
            read_timeout=math.ceil(max(waiting)),
            keepalive_timeout=max(1, math.floor(http.keepalive_timeout * 0.8)),
            body_limit=max(http.body_limit, http.upload_limit),
        )


def _problems_of(settings: Settings) -> Iterator[str]:
    if settings.http.tls is not None:
        yield (
            "http.tls is set, but the proxy sends requests without TLS; remove it, and pass the "
            "certificate to the proxy with --certificate"
        )
    if settings.socketio.enabled and settings.socketio.port is not None:
        yield (
            "socketio.port is set, but the proxy sends all requests to one port of a process; "
            "remove it"
        )


def _without_port(host: str) -> str:
    head, colon, port = host.rpartition(":")
    return head if colon and port.isdecimal() else host
