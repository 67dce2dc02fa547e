"""Sends the same event again and again over one websocket.

``python -m benchmarks.event_asker PORT TIMES`` sends ``echo`` with an object.
"""

import asyncio
import sys

from benchmarks.raw_client import RawClient, connect, leave_all


class Asker(RawClient):
    """Sends each event after the acknowledgement of the one before."""

    async def ask(self, times: int) -> None:
        loop = asyncio.get_running_loop()
        for id in range(times):
            done = self._answers[id] = loop.create_future()
            self.write(self.frame(f'42{id}["echo",{{"text":"hello"}}]'))
            await done


async def main(port: int, times: int) -> None:
    client = await connect(port, lambda address: Asker(address, offers_deflate=False))
    await client.ask(times)
    await leave_all([client])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
