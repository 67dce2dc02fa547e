"""Resolves names of hosts, and rejects addresses that are not public."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from bundles.web.proxy.public_address import is_public


class PrivateAddressError(Exception):
    """The host of a URL is, or resolves to, an address that clients must not reach."""


class PublicResolver(AbstractResolver):
    """Rejects the addresses of *resolver* that are not public.

    The connection uses the checked address, so that a second, different reply of the DNS has no
    effect (DNS rebinding).
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
