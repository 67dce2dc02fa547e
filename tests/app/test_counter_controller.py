"""The counter. tests/browser/test_board_workers.py opens its page at two workers."""

from pathlib import Path

import pytest

from rxkernel import KernelClient
from rxkernel.pytest_plugin import ClientOf
from tests.app.board import board_of
from tests.waiting import until


@pytest.fixture
def client(client_of: ClientOf, tmp_path: Path) -> KernelClient:
    script = tmp_path / "client.js"
    script.touch()
    return client_of(board_of(tmp_path, script))


async def test_counter_counts_over_both_transports(client: KernelClient) -> None:
    assert (await client.http("counter_show")).content == 0
    assert (await client.http("counter_increment")).content == 1
    assert (await client.websocket("counter_increment")).content == 2
    assert (await client.websocket("counter_show")).content == 2


async def test_counter_pushes_each_change_to_sockets(client: KernelClient) -> None:
    async with client.connection() as connection:
        await client.http("counter_increment")
        await until(lambda: connection.emitted)
    assert connection.emitted == [("counter_changed", (1,))]


async def test_page_of_counter_loads_its_script(client: KernelClient) -> None:
    page = (await client.http("counter_page")).content.read_text()
    assert "/static/counter.js" in page
    script = await client.http("page_file", params={"name": "counter.js"})
    assert script.status_code == 200
