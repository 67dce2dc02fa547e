"""Finds the application of a shared port that gets the requests to a host."""

import logging
from collections.abc import Iterable, Sequence

from aiohttp import hdrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.host_patterns import EVERY_HOST, HostPattern, HostPatterns
from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.aiohttp.shared_member import PortMember
from rxkernel.servers.http.allowed_hosts import authority_of, host_and_port
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_head import RequestHead
from rxkernel.settings import DEFAULT_PORTS

logger = logging.getLogger(__name__)

_SETTING = "http.allowed_hosts"

_MOST_KNOWN = 1024
"""Values of ``Host`` whose application is stored; limited, because a mask matches any number."""


class SharedHosts:
    """Finds the application of a request by its host.

    Attributes:
        known: the applications by value of the header ``Host``, as clients have sent it. Always
            empty behind trusted proxies, which send the host in ``X-Forwarded-Host``.
    """

    def __init__(self, forwarded: ForwardedHeaders, scheme: str) -> None:
        self._forwarded = forwarded
        self._scheme = scheme
        self._patterns: HostPatterns[PortMember] = HostPatterns(())
        self.known: dict[str, PortMember] = {}

    def read(self, members: Sequence[PortMember]) -> None:
        """Read the hosts of all *members*.

        Raises:
            ConfigurationError: lists each host that several members have; nothing has changed.
        """
        self._patterns = _patterns_of(members)
        self.known.clear()

    def find(self, head: RequestHead, peer: ClientAddress | None) -> PortMember | None:
        """The application of the host of *head*, which *peer* has sent; None if it is unknown."""
        forwarded = self._forwarded
        sent = forwarded.host_from(peer, head) or authority_of(head)
        name, port = host_and_port(sent) or ("", None)
        if port is None:
            scheme = forwarded.scheme_from(peer, head) or self._scheme
            port = DEFAULT_PORTS[scheme]
        member = self._patterns.find(name, port)
        if member is not None and not forwarded.has_proxies and hdrs.HOST in head.headers:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[sent] = member
        return member


def _patterns_of(members: Iterable[PortMember]) -> HostPatterns[PortMember]:
    owners: dict[HostPattern, list[PortMember]] = {}
    for member in members:
        for pattern in dict.fromkeys(member.patterns()):
            owners.setdefault(pattern, []).append(member)
    problems = [_problem(p, some) for p, some in owners.items() if len(some) > 1]
    if problems:
        raise ConfigurationError(*problems)
    return HostPatterns((pattern, some[0]) for pattern, some in owners.items())


def _problem(pattern: HostPattern, members: list[PortMember]) -> str:
    names = " and ".join(member.name for member in members)
    if pattern == HostPattern(EVERY_HOST):
        return (
            f'the applications {names} share a port, but {_SETTING} of each is empty or has "*"; '
            f"set it to their hosts in all of them except one, which gets all other hosts"
        )
    return (
        f"the applications {names} share a port, but {_SETTING} of each has {str(pattern)!r}; "
        f"keep it in one of them"
    )


def log_overlaps(members: Sequence[PortMember]) -> None:
    """Log each mask that matches a host of another application, which gets its requests."""
    entries = [(pattern, member) for member in members for pattern in member.patterns()]
    for mask, owner in entries:
        for pattern, other in entries:
            if other is not owner and mask.name != EVERY_HOST and mask.covers(pattern):
                logger.info(
                    "%s %s of application %s does not get the requests to %s, which belong to "
                    "application %s",
                    _SETTING,
                    mask,
                    owner.name,
                    pattern,
                    other.name,
                )
