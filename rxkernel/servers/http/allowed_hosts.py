"""Rejects requests for hosts that are not allowed (``http.allowed_hosts``)."""

import re
from collections.abc import Iterable
from functools import lru_cache

from rxkernel.exceptions import MisdirectedRequestException
from rxkernel.host_names import canonical_host
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_head import RequestHead

_AUTHORITY = re.compile(
    r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{0,5}))?", re.ASCII
)
_END_OF_AUTHORITY = re.compile("[/?#]")


class HostPolicy:
    """The hosts of ``http.allowed_hosts``; ``*.example.org`` allows every subdomain.

    Ports, upper case and one dot at the end are ignored. An empty list allows every host. A
    request whose target and ``Host`` have different hosts is always rejected; of these, RFC 9112
    §3.2.2 gives the target precedence.

    Attributes:
        is_open: whether every host is allowed.
    """

    def __init__(self, allowed: Iterable[str], forwarded: ForwardedHeaders) -> None:
        names = [name.lower() for name in allowed]
        self._exact = frozenset(canonical_host(name) for name in names if name[:2] != "*.")
        self._suffixes = tuple(name.removeprefix("*") for name in names if name[:2] == "*.")
        self.is_open = not names
        self._forwarded = forwarded

    def rejection_for(self, head: RequestHead) -> MisdirectedRequestException | None:
        """Return the 421 (RFC 9110 §7.4) for a request to another host; None if it is allowed."""
        if not head.raw_path.startswith(("/", "*")):
            scheme = head.raw_path.partition("://")[0]
            own = head.headers.get("Host")
            if own is not None and not _is_same(authority_of(head), own, scheme):
                return MisdirectedRequestException(
                    "the request target and the Host header have different hosts"
                )
        if not self.is_open and not self._allows(host_of(head, self._forwarded)):
            return MisdirectedRequestException("this host is not served here")
        return None

    def _allows(self, name: str | None) -> bool:
        return name is not None and (name in self._exact or name.endswith(self._suffixes))


def host_of(head: RequestHead, forwarded: ForwardedHeaders) -> str | None:
    """Return the canonical name of the host that *head* is sent to; None if it is missing or
    invalid."""
    return _canonical_name(forwarded.host(head) or authority_of(head))


def authority_of(head: RequestHead) -> str:
    """Return the host, with the port if it has one, of a request target in absolute-form; "" for
    the other forms."""
    if head.raw_path.startswith(("/", "*")):
        return ""
    return _END_OF_AUTHORITY.split(head.raw_path.partition("://")[2], maxsplit=1)[0]


def _is_same(authority: str, host: str, scheme: str) -> bool:
    first, second = _AUTHORITY.fullmatch(authority), _AUTHORITY.fullmatch(host)
    if first is None or second is None:
        return False
    default = "443" if scheme == "https" else "80"
    return canonical_host(first["host"]) == canonical_host(second["host"]) and (
        (first["port"] or default) == (second["port"] or default)
    )


@lru_cache(256)
def _canonical_name(text: str) -> str | None:
    """The host name in *text*, without a port; None if it is not a valid host."""
    found = _AUTHORITY.fullmatch(text)
    return None if found is None else canonical_host(found["host"])
