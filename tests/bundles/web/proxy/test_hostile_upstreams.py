"""Other servers that are down, slow or broken. The proxy of 2015 never responded then."""

import asyncio
import logging
import socket

import aiohttp
import pytest
from aiohttp import web

from tests.bundles.web.conftest import Site
from tests.bundles.web.proxy.conftest import (
    forwarded_to,
    forwarded_to_bytes,
    forwarding,
    raw_upstream,
    upstream,
)
from tests.servers.raw_http import raw_http
from tests.waiting import until

LATE = {"web.proxy.head_timeout": 0.2, "web.proxy.idle_timeout": 0.2}
OK = b"HTTP/1.1 200 OK\r\n"


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


# T74
async def test_upstream_that_is_down_is_502(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    origin = f"http://127.0.0.1:{closed_port()}"
    async with (
        site.served(forwarding(origin)) as session,
        session.get("/there/x?secret=1") as response,
    ):
        assert response.status == 502
        assert await response.json() == {
            "statusCode": 502,
            "message": "the other server failed",
        }
    (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert f"{origin}/x" in line
    assert "secret" not in line
    assert "ssl" not in line  # aiohttp writes it also for http


async def test_upstream_whose_name_is_unknown_is_502(site: Site) -> None:
    async with (
        site.served(forwarding("http://unknown.invalid")) as session,
        session.get("/there/") as response,
    ):
        assert response.status == 502


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"garbage\r\n\r\n", id="garbage"),
        pytest.param(b"\x16\x03\x01\x00\x00\x00\x00\r\n\r\n", id="tls"),
        pytest.param(OK + b"Content-Length: ", id="half-head"),
        pytest.param(OK + b"".join(b"X-%d: 1\r\n" % n for n in range(9999)), id="many-fields"),
        pytest.param(OK + b"X-Long: " + b"a" * 100_000, id="long-field"),
        pytest.param(b"HTTP/1.1 " + b"2" * 100_000, id="long-status"),
        pytest.param(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", id="status-999"),
        pytest.param(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", id="two-lengths"),
        pytest.param(OK + b"Content-Length: -1\r\n\r\n", id="negative-length"),
        pytest.param(OK + b"Content-Length: 10\r\n\r\nabc", id="short-body"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", id="bad-chunk"),
        pytest.param(OK + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n", id="nul-in-field"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            id="unwanted-upgrade",
        ),
    ],
)
async def test_upstream_that_sends_garbage_is_502(site: Site, data: bytes) -> None:
    async with (
        forwarded_to_bytes(site, data) as session,
        session.get("/there/") as response,
    ):
        assert response.status == 502
        assert (await response.json())["statusCode"] == 502
        async with session.get("/") as own:
            assert await own.text() == "own"


async def test_more_than_content_length_is_not_read(site: Site) -> None:
    """The rest would be the response to the next request."""
    data = OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    async with forwarded_to_bytes(site, data) as session:
        for _ in range(3):
            async with session.get("/there/") as response:
                assert await response.text() == "ok"


async def test_upstream_that_sends_no_head_is_504(site: Site) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with (
        raw_upstream(serve) as origin,
        site.served(forwarding(origin), options=LATE) as session,
        session.post("/there/", data=b"text") as response,
    ):
        assert response.status == 504
        assert (await response.json())["message"] == "the other server did not respond in time"


async def test_upstream_that_sends_interim_responses_forever_is_504(site: Site) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 10)
            await writer.drain()
            await asyncio.sleep(0.001)

    options = {**LATE, "web.proxy.connect_timeout": 0.2}
    async with (
        raw_upstream(serve) as origin,
        site.served(forwarding(origin), options=options) as session,
        session.get("/there/") as response,
    ):
        assert response.status == 504


async def test_upstream_that_sends_its_head_slowly_is_504(site: Site) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        while not writer.is_closing():
            writer.write(b"X: 1\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    options = {**LATE, "web.proxy.connect_timeout": 0.2}
    async with (
        raw_upstream(serve) as origin,
        site.served(forwarding(origin), options=options) as session,
        session.get("/there/") as response,
    ):
        assert response.status == 504


async def test_interim_response_before_the_head_is_skipped(site: Site) -> None:
    data = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok"
    async with (
        forwarded_to_bytes(site, data) as session,
        session.get("/there/") as response,
    ):
        assert (response.status, await response.text()) == (200, "ok")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"Content-Length: 1000000\r\n\r\n3\r\none\r\n", id="length"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n", id="chunks"),
    ],
)
async def test_upstream_that_breaks_in_mid_body_breaks_the_response(
    site: Site, caplog: pytest.LogCaptureFixture, head: bytes
) -> None:
    """The client must notice that the body is incomplete. The error is logged once."""
    arrived = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + head)
        await arrived.wait()

    async with (
        raw_upstream(serve) as origin,
        site.served(forwarding(origin)) as session,
        session.get("/there/") as response,
    ):
        assert b"one" in await response.content.readany()
        arrived.set()
        with pytest.raises(aiohttp.ClientError):
            await response.read()
        errors = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(errors) == 1
        assert errors[0].exc_info is None
        assert "the response of the other server is incomplete" in errors[0].getMessage()


async def test_upstream_that_stops_in_mid_body_breaks_the_response(site: Site) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await reader.read()

    async with (
        raw_upstream(serve) as origin,
        site.served(forwarding(origin), options=LATE) as session,
        session.get("/there/") as response,
    ):
        assert await response.content.readany() == b"one"
        with pytest.raises(aiohttp.ClientError):
            await response.read()


async def test_upstream_that_stops_in_a_small_body_is_504(site: Site) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 10\r\n\r\nabc")
        await reader.read()

    async with (
        raw_upstream(serve) as origin,
        site.served(forwarding(origin), options=LATE) as session,
        session.get("/there/") as response,
    ):
        assert response.status == 504


async def test_upstream_that_does_not_read_the_body_is_504(site: Site) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(30)

    async def pieces() -> object:
        while True:
            yield bytes(65_536)

    async with (
        raw_upstream(serve) as origin,
        site.served(forwarding(origin), options=LATE) as session,
        session.post("/there/", data=pieces()) as response,
    ):
        assert response.status == 504


async def test_early_response_is_passed_before_the_body_has_arrived(site: Site) -> None:
    async def reject(native: web.Request) -> web.Response:
        return web.Response(status=403, text="no", headers={"Connection": "close"})

    async with forwarded_to(site, reject), raw_http(site.application) as raw:
        await raw.send(b"POST /there/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
        answer = await raw.answer()
        assert (answer.status, answer.body) == (403, b"no")


async def test_body_above_the_limit_is_413(site: Site) -> None:
    async def read(native: web.Request) -> web.Response:
        return web.Response(body=str(len(await native.read())))

    async def pieces() -> object:
        for _ in range(100):
            yield bytes(10_000)

    async with (
        forwarded_to(site, read, http__upload_limit=100_000) as session,
        session.post("/there/", data=pieces()) as response,
    ):
        assert response.status == 413


async def test_client_that_disconnects_before_the_head_cancels_the_request(site: Site) -> None:
    gone = asyncio.Event()
    came = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        came.set()
        await reader.read()
        gone.set()

    async with raw_upstream(serve) as origin, site.served(forwarding(origin)):
        async with raw_http(site.application) as raw:
            await raw.send(b"GET /there/ HTTP/1.1\r\nHost: a\r\n\r\n")
            await came.wait()
        await asyncio.wait_for(gone.wait(), 20)


async def test_client_that_disconnects_in_mid_body_cancels_the_request(site: Site) -> None:
    state: dict[str, bool] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await reader.read()
        state["closed"] = True

    async with raw_upstream(serve) as origin, site.served(forwarding(origin)) as session:
        response = await session.get("/there/")
        assert await response.content.readany() == b"one"
        response.close()
        await until(lambda: "closed" in state)


async def test_client_that_disconnects_in_its_body_cancels_the_request(site: Site) -> None:
    state: dict[str, bytes] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        state["first"] = await reader.read(3)
        state["rest"] = await reader.read()

    async with raw_upstream(serve) as origin, site.served(forwarding(origin)):
        async with raw_http(site.application) as raw:
            await raw.send(b"POST /there/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
            await until(lambda: "first" in state)
        await until(lambda: "rest" in state)
    assert state == {"first": b"abc", "rest": b""}


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_request_with_a_body_is_not_sent_twice(site: Site, method: str) -> None:
    """A kept connection is closed when the second request arrives."""
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        bodies.append(await reader.readexactly(3))
        writer.write(OK + b"Content-Length: 2\r\n\r\nok")
        await reader.readuntil(b"\r\n\r\n")
        bodies.append(await reader.readexactly(3))

    async with raw_upstream(serve) as origin, site.served(forwarding(origin)) as session:
        async with session.request(method, "/there/", data=b"one") as response:
            assert await response.text() == "ok"
        async with session.request(method, "/there/", data=b"two") as response:
            assert response.status == 502
    assert bodies == [b"one", b"two"]


async def test_get_over_a_kept_connection_that_was_closed_is_sent_again(site: Site) -> None:
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 2\r\n\r\nok")
        await reader.readuntil(b"\r\n\r\n")

    async with raw_upstream(serve) as origin, site.served(forwarding(origin)) as session:
        for _ in range(2):
            async with session.get("/there/") as response:
                assert await response.text() == "ok"
    assert len(connections) == 2


async def test_more_requests_than_connections_wait(site: Site) -> None:
    most = running = 0

    async def respond(native: web.Request) -> web.Response:
        nonlocal most, running
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return web.Response(text="ok")

    async with forwarded_to(site, respond, web__proxy__connections=2) as session:
        responses = await asyncio.gather(*(session.get("/there/") for _ in range(10)))
        assert {response.status for response in responses} == {200}
    assert most == 2


async def test_server_without_free_connections_does_not_delay_another_one(site: Site) -> None:
    is_held, go_on = asyncio.Event(), asyncio.Event()

    async def hold(request: web.Request) -> web.Response:
        is_held.set()
        await go_on.wait()
        return web.Response(text="late")

    async def respond(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async with upstream(hold) as first, upstream(respond) as second:
        rules = [{"url": "/first", "target": first}, {"url": "/second", "target": second}]
        files = {
            "app/get.py": "async def get(client): return 'root'",
            "config/routes.py": f"routes = {rules}",
        }
        async with site.served(files, options={"web.proxy.connections": 1}) as session:
            held = asyncio.create_task(session.get("/first"))
            await is_held.wait()
            async with session.get("/second") as response:
                assert (response.status, await response.text()) == (200, "ok")
            go_on.set()
            assert (await held).status == 200


async def test_connections_to_all_servers_have_one_limit(site: Site) -> None:
    most = running = 0

    async def respond(native: web.Request) -> web.Response:
        nonlocal most, running
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return web.Response(text="ok")

    async with upstream(respond) as first, upstream(respond) as second:
        rules = [{"url": "/first", "target": first}, {"url": "/second", "target": second}]
        files = {
            "app/get.py": "async def get(client): return 'root'",
            "config/routes.py": f"routes = {rules}",
        }
        limits = {"web.proxy.max_connections": 1, "web.proxy.connect_timeout": 60}
        async with site.served(files, options=limits) as session:
            paths = ["/first", "/second"] * 3
            responses = await asyncio.gather(*(session.get(path) for path in paths))
            assert {response.status for response in responses} == {200}
    assert most == 1


async def test_rule_that_forwards_to_its_own_server_is_508(site: Site) -> None:
    """Without a check, forwarding would end only with the last connection."""
    port = closed_port()
    files = forwarding(f"http://127.0.0.1:{port}/there")
    async with (
        site.served(files, options={"http.port": port}) as session,
        session.get("/there/x") as response,
    ):
        assert response.status == 508
