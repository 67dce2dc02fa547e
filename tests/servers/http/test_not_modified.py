"""Conditions of requests for responses that are not files (RFC 9110 §13)."""

from collections.abc import AsyncIterator, Mapping
from itertools import product

import aiohttp
import pytest

from rxkernel import Request, Response, StreamResponse, http
from tests.servers.conftest import Serve, http_url

DATE = "Tue, 02 Jan 2024 00:00:00 GMT"
BEFORE, AFTER = "Mon, 01 Jan 2024 00:00:00 GMT", "Wed, 03 Jan 2024 00:00:00 GMT"


async def pieces() -> AsyncIterator[str]:
    yield "content"


class Versions:
    def response(self, request: Request) -> Response:
        kind = request.params["kind"]
        response = StreamResponse(pieces()) if kind == "stream" else Response("content")
        if kind != "dated":
            response.headers["ETag"] = 'W/"v1"' if kind == "weak" else '"v1"'
        if kind != "tagged":
            response.headers["Last-Modified"] = DATE
        return response

    @http("GET", "/plain", "plain")
    async def plain(self, request: Request) -> Response:
        return Response("content")

    @http("GET", "/{kind}", "show")
    async def show(self, request: Request) -> Response:
        return self.response(request)

    @http("PUT", "/{kind}", "change")
    async def change(self, request: Request) -> Response:
        return self.response(request)


CONDITIONS: list[tuple[dict[str, str], int]] = [
    ({"If-Match": '"v1"'}, 200),
    ({"If-Match": '"v0", "v1"'}, 200),
    ({"If-Match": "*"}, 200),
    ({"If-Match": '"v0"'}, 412),
    ({"If-Match": 'W/"v1"'}, 412),
    ({"If-None-Match": '"v1"'}, 304),
    ({"If-None-Match": 'W/"v1"'}, 304),
    ({"If-None-Match": '"v0"'}, 200),
    ({"If-Modified-Since": DATE}, 304),
    ({"If-Modified-Since": AFTER}, 304),
    ({"If-Modified-Since": BEFORE}, 200),
    ({"If-Modified-Since": "nonsense"}, 200),
    ({"If-Unmodified-Since": DATE}, 200),
    ({"If-Unmodified-Since": BEFORE}, 412),
    ({"If-Unmodified-Since": "nonsense"}, 200),
    ({"If-None-Match": '"v0"', "If-Modified-Since": AFTER}, 200),
    ({"If-Match": '"v1"', "If-Unmodified-Since": BEFORE}, 200),
    ({"If-Match": '"v1"', "If-None-Match": '"v1"'}, 304),
]


@pytest.mark.parametrize("compression", [False, True])
async def test_condition_of_a_response_with_validators_is_evaluated(
    serve: Serve, session: aiohttp.ClientSession, compression: bool
) -> None:
    """RFC 9110 section 13.2.2; with compression a weak tag is sent, but the own one compared."""
    application = await serve(
        Versions, http={"compression": compression, "compression_minimum": 1}
    )
    tag = 'W/"v1"' if compression else '"v1"'
    bodies = {200: "content", 304: "", 412: '{"statusCode":412,"message":"Precondition Failed"}'}

    wrong = []
    for kind, method in product(["both", "stream"], ["GET", "HEAD"]):
        url = http_url(application, f"/{kind}")
        for conditions, status in CONDITIONS:
            async with session.request(method, url, headers=conditions) as response:
                found = (response.status, await response.text())
                if found != (status, bodies[status] if method == "GET" else "") or (
                    status == 304 and response.headers["ETag"] != tag
                ):
                    wrong.append((kind, method, conditions, *found, dict(response.headers)))
    assert wrong == []


@pytest.mark.parametrize(
    ("kind", "conditions", "status"),
    [
        ("dated", {"If-Modified-Since": DATE}, 304),
        ("dated", {"If-Match": '"v1"'}, 412),
        ("dated", {"If-None-Match": '"v1"', "If-Modified-Since": DATE}, 200),
        ("tagged", {"If-Modified-Since": DATE}, 200),
        ("tagged", {"If-Unmodified-Since": BEFORE}, 200),
        ("weak", {"If-Match": 'W/"v1"'}, 412),
        ("weak", {"If-None-Match": '"v1"'}, 304),
        ("plain", {"If-Match": '"v1"', "If-Modified-Since": DATE}, 200),
    ],
)
async def test_condition_without_validator_in_the_response_is_evaluated(
    serve: Serve,
    session: aiohttp.ClientSession,
    kind: str,
    conditions: Mapping[str, str],
    status: int,
) -> None:
    application = await serve(Versions)

    async with session.get(http_url(application, f"/{kind}"), headers=conditions) as response:
        assert response.status == status


async def test_condition_of_another_method_does_not_replace_its_response(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """It cannot be replaced by a 412: the action has run already."""
    application = await serve(Versions)

    conditions = {"If-Match": '"v0"', "If-Unmodified-Since": BEFORE}
    async with session.put(http_url(application, "/both"), headers=conditions) as response:
        assert response.status == 200
