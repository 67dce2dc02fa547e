"""Reads the first request of a connection in a supervisor."""

import re

import attrs

from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.limits import network_of
from rxkernel.servers.workers.session_ids import is_engine_io, worker_of

MAX_HEAD = 16 * 1024
"""Bytes of a request that are read at most; the rest is ignored."""

_REQUEST_LINE = re.compile(rb"[\r\n]*[^\r\n]+\r?\n")
_FORWARDED_FOR = re.compile(rb"\nX-Forwarded-For:([^\r\n]*)", re.IGNORECASE)
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


@attrs.frozen
class Choice:
    """The properties of a request that select its worker.

    Attributes:
        worker: the number of the worker of its session; None if it has no session.
        network: the client, see `network_of`; clients behind a trusted proxy are distinguished.
        is_engine_io: whether it is for Engine.IO, whose new sessions may be at any worker.
    """

    worker: int | None
    network: str
    is_engine_io: bool = False


class RequestHeads:
    """Reads requests of clients, and of the proxies that *forwarded* trusts."""

    def __init__(self, forwarded: ForwardedHeaders) -> None:
        self._forwarded = forwarded

    def is_complete(self, head: bytes, host: str) -> bool:
        """Whether *head*, received from *host*, is enough for `choose`."""
        if len(head) >= MAX_HEAD:
            return True
        if self._forwarded.trusts(host):
            return _END_OF_HEAD.search(head.lstrip(b"\r\n")) is not None
        return _REQUEST_LINE.match(head) is not None

    def choose(self, head: bytes, host: str) -> Choice:
        client = host
        if self._forwarded.trusts(host):
            head = _END_OF_HEAD.split(head.lstrip(b"\r\n"), 1)[0]
            lines = [value.decode("latin-1") for value in _FORWARDED_FOR.findall(head)]
            client = self._forwarded.client_behind(ClientAddress(host, 0), lines).host
        return Choice(worker_of(head), network_of(client), is_engine_io(head))
