"""Rejects requests for hosts that are not allowed (``http.allowed_hosts``)."""

import re
from collections.abc import Iterable
from functools import lru_cache

from rxkernel.exceptions import HttpException, MisdirectedRequestException, NotFoundException
from rxkernel.host_names import canonical_host
from rxkernel.host_patterns import EVERY_HOST, HostPattern, HostPatterns
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_head import RequestHead
from rxkernel.settings import DEFAULT_PORTS

_AUTHORITY = re.compile(
    r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{0,5}))?", re.ASCII
)
_END_OF_AUTHORITY = re.compile("[/?#]")


class HostPolicy:
    """The hosts of ``http.allowed_hosts``, see `HostPattern`.

    Upper case and one dot at the end are ignored. An empty list allows every host. A request whose
    target and ``Host`` have different hosts is always rejected, although RFC 9112 §3.2.2 gives the
    target precedence.

    Attributes:
        is_open: whether every host is allowed.
    """

    def __init__(
        self,
        allowed: Iterable[str],
        forwarded: ForwardedHeaders,
        status: int = MisdirectedRequestException.status_code,
    ) -> None:
        patterns = [pattern for text in allowed if (pattern := HostPattern.parse(text))]
        self._patterns = HostPatterns((pattern, True) for pattern in patterns)
        self.is_open = not patterns or HostPattern(EVERY_HOST) in patterns
        self._forwarded = forwarded
        self._status = status

    def rejection_for(self, head: RequestHead) -> HttpException | None:
        """Return the error for a request to another host, 421 (RFC 9110 §7.4) or 404; None if the
        host is allowed."""
        if (error := mismatch_of(head)) is not None:
            return error
        if not self.is_open and not self._allows(head):
            return unknown_host(self._status)
        return None

    def _allows(self, head: RequestHead) -> bool:
        forwarded = self._forwarded
        found = host_and_port(forwarded.host(head) or authority_of(head))
        if found is None:
            return False
        name, port = found
        if port is None:
            port = DEFAULT_PORTS[forwarded.scheme(head) or "http"]
        return self._patterns.find(name, port) is not None


def unknown_host(status: int) -> HttpException:
    """The error for a request to an unknown host; its status is ``http.unknown_host``."""
    kind = NotFoundException if status == NotFoundException.status_code else None
    return (kind or MisdirectedRequestException)("this host is not served here")


def mismatch_of(head: RequestHead) -> MisdirectedRequestException | None:
    """The error for a request whose target and ``Host`` have different hosts."""
    if head.raw_path.startswith(("/", "*")):
        return None
    scheme = head.raw_path.partition("://")[0]
    own = head.headers.get("Host")
    if own is None or _is_same(authority_of(head), own, scheme):
        return None
    return MisdirectedRequestException(
        "the request target and the Host header have different hosts"
    )


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


def _canonical_name(text: str) -> str | None:
    found = host_and_port(text)
    return None if found is None else found[0]


@lru_cache(256)
def host_and_port(text: str) -> tuple[str, int | None] | None:
    """The canonical host name in *text*, and its port if it has one; None if it is not a valid
    host."""
    found = _AUTHORITY.fullmatch(text)
    if found is None or (name := canonical_host(found["host"])) is None:
        return None
    return name, int(found["port"]) if found["port"] else None
