"""Finds out whether a client is on this machine."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from bundles.sessions.addresses import address_of
from rxkernel import Request
from rxkernel.host_names import canonical_host
from rxkernel.host_patterns import EVERY_HOST, HostPattern

_OF_PROXIES = ("Forwarded", "Via")
"""Headers of proxies that do not report the address of the client reliably."""

_ADDRESSES = ("X-Forwarded-For", "X-Real-IP")

_HOSTS = ("Host", "X-Forwarded-Host")

_SAFE = frozenset(("GET", "HEAD"))

_OWN = frozenset(("same-origin", "none"))
"""Values of ``Sec-Fetch-Site``; ``none``: the user has typed the address."""


def is_local(request: Request, hosts: Iterable[str] = ()) -> bool:
    """Whether the client of *request* is on a loopback address, and a page of another site has not
    made the request.

    Behind a proxy on the same machine that is not one of ``http.trusted_proxies``, every client
    has a loopback address. So a request with another address, or another proxy, in a header is not
    local. A proxy that adds no header cannot be detected: configure it to send
    ``X-Forwarded-For``.

    A browser on this machine sends requests of every page that it shows, including a page whose
    host name resolves to a loopback address (DNS rebinding). So the host must be a loopback name
    or address, or one of *hosts*: entries of ``http.allowed_hosts`` other than ``*``; their ports
    are ignored.
    """
    headers = request.headers
    if not is_loopback(address_of(request)) or any(name in headers for name in _OF_PROXIES):
        return False
    lines = [line for name in _ADDRESSES for line in headers.getall(name, ())]
    if not all(is_loopback(part.strip()) for line in lines for part in line.split(",")):
        return False
    return not _is_of_other_site(request) and _has_own_host(request, hosts)


def _is_of_other_site(request: Request) -> bool:
    """Whether a page of another site has made *request*; following a link is allowed."""
    headers = request.headers
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is None:
        return origin is not None and urlsplit(origin).netloc.lower() != _host(request).lower()
    is_link = request.method in _SAFE and headers.get("Sec-Fetch-Dest") == "document"
    return site not in _OWN and not is_link


def _host(request: Request) -> str:
    return request.headers.get("Host", "")


def _has_own_host(request: Request, hosts: Iterable[str]) -> bool:
    """Whether all hosts in *request* are hosts of this machine. A browser always sends a host."""
    lines = [line for name in _HOSTS for line in request.headers.getall(name, ())]
    return all(_is_own_host(part.strip(), hosts) for line in lines for part in line.split(","))


def _is_own_host(authority: str, hosts: Iterable[str]) -> bool:
    name, _, port = authority.rpartition(":")
    if not name or authority.endswith("]"):
        name, port = authority, ""
    found = canonical_host(name)
    if found is None or (port and not port.isdecimal()):
        return False
    is_name = found == "localhost" or found.endswith(".localhost")  # RFC 6761
    own = (HostPattern.parse(host) for host in hosts if host != EVERY_HOST)
    return (
        is_name
        or is_loopback(found.strip("[]"))
        or any(pattern.matches(found, pattern.port) for pattern in own if pattern is not None)
    )


def is_loopback(text: str) -> bool:
    """Whether *text* is an address of this machine itself: ``127.0.0.0/8``, or ``::1``."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped  # a dual-stack socket; Python 3.11 does not look inside
    return address.is_loopback
