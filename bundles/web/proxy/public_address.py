"""Finds out whether a client may choose an address as a target."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address."""


def is_public(text: str) -> bool:
    """Whether *text* is an address of the public internet: not loopback, private, link-local,
    unspecified, multicast or reserved, nor an IPv6 address that holds such an IPv4 address.

    False if it is not an IP address in its usual notation.
    """
    try:
        return _is_public(ip_address(text))
    except ValueError:
        return False


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return _is_public(inner)
        if address.is_site_local or address.scope_id is not None:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address to which packets for *address* are translated; None if they are
    not."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
