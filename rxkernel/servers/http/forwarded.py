"""``X-Forwarded-*`` headers, which are trusted only if a proxy of ``http.trusted_proxies`` sent
them."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import chain, islice

from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.http.request_head import RequestHead, peer_of

_MAX_HOPS = 100
"""The largest number of entries of ``X-Forwarded-For`` that are read."""

_HOP = re.compile(
    r"(?:(?P<v4>[0-9.]+)|\[(?P<v6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?|(?P<bare>[0-9a-f:.]+)",
    re.IGNORECASE,
)
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""The scheme by value of ``X-Forwarded-Proto``; some proxies send the scheme of the WebSocket."""


class ForwardedHeaders:
    """Reads ``X-Forwarded-For``, ``-Host`` and ``-Proto`` if the peer is one of *proxies*.

    Headers from any other peer, or over a Unix socket, are ignored. A proxy appends its entry, so
    the rightmost entry is from the nearest proxy. A client can forge all entries to the left of
    the entries of trusted proxies.

    Attributes:
        has_proxies: whether *proxies* is not empty.
        own_scheme: ``https`` if this server terminates TLS; None if another program may do so.
    """

    def __init__(self, proxies: Iterable[str], own_scheme: str | None = None) -> None:
        self.own_scheme = own_scheme
        self._networks = tuple(map(ip_network, proxies))
        self.has_proxies = bool(self._networks)

    def client(self, head: RequestHead) -> ClientAddress | None:
        """Return the client that sent *head*: the peer, or the last address before the trusted
        proxies.

        An invalid entry ends the search; then the client is the address to its right. The port is
        0 if the proxy does not send one.
        """
        return self.client_from(peer_of(head), head)

    def client_from(self, peer: ClientAddress | None, head: RequestHead) -> ClientAddress | None:
        """Return the same as `client`, if the *peer* of the connection is known."""
        if peer is None or not self._networks or not self.trusts(peer.host):
            return peer
        return self.client_behind(peer, head.headers.getall("X-Forwarded-For", ()))

    def client_behind(self, proxy: ClientAddress, lines: Iterable[str]) -> ClientAddress:
        """Return the client of a request of a trusted *proxy*; *lines* are the values of its
        headers ``X-Forwarded-For``."""
        client = proxy
        for text in _hops(lines):
            address, port = _parse(text)
            if address is None:
                break
            client = ClientAddress(str(address), port)
            if not self._is_trusted(address):
                break
        return client

    def host(self, head: RequestHead) -> str:
        """Return the host that the client requested, with the port if it has one; "" if the
        request has no host."""
        return self.host_from(self._peer_of(head), head)

    def host_from(self, peer: ClientAddress | None, head: RequestHead) -> str:
        """Return the same as `host`, if the *peer* of the connection is known."""
        return self._last_value(peer, head, "X-Forwarded-Host") or head.headers.get("Host", "")

    def scheme(self, head: RequestHead) -> str | None:
        """Return the scheme that the client uses, ``http`` or ``https``; `own_scheme` if no
        trusted proxy has sent it."""
        return self.scheme_from(self._peer_of(head), head)

    def scheme_from(self, peer: ClientAddress | None, head: RequestHead) -> str | None:
        """Return the same as `scheme`, if the *peer* of the connection is known."""
        sent = self._last_value(peer, head, "X-Forwarded-Proto").lower()
        return _SCHEMES.get(sent, self.own_scheme)

    def _peer_of(self, head: RequestHead) -> ClientAddress | None:
        return peer_of(head) if self._networks else None

    def _last_value(self, peer: ClientAddress | None, head: RequestHead, name: str) -> str:
        """Return the rightmost value of the header *name* if *peer* is trusted, else ""."""
        if peer is None or not self.trusts(peer.host):
            return ""
        return head.headers.getall(name, [""])[-1].rpartition(",")[2].strip()

    def trusts(self, host: str) -> bool:
        """Whether *host*, the address of a peer, is a trusted proxy."""
        if not self._networks:
            return False
        address = _address(host)
        return address is not None and self._is_trusted(address)

    def _is_trusted(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _hops(lines: Iterable[str]) -> Iterator[str]:
    """The entries of a list header, the nearest first. At most `_MAX_HOPS` are split off."""
    nearest_first = (reversed(line.rsplit(",", _MAX_HOPS)) for line in reversed(tuple(lines)))
    return islice(chain.from_iterable(nearest_first), _MAX_HOPS)


def _parse(hop: str) -> tuple[IPv4Address | IPv6Address | None, int]:
    """The address and port of an entry: ``192.0.2.1``, ``192.0.2.1:80``, ``::1`` or ``[::1]:80``.

    For any other text, such as ``unknown``, the address is None.
    """
    found = _HOP.fullmatch(hop.strip())
    if found is None:
        return None, 0
    port = int(found["port"] or 0)
    host = found["v4"] or found["v6"] or found["bare"]
    return (_address(host), port) if port <= 65535 else (None, 0)


@lru_cache(256)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Parse *host*. An IPv6 address that maps an IPv4 address becomes an IPv4 address."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
