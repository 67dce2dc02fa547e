"""The parser of the fast path must not decompress, because it applies no limit."""

import gzip
import tracemalloc
from typing import Any

import pytest

from rxkernel import Request, http
from tests.servers.conftest import Serve
from tests.servers.raw_http import post, raw_http

BOMB = gzip.compress(bytes(50_000_000), 9)


class Echo:
    @http("POST", "/echo", "echo")
    async def echo(self, request: Request) -> Any:
        return len(request.body)


@pytest.mark.parametrize(("path", "status"), [("/echo", 413), ("/nowhere", 404)])
async def test_compressed_body_beyond_the_limit_is_not_decompressed(
    serve: Serve, path: str, status: int
) -> None:
    application = await serve(Echo, http={"body_limit": 1_000_000})
    message = post(path, "Content-Encoding: gzip", body=BOMB)

    async with raw_http(application) as connection:
        tracemalloc.start()
        try:
            await connection.send(message)
            assert (await connection.answer()).status == status
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 10_000_000
