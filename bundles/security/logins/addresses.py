"""The addresses of clients, as the limits count them."""

from ipaddress import IPv6Address, ip_address

from rxkernel import Request


def address_of(request: Request | None) -> str | None:
    """The address of the client that has sent *request*; None if it is not known."""
    if request is None:
        return None
    connection = request.connection
    client = request.client or (None if connection is None else connection.client)
    return None if client is None else client.host


def network_of(address: str | None) -> str:
    """The address; of an IPv6 address its /64, in which one host may have any address."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address or ""
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64))
