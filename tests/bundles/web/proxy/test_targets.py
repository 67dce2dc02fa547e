"""Targets that a client may choose (B17: SSRF)."""

import logging
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bundles.web import ReverseProxy
from bundles.web.proxy.public_address import is_public
from bundles.web.proxy.public_resolver import PrivateAddressError, PublicResolver
from bundles.web.proxy.target import checked_url, url_of
from rxkernel import BadRequestException, RxKernelError
from tests.bundles.web.conftest import Site

PRIVATE = {
    "loopback": "127.0.0.1",
    "loopback-other": "127.8.9.1",
    "unspecified": "0.0.0.0",
    "private-10": "10.1.2.3",
    "private-172": "172.16.0.1",
    "private-192": "192.168.0.1",
    "shared": "100.64.0.1",
    "link-local": "169.254.169.254",
    "multicast": "224.0.0.1",
    "broadcast": "255.255.255.255",
    "reserved": "240.0.0.1",
    "documentation": "192.0.2.1",
    "loopback-6": "::1",
    "unspecified-6": "::",
    "mapped": "::ffff:127.0.0.1",
    "compatible": "::127.0.0.1",
    "nat64": "64:ff9b::7f00:1",
    "nat64-local": "64:ff9b:1::7f00:1",
    "6to4": "2002:7f00:1::1",
    "teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "unique-local": "fd00::1",
    "link-local-6": "fe80::1",
    "scoped": "2606:4700::1%eth0",
    "site-local": "fec0::1",
    "multicast-6": "ff02::1",
    "decimal": "2130706433",
    "octal": "0177.0.0.1",
    "hexadecimal": "0x7f.0.0.1",
    "short": "127.1",
    "empty": "",
}
PUBLIC = {
    "v4": "8.8.8.8",
    "v6": "2606:4700:4700::1111",
    "mapped": "::ffff:8.8.8.8",
    "nat64": "64:ff9b::808:808",
}


# B17
@pytest.mark.parametrize("name", PRIVATE)
def test_private_address_is_not_public(name: str) -> None:
    assert not is_public(PRIVATE[name])


@pytest.mark.parametrize("name", PUBLIC)
def test_public_address_is_public(name: str) -> None:
    assert is_public(PUBLIC[name])


class Resolver(AbstractResolver):
    """A resolver that returns each of *answers* once, as the server of an attacker may do."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0)
            for each in self.answers.pop(0)
        ]

    async def close(self) -> None:
        self.answers.clear()


# B17
async def test_name_with_one_private_address_is_rejected() -> None:
    resolver = PublicResolver(Resolver(["8.8.8.8"], ["8.8.8.8", "127.0.0.1"]))

    assert [found["host"] for found in await resolver.resolve("a.example", 80)] == ["8.8.8.8"]
    with pytest.raises(PrivateAddressError, match=r"127\.0\.0\.1 is not a public address"):
        await resolver.resolve("a.example", 80)
    await resolver.close()


REFUSED = {
    "other-host": "http://evil.example/",
    "user": "http://api.example@evil.example/",
    "user-of-allowed": "http://evil@api.example/",
    "other-port": "http://api.example:81/",
    "other-scheme": "file://api.example/etc/passwd",
    "gopher": "gopher://api.example/",
    "no-scheme": "//api.example/",
    "backslash": "http://evil.example\\@api.example/",
    "suffix": "http://api.example.evil.example/",
    "tab": "http://api.exam\tple/",
    "line-break": "http://api.example\r\n/",
    "fragment": "http://evil.example#@api.example/",
    "encoded": "http://api%2eexample/",
    "letters": "http://ⓐpi.example/",
    "dot": "http://api.example./",
    "big-port": "http://api.example:99999/",
    "empty": "",
}


# B17
@pytest.mark.parametrize("name", REFUSED)
def test_target_of_another_host_is_400(name: str) -> None:
    with pytest.raises(BadRequestException):
        checked_url(REFUSED[name], ["api.example", "api.example:99999"])


# B17
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "127.1"], ids="abcd")
def test_address_that_is_allowed_by_name_must_be_public(host: str) -> None:
    with pytest.raises(PrivateAddressError):
        checked_url(f"http://{host}/", [host])


def test_allowed_target_is_sent_as_it_is() -> None:
    hosts = ["API.example", "other.example:8443"]

    assert str(checked_url("HTTP://Api.Example", hosts)) == "http://api.example/"
    assert checked_url("http://api.example?a=%2F", hosts).raw_path_qs == "/?a=%2F"
    found = checked_url("https://other.example:8443/a%2Fb/../ü?c=ü d", hosts)
    assert found.raw_path_qs == "/a%2Fb/../%C3%BC?c=%C3%BC%20d"
    assert str(checked_url("http://[2606:4700::1]/", ["[2606:4700::1]"]).host) == "2606:4700::1"


def test_hosts_given_as_str_are_an_error() -> None:
    with pytest.raises(TypeError, match=r"hosts is 'api\.example'"):
        checked_url("http://api.example/", "api.example")


PROXY = """
from bundles.web import ReverseProxy

async def get(client):
    proxy = await client.request.get(ReverseProxy)
    return await proxy.forward(client.request, client.parameters['url'], hosts=['localhost:%d'])
"""


# B17
async def test_allowed_name_of_a_private_address_is_400(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A name of the list may lead to a private address, now or later (DNS rebinding)."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        port = listening.getsockname()[1]
        url = {"url": f"http://localhost:{port}/"}
        async with (
            site.served({"app/get.py": PROXY % port}) as session,
            session.get("/", params=url) as response,
        ):
            assert response.status == 400
            assert (await response.json())["message"] == "the target is not allowed"
        with pytest.raises(BlockingIOError):
            listening.accept()
    (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert "is not a public address" in line


# B17
async def test_address_of_a_client_is_400(site: Site) -> None:
    async with site.served({"app/get.py": PROXY % 80}) as session:
        for url in ("http://127.0.0.1/", "http://169.254.169.254/latest", "http://[::]/"):
            async with session.get("/", params={"url": url}) as response:
                assert response.status == 400


@pytest.mark.parametrize(
    "origin",
    ["ftp://a.example", "a.example", "http://a.example/x", "http://u@a.example", ""],
    ids="abcde",
)
async def test_origin_with_missing_or_further_parts_is_an_error(site: Site, origin: str) -> None:
    await site.start({"app/get.py": "async def get(client): return 1"})
    proxy = site.application.injector.get(ReverseProxy)

    with pytest.raises(RxKernelError, match="write only scheme, host and port"):
        proxy.upstream(origin)


def test_target_without_a_slash_is_an_error() -> None:
    with pytest.raises(RxKernelError, match="must begin with /"):
        url_of(URL("http://a.example"), "@evil.example/")


def test_target_cannot_change_the_host() -> None:
    url = url_of(URL("http://a.example:81"), "//evil.example/x#y\r\nz")

    assert (url.host, url.port) == ("a.example", 81)
    assert url.raw_path_qs == "//evil.example/x%23y%0D%0Az"
