"""The limits of Socket.IO clients: each is a finite setting, counted, and logged once.

The responses at a limit are tested in `test_hostile_engineio` and `test_hostile_socketio`. Here
each limit is small and is exceeded.
"""

import asyncio
import json
import math
import time
from contextlib import AsyncExitStack, suppress
from typing import Any

import aiohttp
import attrs
import pytest

from rxkernel import Broadcaster, Request, SocketioSettings, websocket
from tests.servers.conftest import Serve
from tests.servers.hostile import (
    POLLING,
    TEXT,
    WEBSOCKET,
    Attack,
    OverPolling,
    Target,
    Wire,
    encode,
    one_shot,
    over_each_transport,
    wire,
)
from tests.servers.socketio_clients import RawSocket, raw_socket
from tests.waiting import until

LIMITS = [
    field.name
    for field in attrs.fields(SocketioSettings)
    if field.name.startswith("max_") or field.name.endswith("_timeout")
]


@pytest.mark.parametrize("name", [*LIMITS, "concurrency"])
def test_settings_limits_are_finite(name: str) -> None:
    default = getattr(SocketioSettings(), name)
    assert 0 < default < math.inf
    offs: tuple[Any, ...] = (None, 0, -1, math.inf, math.nan, True)
    for off in offs:
        with pytest.raises(ValueError, match=name):
            SocketioSettings(**{name: off})


def count_log_lines(target: Target, setting: str) -> int:
    """Return the number of log lines; each must contain the name of *setting*."""
    lines = [record.getMessage() for record in target.caplog.records]
    assert all(f"socketio.{setting}" in line for line in lines), lines
    return len(lines)


class TestSessions:
    async def test_connect_timeout_closes_session(self, attack: Attack) -> None:
        target = await attack(connect_timeout=1.0)  # the witness has to connect within it, too

        async with (
            target.leaves_nothing({"socketio.connect_timeout": 1}, came=0),
            raw_socket(target.application, "") as idle,
        ):
            assert await idle.receive() is None

    @pytest.mark.parametrize(
        ("setting", "status"), [("max_sessions", 503), ("max_sessions_per_address", 429)]
    )
    async def test_max_sessions_rejects_until_one_ends(
        self, attack: Attack, setting: str, status: int
    ) -> None:
        """Each rejection is counted; only the first is logged."""
        target = await attack(**{setting: 2})
        crossed = {f"socketio.{setting}": 6}

        async with target.leaves_nothing(crossed, came=2), one_shot() as http:
            async with raw_socket(target.application) as second:
                for _ in range(3):
                    async with http.get(f"{target.url}?{POLLING}") as response:
                        assert response.status == status
                        assert response.headers["Retry-After"]
                        assert json.loads(await response.text())["code"] == 4
                    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                        await http.ws_connect(f"{target.url}?{WEBSOCKET}")
                    assert refused.value.status == status
                await second.send('421["echo",1]')
                assert await second.receive() == "431[1]"
            await until(lambda: target.is_alone)
            async with raw_socket(target.application):
                pass

    async def test_max_sessions_per_address_counts_each_address(self, serve: Serve) -> None:
        """The addresses are reported by a trusted proxy."""
        application = await serve(
            http={"trusted_proxies": ("127.0.0.1",)}, socketio={"max_sessions_per_address": 2}
        )
        url = f"{application.servers['socketio'].url}/socket.io/?{POLLING}"

        async with one_shot() as http:

            async def opens(address: str) -> int:
                async with http.get(url, headers={"X-Forwarded-For": address}) as response:
                    return response.status

            assert [await opens("192.0.2.1") for _ in range(4)] == [200, 200, 429, 429]
            assert [await opens("192.0.2.2") for _ in range(3)] == [200, 200, 429]


class TestMessages:
    @over_each_transport
    async def test_max_payload_closes_session(self, attack: Attack, transport: str) -> None:
        target = await attack(max_payload=100)

        async with (
            target.leaves_nothing({"socketio.max_payload": 1}),
            target.client(transport) as client,
        ):
            await client.send('42["echo","' + "x" * 100 + '"]')
            await client.closed()

    @over_each_transport
    async def test_max_payload_includes_attachments(self, attack: Attack, transport: str) -> None:
        target = await attack(max_payload=100)
        places = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(2))

        async with (
            target.leaves_nothing({"socketio.max_payload": 1}),
            target.client(transport) as client,
        ):
            await client.send(f'452-["e",{places}]')
            await client.send(b"x" * 51)
            await client.send(b"x" * 50)
            await client.closed()

    @over_each_transport
    async def test_max_attachments_closes_session(self, attack: Attack, transport: str) -> None:
        target = await attack(max_attachments=1)
        place = '{"_placeholder":true,"num":0}'

        async with (
            target.leaves_nothing({"socketio.max_attachments": 1}),
            target.client(transport) as client,
        ):
            await client.send(f'451-1["echo",{place}]', b"x")
            assert str(await client.receive()).startswith(f"461-1[{place}]")
            await client.send('452-2["echo"]')
            await client.closed()

    async def test_max_namespaces_rejects_each_and_logs_the_first(self, attack: Attack) -> None:
        class Rooms:
            @websocket("enter", namespace="/a")
            async def enter(self, request: Request) -> None: ...

        target = await attack(Rooms, max_namespaces=1)

        async with (
            target.leaves_nothing({"socketio.max_namespaces": 3}),
            raw_socket(target.application) as raw,
        ):
            for _ in range(3):
                await raw.send("40/a,")
                assert str(await raw.receive()).startswith("44/a,{")
            await raw.send('421["echo",1]')
            assert await raw.receive() == "431[1]"

    @over_each_transport
    async def test_max_rate_slows_reading_and_loses_no_events(
        self, attack: Attack, transport: str
    ) -> None:
        # Two a second: a pause of the process in the middle does not make the limit unreached.
        target = await attack(max_rate=2.0)
        done: list[Any] = target.events.started
        target.events.open.set()

        async with target.client(transport) as client:
            sending = asyncio.ensure_future(
                client.send(*(f'42["hang",{number}]' for number in range(8)))
            )
            await until(lambda: target.server.counts["socketio.max_rate"] and len(done) >= 2)
            assert len(done) < 8
            await target.witness.is_served()
            assert len(done) < 8, "requests of other clients speed it up"
            await sending
            await until(lambda: done == list(range(8)))
            assert target.server.counts.keys() == {"socketio.max_rate"}
            assert count_log_lines(target, "max_rate") == 1

    @over_each_transport
    async def test_concurrency_limits_running_events(self, attack: Attack, transport: str) -> None:
        target = await attack(concurrency=3)

        async with target.leaves_nothing({}, logged=0), target.client(transport) as client:
            await client.send(*(f'42["hang",{number}]' for number in range(10)))
            await target.witness.is_served()
            assert target.events.started == [0, 1, 2]
            target.events.open.set()
            await until(lambda: target.events.started == list(range(10)))
            await client.send("1")

    @over_each_transport
    async def test_max_waiting_stops_reading_and_is_counted(
        self, attack: Attack, transport: str
    ) -> None:
        target = await attack(concurrency=1, max_waiting=2)

        async with target.client(transport) as client:
            sending = asyncio.ensure_future(
                client.send(*(f'42["hang",{number}]' for number in range(10)))
            )
            queue = target.newest.event_queue
            await until(lambda: queue.is_full)
            await target.witness.is_served()
            assert (target.events.started, queue.waiting) == ([0], 2)
            target.events.open.set()
            await sending
            await until(lambda: target.events.started == list(range(10)))
            assert target.server.counts["socketio.max_waiting"] > 0
            assert count_log_lines(target, "max_waiting") == 1

    async def test_stall_timeout_closes_client_not_read_for_too_long(self, attack: Attack) -> None:
        """Also if it responds to every ping."""
        target = await attack(
            ping_interval=0.1, ping_timeout=0.5, stall_timeout=0.5, concurrency=1, max_waiting=1
        )

        stalled = {"socketio.max_waiting": 1, "socketio.stall_timeout": 1}

        async with (
            target.leaves_nothing(stalled, logged=2),
            raw_socket(target.application) as raw,
        ):
            await raw.send(*['42["hang",1]'] * 5)
            assert await raw.receive() is None
            target.events.open.set()

    async def test_stall_timeout_not_reached_keeps_client(self, attack: Attack) -> None:
        target = await attack(ping_interval=0.05, ping_timeout=0.2, concurrency=1, max_waiting=1)

        async with raw_socket(target.application) as raw:
            await raw.send(*(f'42{number}["hang",{number}]' for number in range(5)))
            for _ in range(3):
                assert await raw.socket.receive_str() == "2"
                await raw.send("3")
            target.events.open.set()
            answers = {str(await raw.receive())[:4] for _ in range(5)}
            assert answers == {f"43{number}[" for number in range(5)}
            assert target.server.counts["socketio.stall_timeout"] == 0


# --- slow clients


class Listening:
    """A client that reads everything."""

    def __init__(self, raw: RawSocket) -> None:
        self.raw = raw
        self.heard = 0

    async def listen(self) -> None:
        while await self.raw.receive() is not None:
            self.heard += 1


async def listeners(target: Target, stack: AsyncExitStack, count: int) -> list[Listening]:
    found = [
        Listening(await stack.enter_async_context(raw_socket(target.application)))
        for _ in range(count)
    ]
    for one in found:
        stack.callback(asyncio.create_task(one.listen()).cancel)
    return found


async def all_have_heard(reading: list[Listening], count: int) -> None:
    await until(lambda: all(one.heard == count for one in reading))


async def connect_without_reading(target: Target, stack: AsyncExitStack) -> Wire:
    """Connect a client that reads nothing."""
    opened = await stack.enter_async_context(wire(target.application, receive_buffer=4096))
    opened.stop_reading()
    return opened


@pytest.mark.parametrize(
    "limits", [{"max_outbound_messages": 10}, {"max_outbound_bytes": 1_000_000}], ids=str
)
async def test_broadcasts_close_only_clients_that_do_not_read(
    attack: Attack, limits: dict[str, Any]
) -> None:
    """2 of 20 clients never read."""
    (setting,) = limits
    target = await attack(**limits)
    broadcaster = target.application.injector.get(Broadcaster)
    text, sent = "x" * 200_000, 0

    async with AsyncExitStack() as stack:
        reading = await listeners(target, stack, 17)
        before = set(target.engine.eio.sockets)
        for _ in range(2):
            await connect_without_reading(target, stack)
        slow = set(target.engine.eio.sockets) - before
        while slow & set(target.engine.eio.sockets):
            assert sent < 200, "the slow clients were not closed after 40 MB"
            await broadcaster.emit("news", text)
            sent += 1
            await all_have_heard(reading, sent)
            assert await target.witness.heard.get() == f'42["news","{text}"]'

        assert set(target.engine.eio.sockets) == before, "another client was closed"
        assert target.server.counts == {f"socketio.{setting}": 2}
        assert count_log_lines(target, setting) == 2, "each closed client must be logged once"
        await target.witness.is_served()


async def test_slow_client_receives_all_packets_before_it_is_closed(
    attack: Attack,
) -> None:
    """It receives no message that was sent after one that was dropped."""
    target = await attack(max_outbound_messages=10)
    heard, sent = [], 0

    async with AsyncExitStack() as stack:
        slow = await connect_without_reading(target, stack)
        connection = target.newest
        while not connection.is_ended:
            assert sent < 1000
            for _ in range(5):
                await connection.emit("news", sent, "x" * 50_000)
                sent += 1
            await asyncio.sleep(0)
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while (received := await slow.frame())[0] == TEXT:
                heard.append(int(received[1].split(b",", 2)[1]))

    assert heard == list(range(len(heard)))


async def test_close_of_client_that_does_not_read_does_not_wait(attack: Attack) -> None:
    target = await attack()

    async with raw_socket(target.application) as raw:
        await target.newest.emit("flood", "x" * 20_000_000)
        await raw.send("9")
        await until(lambda: target.is_alone)
        async with asyncio.timeout(20):
            await target.engine.shutdown()


async def test_burst_within_one_loop_iteration_does_not_close_client(attack: Attack) -> None:
    """A client cannot read meanwhile, so an action may emit many rows in a loop."""
    target = await attack(max_outbound_messages=10)

    async with raw_socket(target.application) as raw:
        for number in range(100):
            await target.newest.emit("row", number)
        for number in range(100):
            assert await raw.receive() == f'42["row",{number}]'
    assert target.server.counts == {}


async def test_polling_client_that_does_not_poll_is_closed(attack: Attack) -> None:
    target = await attack(max_outbound_messages=10)
    broadcaster = target.application.injector.get(Broadcaster)

    async with (
        target.leaves_nothing({"socketio.max_outbound_messages": 1}),
        target.client("polling") as client,
    ):
        assert isinstance(client, OverPolling)
        for number in range(11):
            await broadcaster.emit("news", number)
            assert await target.witness.heard.get() == f'42["news",{number}]'
        await until(lambda: target.is_alone)
        assert await client.post("3") == 400


async def test_drop_oldest_over_polling_keeps_newest(attack: Attack) -> None:
    target = await attack(max_outbound_messages=5, outbound_policy="drop_oldest")
    broadcaster = target.application.injector.get(Broadcaster)

    async with target.client("polling") as client:
        await client.send('421["echo","kept"]')
        await target.witness.is_served()
        for number in range(20):
            await broadcaster.emit("news", number, room=target.newest.id)
        expected = ['431["kept"]', *(f'42["news",{number}]' for number in range(16, 20))]
        assert str(await client.receive()).split("\x1e") == expected
        assert target.server.counts == {"socketio.max_outbound_messages": 16}
        assert count_log_lines(target, "max_outbound_messages") == 1


async def test_drop_oldest_over_websocket_drops_whole_events_and_stays_open(
    attack: Attack,
) -> None:
    """The client then receives the rest in order, with complete binary events."""
    target = await attack(max_outbound_messages=10, outbound_policy="drop_oldest")
    broadcaster = target.application.injector.get(Broadcaster)
    counts, filling, sent = target.server.counts, b"x" * 200_000, 0

    async with AsyncExitStack() as stack:
        slow = await connect_without_reading(target, stack)
        while counts["socketio.max_outbound_messages"] < 20:
            assert sent < 200, "no events were dropped after 40 MB"
            await broadcaster.emit("news", sent, b"%d" % sent + filling)
            sent += 1
            for _ in range(2):
                await target.witness.heard.get()
        slow.write(encode(TEXT, b'421["echo","answered"]'))
        await broadcaster.emit("last")
        assert await target.witness.heard.get() == '42["last"]'

        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        heard: list[int] = []
        answered = 0
        while (frame := (await slow.frame())[1]) != b'42["last"]':
            if frame == b'431["answered"]':
                answered += 1
                continue
            head, number, _ = frame.decode().split(",", 2)
            assert head == '451-["news"'
            heard.append(int(number))
            assert (await slow.frame())[1] == number.encode() + filling
        if not answered:
            assert (await slow.frame())[1] == b'431["answered"]'

    assert heard == sorted(set(heard))
    assert sent - len(heard) == counts["socketio.max_outbound_messages"]
    assert counts.keys() == {"socketio.max_outbound_messages"}
    assert count_log_lines(target, "max_outbound_messages") == 1


# --- faults


async def test_event_loop_blocked_causes_no_ping_timeout(attack: Attack) -> None:
    """The PONG is in the socket, unread, when the delayed timer fires."""
    target = await attack(ping_interval=0.1, ping_timeout=0.2)

    async with raw_socket(target.application) as raw:
        assert await raw.socket.receive_str() == "2"
        await raw.send("3")
        time.sleep(1.3)  # noqa: ASYNC251 - the fault that is tested
        for _ in range(3):
            assert await raw.socket.receive_str() == "2"
            await raw.send("3")
        await raw.send('421["echo",1]')
        assert await raw.receive() == "431[1]"
        await target.witness.is_served()
    assert target.server.counts == {}
