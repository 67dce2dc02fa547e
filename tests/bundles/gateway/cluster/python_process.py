"""A node of rxkernel in its own process: ``python -m …python_process <url> <node id>``.

It prints a line when it has joined the cluster, and one when its action `python.wait` runs.
"""

import asyncio
import sys

from tests.bundles.gateway.cluster.python_nodes import python_node


async def main(url: str, node_id: str) -> None:
    async with python_node(url, node_id, heartbeat_interval=0.2) as node:
        print("joined", flush=True)  # noqa: T201
        await node.actions.begun.wait()
        print("called", flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
