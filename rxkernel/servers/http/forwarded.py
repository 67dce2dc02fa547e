"""What a proxy in front tells of a request, believed only of proxies that the settings name."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import chain, islice

from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.http.request_head import RequestHead, client_of

_HOPS = 100
"""Most entries of ``X-Forwarded-For`` that are looked at."""

_HOP = re.compile(
    r"(?:(?P<v4>[0-9.]+)|\[(?P<v6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?|(?P<bare>[0-9a-f:.]+)",
    re.IGNORECASE,
)
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""What proxies call a scheme; some name the websocket's."""


class ForwardedHeaders:
    """Reads ``X-Forwarded-For``, ``-Host`` and ``-Proto`` where the peer is one of *proxies*.

    From any other peer, one of a Unix socket too, they are ignored. A proxy appends, so what
    stands on the right is what the nearest proxy saw, and what is left of it anybody's claim.
    ``are_any`` tells whether there is one to be believed at all.
    """

    def __init__(self, proxies: Iterable[str]) -> None:
        self._networks = tuple(map(ip_network, proxies))
        self.are_any = bool(self._networks)

    def client(self, head: RequestHead) -> ClientAddress | None:
        """Who sent *head*: the peer, or the last address before the trusted proxies.

        What is no address ends the search: the client is then the address right of it. The
        port is 0 where the proxy tells none.
        """
        return self.client_behind(client_of(head), head)

    def client_behind(self, peer: ClientAddress | None, head: RequestHead) -> ClientAddress | None:
        """`client`, where the *peer* is known."""
        if peer is None or not self._networks or not self.trusts(peer.host):
            return peer
        client = peer
        for text in _hops(head.headers.getall("X-Forwarded-For", ())):
            address, port = _parse(text)
            if address is None:
                break
            client = ClientAddress(str(address), port)
            if not self._trusts(address):
                break
        return client

    def host(self, head: RequestHead) -> str:
        """Host, and port where there is one, that the client asked for; "" if it told none."""
        return self.host_behind(self._peer(head), head)

    def host_behind(self, peer: ClientAddress | None, head: RequestHead) -> str:
        """`host`, where the *peer* is known."""
        return self._told(peer, head, "X-Forwarded-Host") or head.headers.get("Host", "")

    def scheme(self, head: RequestHead) -> str | None:
        """``http`` or ``https`` as the client sees it; None where no trusted proxy tells."""
        return self.scheme_behind(self._peer(head), head)

    def scheme_behind(self, peer: ClientAddress | None, head: RequestHead) -> str | None:
        """`scheme`, where the *peer* is known."""
        return _SCHEMES.get(self._told(peer, head, "X-Forwarded-Proto").lower())

    def _peer(self, head: RequestHead) -> ClientAddress | None:
        return client_of(head) if self._networks else None

    def _told(self, peer: ClientAddress | None, head: RequestHead, name: str) -> str:
        """The rightmost value of *name*, if *peer* is trusted."""
        if peer is None or not self.trusts(peer.host):
            return ""
        return head.headers.getall(name, [""])[-1].rpartition(",")[2].strip()

    def trusts(self, host: str) -> bool:
        """Whether the peer *host* is one of the proxies."""
        if not self._networks:
            return False
        address = _address(host)
        return address is not None and self._trusts(address)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _hops(lines: Iterable[str]) -> Iterator[str]:
    """The entries of a list header, nearest first; the furthest are not even split."""
    nearest_first = (reversed(line.rsplit(",", _HOPS)) for line in reversed(tuple(lines)))
    return islice(chain.from_iterable(nearest_first), _HOPS)


def _parse(hop: str) -> tuple[IPv4Address | IPv6Address | None, int]:
    """Address and port of an entry: ``192.0.2.1``, ``192.0.2.1:80``, ``::1`` or ``[::1]:80``.

    The address is None for anything else, such as ``unknown``.
    """
    found = _HOP.fullmatch(hop.strip())
    if found is None:
        return None, 0
    port = int(found["port"] or 0)
    host = found["v4"] or found["v6"] or found["bare"]
    return (_address(host), port) if port <= 65535 else (None, 0)


@lru_cache(256)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    """*host* as an address; one of IPv4 that a socket of IPv6 shows is one of IPv4."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
