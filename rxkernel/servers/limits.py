"""Quotas for clients, and counters of the limits that clients reach.

A counter has the name of its setting, such as ``http.max_connections``, or ``protocol error``.
"""

import logging
import sys
import time
from collections import Counter
from enum import Enum
from functools import lru_cache
from ipaddress import IPv6Network, ip_address

logger = logging.getLogger(__name__)

_LOG_INTERVAL = 60.0
"""Seconds before the same limit is logged again."""


class LimitCounters:
    """Counts how often each limit was reached (``counts``), and logs it once a minute at most."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._next_log: dict[str, float] = {}
        self._logged_errors: set[tuple[str, type[BaseException] | None]] = set()

    def record(self, setting: str, event: str) -> None:
        """Count *event* under *setting*; log it, and the count so far, at most once a minute.

        *event* is one line. The caller has escaped and cut the parts that a client chose.
        """
        self.counts[setting] += 1
        now = time.monotonic()
        if now >= self._next_log.get(setting, 0.0):
            self._next_log[setting] = now + _LOG_INTERVAL
            logger.warning("%s: %s (%d so far)", setting, event, self.counts[setting])

    def log_error(self, reason: str) -> None:
        """Log the exception that is being handled with its traceback, once for each reason and
        type of exception."""
        error = (reason, sys.exc_info()[0])
        if error not in self._logged_errors:
            self._logged_errors.add(error)
            logger.exception("%s (logged once)", reason)


class QuotaScope(Enum):
    """The part of a quota that is used up."""

    ALL = "all"
    NETWORK = "network"


class ConnectionQuota:
    """At most *total* clients, and at most *per_network* clients of one network.

    Attributes:
        used: clients that were admitted and have not been released.
    """

    def __init__(self, total: int, per_network: int) -> None:
        self._total = total
        self._per_network = per_network
        self.used = 0
        self._by_network: dict[str, int] = {}

    def acquire(self, network: str | None) -> QuotaScope | None:
        """Admit one more client of *network*, or return the part of the quota that is used up.

        A client without a network (None) counts against the total only.
        """
        if self.used >= self._total:
            return QuotaScope.ALL
        if network is not None:
            used = self._by_network.get(network, 0)
            if used >= self._per_network:
                return QuotaScope.NETWORK
            self._by_network[network] = used + 1
        self.used += 1
        return None

    def release(self, network: str | None) -> None:
        """Subtract one admitted client of *network*."""
        self.used -= 1
        if network is not None:
            used = self._by_network.pop(network) - 1
            if used:
                self._by_network[network] = used


@lru_cache(1024)
def network_of(host: str) -> str:
    """The key by which clients are counted: an IPv4 address, or the /64 of an IPv6 address.

    A *host* that is not an address, such as a name, is its own key.
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
