"""What clients may take of a server: places for them, and the count of who went too far.

Counts are by the name of the setting (``http.max_connections``), or ``protocol error``.
"""

import logging
import time
from collections import Counter
from enum import Enum
from functools import lru_cache
from ipaddress import IPv6Network, ip_address

logger = logging.getLogger(__name__)

_TELLING = 60.0
"""Seconds in which the same limit is not logged again."""


class LimitCounters:
    """How often each limit was reached (``counts``), told of once a minute at most."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._told: dict[str, float] = {}

    def crossed(self, setting: str, what: str) -> None:
        """Count it; say so at most once a minute, with how often it has been so far.

        *what* is one line: whatever a client chose in it is escaped and cut already.
        """
        self.counts[setting] += 1
        now = time.monotonic()
        if now >= self._told.get(setting, 0.0):
            self._told[setting] = now + _TELLING
            logger.warning("%s: %s (%d so far)", setting, what, self.counts[setting])


class QuotaScope(Enum):
    """What has no place left."""

    ALL = "all"
    NETWORK = "network"


class ConnectionQuota:
    """Room for *total* clients, and for *per_network* of one network."""

    def __init__(self, total: int, per_network: int) -> None:
        self._total = total
        self._per_network = per_network
        self._taken = 0
        self._by_network: dict[str, int] = {}

    def take(self, network: str | None) -> QuotaScope | None:
        """Let one more client of *network* in, or say what is full.

        None is no network: such a client is counted in all only.
        """
        if self._taken >= self._total:
            return QuotaScope.ALL
        if network is not None:
            taken = self._by_network.get(network, 0)
            if taken >= self._per_network:
                return QuotaScope.NETWORK
            self._by_network[network] = taken + 1
        self._taken += 1
        return None

    def leave(self, network: str | None) -> None:
        """One client of *network* has gone."""
        self._taken -= 1
        if network is not None:
            taken = self._by_network.pop(network) - 1
            if taken:
                self._by_network[network] = taken


@lru_cache(1024)
def network_of(host: str) -> str:
    """What clients are counted by: an IPv4 address, or the /64 that one IPv6 client has.

    A *host* that is no address, such as a name, stands for itself.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))
