"""Sends the same event, or the same call of Metacom, again and again over one websocket.

``python -m benchmarks.event_asker PROTOCOL PORT TIMES ARGUMENTS``; the arguments are JSON.
"""

import asyncio
import sys

from benchmarks.metacom_client import MetacomClient
from benchmarks.raw_client import RawClient, connect, leave_all


class Asker(RawClient):
    """Sends each event after the acknowledgement of the one before."""

    async def ask(self, times: int, arguments: str) -> None:
        """Send the events.

        Raises:
            RuntimeError: an acknowledgement is an error.
        """
        loop = asyncio.get_running_loop()
        for id in range(times):
            done = self._answers[id] = loop.create_future()
            self.write(self.frame_of(id, arguments))
            answer = await done
            if type(answer) is dict and "message" in answer:
                raise RuntimeError(f"{arguments}: {answer}")


class MetacomAsker(MetacomClient, Asker):
    """The same for Metacom."""


_CLIENTS = {"socketio": Asker, "metacom": MetacomAsker}


async def main(protocol: str, port: int, times: int, arguments: str) -> None:
    asker = _CLIENTS[protocol]
    client = await connect(port, lambda address: asker(address, offers_deflate=False))
    await client.ask(times, arguments)
    await leave_all([client])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
