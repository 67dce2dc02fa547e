"""None is sent as ``null`` if the action declares ``T | None``; otherwise the body is empty."""

from typing import Any

import aiohttp
import attrs
import pytest

from rxkernel import NotFoundException, Response, both, http
from rxkernel.pytest_plugin import ClientOf
from tests.servers.conftest import Serve, http_url


@attrs.frozen
class Profile:
    name: str


class Routes:
    @both("GET", "/profile", "profile")
    async def profile(self) -> Profile | None:
        return None

    @http("GET", "/created", "created", status_code=201)
    def created(self) -> list[int] | None:
        return None

    @http("GET", "/nothing", "nothing")
    async def nothing(self) -> None: ...

    @http("GET", "/any", "any")
    async def any(self) -> Any:
        return None

    @http("GET", "/response", "response")
    async def response(self) -> Response | NotFoundException | None:
        return None

    @http("GET", "/empty", "empty", status_code=204)
    async def empty(self) -> Profile | None:
        return None

    @http("GET", "/typed", "typed")
    async def typed(self) -> Response:
        return Response(None, headers={"Content-Type": "application/json"})


JSON = "application/json"


@pytest.mark.parametrize(
    ("path", "status", "kind", "body"),
    [
        ("/profile", 200, JSON, b"null"),
        ("/created", 201, JSON, b"null"),
        ("/typed", 200, JSON, b"null"),
        ("/nothing", 200, None, b""),
        ("/any", 200, None, b""),
        ("/response", 200, None, b""),
        ("/empty", 204, None, b""),
    ],
)
async def test_none_over_http_is_null_if_a_value_is_declared(
    serve: Serve,
    session: aiohttp.ClientSession,
    http_path: str,
    path: str,
    status: int,
    kind: str | None,
    body: bytes,
) -> None:
    url = http_url(await serve(Routes), path)
    async with session.get(url) as found:
        sent = await found.read()

    assert (found.status, found.headers.get("Content-Type"), sent) == (status, kind, body)


async def test_none_of_action_is_none_for_listeners_and_null_over_sockets(
    client_of: ClientOf,
) -> None:
    client = client_of(Routes)

    assert (await client.http("profile")).content is None
    response = await client.websocket("profile")
    assert response.content is None
    assert "Content-Type" not in response.headers
