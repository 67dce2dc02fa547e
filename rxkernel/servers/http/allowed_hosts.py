"""Which hosts a request may be for."""

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
    """The hosts of ``http.allowed_hosts``; ``*.example.org`` is every host below that one.

    Ports, upper case and one dot at the end do not matter. Without a list every host is
    allowed, but no request may name two (RFC 9112 §3.2.2: the target's wins, RFC 9110 §7.4:
    421 for what is not for this server).
    """

    def __init__(self, allowed: Iterable[str], proxies: ForwardedHeaders) -> None:
        names = [name.lower() for name in allowed]
        self._exact = frozenset(canonical_host(name) for name in names if name[:2] != "*.")
        self._below = tuple(name.removeprefix("*") for name in names if name[:2] == "*.")
        self.is_open = not names
        self._proxies = proxies

    def refusal(self, head: RequestHead) -> MisdirectedRequestException | None:
        """The error for a request to a host that is not served here, else None."""
        if not head.raw_path.startswith(("/", "*")):
            scheme = head.raw_path.partition("://")[0]
            own = head.headers.get("Host")
            if own is not None and not _is_same(authority_of(head), own, scheme):
                return MisdirectedRequestException("the request names two hosts")
        if not self.is_open and not self._lists(host_of(head, self._proxies)):
            return MisdirectedRequestException("this host is not served here")
        return None

    def _lists(self, name: str | None) -> bool:
        return name is not None and (name in self._exact or name.endswith(self._below))


def host_of(head: RequestHead, proxies: ForwardedHeaders) -> str | None:
    """The canonical name of the host that *head* is for; None where it names none."""
    return _name(proxies.host(head) or authority_of(head))


def authority_of(head: RequestHead) -> str:
    """The host, and port where there is one, of a target in absolute-form; "" of another."""
    if head.raw_path.startswith(("/", "*")):
        return ""
    return _END_OF_AUTHORITY.split(head.raw_path.partition("://")[2], maxsplit=1)[0]


def _is_same(authority: str, host: str, scheme: str) -> bool:
    here, there = _AUTHORITY.fullmatch(authority), _AUTHORITY.fullmatch(host)
    if here is None or there is None:
        return False
    default = "443" if scheme == "https" else "80"
    return canonical_host(here["host"]) == canonical_host(there["host"]) and (
        (here["port"] or default) == (there["port"] or default)
    )


@lru_cache(256)
def _name(text: str) -> str | None:
    """The name without its port; None where *text* is no host."""
    found = _AUTHORITY.fullmatch(text)
    return None if found is None else canonical_host(found["host"])
