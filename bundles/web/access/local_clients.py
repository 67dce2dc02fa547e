"""Which clients are on this machine."""

from ipaddress import IPv6Address, ip_address

from bundles.sessions.addresses import address_of
from rxkernel import Request

_OF_PROXIES = ("Forwarded", "Via")
"""Headers of proxies whose clients are not known here."""

_ADDRESSES = ("X-Forwarded-For", "X-Real-IP")


def is_local(request: Request) -> bool:
    """Whether the client of *request* is on a loopback address.

    Behind a proxy on the same machine that is not one of ``http.trusted_proxies``, every client
    has a loopback address. So a request that names another address, or another proxy, in a header
    is not local. A proxy that adds no header cannot be seen: let it send ``X-Forwarded-For``.
    """
    headers = request.headers
    if not is_loopback(address_of(request)) or any(name in headers for name in _OF_PROXIES):
        return False
    lines = [line for name in _ADDRESSES for line in headers.getall(name, ())]
    return all(is_loopback(part.strip()) for line in lines for part in line.split(","))


def is_loopback(text: str) -> bool:
    """Whether *text* is an address of this machine itself: ``127.0.0.0/8``, or ``::1``."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped  # a dual-stack socket; Python 3.11 does not look inside
    return address.is_loopback
