"""Transactions of requests that several workers of one site handle at once."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import aiohttp
import pytest

from tests.bundles.redis_servers import running_redis
from tests.cli.processes import Process
from tests.required_tools import ROOT

SITE = """
    import asyncio
    import os
    from typing import Annotated

    from bundles.state import State, Transaction
    from rxkernel import Application, Inject, http


    class Numbers:
        @http("POST", "/numbers", "next")
        async def next(self, state: Annotated[State, Inject()]) -> tuple[int, int]:
            async def add(t: Transaction) -> int:
                number = t.get("number", 0) + 1
                await asyncio.sleep(0)
                t.set("number", number)
                return number

            return os.getpid(), await state.transact(add)


    application = Application(bundles=["redis", "state"], controllers=[Numbers])
    """
SETTINGS = """
    [http]
    trusted_proxies = ["127.0.0.1"]
    [state]
    store = "redis"
    """


@pytest.fixture(scope="module")
def workers(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "site_app.py").write_text(dedent(SITE))
    (folder / "rxkernel.toml").write_text(dedent(SETTINGS))
    serve = ["-m", "rxkernel", "--app", "site_app:application", "serve", "--port", "0"]
    with running_redis(redis_server, tmp_path_factory.mktemp("redis")) as redis:
        variables = [f"RXKERNEL_REDIS_URL={redis.url}", f"PYTHONPATH={ROOT}:{folder}"]
        process = Process(["env", *variables, sys.executable, *serve, "--workers", "2"], folder)
        process.line("^Listening on ")
        yield process
        process.send(signal.SIGTERM)
        process.code()


async def test_transactions_of_two_workers_at_once_all_succeed(workers: Process) -> None:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(workers.url(), connector=connector) as session:

        async def next_from(address: str) -> tuple[int, int]:
            """The worker that has replied, and its number."""
            headers = {"X-Forwarded-For": address}
            async with session.post("/numbers", headers=headers) as response:
                assert response.status == 200, await response.text()
                worker, number = await response.json()
                return worker, number

        addresses: dict[int, str] = {}
        for last in range(50):  # the address of a client decides about its worker
            address = f"203.0.113.{last}"
            worker, first = await next_from(address)
            addresses.setdefault(worker, address)
            if len(addresses) == 2:
                break
        replies = await asyncio.gather(
            *(next_from(address) for _ in range(15) for address in addresses.values())
        )

    assert sorted(number for _, number in replies) == list(range(first + 1, first + 31))
    for worker in addresses:
        assert sum(replied == worker for replied, _ in replies) == 15
