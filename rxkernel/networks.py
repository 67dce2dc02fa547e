"""IP addresses and networks."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_CACHE_SIZE = 4096
"""Number of addresses whose result is cached."""


class Networks:
    """The set of all addresses in *networks*.

    A lookup takes one step for each different prefix length, not for each network. The results
    for the latest addresses are cached.

    Raises:
        ValueError: one of *networks* is not an address or a network.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._prefixes: dict[tuple[int, int], set[int]] = {}
        for network in map(ip_network, networks):
            bits = network.max_prefixlen - network.prefixlen
            prefixes = self._prefixes.setdefault((network.version, bits), set())
            prefixes.add(int(network.network_address) >> bits)
        self._find = lru_cache(_CACHE_SIZE)(self._contains)

    def __bool__(self) -> bool:
        return bool(self._prefixes)

    def __contains__(self, host: str) -> bool:
        """Whether *host* is in one of the networks; False for a text that is not an address.

        An IPv4 address that is mapped to IPv6, ``::ffff:192.0.2.1``, is the IPv4 address.
        """
        return self._find(host)

    def _contains(self, host: str) -> bool:
        address = _address_of(host)
        if address is None:
            return False
        version, number = address.version, int(address)
        return any(
            number >> bits in prefixes
            for (each, bits), prefixes in self._prefixes.items()
            if each == version
        )


def is_network(text: object) -> bool:
    """Whether *text* is an address or a network, such as ``192.0.2.7`` or ``192.0.2.0/24``."""
    if not isinstance(text, str):
        return False
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _address_of(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
