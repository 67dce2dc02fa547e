"""Sends the same event again and again over one websocket.

``python -m benchmarks.event_asker PORT TIMES ARGUMENTS``; the arguments of the event are JSON.
"""

import asyncio
import sys

from benchmarks.raw_client import RawClient, connect, leave_all


class Asker(RawClient):
    """Sends each event after the acknowledgement of the one before."""

    async def ask(self, times: int, arguments: str) -> None:
        """Raises RuntimeError: the acknowledgement is an error."""
        loop = asyncio.get_running_loop()
        for id in range(times):
            done = self._answers[id] = loop.create_future()
            self.write(self.frame(f"42{id}{arguments}"))
            answer = await done
            if type(answer) is dict and "message" in answer:
                raise RuntimeError(f"{arguments}: {answer}")


async def main(port: int, times: int, arguments: str) -> None:
    client = await connect(port, lambda address: Asker(address, offers_deflate=False))
    await client.ask(times, arguments)
    await leave_all([client])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
