"""Two nodes of a cluster over NATS, at the URL in the environment variable ``NATS_URL``.

``GET /calls/NUMBER/IN_FLIGHT`` on the caller calls the other node NUMBER times.
"""

import asyncio
import os

from injector import inject

from benchmarks.servers.gateway_app import Math
from bundles.gateway import Broker, GatewayBundle, GatewaySettings
from rxkernel import Application, HttpSettings, Settings, http


class Calls:
    @inject
    def __init__(self, broker: Broker) -> None:
        self._call = broker.call

    @http("GET", "/calls/{number:int}/{in_flight:int}", "calls")
    async def make(self, number: int, in_flight: int) -> int:
        await asyncio.gather(*(self._some(number // in_flight) for _ in range(in_flight)))
        return number

    async def _some(self, number: int) -> None:
        for turn in range(number):
            await self._call("math.add", {"a": turn, "b": 2})


def callee() -> Application:
    return _application("callee", Math)


def caller() -> Application:
    return _application("caller", Calls)


def _application(node_id: str, controller: type) -> Application:
    gateway = GatewaySettings(
        node_id=node_id,
        transporter="nats",
        nats_url=os.environ["NATS_URL"],
        namespace="python",
    )
    return Application(
        bundles=[GatewayBundle()],
        controllers=[controller],
        settings=Settings(http=HttpSettings(port=0), bundles={"gateway": gateway}),
    )
