"""Versions, methods and paths of requests."""

import json

import pytest

from rxkernel import (
    ForbiddenException,
    KernelEvents,
    RequestEvent,
    ResponseEvent,
    observe,
)
from tests.servers.hostile_http import BROKEN, HttpAttack, NativeRoute, head


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("GET /secret\r\n\r\n", id="no-version"),
        pytest.param("GET /secret HTTP/0.9\r\nHost: x\r\n\r\n", id="0.9"),
        pytest.param("GET /secret HTTP/2.0\r\nHost: x\r\n\r\n", id="2.0"),
        pytest.param("GET /secret HTTP/3.0\r\nHost: x\r\n\r\n", id="3.0"),
        pytest.param("GET /secret HTTP/1.2\r\nHost: x\r\n\r\n", id="1.2"),
        pytest.param("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="the-preface-of-2.0"),
    ],
)
async def test_unsupported_version_is_505_and_closes(http_attack: HttpAttack, text: str) -> None:
    """RFC 9110 section 15.6.6. The response is one of HTTP/1."""
    target = await http_attack()

    async with target.leaves_nothing(BROKEN), target.client() as wire:
        wire.send(text)
        status, _, body = await wire.answer()
        assert (status, json.loads(body)["statusCode"]) == (505, 505)
        assert await wire.rest() == b""
    assert target.doors.came == []


@pytest.mark.parametrize(
    ("method", "allowed", "counted"),
    [
        pytest.param("TRACE /secret", "GET, HEAD, OPTIONS", {}, id="TRACE"),
        pytest.param("TRACE /native", "DELETE, GET", {}, id="TRACE-of-a-native-route"),
        pytest.param("CONNECT x:443", "DELETE, GET", {}, id="CONNECT"),
        pytest.param("PROPFIND /secret", "GET, HEAD, OPTIONS", {}, id="of-WebDAV"),
        pytest.param("FOO /secret", "DELETE, GET", BROKEN, id="unknown"),
        pytest.param("get /secret", "DELETE, GET", BROKEN, id="lower-case"),
        pytest.param("FLUSH /secret", "DELETE, GET", BROKEN, id="of-another-protocol"),
    ],
)
async def test_unsupported_method_is_405_with_allow(
    http_attack: HttpAttack, method: str, allowed: str, counted: dict[str, int]
) -> None:
    """RFC 9110 section 15.5.6."""
    target = await http_attack(parts={"listeners": [NativeRoute]})

    async with target.leaves_nothing(counted):
        status, headers, _ = await target.ask(head("Host: x", target=method))
        assert status == 405
        assert headers["allow"].startswith(allowed)
    assert target.doors.came == []


class Signature:
    @observe(KernelEvents.KERNEL_RESPONSE)
    async def sign(self, event: ResponseEvent) -> None:
        event.response.headers["X-Signed"] = event.request.url


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(head("Host: x", target="OPTIONS *"), id="plain"),
        pytest.param(head("Host: x", "Content-Length: 2", target="OPTIONS *") + "{}", id="body"),
        pytest.param(
            head(
                "Host: x",
                "Origin: https://a.example",
                "Access-Control-Request-Method: GET",
                target="OPTIONS *",
            ),
            id="preflight",
        ),
        pytest.param("OPTIONS * HTTP/1.0\r\n\r\n", id="1.0"),
    ],
)
async def test_options_of_the_server_is_204_with_all_methods(
    http_attack: HttpAttack, text: str
) -> None:
    """RFC 9110 section 9.3.7: "*" applies to the server in general."""
    target = await http_attack(parts={"listeners": [Signature, NativeRoute]})

    async with target.leaves_nothing():
        status, headers, body = await target.ask(text)
    assert (status, body) == (204, b"")
    assert headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    assert headers["x-signed"] == "*"


async def test_options_of_the_server_for_another_host_is_421(http_attack: HttpAttack) -> None:
    target = await http_attack(allowed_hosts=("x",))

    assert (await target.ask(head("Host: x", target="OPTIONS *")))[0] == 204
    assert (await target.ask(head("Host: y", target="OPTIONS *")))[0] == 421


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/secret%00", 400, id="NUL"),
        pytest.param("/named/%00", 400, id="NUL-in-a-parameter"),
        pytest.param("/%c0%af", 400, id="overlong"),
        pytest.param("/named/..%c0%afsecret", 400, id="overlong-slash"),
        pytest.param("/%zz", 400, id="no-hexadecimal"),
        pytest.param("/x/..;/secret", 404, id="dots-and-semicolon"),
        pytest.param("/x/../secret", 404, id="dots"),
        pytest.param("/x/%2e%2E/secret", 404, id="encoded-dots"),
        pytest.param("//secret", 404, id="two-slashes"),
        pytest.param("/SECRET", 404, id="upper-case"),
        pytest.param("/secret;a=b", 404, id="matrix-parameter"),
        pytest.param("/%2fsecret", 404, id="encoded-slash"),
        pytest.param("/secret%20", 404, id="space"),
        pytest.param("/secret%3f", 404, id="encoded-question-mark"),
        pytest.param("\\secret", 400, id="backslash"),
    ],
)
async def test_path_similar_to_a_route_does_not_match(
    http_attack: HttpAttack, path: str, status: int
) -> None:
    """Paths are not normalized, so listeners and the router see the same path."""
    target = await http_attack()

    assert (await target.ask(head("Host: x", target=f"GET {path}")))[0] == status
    assert target.doors.came == []


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/%73ecret", id="encoded"),
        pytest.param("/s%65%63ret", id="encoded-elsewhere"),
        pytest.param("/secret/", id="slash-at-the-end"),
        pytest.param("http://x/secret", id="absolute"),
    ],
)
async def test_request_path_of_an_encoded_path_is_the_path_of_the_route(
    http_attack: HttpAttack, path: str
) -> None:
    """A listener that checks ``request.path`` checks the route that runs."""
    target = await http_attack(parts={"listeners": [Warden]})

    assert (await target.ask(head("Host: x", target=f"GET {path}")))[0] == 403
    assert target.doors.came == []


class Warden:
    @observe(KernelEvents.KERNEL_REQUEST)
    async def check(self, event: RequestEvent) -> None:
        if event.request.path == "/secret":
            raise ForbiddenException
