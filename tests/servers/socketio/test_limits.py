"""What a Socket.IO client may take: every limit is a setting, finite, counted and told of once.

How a limit is answered is in the rows C and D (`test_hostile_engineio`, `test_hostile_socketio`);
here each is small, and crossed.
"""

import asyncio
import json
import math
import time
from contextlib import AsyncExitStack, suppress
from itertools import pairwise
from typing import Any

import aiohttp
import attrs
import pytest

from rxkernel import Broadcaster, Request, SocketioSettings, websocket
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.servers.socketio.send_queue import SendQueue
from rxkernel.servers.socketio.session_limits import SessionLimits
from rxkernel.servers.socketio.token_bucket import TokenBucket
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
def test_a_limit_is_finite_and_cannot_be_switched_off(name: str) -> None:
    default = getattr(SocketioSettings(), name)
    assert 0 < default < math.inf
    offs: tuple[Any, ...] = (None, 0, -1, math.inf, math.nan, True)
    for off in offs:
        with pytest.raises(ValueError, match=name):
            SocketioSettings(**{name: off})


def told(target: Target, setting: str) -> int:
    """In how many lines of the log *setting* was named; no other line is there."""
    lines = [record.getMessage() for record in target.caplog.records]
    assert all(f"socketio.{setting}" in line for line in lines), lines
    return len(lines)


class TestWhoComes:
    async def test_connect_timeout_closes(self, attack: Attack) -> None:
        target = await attack(connect_timeout=0.1)

        async with (
            target.leaves_nothing({"socketio.connect_timeout": 1}, came=0),
            raw_socket(target.application, "") as idle,
        ):
            assert await idle.receive() is None

    @pytest.mark.parametrize(
        ("setting", "status"), [("max_sessions", 503), ("max_sessions_per_address", 429)]
    )
    async def test_one_session_more_is_refused_until_one_ends(
        self, attack: Attack, setting: str, status: int
    ) -> None:
        """Each refusal is counted, the first alone is told of."""
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

    async def test_addresses_are_counted_apart(self, serve: Serve) -> None:
        """As a proxy that may be believed tells them."""
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


class TestWhatIsSent:
    @over_each_transport
    async def test_max_payload_closes(self, attack: Attack, transport: str) -> None:
        target = await attack(max_payload=100)

        async with (
            target.leaves_nothing({"socketio.max_payload": 1}),
            target.client(transport) as client,
        ):
            await client.send('42["echo","' + "x" * 100 + '"]')
            await client.closed()

    @over_each_transport
    async def test_max_payload_is_of_a_message_with_its_attachments(
        self, attack: Attack, transport: str
    ) -> None:
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
    async def test_max_attachments_closes(self, attack: Attack, transport: str) -> None:
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

    async def test_max_namespaces_refuses_each_and_tells_of_the_first(
        self, attack: Attack
    ) -> None:
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
    async def test_max_rate_reads_no_faster_and_loses_nothing(
        self, attack: Attack, transport: str
    ) -> None:
        target = await attack(max_rate=50.0)
        done: list[Any] = target.events.started
        target.events.open.set()

        async with target.client(transport) as client:
            sending = asyncio.ensure_future(
                client.send(*(f'42["hang",{number}]' for number in range(70)))
            )
            await until(lambda: target.server.counts["socketio.max_rate"] and len(done) > 40)
            assert len(done) < 70
            await target.witness.is_served()
            assert len(done) < 70, "it is read no faster because of others"
            await sending
            await until(lambda: done == list(range(70)))
            assert target.server.counts.keys() == {"socketio.max_rate"}
            assert told(target, "max_rate") == 1

    @over_each_transport
    async def test_concurrency_is_how_many_run(self, attack: Attack, transport: str) -> None:
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
            assert told(target, "max_waiting") == 1

    async def test_stall_timeout_closes_who_is_not_read_for_too_long(self, attack: Attack) -> None:
        """Though it answers every ping."""
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

    async def test_who_answers_within_the_stall_timeout_stays(self, attack: Attack) -> None:
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


class TestTokenBucket:
    def test_as_many_at_once_as_in_a_second_then_one_by_one(self) -> None:
        bucket = TokenBucket(10.0)

        waits = [bucket.take(100.0) for _ in range(13)]

        assert all(wait <= 0 for wait in waits[:10])
        assert waits[10:] == pytest.approx([0.1, 0.2, 0.3])

    def test_a_pause_fills_it_and_a_longer_one_no_further(self) -> None:
        bucket = TokenBucket(10.0)
        for _ in range(10):
            bucket.take(0.0)

        half = [bucket.take(0.5) for _ in range(6)]
        after = [bucket.take(1000.0) for _ in range(11)]

        assert [wait <= 1e-9 for wait in half] == [True] * 5 + [False]
        assert [wait <= 1e-9 for wait in after] == [True] * 10 + [False]

    def test_below_one_a_second_the_first_is_free(self) -> None:
        bucket = TokenBucket(0.1)

        assert bucket.take(0.0) <= 0
        assert bucket.take(0.0) == pytest.approx(10.0)

    @pytest.mark.parametrize("rate", [0.5, 3.0, 7.0, 1000.0])
    def test_in_no_span_of_time_are_there_more_than_rate_and_burst(self, rate: float) -> None:
        """Whoever waits as long as it says, however it asks."""
        bucket, now, used = TokenBucket(rate), 5.0, []
        for step in range(300):
            now += max(0.0, bucket.take(now))
            used.append(now)
            now += (step % 7 == 0) * step / 100 / rate

        burst = max(1.0, rate)
        for first in range(0, 300, 13):
            for last in range(first, 300):
                assert last - first + 1 <= burst + rate * (used[last] - used[first]) + 1e-6
        assert all(earlier <= later for earlier, later in pairwise(used))


def event(name: str, *attachments: bytes) -> EncodedPacket:
    return EncodedPacket(f'42["{name}"]'.encode(), attachments, is_event=True)


def acknowledgement(name: str) -> EncodedPacket:
    return EncodedPacket(f'431["{name}"]'.encode())


def outbox(policy: str = "drop_oldest", **limits: Any) -> tuple[SendQueue, SessionLimits]:
    held = SessionLimits(SocketioSettings(outbound_policy=policy, **limits))
    return SendQueue(held, "sid"), held


def taken(box: SendQueue) -> list[str | bytes]:
    frames = []
    while box:
        frames.append(box.take())
    return frames


class TestOutbox:
    def test_first_in_is_first_out_with_attachments_behind_their_message(self) -> None:
        box, _ = outbox()
        for message in (event("a", b"1", b"2"), acknowledgement("b"), event("c")):
            box.put(message)

        assert taken(box) == ['42["a"]', b"1", b"2", '431["b"]', '42["c"]']
        assert (len(box), box.size) == (0, 0)

    @pytest.mark.parametrize(
        ("limits", "setting"),
        [
            ({"max_outbound_messages": 2}, "socketio.max_outbound_messages"),
            ({"max_outbound_bytes": 14}, "socketio.max_outbound_bytes"),
        ],
    )
    def test_drop_oldest_drops_the_oldest_and_counts_each(
        self, limits: dict[str, Any], setting: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        box, held = outbox(**limits)
        for name in "abcde":
            box.put(event(name))

        assert taken(box) == ['42["d"]', '42["e"]']
        assert held.counts == {setting: 3}
        assert [setting in record.getMessage() for record in caplog.records] == [True]

    def test_a_message_is_dropped_with_its_attachments_or_not_at_all(self) -> None:
        box, _ = outbox(max_outbound_messages=2)
        for name in "abcd":
            box.put(event(name, name.encode(), name.encode()))

        assert taken(box) == ['42["c"]', b"c", b"c", '42["d"]', b"d", b"d"]
        assert box.size == 0

    def test_a_message_that_has_begun_is_sent_to_its_end(self) -> None:
        box, _ = outbox(max_outbound_messages=1)
        box.put(event("begun", b"1", b"2"))
        assert box.take() == '42["begun"]'

        for name in "abc":
            box.put(event(name))

        assert taken(box) == [b"1", b"2", '42["c"]']

    def test_attachments_count_as_bytes(self) -> None:
        box, held = outbox(max_outbound_bytes=50)
        box.put(event("a", b"x" * 30))
        box.put(event("b", b"x" * 30))

        assert taken(box) == ['42["b"]', b"x" * 30]
        assert held.counts == {"socketio.max_outbound_bytes": 1}

    def test_acknowledgements_and_packets_of_the_protocol_are_never_dropped(self) -> None:
        box, held = outbox(max_outbound_messages=3)
        for message in (
            event("a"),
            acknowledgement("1"),
            EncodedPacket(b"2"),
            event("b"),
            event("c"),
            acknowledgement("2"),
        ):
            box.put(message)

        assert taken(box) == ['431["1"]', "2", '431["2"]']
        assert held.counts == {"socketio.max_outbound_messages": 3}

    def test_an_event_behind_nothing_that_may_be_dropped_is_dropped_itself(self) -> None:
        box, _ = outbox(max_outbound_messages=2)
        for message in (acknowledgement("1"), acknowledgement("2"), event("a")):
            box.put(message)

        assert taken(box) == ['431["1"]', '431["2"]']

    def test_too_many_acknowledgements_close_under_either_policy(self) -> None:
        for policy in ("drop_oldest", "disconnect"):
            box, _ = outbox(policy, max_outbound_messages=2)
            box.put(acknowledgement("1"))
            box.put(acknowledgement("2"))
            with pytest.raises(ProtocolError) as refused:
                box.put(acknowledgement("3"))
            assert refused.value.setting == "socketio.max_outbound_messages"

    @pytest.mark.parametrize(
        ("limits", "setting"),
        [
            ({"max_outbound_messages": 2}, "socketio.max_outbound_messages"),
            ({"max_outbound_bytes": 20}, "socketio.max_outbound_bytes"),
        ],
    )
    def test_disconnect_refuses_what_is_too_much(
        self, limits: dict[str, Any], setting: str
    ) -> None:
        box, _ = outbox("disconnect", **limits)
        box.put(event("a"))
        box.put(event("b"))

        with pytest.raises(ProtocolError) as refused:
            box.put(event("c"))
        assert refused.value.setting == setting

    @pytest.mark.parametrize("policy", ["drop_oldest", "disconnect"])
    def test_one_message_alone_may_be_larger(self, policy: str) -> None:
        box, held = outbox(policy, max_outbound_bytes=10)
        box.put(event("large", b"x" * 1000))

        assert taken(box) == ['42["large"]', b"x" * 1000]
        assert held.counts == {}

    def test_taking_makes_room(self) -> None:
        box, held = outbox("disconnect", max_outbound_messages=2, max_outbound_bytes=20)
        for _ in range(50):
            box.put(event("a"))
            box.put(event("b"))
            assert [box.take(), box.take()] == ['42["a"]', '42["b"]']
        assert (held.counts, box.size) == ({}, 0)


# --- slow clients


class Listening:
    """A client that reads all it is sent."""

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


async def deaf(target: Target, stack: AsyncExitStack) -> Wire:
    """A client that is connected, and reads nothing."""
    opened = await stack.enter_async_context(wire(target.application, receive_buffer=4096))
    opened.stop_reading()
    return opened


@pytest.mark.parametrize(
    "limits", [{"max_outbound_messages": 10}, {"max_outbound_bytes": 1_000_000}], ids=str
)
async def test_only_those_that_never_read_are_closed_by_broadcasts(
    attack: Attack, limits: dict[str, Any]
) -> None:
    """Fault H5 of the programme: 2 of 20 clients."""
    (setting,) = limits
    target = await attack(**limits)
    broadcaster = target.application.injector.get(Broadcaster)
    text, sent = "x" * 200_000, 0

    async with AsyncExitStack() as stack:
        reading = await listeners(target, stack, 17)
        before = set(target.engine.eio.sockets)
        for _ in range(2):
            await deaf(target, stack)
        slow = set(target.engine.eio.sockets) - before
        while slow & set(target.engine.eio.sockets):
            assert sent < 200, "they are closed before 40 MB"
            await broadcaster.emit("news", text)
            sent += 1
            await all_have_heard(reading, sent)
            assert await target.witness.heard.get() == f'42["news","{text}"]'

        assert set(target.engine.eio.sockets) == before, "nobody else"
        assert target.server.counts == {f"socketio.{setting}": 2}
        assert told(target, setting) == 2, "one line for each that was closed"
        await target.witness.is_served()


async def test_who_is_closed_as_too_slow_has_heard_all_there_was_up_to_then(
    attack: Attack,
) -> None:
    """Not what was sent behind a message that it missed."""
    target = await attack(max_outbound_messages=10)
    heard, sent = [], 0

    async with AsyncExitStack() as stack:
        slow = await deaf(target, stack)
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


async def test_closing_who_does_not_read_does_not_wait(attack: Attack) -> None:
    target = await attack()

    async with raw_socket(target.application) as raw:
        await target.newest.emit("flood", "x" * 20_000_000)
        await raw.send("9")
        await until(lambda: target.is_alone)
        async with asyncio.timeout(20):
            await target.engine.shutdown()


async def test_a_burst_within_one_turn_of_the_loop_is_no_slow_client(attack: Attack) -> None:
    """Nobody could have read it: an action that emits its rows in a loop closes nobody."""
    target = await attack(max_outbound_messages=10)

    async with raw_socket(target.application) as raw:
        for number in range(100):
            await target.newest.emit("row", number)
        for number in range(100):
            assert await raw.receive() == f'42["row",{number}]'
    assert target.server.counts == {}


async def test_a_poller_that_does_not_poll_is_closed(attack: Attack) -> None:
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


async def test_drop_oldest_over_polling_keeps_the_newest(attack: Attack) -> None:
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
        assert told(target, "max_outbound_messages") == 1


async def test_drop_oldest_over_a_websocket_drops_whole_events_and_stays(attack: Attack) -> None:
    """What it reads afterwards is in order, up to the last; binary events are whole."""
    target = await attack(max_outbound_messages=10, outbound_policy="drop_oldest")
    broadcaster = target.application.injector.get(Broadcaster)
    counts, filling, sent = target.server.counts, b"x" * 200_000, 0

    async with AsyncExitStack() as stack:
        slow = await deaf(target, stack)
        while counts["socketio.max_outbound_messages"] < 20:
            assert sent < 200, "events are dropped before 40 MB"
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
    assert told(target, "max_outbound_messages") == 1


# --- faults


async def test_a_blocked_event_loop_is_no_client_without_a_pulse(attack: Attack) -> None:
    """Fault H14: the PONG waits unread in the socket when the timer fires, late."""
    target = await attack(ping_interval=0.1, ping_timeout=0.2)

    async with raw_socket(target.application) as raw:
        assert await raw.socket.receive_str() == "2"
        await raw.send("3")
        time.sleep(1.3)  # noqa: ASYNC251 - the fault itself: nothing runs meanwhile
        for _ in range(3):
            assert await raw.socket.receive_str() == "2"
            await raw.send("3")
        await raw.send('421["echo",1]')
        assert await raw.receive() == "431[1]"
        await target.witness.is_served()
    assert target.server.counts == {}
