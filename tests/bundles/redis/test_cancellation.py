"""Commands that are cancelled, by a timeout or at the end of the process."""

import asyncio

from bundles.redis import RedisSettings
from bundles.redis.client import create_client
from tests.waiting import until


async def test_command_cancelled_while_it_connects_ends_and_closes_its_connection() -> None:
    """The command is cancelled at each step of the event loop. With Python 3.11,
    `asyncio.wait_for`, which redis-py uses, loses the cancellation at some steps."""
    connected: set[asyncio.StreamWriter] = set()

    async def never_reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.add(writer)
        await reader.read()
        writer.close()
        connected.remove(writer)

    server = await asyncio.start_server(never_reply, "127.0.0.1", 0)
    async with server:
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        client = create_client(RedisSettings(url=url, connect_timeout=20, command_timeout=20))
        for steps in range(20):  # more than it takes to connect and to send a command
            command = asyncio.ensure_future(client.ping())
            for _ in range(steps):
                await asyncio.sleep(0)
            command.cancel()
            await asyncio.wait({command})
            assert command.cancelled(), steps
        await until(lambda: not connected)  # the server would wait for open ones
