"""The host of a request selects its application, on the fast path and through aiohttp."""

import json
import logging
import socket
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp.abc import AbstractResolver, ResolveResult

from rxkernel import (
    ConfigurationError,
    HttpSettings,
    LoggingSettings,
    Settings,
    SharedPort,
    SocketioSettings,
)
from tests.servers.raw_http import chunk
from tests.servers.shared_port.sites import Sites, request, sites_on

PATHS = pytest.mark.parametrize("fast_path", [True, False], ids=["fast path", "aiohttp"])


# T73
@PATHS
@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("shop.example", "shop"),
        ("SHOP.example.", "shop"),
        ("shop.example:8080", "shop"),
        ("a.blog.example", "blog"),
        ("a.b.blog.example", "blog"),
        ("docs.blog.example", "docs"),
        ("deep.docs.blog.example", "deep"),
        ("admin.example:8443", "admin"),
        ("admin.example", "rest"),
        ("127.0.0.1", "address"),
        ("[::1]", "address"),
        ("[0:0:0:0:0:0:0:1]:80", "address"),
        ("other.example", "rest"),
        ("blog.example", "rest"),
        ("", "rest"),
        ("b@d", "rest"),
    ],
)
async def test_request_is_handled_by_application_of_its_host(
    host: str, name: str, fast_path: bool
) -> None:
    sites = sites_on(fast_path=fast_path)
    sites.add("shop", "shop.example", "SHOP.example")
    sites.add("blog", "*.blog.example")
    sites.add("docs", "docs.blog.example")
    sites.add("deep", "*.docs.blog.example")
    sites.add("admin", "admin.example:8443")
    sites.add("address", "127.0.0.1", "[::1]")
    sites.add("rest")

    async with sites.port:
        assert (await sites.get(host)).body.decode() == name


# T73
@PATHS
@pytest.mark.parametrize(
    ("settings", "status"), [({}, 421), ({"unknown_host": 404}, 404)], ids=["default", "404"]
)
async def test_unknown_host_is_rejected_and_connection_serves_next_host(
    fast_path: bool, settings: dict[str, int], status: int
) -> None:
    sites = sites_on(fast_path=fast_path, **settings)
    sites.add("shop", "shop.example")

    async with sites.port, sites.connect() as client:
        rejected = await client.get("unknown.example")
        served = await client.get("shop.example")

    assert rejected.status == status
    assert rejected.json == {"statusCode": status, "message": "this host is not served here"}
    assert served.body.decode() == "shop"


@PATHS
@pytest.mark.parametrize("path", ["/name", "/stream", "/undeclared", "/events", "/missing"])
async def test_one_connection_serves_requests_of_several_hosts(fast_path: bool, path: str) -> None:
    """A reverse proxy sends such requests."""
    sites = two_sites(fast_path)
    for name in NAMES:
        sites.pages(name).release.set()

    async with sites.port, one_connection(sites) as session:
        for name in ("shop", "blog", "blog", "shop", "unknown", "blog"):
            async with session.get(path, headers={"Host": f"{name}.example"}) as response:
                text = await response.text()
            if name == "unknown" or path == "/missing":
                assert response.status == (421 if name == "unknown" else 404)
            else:
                other = "shop" if name == "blog" else "blog"
                assert name in text
                assert other not in text


@PATHS
async def test_message_in_pieces_is_handled_by_application_of_its_host(
    fast_path: bool,
) -> None:
    sites = two_sites(fast_path)

    async with sites.port, sites.connect() as client:
        for name in ("shop", "blog", "shop"):
            body = json.dumps("x" * 5000).encode()
            head = post(name, f"Content-Length: {len(body)}")
            await client.send(head[:30], head[30:], body[:2000], body[2000:])
            assert (await client.answer()).body.decode() == f"{name} 5000"


@PATHS
async def test_chunked_message_and_later_ones_are_handled_by_their_hosts(fast_path: bool) -> None:
    """The fast path passes all data after a body in several chunks to aiohttp."""
    sites = two_sites(fast_path)

    async with sites.port, sites.connect() as client:
        for name in ("shop", "blog", "shop"):
            await client.send(
                post(name, "Transfer-Encoding: chunked"), chunk(b'"xx'), chunk(b'x"'), chunk(b"")
            )
            assert (await client.answer()).body.decode() == f"{name} 3"
        assert (await client.get("blog.example")).body.decode() == "blog"


@PATHS
async def test_pipelined_requests_of_several_hosts_are_answered_in_order(
    fast_path: bool,
) -> None:
    sites = two_sites(fast_path)
    names = ["shop", "blog", "shop", "blog", "blog"]

    async with sites.port, sites.connect() as client:
        await client.send(b"".join(request(f"{name}.example") for name in names))
        assert [(await client.answer()).body.decode() for _ in names] == names


@PATHS
async def test_host_of_trusted_proxy_chooses_application(fast_path: bool) -> None:
    sites = two_sites(fast_path, trusted_proxies=("127.0.0.1",))

    async with sites.port, sites.connect() as client:
        for name in ("shop", "blog"):
            header = f"X-Forwarded-Host: {name}.example"
            assert (await client.get("inner.example", "/name", header)).body.decode() == name
        assert (await client.get("blog.example")).body.decode() == "blog"


@PATHS
async def test_forwarded_host_of_unknown_client_is_ignored(fast_path: bool) -> None:
    sites = two_sites(fast_path)

    async with sites.port:
        header = "X-Forwarded-Host: blog.example"
        assert (await sites.get("shop.example", "/name", header)).body.decode() == "shop"


@PATHS
@pytest.mark.parametrize(
    ("line", "host", "status"),
    [
        ("GET http://shop.example/name HTTP/1.1", "shop.example", 200),
        ("GET http://shop.example/name HTTP/1.1", "blog.example", 421),
        ("GET http://unknown.example/ HTTP/1.1", "other.example", 421),
        ("OPTIONS * HTTP/1.1", "shop.example", 204),
        ("TRACE /name HTTP/1.1", "unknown.example", 405),
        ("GET http://shop.example HTTP/1.1", "shop.example", 404),
    ],
)
async def test_special_targets_get_the_same_responses_as_on_an_unshared_port(
    fast_path: bool, line: str, host: str, status: int
) -> None:
    sites = two_sites(fast_path)

    async with sites.port, sites.connect() as client:
        await client.send(f"{line}\r\nHost: {host}\r\n\r\n".encode())
        assert (await client.answer()).status == status


@PATHS
async def test_malformed_request_is_400(fast_path: bool) -> None:
    sites = two_sites(fast_path)

    async with sites.port, sites.connect() as client:
        await client.send(b"GET /name HTTP/1.1\r\nHost: shop.example\r\nbad header\r\n\r\n")
        assert (await client.answer()).status == 400


@PATHS
async def test_unsupported_version_for_unknown_host_is_505(fast_path: bool) -> None:
    sites = two_sites(fast_path)

    async with sites.port, sites.connect() as client:
        await client.send(b"GET /name HTTP/2.0\r\nHost: unknown.example\r\n\r\n")
        assert (await client.answer()).status == 505


@PATHS
async def test_body_after_rejection_is_discarded(fast_path: bool) -> None:
    sites = two_sites(fast_path)

    async with sites.port, sites.connect() as client:
        await client.send(post("unknown", "Content-Length: 4"))
        assert (await client.answer()).status == 421
        await client.send(b'"ab"')
        assert (await client.get("shop.example")).body.decode() == "shop"


@PATHS
async def test_body_for_unknown_host_is_discarded(fast_path: bool) -> None:
    sites = two_sites(fast_path)

    async with sites.port, sites.connect() as client:
        await client.send(post("unknown", "Content-Length: 4"), b'"ab"')
        assert (await client.answer()).status == 421
        assert (await client.get("shop.example")).body.decode() == "shop"


@PATHS
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_socketio_client_reaches_application_of_its_host(
    fast_path: bool, transport: str
) -> None:
    sites = sites_on(fast_path=fast_path)
    for name in NAMES:
        sites.add(name, f"{name}.example", settings=Settings())

    async with sites.port:
        for name in NAMES:
            connector = aiohttp.TCPConnector(resolver=LocalResolver())
            session = aiohttp.ClientSession(connector=connector)
            async with session, socketio.AsyncSimpleClient(http_session=session) as client:
                url = f"http://{name}.example:{sites.port.port}"
                await client.connect(url, transports=[transport])
                assert (await client.call("name"))["content"] == [name, name]


@PATHS
async def test_request_runs_in_context_of_its_application(fast_path: bool) -> None:
    sites = two_sites(fast_path)

    async with sites.port, one_connection(sites) as session:
        for name in ("shop", "blog", "shop"):
            for path in ("/context", "/stream"):
                async with session.get(path, headers={"Host": f"{name}.example"}) as response:
                    assert (await response.text()).endswith((name, f"{name}{name}"))


@PATHS
async def test_each_application_has_limits_of_its_own(fast_path: bool) -> None:
    sites = sites_on(fast_path=fast_path)
    none = SocketioSettings(enabled=False)
    small = Settings(http=HttpSettings(body_limit=10), socketio=none)
    sites.add("small", "small.example", settings=small)
    sites.add("large", "large.example")
    body = json.dumps("x" * 100).encode()

    async with sites.port:
        for name, status in (("small", 413), ("large", 200)):
            async with sites.connect() as client:
                await client.send(post(name, f"Content-Length: {len(body)}"), body)
                assert (await client.answer()).status == status


@PATHS
async def test_wildcard_for_more_hosts_than_the_cache_holds_matches_all(fast_path: bool) -> None:
    sites = sites_on(fast_path=fast_path)
    sites.add("shop", "*.shop.example")

    async with sites.port, sites.connect() as client:
        for number in range(1100):
            assert (await client.get(f"h{number}.shop.example")).status == 200


async def test_access_log_has_requests_of_all_hosts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "rxkernel.access")
    sites = Sites(SharedPort(Settings(http=HttpSettings(port=0), logging=LOGGED)))
    for name in NAMES:
        logged = Settings(logging=LOGGED, socketio=SocketioSettings(enabled=False))
        sites.add(name, f"{name}.example", settings=logged)
    sites.add("quiet", "quiet.example")

    async with sites.port, one_connection(sites) as session:
        for name in ("shop", "blog", "unknown", "quiet"):
            for path in ("/name", "/stream"):
                async with session.get(path, headers={"Host": f"{name}.example"}) as response:
                    await response.read()

    records = [vars(r) for r in caplog.records if r.name == "rxkernel.access"]
    lines = [(r["path"], r["status"], r["route"], r.get("application")) for r in records]
    assert lines == [
        (path, status, route if status == 200 else None, name)
        for name, status in (("shop", 200), ("blog", 200), (None, 421))
        for path, route in (("/name", "name"), ("/stream", "stream"))
    ]
    messages = [r.getMessage() for r in caplog.records if r.name == "rxkernel.access"]
    assert [text.rpartition(" application=")[2] for text in messages[:4]] == [
        *("shop", "shop", "blog", "blog")
    ]
    assert "application=" not in messages[4]


async def test_same_host_of_two_applications_is_an_error_at_boot() -> None:
    sites = sites_on()
    sites.add("shop", "shop.example", "*.shop.example")
    sites.add("blog", "SHOP.example")
    sites.add("rest")
    sites.add("all", "*")

    with pytest.raises(ConfigurationError) as caught:
        await sites.port.start()

    assert caught.value.problems == (
        "the applications shop and blog share a port, but http.allowed_hosts of each has "
        "'shop.example'; keep it in one of them",
        "the applications rest and all share a port, but http.allowed_hosts of each is empty or "
        'has "*"; set it to their hosts in all of them except one, which gets all other hosts',
    )


async def test_wildcard_with_host_of_another_application_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "rxkernel.servers.aiohttp.shared_hosts")
    sites = sites_on()
    sites.add("shop", "*.example", "own.example")
    sites.add("blog", "blog.example", "*.wiki.example")
    sites.add("rest")

    async with sites.port:
        pass

    assert caplog.messages == [
        "http.allowed_hosts *.example of application shop does not get the requests to "
        f"{host}, which belong to application blog"
        for host in ("blog.example", "*.wiki.example")
    ]


class LocalResolver(AbstractResolver):
    """Resolves every host name to this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        result = ResolveResult(
            hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0
        )
        return [result]

    async def close(self) -> None:
        """Does nothing."""


NAMES = ("shop", "blog")

LOGGED = LoggingSettings(access=True)


def two_sites(fast_path: bool, **http: Any) -> Sites:
    sites = sites_on(fast_path=fast_path, **http)
    for name in NAMES:
        sites.add(name, f"{name}.example")
    return sites


def one_connection(sites: Sites) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(sites.port.url, connector=aiohttp.TCPConnector(limit=1))


def post(name: str, *headers: str) -> bytes:
    lines = ("POST /size HTTP/1.1", f"Host: {name}.example", "Content-Type: application/json")
    return "\r\n".join((*lines, *headers, "", "")).encode()
