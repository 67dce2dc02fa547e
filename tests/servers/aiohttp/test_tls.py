"""HTTP over TLS: certificates by host name, reload, limits, redirect; clients verify."""

import asyncio
import logging
import os
import socket
import ssl
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rxkernel import (
    Application,
    FileResponse,
    Request,
    Response,
    StreamResponse,
    UploadedFile,
    http,
)
from rxkernel.servers.aiohttp.connection.tls_handshake import HANDSHAKE_ERROR
from tests.ports import reserved_port
from tests.servers.conftest import Serve
from tests.servers.tls import Authority, names_served, shake_hands, tls_settings
from tests.waiting import until

LARGE = b"0123456789abcdef" * 200_000


class Pages:
    @http("GET", "/", "home")
    async def home(self, request: Request) -> dict[str, Any]:
        return {"base": request.base_url, "secret": request.cookies.get("__Host-secret")}

    @http("POST", "/size", "size")
    async def size(self, request: Request) -> int:
        return len(request.body)

    @http("GET", "/large", "large")
    async def large(self, request: Request) -> Response:
        return Response(LARGE)

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        async def parts() -> Any:
            for start in range(0, len(LARGE), 100_000):
                yield LARGE[start : start + 100_000]

        return StreamResponse(parts())

    @http("GET", "/file", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(os.environ["TLS_TEST_FILE"])

    @http("POST", "/upload", "upload")
    async def upload(self, file: UploadedFile) -> int:
        return len(await file.read())

    @http("GET", "/login", "login")
    async def login(self, request: Request) -> Response:
        response = Response("in")
        response.set_cookie("__Host-secret", "1", secure=True)
        return response


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    monkeypatch.setenv("TLS_TEST_FILE", str(path))


def client_of(application: Application, authority: Authority) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        application.servers["http"].url,
        connector=aiohttp.TCPConnector(ssl=authority.client()),
        cookie_jar=aiohttp.CookieJar(unsafe=True),
    )


async def serve_tls(serve: Serve, authority: Authority, **http: Any) -> Application:
    tls = http.pop("tls", None) or tls_settings(
        authority.issue("server", "127.0.0.1", "localhost")
    )
    return await serve(Pages, http={"tls": tls, **http})


async def test_request_over_tls_is_handled_like_without_tls(
    serve: Serve, authority: Authority, large_file: None
) -> None:
    application = await serve_tls(serve, authority, body_limit=len(LARGE))

    async with client_of(application, authority) as client:
        assert (await (await client.get("/large")).read()) == LARGE
        assert (await (await client.get("/stream")).read()) == LARGE
        assert (await (await client.get("/file")).read()) == LARGE
        assert (await (await client.post("/size", data=BytesIO(LARGE))).json()) == len(LARGE)
        form = aiohttp.FormData()
        form.add_field("file", BytesIO(LARGE), filename="a")
        assert (await (await client.post("/upload", data=form)).json()) == len(LARGE)
        closed = await client.get("/large", headers={"Connection": "close"})
        assert (await closed.read()) == LARGE


async def test_scheme_follows_tls(serve: Serve, authority: Authority) -> None:
    """RFC 6797 §7.2: HSTS is sent over TLS only; browsers send `Secure` cookies over TLS only."""
    application = await serve_tls(serve, authority, security_headers=True)
    server = application.servers["http"]
    assert server.url == f"https://127.0.0.1:{server.port}"

    async with client_of(application, authority) as client:
        await client.get("/login")
        response = await client.get("/")
        assert await response.json() == {"base": server.url, "secret": "1"}
        assert "max-age=31536000" in response.headers["Strict-Transport-Security"]
        assert "Strict-Transport-Security" in (await client.get("/missing")).headers


async def test_trusted_proxy_in_front_of_tls_reports_the_scheme(
    serve: Serve, authority: Authority
) -> None:
    application = await serve_tls(
        serve, authority, security_headers=True, trusted_proxies=("127.0.0.1",)
    )
    port = application.servers["http"].port

    async with client_of(application, authority) as client:
        for sent, scheme in ((None, "https"), ("https", "https"), ("http", "http")):
            headers = {} if sent is None else {"X-Forwarded-Proto": sent}
            response = await client.get("/", headers=headers)
            assert (await response.json())["base"] == f"{scheme}://127.0.0.1:{port}"
            assert ("Strict-Transport-Security" in response.headers) is (scheme == "https")


async def test_client_that_does_not_trust_the_issuer_is_counted(
    serve: Serve, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve_tls(serve, authority)
    (tmp_path / "other").mkdir()
    counts = application.servers["http"].counts

    async with client_of(application, Authority(tmp_path / "other")) as client:
        for _ in range(3):
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await client.get("/")
    await until(lambda: counts.get(HANDSHAKE_ERROR) == 3)

    assert [r for r in caplog.records if r.levelno > logging.DEBUG] == []


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x00\x04\xff\x00\x00\x00"]
)
async def test_data_that_is_not_tls_is_counted_and_closed(
    serve: Serve, authority: Authority, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve_tls(serve, authority)
    server = application.servers["http"]

    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    async with asyncio.timeout(20):
        await reader.read()
    writer.close()

    await until(lambda: server.counts.get(HANDSHAKE_ERROR) == 1)
    assert [r for r in caplog.records if r.levelno > logging.DEBUG] == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_version_current_is_accepted(
    serve: Serve, authority: Authority, version: ssl.TLSVersion
) -> None:
    port = (await serve_tls(serve, authority)).servers["http"].port
    context = authority.client()
    context.minimum_version = context.maximum_version = version

    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)

    assert writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
    writer.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_tls_version_1_1_is_rejected(serve: Serve, authority: Authority) -> None:
    """RFC 8996: TLS 1.0 and 1.1 must not be used."""
    port = (await serve_tls(serve, authority)).servers["http"].port
    context = authority.client()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", port, ssl=context)


async def test_certificate_is_selected_by_host_name(serve: Serve, authority: Authority) -> None:
    tls = tls_settings(
        authority.issue("default", "localhost", "127.0.0.1", "other.example"),
        hosts={
            "a.example": authority.issue("a", "a.example"),
            "B.Example": authority.issue("b", "b.example"),
            "*.c.example": authority.issue("c", "*.c.example"),
        },
    )
    port = (await serve_tls(serve, authority, tls=tls)).servers["http"].port
    assert port is not None

    assert await names_served(port, authority, "a.example") == {"a.example"}
    assert await names_served(port, authority, "b.example") == {"b.example"}
    assert await names_served(port, authority, "x.c.example") == {"*.c.example"}
    assert "127.0.0.1" in await names_served(port, authority, "other.example")
    assert "127.0.0.1" in await names_served(port, authority, "127.0.0.1")


async def test_certificate_that_changes_is_used_without_a_restart(
    serve: Serve, authority: Authority
) -> None:
    """Open connections stay open; certbot and Kubernetes replace the files."""
    files = authority.issue("server", "127.0.0.1")
    application = await serve_tls(serve, authority, tls=tls_settings(files))
    port = application.servers["http"].port
    assert port is not None

    async with client_of(application, authority) as client:
        await client.get("/")
        authority.issue("server", "127.0.0.1", "new.example")
        async with asyncio.timeout(20):
            while "new.example" not in await names_served(port, authority, "127.0.0.1"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await client.get("/")).status == 200
        assert len(client.connector._conns) == 1  # type: ignore[union-attr]


async def test_handshake_that_is_not_finished_counts_as_a_connection(
    serve: Serve, authority: Authority
) -> None:
    application = await serve_tls(serve, authority, max_connections_per_address=2)
    server = application.servers["http"]
    silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
    await until(lambda: server.connections.quota.used == 2)  # type: ignore[attr-defined]

    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    assert server.counts["http.max_connections_per_address"] == 1

    for _, opened in [*silent, (reader, writer)]:
        opened.close()
    await until(lambda: server.connections.quota.used == 0)  # type: ignore[attr-defined]
    async with client_of(application, authority) as client:
        assert (await client.get("/")).status == 200


@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01\x02\x00\x01"])
async def test_handshake_that_is_slow_is_closed_after_header_timeout(
    serve: Serve, authority: Authority, data: bytes
) -> None:
    application = await serve_tls(serve, authority, header_timeout=0.2)
    server = application.servers["http"]

    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    writer.close()

    await until(lambda: server.counts.get("http.header_timeout") == 1)
    await until(lambda: server.connections.quota.used == 0)  # type: ignore[attr-defined]


async def test_head_that_is_slow_after_a_handshake_gets_408(
    serve: Serve, authority: Authority
) -> None:
    application = await serve_tls(serve, authority, header_timeout=0.2)
    port = application.servers["http"].port

    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=authority.client())
    writer.write(b"GET / HT")
    async with asyncio.timeout(20):
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_client_without_close_notify_is_closed(serve: Serve, authority: Authority) -> None:
    """A client need not respond to ``close_notify``, and must not hold the connection."""
    application = await serve_tls(serve, authority, header_timeout=0.2)
    server = application.servers["http"]
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        tls = await shake_hands(client, authority.client())
        await tls.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")

        await until(lambda: server.connections.quota.used == 1)  # type: ignore[attr-defined]
        await until(lambda: server.connections.quota.used == 0)  # type: ignore[attr-defined]


async def test_stop_ends_connections_and_handshakes(serve: Serve, authority: Authority) -> None:
    application = await serve_tls(serve, authority)
    server = application.servers["http"]
    address = ("127.0.0.1", server.port)
    with socket.create_connection(address) as silent, socket.create_connection(address) as client:
        tls = await shake_hands(client, authority.client())
        await until(lambda: server.connections.quota.used == 2)  # type: ignore[attr-defined]

        assert await application.stop()

        await until(lambda: server.connections.quota.used == 0)  # type: ignore[attr-defined]
        silent.settimeout(20)
        assert silent.recv(1) == b""
        while data := await tls.receive():
            tls.incoming.write(data)
        assert tls.object.read() == b""  # close_notify: the TLS stream was not truncated


async def test_connection_whose_handshake_cannot_start_is_closed_and_not_counted(
    serve: Serve,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The error is logged, and the limits of connections stay right."""
    application = await serve_tls(serve, authority)
    server = application.servers["http"]

    def fail(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(asyncio.get_running_loop(), "start_tls", fail)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()

    assert "ZeroDivisionError" in caplog.text
    assert server.connections.quota.used == 0  # type: ignore[attr-defined]
    async with client_of(application, authority) as client:
        assert (await client.get("/")).status == 200
    assert await application.stop()


async def test_redirect_port_sends_the_same_url_with_https(
    serve: Serve, authority: Authority
) -> None:
    with reserved_port() as port:
        tls = tls_settings(authority.issue("server"), redirect_port=port)
        application = await serve_tls(
            serve, authority, tls=tls, security_headers=True, allowed_hosts=("127.0.0.1",)
        )
        url, secure = f"http://127.0.0.1:{port}", application.servers["http"].url

        async with client_of(application, authority) as client:
            moved = await client.post(f"{url}/size?a=%26&b=é", data=b"ab", allow_redirects=False)
            assert (moved.status, moved.headers["Location"]) == (
                308,
                f"{secure}/size?a=%26&b=%C3%A9",
            )
            assert "Strict-Transport-Security" not in moved.headers
            assert moved.headers["X-Content-Type-Options"] == "nosniff"
            followed = await client.post(f"{url}/size", data=b"ab")
            assert await followed.json() == 2
            other = await client.get(url, headers={"Host": "evil.example"}, allow_redirects=False)
            assert other.status == 421
            assert "Location" not in other.headers


@pytest.mark.parametrize(
    ("request_line", "location"),
    [
        (b"GET //evil.example/a HTTP/1.1", "//evil.example/a"),
        (b"GET http://127.0.0.1/a?b HTTP/1.1", "/a?b"),
        (b"GET http://127.0.0.1 HTTP/1.1", "/"),
        (b"GET /a HTTP/1.0", "/a"),
    ],
)
async def test_redirect_port_other_targets_stay_on_the_host(
    serve: Serve, authority: Authority, request_line: bytes, location: str
) -> None:
    with reserved_port() as port:
        tls = tls_settings(authority.issue("server"), redirect_port=port)
        secure = (await serve_tls(serve, authority, tls=tls)).servers["http"].url
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_line + b"\r\nHost: 127.0.0.1\r\n\r\n")
        async with asyncio.timeout(20):
            head = (await reader.read()).decode()
        writer.close()

    assert head.startswith("HTTP/1.1 308 ") or head.startswith("HTTP/1.0 308 ")
    assert f"\r\nLocation: {secure}{location}\r\n" in head


@pytest.mark.parametrize(
    ("request_line", "status", "header"),
    [
        (b"GET /a HTTP/2.0", 505, "Connection: close"),
        (b"TRACE / HTTP/1.1", 405, "Allow: GET, HEAD"),
        (b"CONNECT 127.0.0.1:443 HTTP/1.1", 405, "Allow: "),
        (b"OPTIONS * HTTP/1.1", 204, "Allow: "),
        (b"GET http://evil.example/ HTTP/1.1", 421, "Connection: close"),
    ],
)
async def test_redirect_port_applies_limits_and_hosts_of_the_main_port(
    serve: Serve, authority: Authority, request_line: bytes, status: int, header: str
) -> None:
    with reserved_port() as port:
        tls = tls_settings(authority.issue("server"), redirect_port=port)
        main = (await serve_tls(serve, authority, tls=tls)).servers["http"].port
        heads = []
        for connected, context in ((port, None), (main, authority.client())):
            reader, writer = await asyncio.open_connection("127.0.0.1", connected, ssl=context)
            writer.write(request_line + b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            async with asyncio.timeout(20):
                heads.append((await reader.read()).decode())
            writer.close()

    for head in heads:
        assert head.startswith(f"HTTP/1.1 {status} ")
        assert f"\r\n{header}" in head
        assert "Location: " not in head


async def test_redirect_port_sends_no_100_continue(serve: Serve, authority: Authority) -> None:
    """RFC 9110 §10.1.1: a final status is sent in its place; the body would be sent twice."""
    with reserved_port() as port:
        tls = tls_settings(authority.issue("server"), redirect_port=port)
        await serve_tls(serve, authority, tls=tls)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /size HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        async with asyncio.timeout(20):
            response = await reader.read()
        writer.close()

    assert response.startswith(b"HTTP/1.1 308 ")
    assert b"100 Continue" not in response


async def test_redirect_port_request_without_host_is_rejected(
    serve: Serve, authority: Authority
) -> None:
    with reserved_port() as port:
        tls = tls_settings(authority.issue("server"), redirect_port=port)
        await serve_tls(serve, authority, tls=tls)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        async with asyncio.timeout(20):
            response = await reader.read()
        writer.close()

    assert b" 400 " in response
    assert b"no valid Host" in response
    assert b"Location" not in response
