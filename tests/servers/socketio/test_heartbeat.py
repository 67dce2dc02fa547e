"""The expiry of a heartbeat; see also `test_hostile_engineio` and `test_limits`."""

import asyncio

from rxkernel import SocketioSettings
from rxkernel.servers.socketio.heartbeat import Heartbeat
from rxkernel.servers.socketio.protocol_error import ProtocolError
from tests.waiting import until


class Client:
    """A client that receives every ping and sends no pong."""

    def __init__(self) -> None:
        self.pings = 0
        self.ends: list[ProtocolError | None] = []

    def ping(self) -> None:
        self.pings += 1

    def has_ping(self) -> bool:
        return True

    def expire(self, exc: ProtocolError | None) -> None:
        self.ends.append(exc)


async def test_hold_twice_lasts_until_the_last_ends() -> None:
    """For example, a POST is still handled during the upgrade to a WebSocket."""
    client = Client()
    heartbeat = Heartbeat(SocketioSettings(ping_interval=0.01, ping_timeout=0.01), client)
    first, second = asyncio.Event(), asyncio.Event()
    holding = [asyncio.ensure_future(heartbeat.hold(one.wait())) for one in (first, second)]

    first.set()
    await holding[0]
    pings = client.pings
    await until(lambda: client.pings > pings + 3)
    assert client.ends == []

    second.set()
    await holding[1]
    await until(lambda: client.ends == [None])
