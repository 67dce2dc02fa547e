"""Names and addresses from input, which may reach the public internet only (B17)."""

import socket

import pytest
from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from bundles.web.proxy.public_address import is_public
from bundles.web.proxy.public_resolver import PrivateAddressError, PublicResolver

PUBLIC = ("93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e", "::ffff:93.184.215.14")
REFUSED = (
    *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1%eth0"),
    *("fc00::1", "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::a9fe:a9fe"),
    *("2002:7f00:1::", "2130706433", "0177.0.0.1", "not an address"),
)


class Fixed(AbstractResolver):
    """A resolver that returns the same addresses for each name."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses
        self.is_closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=text, port=port, family=family, proto=0, flags=0)
            for text in self._addresses
        ]

    async def close(self) -> None:
        self.is_closed = True


# B17
def test_public_address_is_accepted() -> None:
    assert [text for text in PUBLIC if not is_public(text)] == []


# B17
def test_address_of_private_network_is_refused() -> None:
    assert [text for text in REFUSED if is_public(text)] == []


# B17
async def test_name_with_public_addresses_is_resolved() -> None:
    inner = Fixed(*PUBLIC)
    resolver = PublicResolver(inner)

    assert [found["host"] for found in await resolver.resolve("example.org", 80)] == list(PUBLIC)
    await resolver.close()
    assert inner.is_closed


# B17
async def test_name_with_one_private_address_is_refused() -> None:
    resolver = PublicResolver(Fixed(PUBLIC[0], "127.0.0.1"))

    with pytest.raises(PrivateAddressError, match=r"127.0.0.1 is not a public address"):
        await resolver.resolve("example.org", 80)


# B17
@pytest.mark.parametrize(
    "host", ["2130706433", "0177.0.0.1", "127.1"], ids=["n", "octal", "short"]
)
async def test_other_form_of_loopback_is_refused(host: str) -> None:
    resolver = PublicResolver(ThreadedResolver())

    with pytest.raises(PrivateAddressError):
        await resolver.resolve(host, 80)
    await resolver.close()
