"""The client address of a request behind proxies, and the trusted headers of proxies."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from injector import inject

from rxkernel import ClientAddress, HttpSettings, Request, ServerManager, http
from rxkernel.servers.aiohttp.server import HttpServer
from rxkernel.servers.http.forwarded import ForwardedHeaders
from tests.servers.conftest import Serve, http_url

TRUSTED = ("10.0.0.0/8", "fd00::/8")
FOR, HOST, PROTO = "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"


class About:
    @inject
    def __init__(self, servers: ServerManager) -> None:
        self.servers = servers

    @http("GET", "/", "about")
    async def about(self, request: Request) -> dict[str, Any]:
        server = self.servers["http"]
        assert isinstance(server, HttpServer)
        assert request.client is not None
        return {
            "client": request.client.host,
            "port": request.client.port,
            "host": server.forwarded.host(request.native),
            "scheme": server.forwarded.scheme(request.native),
            "allowed": server.cors.allows(request.native),
        }


class Transport:
    """A connection from *peername*, for any family of sockets."""

    def __init__(self, peername: object) -> None:
        self.peername = peername

    def get_extra_info(self, name: str) -> object:
        return self.peername if name == "peername" else None


def request_of(peername: object, lines: Iterable[str] = ()) -> web.Request:
    """A request with an ``X-Forwarded-For`` of *lines*."""
    headers = [(FOR, line) for line in lines]
    return make_mocked_request("GET", "/", headers, transport=Transport(peername))


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({FOR: "203.0.113.9"}, id="for"),
        pytest.param({FOR: "127.0.0.1, 10.0.0.1"}, id="for-inner"),
        pytest.param({FOR: "garbage"}, id="for-garbage"),
        pytest.param({HOST: "evil.example"}, id="host"),
        pytest.param({PROTO: "https"}, id="proto"),
        pytest.param({FOR: "::1", HOST: "evil.example", PROTO: "https"}, id="all"),
    ],
)
@pytest.mark.parametrize("proxies", [(), ("10.0.0.0/8", "::1")], ids=["nobody", "others"])
async def test_forwarded_headers_of_untrusted_peer_are_ignored(
    serve: Serve, session: aiohttp.ClientSession, headers: dict[str, str], proxies: tuple[str, ...]
) -> None:
    """The origin check of python-engineio trusts X-Forwarded-Host of all peers."""
    application = await serve(About, http={"trusted_proxies": proxies})
    sent = {"Host": "mysite.com", "Origin": "https://evil.example", **headers}

    async with session.get(http_url(application), headers=sent) as response:
        answer = await response.json()
    assert answer.pop("port") > 0
    assert answer == {
        "client": "127.0.0.1",
        "host": "mysite.com",
        "scheme": None,
        "allowed": False,
    }


@pytest.mark.parametrize(
    ("given", "client", "port"),
    [
        ("203.0.113.9", "203.0.113.9", 0),
        ("203.0.113.9:4711", "203.0.113.9", 4711),
        ("2001:DB8::9", "2001:db8::9", 0),
        ("[2001:db8::9]", "2001:db8::9", 0),
        ("[2001:db8::9]:4711", "2001:db8::9", 4711),
        ("::ffff:203.0.113.9", "203.0.113.9", 0),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9", 0),
        ("6.6.6.6,203.0.113.9 , 10.0.0.2:80,127.0.0.1", "203.0.113.9", 0),
        ("6.6.6.6, unknown, 10.0.0.2", "10.0.0.2", 0),
        ("6.6.6.6, , 10.0.0.2", "10.0.0.2", 0),
        ("6.6.6.6, 203.0.113.9:99999, 10.0.0.2", "10.0.0.2", 0),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3", 0),
    ],
)
async def test_client_is_last_untrusted_address(
    serve: Serve, session: aiohttp.ClientSession, given: str, client: str, port: int
) -> None:
    application = await serve(About, http={"trusted_proxies": ("127.0.0.1", "10.0.0.0/8")})

    async with session.get(http_url(application), headers={FOR: given}) as response:
        answer = await response.json()
    assert (answer["client"], answer["port"]) == (client, port)


@pytest.mark.parametrize(
    "given", ["unknown", "", ",", "1.2.3", "[::1", "::1]:80", "1.2.3.4:", "é"]
)
async def test_client_with_invalid_nearest_entry_is_peer(
    serve: Serve, session: aiohttp.ClientSession, given: str
) -> None:
    application = await serve(About, http={"trusted_proxies": ("127.0.0.1",)})

    async with session.get(http_url(application), headers={FOR: f"6.6.6.6, {given}"}) as response:
        answer = await response.json()
    assert answer["client"] == "127.0.0.1"
    assert answer["port"] > 0


@pytest.mark.parametrize(
    ("headers", "origin", "is_allowed"),
    [
        ({}, "https://mysite.com", False),
        ({}, "https://inner.example", True),
        ({HOST: "mysite.com"}, "https://mysite.com", True),
        ({HOST: "mysite.com"}, "https://inner.example", False),
        ({HOST: "mysite.com:443"}, "https://mysite.com", True),
        ({HOST: "mysite.com:8443"}, "https://mysite.com", False),
        ({HOST: "evil.example, mysite.com"}, "https://mysite.com", True),
        ({HOST: "evil.example, mysite.com"}, "https://evil.example", False),
        ({HOST: "mysite.com", PROTO: "https"}, "https://mysite.com", True),
        ({HOST: "mysite.com", PROTO: "https"}, "http://mysite.com", False),
        ({HOST: "mysite.com", PROTO: "http, WSS"}, "https://mysite.com", True),
        ({HOST: "mysite.com", PROTO: "garbage"}, "http://mysite.com", True),
        ({HOST: "my site"}, "https://mysite.com", False),
    ],
)
async def test_own_origin_behind_trusted_proxy_has_forwarded_host(
    serve: Serve,
    session: aiohttp.ClientSession,
    headers: dict[str, str],
    origin: str,
    is_allowed: bool,
) -> None:
    application = await serve(About, http={"trusted_proxies": ("127.0.0.0/8",)})
    sent = {"Host": "inner.example", "Origin": origin, **headers}

    async with session.get(http_url(application), headers=sent) as response:
        assert (await response.json())["allowed"] is is_allowed


@pytest.mark.parametrize("peername", [None, "", "/run/app.sock"])
def test_peer_without_address_is_untrusted(peername: object) -> None:
    proxies = ForwardedHeaders(("0.0.0.0/0", "::/0"))

    assert proxies.client(request_of(peername, ["203.0.113.9"])) is None


def test_ipv4_mapped_peer_has_ipv4_address() -> None:
    native = request_of(("::ffff:10.0.0.1", 4711, 0, 0), ["203.0.113.9"])

    assert ForwardedHeaders(TRUSTED).client(native) == ClientAddress("203.0.113.9", 0)


def test_forwarded_for_reads_at_most_100_entries() -> None:
    lines = [f"203.0.113.9, 10.0.0.0, {', '.join(['10.0.0.1'] * 60)}", *["10.0.0.2"] * 39]

    proxies = ForwardedHeaders(TRUSTED)

    assert proxies.client(request_of(("10.9.9.9", 1), lines)) == ClientAddress("10.0.0.0", 0)


@pytest.mark.parametrize("proxy", ["", "localhost", "10.0.0.1/8", "10.0.0.0/33", "*", 1])
def test_trusted_proxies_invalid_entry_raises(proxy: Any) -> None:
    with pytest.raises(ValueError, match="trusted_proxies must be a list of IP addresses or net"):
        HttpSettings(trusted_proxies=(proxy,))


Address = IPv4Address | IPv6Address


def plain(address: Address) -> Address:
    return getattr(address, "ipv4_mapped", None) or address


def is_trusted(address: Address) -> bool:
    return any(plain(address) in ip_network(network) for network in TRUSTED)


def written(address: Address, port: int | None) -> str:
    if port is None:
        return str(address)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


TRUSTED_ADDRESSES = st.one_of([st.ip_addresses(network=network) for network in TRUSTED])
OTHERS = st.ip_addresses().filter(lambda address: not is_trusted(address))
PORTS = st.none() | st.integers(0, 65535)
ENTRIES = st.one_of(
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0")),
    st.text("0123456789abcdef.:[], "),
    st.ip_addresses().map(str),
    TRUSTED_ADDRESSES.map(str),
)
CLAIMS = st.lists(st.lists(ENTRIES, max_size=5).map(", ".join), max_size=5)


@given(peer=OTHERS, claims=CLAIMS)
def test_client_of_untrusted_peer_is_peer(peer: Address, claims: list[str]) -> None:
    native = request_of((str(peer), 4711), claims)

    assert ForwardedHeaders(TRUSTED).client(native) == ClientAddress(str(peer), 4711)


@given(
    peer=TRUSTED_ADDRESSES,
    client=st.tuples(OTHERS, PORTS),
    hops=st.lists(st.tuples(TRUSTED_ADDRESSES, PORTS), max_size=20),
    claims=CLAIMS,
    in_one_line=st.booleans(),
)
def test_client_behind_trusted_proxy_cannot_forge_address(
    peer: Address,
    client: tuple[Address, int | None],
    hops: list[tuple[Address, int | None]],
    claims: list[str],
    in_one_line: bool,
) -> None:
    addresses = [written(*hop) for hop in (client, *hops)]
    lines = [", ".join([*claims, *addresses])] if in_one_line else [*claims, *addresses]
    native = request_of((str(peer), 4711), lines)

    assert ForwardedHeaders(TRUSTED).client(native) == ClientAddress(
        str(plain(client[0])), client[1] or 0
    )
