"""The exceptions of remote calls when the service does not work."""

import asyncio
import gzip
import logging
import ssl
import tracemalloc
from email.utils import formatdate
from typing import Any

import pytest
import trustme
from aiohttp import web

from bundles.autoload.remote import (
    RemoteConnectionException,
    RemoteException,
    RemoteMethod,
    RemoteResponseException,
    RemoteStatusException,
    RemoteTimeoutException,
)
from tests.bundles.autoload.remote.conftest import MethodOf, ServiceOf
from tests.bundles.autoload.remote.stub import Stub, raw_server, running_stub
from tests.bundles.tasks.manual_clock import ManualClock
from tests.ports import reserved_port
from tests.waiting import until

GET: dict[str, Any] = {"method": {"get": ""}}
POST: dict[str, Any] = {"method": {"post": ""}}


# T58
async def test_error_status_is_raised_with_status_and_body(
    method_of: MethodOf, stub: Stub
) -> None:
    stub.reply(500)
    with pytest.raises(RemoteStatusException) as caught:
        await method_of(GET)()
    assert (caught.value.remote_status, caught.value.body) == (500, '{"problem": 500}')
    assert (caught.value.status_code, caught.value.message) == (502, "Bad Gateway")
    assert str(caught.value) == "bus.stub.call: the remote service responded with status 500"
    assert len(stub.received) == 1


# T58
async def test_excerpt_of_a_body_is_short(method_of: MethodOf, stub: Stub) -> None:
    stub.reply(web.Response(status=404, body=b"\xff" * 100_000))
    with pytest.raises(RemoteStatusException) as caught:
        await method_of(GET)()
    assert len(caught.value.body) == 500


# T58
async def test_errors_and_logs_contain_no_secret(
    service_of: ServiceOf,
    method_of: MethodOf,
    stub: Stub,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Headers and the URL are omitted: both may contain a key."""
    caplog.set_level(logging.DEBUG)
    service = service_of(
        url=f"{stub.url}/key-in-path", headers={"Authorization": "Bearer key-in-header"}
    )
    method = method_of(
        {"method": {"get": "", "path": ["id"]}, "query": {"params": ["key"]}}, service
    )
    shown = [repr(service.settings)]
    for reply in (
        web.Response(status=403, headers={"X-Echo": "key-in-response"}),
        web.Response(status=302, headers={"Location": "http://x.example/key-in-location"}),
        web.Response(body=b"no JSON: key-in-body"),
    ):
        stub.reply(reply)
        with pytest.raises(RemoteException) as caught:
            await method(id="key-in-segment", key="key-in-query")
        shown += [str(caught.value), repr(caught.value)]
    assert "key-in" not in "".join((*shown, caplog.text))
    assert caplog.text.count("bus.stub.call") == 3


# T58
async def test_service_that_does_not_listen_raises(
    service_of: ServiceOf, method_of: MethodOf
) -> None:
    with reserved_port() as port:
        method = method_of(GET, service_of(url=f"http://127.0.0.1:{port}"))
        with pytest.raises(RemoteConnectionException, match="cannot be reached"):
            await method()


# T58
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", RemoteConnectionException),
        (b"HTTP/1.1 200 OK\r\nContent-Le", RemoteException),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", RemoteResponseException),
        (b"\x16\x03\x01garbage\r\n\r\n", RemoteResponseException),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", RemoteResponseException),
        (b"HTTP/1.1 2xx OK\r\n\r\n", RemoteResponseException),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
            RemoteResponseException,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
            RemoteResponseException,
        ),
        (b"HTTP/1.1 500 Bad\r\nContent-Length: 10\r\n\r\n{", RemoteStatusException),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{]]}", RemoteResponseException),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n" + b"[" * 6, RemoteResponseException),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
            RemoteResponseException,
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
            RemoteResponseException,
        ),
    ],
)
async def test_response_that_is_not_valid_raises(
    service_of: ServiceOf, method_of: MethodOf, data: bytes, kind: type[Exception]
) -> None:
    async with raw_server(data) as url:
        with pytest.raises(kind):
            await method_of(GET, service_of(url=url, retries=0))()


# T58
@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
)
async def test_service_that_hangs_raises_after_the_timeout(
    service_of: ServiceOf, method_of: MethodOf, data: bytes
) -> None:
    async with raw_server(data, closes=False) as url:
        method = method_of(GET, service_of(url=url, timeout=0.05))
        with pytest.raises(RemoteTimeoutException) as caught:
            await method()
    assert caught.value.status_code == 504


# T58
async def test_attempt_that_hangs_is_repeated(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub
) -> None:
    async def hang_once(request: web.Request) -> web.Response:
        if len(stub.received) == 1:
            await asyncio.Event().wait()
        return web.json_response("done")

    stub.respond = hang_once
    assert await method_of(GET, service_of(timeout=30, attempt_timeout=0.05))() == "done"


# T58
async def test_cancelled_call_ends_at_once(method_of: MethodOf, stub: Stub) -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    stub.respond = hang
    call = asyncio.ensure_future(method_of(GET)())
    await until(lambda: stub.received)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_response_larger_than_the_limit_raises(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub
) -> None:
    method = method_of(GET, service_of(max_response_size=10))
    stub.reply(web.Response(body=b'"12345678"'))
    assert await method() == "12345678"
    stub.reply(web.Response(body=b'"123456789"'))
    with pytest.raises(RemoteResponseException, match="more than 10 bytes"):
        await method()


async def test_compressed_bomb_raises_without_its_memory(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub
) -> None:
    """50 MB of zeros are 220 kB in gzip."""
    bomb = gzip.compress(bytes(50_000_000), 1)
    stub.reply(web.Response(body=bomb, headers={"Content-Encoding": "gzip"}))
    method = method_of(GET, service_of(max_response_size=1_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(RemoteResponseException, match="more than 1000000 bytes"):
            await method()
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


async def test_result_is_checked_by_returns(method_of: MethodOf, stub: Stub) -> None:
    method = method_of({**GET, "returns": {"area": "number"}})
    stub.reply({"area": 1285})
    assert await method() == {"area": 1285}
    stub.reply({"area": "key-of-ada"})
    with pytest.raises(RemoteResponseException, match=r"result.area: type") as caught:
        await method()
    assert "key-of-ada" not in str(caught.value)


@pytest.mark.parametrize(
    ("format", "result"),
    [("json", None), ("text", ""), ("bytes", b"")],
)
async def test_empty_response_is_none_or_empty(
    method_of: MethodOf, stub: Stub, format: str, result: object
) -> None:
    stub.reply(web.Response(status=204))
    assert await method_of({**GET, "response": format})() == result


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/plain; charset=latin-1", "é"),
        ("text/plain; charset=no-charset", "\ufffd"),
        ("image/png", "\ufffd"),
    ],
)
async def test_text_response_is_decoded(
    method_of: MethodOf, stub: Stub, content_type: str, text: str
) -> None:
    stub.reply(web.Response(body=b"\xe9", headers={"Content-Type": content_type}))
    assert await method_of({**GET, "response": "text"})() == text


async def test_bytes_response_is_not_decoded(method_of: MethodOf, stub: Stub) -> None:
    stub.reply(web.Response(body=b"\xe9\0"))
    assert await method_of({**GET, "response": "bytes"})() == b"\xe9\0"


# T58
@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
async def test_idempotent_call_is_repeated_after_a_transient_status(
    method_of: MethodOf, stub: Stub, status: int
) -> None:
    stub.reply(status, status, {"ok": 1})
    assert await method_of(GET)() == {"ok": 1}
    assert len(stub.received) == 3


# T58
async def test_call_is_repeated_a_limited_number_of_times(method_of: MethodOf, stub: Stub) -> None:
    stub.reply(503)
    with pytest.raises(RemoteStatusException):
        await method_of(GET)()
    assert len(stub.received) == 3


# T58
@pytest.mark.parametrize("status", [400, 404, 409, 500, 501])
async def test_other_status_is_not_repeated(method_of: MethodOf, stub: Stub, status: int) -> None:
    stub.reply(status)
    with pytest.raises(RemoteStatusException):
        await method_of(GET)()
    assert len(stub.received) == 1


# T58
@pytest.mark.parametrize(("verb", "sent"), [("post", 1), ("patch", 1), ("put", 3), ("delete", 3)])
async def test_call_that_is_not_idempotent_is_not_repeated(
    method_of: MethodOf, stub: Stub, verb: str, sent: int
) -> None:
    stub.reply(503)
    with pytest.raises(RemoteStatusException):
        await method_of({"method": {verb: ""}})()
    assert len(stub.received) == sent


# T58
async def test_method_that_states_retries_is_repeated(method_of: MethodOf, stub: Stub) -> None:
    stub.reply(503)
    with pytest.raises(RemoteStatusException):
        await method_of({**POST, "retries": 1})()
    assert len(stub.received) == 2


# T58
async def test_connection_that_is_closed_early_is_not_repeated_for_post(
    method_of: MethodOf, stub: Stub
) -> None:
    async def close(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    stub.respond = close
    with pytest.raises(RemoteConnectionException):
        await method_of(POST)()
    assert len(stub.received) == 1


async def sleeping(method: RemoteMethod, clock: ManualClock) -> "asyncio.Task[Any]":
    """Start a call; return it when it waits."""
    call = asyncio.ensure_future(method())
    before = len(clock.timers)
    await until(lambda: len(clock.timers) > before or call.done())
    return call


# T58
async def test_repetitions_wait_twice_as_long_each(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub, clock: ManualClock
) -> None:
    stub.reply(503)
    service = service_of(clock=clock, retries=4, retry_delay=1, max_retry_delay=3, timeout=100)
    call = await sleeping(method_of(GET, service), clock)
    for attempt, longest in enumerate((1, 2, 3, 3), 1):
        await until(lambda: clock.timers)
        delay = clock.timers[0].moment - clock.monotonic()
        assert longest / 2 <= delay <= longest
        assert len(stub.received) == attempt
        await clock.advance(delay)
        await until(lambda: len(stub.received) == attempt + 1)  # noqa: B023
    with pytest.raises(RemoteStatusException):
        await call


# T58
@pytest.mark.parametrize("is_date", [False, True])
async def test_retry_after_is_waited_for(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub, clock: ManualClock, is_date: bool
) -> None:
    value = formatdate(clock.now() + 4, usegmt=True) if is_date else "4"
    stub.reply(web.Response(status=429, headers={"Retry-After": value}), {"ok": 1})
    service = service_of(clock=clock, retry_delay=0.1, max_retry_delay=5, timeout=100)
    call = await sleeping(method_of(GET, service), clock)
    assert clock.timers[0].moment == clock.monotonic() + 4
    await clock.advance(4)
    assert await call == {"ok": 1}


# T58
@pytest.mark.parametrize("value", ["6", "Fri, 01 Jan 2100 00:00:00 GMT", "999999999"])
async def test_retry_after_beyond_the_limit_ends_the_call(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub, value: str
) -> None:
    stub.reply(web.Response(status=429, headers={"Retry-After": value}))
    with pytest.raises(RemoteStatusException) as caught:
        await method_of(GET, service_of(max_retry_delay=5))()
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 5
    assert len(stub.received) == 1


# T58
@pytest.mark.parametrize("value", ["", "-1", "x", "9" * 5000, "1.5", "Fri, 99 Jan 2100", "²"])
async def test_invalid_retry_after_is_ignored(method_of: MethodOf, stub: Stub, value: str) -> None:
    stub.reply(web.Response(status=429, headers={"Retry-After": value}), {"ok": 1})
    assert await method_of(GET)() == {"ok": 1}


# T58
async def test_delay_beyond_the_timeout_ends_the_call(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub
) -> None:
    stub.reply(web.Response(status=503, headers={"Retry-After": "20"}))
    service = service_of(timeout=10, max_retry_delay=60)
    with pytest.raises(RemoteStatusException):
        await method_of(GET, service)()
    assert len(stub.received) == 1


def redirect(location: str, status: int = 301) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


async def test_redirect_within_the_origin_is_followed(method_of: MethodOf, stub: Stub) -> None:
    stub.reply(redirect("/moved?a=%2F"), {"ok": 1})
    assert await method_of(GET)() == {"ok": 1}
    assert stub.lines == ["GET /", "GET /moved?a=%2F"]


@pytest.mark.parametrize(
    ("status", "verb", "body"),
    [
        (301, "GET", b""),
        (302, "GET", b""),
        (303, "GET", b""),
        (307, "POST", b"{}"),
        (308, "POST", b"{}"),
    ],
)
async def test_redirected_post_becomes_get_as_in_browsers(
    method_of: MethodOf, stub: Stub, status: int, verb: str, body: bytes
) -> None:
    """Fetch Standard, "HTTP-redirect fetch"."""
    stub.reply(redirect("/moved", status), {"ok": 1})
    await method_of({"method": {"post": "", "body": []}})()
    assert (stub.last.method, stub.last.body) == (verb, body)
    assert ("content-type" in stub.last.headers) == (verb == "POST")


async def test_redirect_to_another_origin_is_rejected(method_of: MethodOf, stub: Stub) -> None:
    async with running_stub() as other:
        stub.reply(redirect(f"{other.url}/internal"))
        with pytest.raises(RemoteResponseException, match="redirect_origins"):
            await method_of(GET)()
        assert other.received == []


@pytest.mark.parametrize(
    "location", ["//other.example/", "https://127.0.0.1/", "http://a:b@127.0.0.1/", "ftp://x/"]
)
async def test_redirect_that_changes_the_origin_is_rejected(
    method_of: MethodOf, stub: Stub, location: str
) -> None:
    stub.reply(redirect(location))
    with pytest.raises(RemoteResponseException):
        await method_of(GET)()


async def test_redirect_to_an_allowed_origin_sends_no_secret_headers(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub
) -> None:
    async with running_stub() as other:
        stub.reply(redirect(f"{other.url}/moved"))
        service = service_of(redirect_origins=[other.url], headers={"X-Key": "key"})
        assert await method_of({**GET, "headers": {"X-More": "more"}}, service)() == {"ok": True}
        assert stub.last.headers["x-key"] == "key"
        assert not {"x-key", "x-more"} & other.last.headers.keys()


async def test_redirects_that_do_not_end_raise(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub
) -> None:
    stub.reply(redirect("/"))
    with pytest.raises(RemoteResponseException, match="more than 2 redirects"):
        await method_of(GET, service_of(redirects=2))()
    assert len(stub.received) == 3


# T58
async def test_service_without_tls_is_reported(
    service_of: ServiceOf, method_of: MethodOf, stub: Stub
) -> None:
    method = method_of(GET, service_of(url=stub.url.replace("http:", "https:"), retries=0))
    with pytest.raises(RemoteConnectionException, match=r"cannot be reached \(TLS: "):
        await method()


# T58
async def test_certificate_that_is_not_trusted_is_rejected(
    service_of: ServiceOf, method_of: MethodOf
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        method = method_of(GET, service_of(url=f"https://127.0.0.1:{port}"))
        with pytest.raises(
            RemoteConnectionException, match="certificate of the service"
        ) as caught:
            await method()
        assert not caught.value.is_transient
    finally:
        server.close()
        await server.wait_closed()
