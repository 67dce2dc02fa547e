"""Routing over the wire, on both lanes: converters, constraints of host and headers, URLs."""

import logging
from typing import Any

import aiohttp
import pytest

from rxkernel import Converter, Request, http
from tests.servers.conftest import Serve, http_url


class Codes:
    @http("GET", "/codes/{code:code}", "code")
    async def code(self, request: Request) -> Any:
        return request.params["code"]


def read_code(text: str) -> int:
    """``c7`` is 7; ``c`` alone is no code, and ``cx`` is met by a bug."""
    if text == "c":
        raise ValueError(text)
    return {"c7": 7}[text]


CODES = {"code": Converter("c[a-z0-9]*", read_code)}


async def test_converter_decides_on_the_wire(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Codes, converters=CODES)

    async with session.get(http_url(application, "/codes/c7?code=9")) as response:
        assert (response.status, await response.json()) == (200, 7)
    for unknown in ("/codes/c", "/codes/7", "/codes/c%2F"):
        async with session.get(http_url(application, unknown)) as response:
            assert response.status == 404
    assert not caplog.records


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE"])
async def test_converter_that_fails_is_answered_500_and_logged(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    application = await serve(Codes, converters=CODES)

    async with session.request(method, http_url(application, "/codes/cx")) as response:
        assert response.status == 500
        assert await response.json() == {"statusCode": 500, "message": "Internal Server Error"}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)
