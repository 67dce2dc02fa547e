"""Names of hosts become addresses, of which none is private."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from bundles.web.proxy.public_address import is_public


class PrivateAddressError(Exception):
    """A name of a host, or the host of a URL, is an address that clients must not reach."""


class PublicResolver(AbstractResolver):
    """Rejects the addresses of *resolver* that are not public.

    The connection is made to an address that was checked, so that a second answer of the DNS does
    not count (DNS rebinding).
    """

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises:
        PrivateAddressError: one of the addresses is not public.
        """
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            check_public(result["host"])
        return found

    async def close(self) -> None:
        await self._resolver.close()


def check_public(address: str) -> None:
    """Raises:
    PrivateAddressError: *address* is not public.
    """
    if not is_public(address):
        raise PrivateAddressError(f"{address} is not a public address")
