"""Constraints: the host and the headers that a route requires."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import attrs

from rxkernel.headers import checked_header
from rxkernel.host_names import HOST_PATTERN, canonical_host, host_matches
from rxkernel.messages.request import Headers


class Head(Protocol):
    """The part of a request that constraints read, independent of the server."""

    @property
    def headers(self) -> Headers: ...


HostOf = Callable[[Any], str | None]
"""Returns the canonical host name of a `Head`; None without a host."""


@attrs.frozen
class Constraints:
    """A host and headers that a request must have. Without constraints every request is accepted.

    Attributes:
        host: an exact name, or ``*.example.com`` for every host below that one.
        headers: pairs of a name in lower case and a value.
        names: the names of the headers as declared.
    """

    host: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = attrs.field(default=(), eq=False)

    @classmethod
    def of(cls, host: str | None, headers: Mapping[str, str]) -> "Constraints":
        """Return the constraints of a route, which `constraint_problems` has checked."""
        pairs = sorted((name.lower(), value) for name, value in headers.items())
        canonical = None if host is None else canonical_host(host)
        return cls(canonical, tuple(pairs), tuple(headers))

    def __bool__(self) -> bool:
        return self.host is not None or bool(self.headers)

    def __str__(self) -> str:
        host = "" if self.host is None else f" at {self.host}"
        headers = ", ".join(f"{name}: {value}" for name, value in self.headers)
        return f"{host} with {headers}" if headers else host

    @property
    def order(self) -> tuple[int, int, int]:
        """The sort key, smallest first: an exact host, a longer wildcard, more headers."""
        if self.host is None:
            return 2, 0, -len(self.headers)
        if self.host.startswith("*."):
            return 1, -self.host.count("."), -len(self.headers)
        return 0, 0, -len(self.headers)

    def accept_host(self, host: str | None) -> bool:
        """Whether requests for *host* are accepted."""
        return self.host is None or (host is not None and host_matches(self.host, host))

    def accept_headers(self, headers: Headers) -> bool:
        """Whether each header has the required value.

        Several lines of one name are one value, joined by ", " (RFC 9110 §5.3).
        """
        for name, value in self.headers:
            given = headers.getall(name, None)
            if given is None or ", ".join(given) != value:
                return False
        return True

    def may_meet(self, other: "Constraints") -> bool:
        """Whether some host is accepted by both."""
        if self.host is None or other.host is None:
            return True
        return host_matches(self.host, other.host) or host_matches(other.host, self.host)


NO_CONSTRAINTS = Constraints()


def constraint_problems(host: object, headers: object) -> Iterator[str]:
    """Yield the problems of the constraints of a route, as texts that follow "has "."""
    if host is not None and not (isinstance(host, str) and HOST_PATTERN.fullmatch(host)):
        yield (
            f"the host {host!r}; write a name like 'example.com' or '*.example.com', without "
            f"scheme and port"
        )
    if not isinstance(headers, Mapping):
        yield f"the headers {headers!r}; pass a mapping of names to values"
        return
    for name, value in headers.items():
        yield from _header_problems(name, value)
    names = [name.lower() for name in headers if isinstance(name, str)]
    if len(set(names)) < len(names):
        yield f"the headers {dict(headers)!r}, two of which have the same name; remove one"


def _header_problems(name: Any, value: Any) -> Iterator[str]:
    try:
        checked_header(name, value)
    except (TypeError, ValueError) as exc:
        yield f"an invalid header: {exc}"
        return
    if name.lower() == "host":
        yield f"the header 'Host'; write host={value!r}"
    if value != value.strip(" \t"):
        yield f"the header {name!r} with the value {value!r}; remove the spaces around it"
