"""The entries of ``http.allowed_hosts``, and the search for the entry of a request's host.

An entry is a name, ``*.example.org`` for every subdomain, an address (an IPv6 address in
brackets), or ``*`` for every host. An entry with a port, ``example.org:8080``, matches only
requests to this port.
"""

import re
from collections.abc import Iterable
from typing import Generic, Self, TypeVar

import attrs

from rxkernel.host_names import HOST_PATTERN, canonical_host

T = TypeVar("T")

EVERY_HOST = "*"

_ENTRY = re.compile(rf"(?P<name>\*|{HOST_PATTERN.pattern})(?::(?P<port>[0-9]{{1,5}}))?", re.ASCII)


@attrs.frozen(order=False)
class HostPattern:
    """One entry. *name* is canonical; without *port* it matches every port."""

    name: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The entry *text*; None if it is invalid."""
        found = _ENTRY.fullmatch(text)
        if found is None:
            return None
        name = found["name"] if found["name"] == EVERY_HOST else canonical_host(found["name"])
        port = None if found["port"] is None else int(found["port"])
        if name is None or (port is not None and not 1 <= port <= 65535):
            return None
        return cls(name, port)

    @property
    def is_mask(self) -> bool:
        return self.name.startswith("*")

    def matches(self, name: str, port: int | None) -> bool:
        """Whether it matches the canonical host *name*, requested at *port*."""
        if self.port is not None and self.port != port:
            return False
        return name.endswith(self.name[1:]) if self.is_mask else name == self.name

    @property
    def precedence(self) -> tuple[bool, int, bool]:
        """Larger for the entry that wins: an exact name, then the longest mask; of equal names,
        the one with a port."""
        return not self.is_mask, len(self.name), self.port is not None

    def covers(self, other: "HostPattern") -> bool:
        """Whether it also matches every host of *other*, and *other* has precedence."""
        if self.precedence >= other.precedence or self.port not in (None, other.port):
            return False
        return other.name == self.name or (
            self.is_mask and other.name.removeprefix("*").endswith(self.name[1:])
        )

    def __str__(self) -> str:
        return self.name if self.port is None else f"{self.name}:{self.port}"


class HostPatterns(Generic[T]):
    """Finds the value of the entry that matches a host."""

    def __init__(self, entries: Iterable[tuple[HostPattern, T]]) -> None:
        ordered = sorted(entries, key=lambda entry: entry[0].precedence, reverse=True)
        self._exact = {(p.name, p.port): value for p, value in ordered if not p.is_mask}
        self._masks = [(p, value) for p, value in ordered if p.is_mask]

    def find(self, name: str, port: int | None) -> T | None:
        """The value for the canonical host *name*, requested at *port*; None if none matches."""
        for key in (name, port), (name, None):
            if key in self._exact:
                return self._exact[key]
        return next((value for p, value in self._masks if p.matches(name, port)), None)


def is_host_pattern(text: object) -> bool:
    return isinstance(text, str) and HostPattern.parse(text) is not None
