"""Hostile Socket.IO packets and events.

`Target` defines what "closed" means. Each test runs over both transports.
"""

import asyncio
import json
import random

import pytest

from rxkernel import (
    ConnectionEvent,
    Request,
    ServerEvents,
    UnauthorizedException,
    observe,
    websocket,
)
from tests.servers.hostile import (
    TRANSPORTS,
    Attack,
    OverPolling,
    OverWebsocket,
    over_each_transport,
)
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until

PLACE = '{"_placeholder":true,"num":0}'


RESERVED = [
    pytest.param([f"42{id}" + json.dumps([name, *arguments])], id=f"{name}{'-asks' * bool(id)}")
    for name, arguments in (
        ("connect", [{"HTTP_AUTHORIZATION": "forged"}]),
        ("connect_error", ["x"]),
        ("disconnect", ["x"]),
        ("disconnecting", ["x"]),
        ("newListener", ["x"]),
        ("removeListener", ["x"]),
    )
    for id in ("", "1")
]


@pytest.mark.parametrize(
    "frames",
    [
        *RESERVED,
        pytest.param([f'451-["disconnect",{PLACE}]', b"x"], id="disconnect-binary"),
        pytest.param([r'42["\u0063onnect"]'], id="connect-escaped"),
        pytest.param(["4"], id="nothing"),
        pytest.param(["4abc"], id="no-packet"),
        pytest.param(["42"], id="event-of-nothing"),
        pytest.param(["42{}"], id="object"),
        pytest.param(["42[]"], id="without-a-name"),
        pytest.param(["42[1]"], id="name-a-number"),
        pytest.param(["42[null]"], id="name-null"),
        pytest.param(['42[["echo"]]'], id="name-a-list"),
        pytest.param(['42[{"a":1}]'], id="name-an-object"),
        pytest.param(['42"echo"'], id="text"),
        pytest.param(['42abc["echo"]'], id="letters"),
        pytest.param(['42{"a":1}["echo"]'], id="two-values"),
        pytest.param(['42["echo"'], id="broken-off"),
        pytest.param(["47"], id="type-7"),
        pytest.param(["4-1"], id="type-negative"),
        pytest.param(["44/"], id="connect-error"),
        pytest.param(["44{}"], id="connect-error-with-data"),
        pytest.param(["411"], id="disconnect-with-id"),
        pytest.param(["41[]"], id="disconnect-with-data"),
        pytest.param(["43[1]"], id="acknowledgement-without-id"),
        pytest.param(["431"], id="acknowledgement-of-nothing"),
        pytest.param(["431{}"], id="acknowledgement-object"),
        pytest.param(['421["echo",1e999]'], id="1e999"),
        pytest.param(['421["echo",-1e999]'], id="minus-1e999"),
        pytest.param(['421["echo",NaN]'], id="NaN"),
        pytest.param(['421["echo",Infinity]'], id="Infinity"),
        pytest.param(['421["echo",{"a":[-Infinity]}]'], id="minus-Infinity-deep"),
        pytest.param(["431[1e999]"], id="acknowledged"),
        pytest.param([r'421["echo","\ud800"]'], id="surrogate"),
        pytest.param(['450-["echo"]'], id="no-attachments"),
        pytest.param(['45["echo"]'], id="attachments-not-counted"),
        pytest.param(['45-1-["echo"]'], id="attachments-negative"),
        pytest.param(['4501-["echo"]'], id="attachments-octal"),
        pytest.param(['45²-["echo"]'], id="attachments-no-ascii-digit"),
        pytest.param(['421-["echo"]'], id="attachments-of-a-text"),
        pytest.param(['401-{"a":1}'], id="attachments-of-a-connect"),
        *(
            pytest.param(
                [f'451-["echo",{{"_placeholder":true,"num":{num}}}]', b"x"], id=f"D6-num-{num}"
            )
            for num in (
                "5",
                "1",
                "-1",
                '"x"',
                '"0"',
                "true",
                "false",
                "0.0",
                "null",
                "[]",
                str(2**64),
            )
        ),
        pytest.param(
            [f'452-["echo",{PLACE},{{"_placeholder":true,"num":true}}]', b"x", b"y"],
            id="num-true-is-not-1",
        ),
        pytest.param(['451-["echo",{"_placeholder":true}]', b"x"], id="num-missing"),
        pytest.param(['451-["echo"' + f",{PLACE}" * 2 + "]", b"x"], id="same-num-twice"),
        pytest.param(
            ['451-["echo"' + f",{PLACE}" * 1000 + "]", b"x" * 100_000], id="same-num-1000-times"
        ),
        pytest.param(['451-["echo"]', b"x"], id="no-place"),
        pytest.param([f'452-["echo",{PLACE}]', b"x", b"y"], id="a-place-too-few"),
        pytest.param([b"not announced"], id="attachment-without-header"),
        pytest.param(
            [f'451-["echo",{PLACE}]', b"x", b"y"], id="one-attachment-more-than-announced"
        ),
        pytest.param([f'451-["echo",{PLACE}]', '42["echo"]'], id="text-in-mid-attachment"),
        pytest.param(
            [f'452-["echo",{PLACE}]', b"x", f'451-["echo",{PLACE}]'],
            id="header-in-mid-attachment",
        ),
        pytest.param([f"451-[{PLACE}]", b"echo"], id="name-an-attachment"),
        pytest.param(["42" + "1" * 101 + '["echo"]'], id="id-of-101-digits"),
        pytest.param(["42" + "1" * 101], id="id-of-101-digits-alone"),
        pytest.param([f'42{2**53}["echo"]'], id="id-2-to-the-53"),
        pytest.param([f"43{2**53}[]"], id="acknowledged-id-2-to-the-53"),
        pytest.param(['42²["echo"]'], id="id-no-ascii-digit"),
        pytest.param(['42٣["echo"]'], id="id-arabic-digit"),
        pytest.param(['42-1["echo"]'], id="id-negative"),
        pytest.param(['421.5["echo"]'], id="id-a-fraction"),
        pytest.param(["40/" + "n" * 256 + ","], id="namespace-of-257-characters"),
        pytest.param(["40/" + "n" * 900_000 + ","], id="namespace-of-900-kilobytes"),
        pytest.param(['42/chat,["echo"]'], id="event-of-another-namespace"),
        pytest.param(['42/nowhere,["echo"]'], id="event-of-no-namespace"),
        pytest.param(["41", '42["echo"]'], id="event-after-disconnect"),
    ],
)
async def test_packet_invalid_closes_session(attack: Attack, frames: list[str | bytes]) -> None:
    """Plain python-socketio ignores most of these, and calls handlers of reserved names."""
    target = await attack(Chat)

    for transport in TRANSPORTS:
        async with target.closes(transport) as client:
            await client.send(*frames)


class Chat:
    @websocket("say", namespace="/chat")
    async def say(self, request: Request) -> str:
        return "said"


@over_each_transport
@pytest.mark.parametrize(
    "frame",
    [
        pytest.param('42["echo"]', id="event-before-connect"),
        pytest.param(f'451-["echo",{PLACE}]', id="binary-event-before-connect"),
    ],
)
async def test_event_before_connect_closes_session(
    attack: Attack, transport: str, frame: str
) -> None:
    target = await attack()

    async with target.closes(transport, connect="") as client:
        await client.send(frame, *([b"x"] if "_placeholder" in frame else []))


@over_each_transport
async def test_event_before_connection_is_accepted_closes_session(
    attack: Attack, transport: str
) -> None:
    """Polling: the event is read after the rejection. A rejected WebSocket is not read at all."""
    target = await attack(listeners=(Door,))

    async with target.leaves_nothing(came=0), target.client(transport, "") as client:
        await client.send('40{"refuse":true}', '421["echo",1]')
        if isinstance(client, OverWebsocket):
            assert str(await client.receive()).startswith("44{")
        await client.closed()


class Door:
    """Rejects clients whose ``auth`` contains "refuse", and fails for "bug"."""

    def __init__(self) -> None:
        self.bugs = 0

    @observe(ServerEvents.CONNECTED, priority=10)
    async def decide(self, event: ConnectionEvent) -> None:
        auth = event.connection.auth or {}
        if "refuse" in auth:
            raise UnauthorizedException("not you")
        if "bug" in auth:
            self.bugs += 1
            raise TypeError("decide() takes 1 positional argument but 2 were given")


@over_each_transport
@pytest.mark.parametrize(
    ("frames", "setting"),
    [
        pytest.param(
            ['459999999999-["echo"]', b"x" * 900_000],
            "max_attachments",
            id="ten-thousand-millions",
        ),
        pytest.param(
            ['459999999999999-["echo"]'], "protocol error", id="more-digits-than-there-may-be"
        ),
        pytest.param(['4511-["echo"]'], "max_attachments", id="eleven"),
        pytest.param(
            [
                f'453-["echo",{",".join(PLACE.replace("0", str(n)) for n in range(3))}]',
                *[b"x" * 400_000] * 3,
            ],
            "max_payload",
            id="together-too-large",
        ),
    ],
)
async def test_attachments_above_limit_close_session(
    attack: Attack, transport: str, frames: list[str | bytes], setting: str
) -> None:
    """Plain python-socketio stores attachments without a limit."""
    target = await attack()
    counted = setting if setting == "protocol error" else f"socketio.{setting}"

    async with target.closes(transport, {counted: 1}) as client:
        if isinstance(client, OverWebsocket):
            await client.send(*frames)
        else:
            for frame in frames:  # one payload alone would be too large
                if not client.statuses or client.statuses[-1] == 200:
                    await client.send(frame)


@over_each_transport
async def test_attachments_at_limit_are_received(attack: Attack, transport: str) -> None:
    target = await attack()
    places = ",".join(PLACE.replace("0", str(number)) for number in range(10))

    async with target.client(transport) as client:
        await client.send(f'4510-7["echo",{places}]', *(b"%d" % n for n in range(10)))
        received = await client.receive()
        assert str(received).startswith(f"4610-7[{places}]")


@over_each_transport
async def test_client_disconnecting_within_packet_leaves_no_state(
    attack: Attack, transport: str
) -> None:
    target = await attack()

    async with target.leaves_nothing({}, logged=0), target.client(transport) as client:
        await client.send(f'452-["echo",{PLACE}]', b"x")
        if isinstance(client, OverWebsocket):
            client.raw.vanish()
        else:
            await client.send("1")


@over_each_transport
@pytest.mark.parametrize("depth", [100, 600, 2000], ids="{}-lists-deep".format)
async def test_placeholder_in_nested_lists_is_replaced_or_closes_session(
    attack: Attack, transport: str, depth: int
) -> None:
    """The depth that JSON may have depends on the Python version; the last frame is invalid."""
    target = await attack()
    deep = "[" * depth + PLACE + "]" * depth

    async with target.closes(transport) as client:
        await client.send(f'451-["echo",{deep}]', b"x", "abc")


@over_each_transport
@pytest.mark.parametrize(
    "id",
    [
        pytest.param("0", id="id-0"),
        pytest.param(str(2**53 - 1), id="id-2-to-the-53-less-1"),
        pytest.param("1" * 15, id="id-of-15-digits"),
    ],
)
async def test_acknowledgement_id_up_to_2_53_is_acknowledged(
    attack: Attack, transport: str, id: str
) -> None:
    target = await attack()

    async with target.client(transport) as client:
        await client.send(f'42{id}["echo",1]')
        assert await client.receive() == f"43{id}[1]"


# --- namespaces


@pytest.mark.parametrize(
    "namespace",
    [
        pytest.param("/nowhere", id="unknown"),
        pytest.param("/\x00ns", id="nul"),
        pytest.param("/\n42[", id="new-line"),
        pytest.param("/__proto__", id="proto"),
        pytest.param("/*", id="star"),
        pytest.param("//", id="slash"),
        pytest.param("/" + "n" * 255, id="of-256-characters"),
        pytest.param("/CHAT", id="upper-case"),
    ],
)
async def test_namespace_unknown_gets_connect_error(attack: Attack, namespace: str) -> None:
    """With a handler for all namespaces, plain python-socketio accepts the client."""
    target = await attack(Chat)

    for transport in TRANSPORTS:
        async with target.leaves_nothing({}, logged=0), target.client(transport) as client:
            await client.send(f"40{namespace},")
            assert await client.receive() == f'44{namespace},{{"message":"Invalid namespace"}}'
            await client.send('421["echo",1]')
            assert await client.receive() == "431[1]"
            if isinstance(client, OverPolling):
                await client.send("1")


async def test_connect_flood_leaves_no_state(attack: Attack) -> None:
    target = await attack(max_rate=1e9)

    async with target.leaves_nothing({}, logged=0), raw_socket(target.application) as hostile:
        held = target.state()
        for number in range(50):
            await hostile.send(*(f"40/n{number}-{one}," for one in range(100)))
            for _ in range(100):
                assert str(await hostile.receive()).startswith("44/n")
        assert target.state() == held


def namespaces(count: int) -> type:
    """Return a controller with an event in each of *count* namespaces."""

    async def answer(self: object, request: Request) -> str:
        return request.connection.namespace if request.connection else ""

    for number in range(count):
        answer = websocket("where", namespace=f"/n{number}")(answer)
    return type("Everywhere", (), {"answer": answer})


@over_each_transport
async def test_namespaces_above_limit_are_rejected(attack: Attack, transport: str) -> None:
    target = await attack(namespaces(40))
    too_many = {"socketio.max_namespaces": 9}  # one of 32 is "/"

    async with target.leaves_nothing(too_many, came=33), target.client(transport) as client:
        answers = []
        for number in range(40):
            await client.send(f"40/n{number},")
            answers.append(str(await client.receive()))
        assert all(answer.startswith("40/n") for answer in answers[:31])
        refused = json.loads(answers[31].removeprefix("44/n31,"))
        assert refused == {"message": "connected to too many namespaces"}
        assert all(answer.startswith("44/n") for answer in answers[31:])
        await client.send("41/n0,", "40/n39,")
        assert str(await client.receive()).startswith("40/n39,{"), (
            "a namespace that was left still counts"
        )
        await client.send('42/n30,1["where"]')
        assert '"/n30"' in str(await client.receive())
        await client.send("1")


@over_each_transport
@pytest.mark.parametrize("namespace", ["/", "/chat"], ids="{}".format)
async def test_connect_twice_gets_connect_error_and_first_connection_stays(
    attack: Attack, transport: str, namespace: str
) -> None:
    target = await attack(Chat)
    head, event = ("", "echo") if namespace == "/" else (f"{namespace},", "say")

    async with target.leaves_nothing({}, logged=0), target.client(transport, "") as client:
        await client.send(f"40{head}")
        assert str(await client.receive()).startswith(f"40{head}{{")
        first = target.newest
        await client.send(f'40{head}{{"again":1}}')
        assert str(await client.receive()).startswith(
            f'44{head}{{"message":"already connected to '
        )
        assert target.newest is first
        await client.send(f'42{head}1["{event}",1]')
        assert str(await client.receive()).startswith(f"43{head}1[")
        await client.send("1")


# --- events


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("__class__", id="class"),
        pytest.param("__init__", id="init"),
        pytest.param("constructor", id="constructor"),
        pytest.param("on_connect", id="on_connect"),
        pytest.param("trigger_event", id="trigger_event"),
        pytest.param("emit", id="emit"),
        pytest.param("message", id="message"),
        pytest.param("server.connected", id="server-event"),
        pytest.param("Events.echo", id="action"),
        pytest.param("/chat:say", id="key-of-another-namespace"),
        pytest.param("ECHO", id="upper-case"),
        pytest.param("echo ", id="trailing-blank"),
        pytest.param("*", id="star"),
        pytest.param("", id="empty"),
        pytest.param("a\nWARNING forged\x1b[2J", id="new-line"),
        pytest.param("x" * 65_536, id="64-kilobytes"),
    ],
)
async def test_event_name_hostile_is_unknown_event(attack: Attack, name: str) -> None:
    """Plain python-socketio looks names up with getattr."""
    target = await attack(Chat)

    for transport in TRANSPORTS:
        async with target.leaves_nothing({}, logged=0), target.client(transport) as client:
            await client.send("421" + json.dumps([name, {"HTTP_AUTHORIZATION": "forged"}]))
            answer = str(await client.receive())
            (error,) = json.loads(answer.removeprefix("431"))
            assert (error["statusCode"], error["code"]) == (404, "unknown_event")
            assert len(error["message"]) < 200
            await client.send('422["echo",1]')
            assert await client.receive() == "432[1]"
            await client.send("1")


async def test_event_burst_is_read_up_to_limits(attack: Attack) -> None:
    """Plain python-socketio starts 5000 tasks, and 4995 still run after the disconnect."""
    target = await attack(concurrency=32, max_waiting=64, max_rate=1e9)

    async with target.leaves_nothing(None), raw_socket(target.application) as hostile:
        await hostile.send(*(f'42["hang",{number}]' for number in range(5000)))
        queue = target.newest.event_queue
        await until(lambda: queue.waiting == 64)
        for _ in range(10):
            await target.witness.is_served()
        assert (target.events.started, queue.waiting) == (list(range(32)), 64)
        hostile.vanish()
        await target.witness.is_served()
        target.events.open.set()
    assert target.events.started == sorted(target.events.started), (
        "events did not start in their order"
    )


async def test_event_burst_over_polling_is_read_up_to_limits(attack: Attack) -> None:
    target = await attack(concurrency=32, max_waiting=64, max_rate=1e9)

    async with (
        target.leaves_nothing(None),
        target.client("polling") as client,
    ):
        burst = asyncio.ensure_future(client.send(*['42["hang",1]'] * 5000))
        queue = target.newest.event_queue
        await until(lambda: queue.waiting == 64)
        for _ in range(10):
            await target.witness.is_served()
        assert (len(target.events.started), queue.waiting) == (32, 64)
        assert not burst.done()
        target.events.open.set()
        await burst
        assert len(target.events.started) == 5000, "not all events were read"
        await client.send("1")


class Answers:
    def __init__(self) -> None:
        self.order: list[int] = []

    @websocket("fail")
    async def fail(self, request: Request) -> None:
        raise RuntimeError("secret")

    @websocket("nothing")
    async def nothing(self, request: Request) -> None: ...

    @websocket("slowly")
    async def slowly(self, request: Request) -> int:
        for _ in range(random.randrange(10)):
            await asyncio.sleep(0)
        self.order.append(request.body)
        return int(request.body)


@over_each_transport
async def test_event_error_is_acknowledged_once(attack: Attack, transport: str) -> None:
    """Plain python-socketio does not acknowledge it at all."""
    target = await attack(Answers)

    async with target.client(transport) as client:
        await client.send('421["fail"]')
        assert await client.receive() == (
            '431[{"statusCode":500,"message":"Internal Server Error"}]'
        )
        await client.send('42["fail"]', '422["echo",2]')
        assert await client.receive() == "432[2]", "an event without id was acknowledged"


@over_each_transport
async def test_event_returning_none_is_acknowledged(attack: Attack, transport: str) -> None:
    """Plain python-socketio sends ``[]``, and a client with ``retries`` repeats the event."""
    target = await attack(Answers)

    async with target.client(transport) as client:
        await client.send('421["nothing"]')
        (answer,) = json.loads(str(await client.receive()).removeprefix("431"))
        assert answer["content"] is None
        assert 200 <= answer["statusCode"] < 300


class TestUnexpectedAcknowledgement:
    """Acknowledgements that no call waits for are ignored and counted."""

    COUNT = "unexpected acknowledgement"

    @over_each_transport
    @pytest.mark.parametrize(
        "frames",
        [
            pytest.param(["4399[1]"], id="unknown-id"),
            pytest.param(["430[]"], id="id-0"),
            pytest.param([f"43{2**53 - 1}[]"], id="largest-id"),
            pytest.param(["43/chat,1[1]"], id="namespace-not-connected"),
            pytest.param([f"461-99[{PLACE}]", b"x"], id="binary"),
        ],
    )
    async def test_acknowledgement_not_expected_is_counted(
        self, attack: Attack, transport: str, frames: list[str | bytes]
    ) -> None:
        target = await attack(Chat)

        async with (
            target.leaves_nothing({self.COUNT: 1}, logged=0),
            target.client(transport) as client,
        ):
            await client.send(*frames)
            await client.send('421["echo",1]')
            assert await client.receive() == "431[1]"
            await client.send("1")

    @over_each_transport
    async def test_acknowledgement_sent_twice_is_counted(
        self, attack: Attack, transport: str
    ) -> None:
        target = await attack()

        async with (
            target.leaves_nothing({self.COUNT: 2}, logged=0),
            target.client(transport) as client,
        ):
            calling = asyncio.ensure_future(target.newest.call("ask"))
            assert await client.receive() == '421["ask"]'
            await client.send('431["first"]', '431["second"]', '431["third"]')
            assert await calling == "first"
            await client.send("1")

    async def test_acknowledgement_from_other_client_is_ignored(self, attack: Attack) -> None:
        target = await attack()

        async with (
            target.leaves_nothing({self.COUNT: 1}, logged=0, came=2),
            raw_socket(target.application) as asked,
            raw_socket(target.application) as other,
        ):
            connections = list(target.engine.connections.values())
            calling = asyncio.ensure_future(connections[1].call("ask"))
            assert await asked.receive() == '421["ask"]'
            await other.send('431["forged"]', '421["echo",1]')
            assert await other.receive() == "431[1]"
            assert not calling.done()
            await asked.send('431["mine"]')
            assert await calling == "mine"

    @over_each_transport
    async def test_acknowledgement_after_timeout_is_counted(
        self, attack: Attack, transport: str
    ) -> None:
        target = await attack()

        async with (
            target.leaves_nothing({self.COUNT: 1}, logged=0),
            target.client(transport) as client,
        ):
            with pytest.raises(TimeoutError):
                await target.newest.call("ask", timeout=0.001)
            assert await client.receive() == '421["ask"]'
            await client.send('431["late"]', '421["echo",1]')
            assert await client.receive() == "431[1]"
            await client.send("1")


@pytest.mark.parametrize("rounds", [2, pytest.param(100, marks=pytest.mark.soak)])
async def test_calls_without_acknowledgement_leave_no_state(attack: Attack, rounds: int) -> None:
    """Plain python-socketio keeps an entry for each call."""
    target = await attack()

    async with target.leaves_nothing({}, logged=0), raw_socket(target.application) as silent:
        connection = target.newest
        for _ in range(rounds):
            calls = (connection.call("ask", timeout=0.001) for _ in range(500))
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [TimeoutError] * 500
            assert connection.session.backpressure.expected == 0
            for _ in range(500):
                await silent.receive()
        calls = (connection.call("ask") for _ in range(100))
        leaving = asyncio.gather(*calls, return_exceptions=True)
        await until(lambda: connection.session.backpressure.expected == 100)
        silent.vanish()
        assert [type(outcome) for outcome in await leaving] == [TimeoutError] * 100


@pytest.mark.parametrize(
    "auth",
    [
        pytest.param('"token"', id="string"),
        pytest.param('["token"]', id="list"),
        pytest.param("-1", id="number"),
        pytest.param("true", id="true"),
        pytest.param("false", id="false"),
        pytest.param('""', id="empty-string"),
        pytest.param("[]", id="empty-list"),
        pytest.param("{", id="broken"),
        pytest.param('{"a":1}{"a":2}', id="two-objects"),
        pytest.param('{"a":1e999}', id="infinite"),
        pytest.param('{"a":NaN}', id="NaN"),
        pytest.param("{'a':1}", id="not-quite-JSON"),
        pytest.param("[" * 3000 + "]" * 3000, id="deep-list"),
        pytest.param('{"a":' * 20_000 + "1" + "}" * 20_000, id="deep-object"),
        pytest.param('{"a":' * 100_000, id="deep-and-broken-off"),
    ],
)
async def test_auth_not_an_object_is_rejected_with_400(attack: Attack, auth: str) -> None:
    target = await attack()

    for transport in TRANSPORTS:
        async with target.leaves_nothing({}, logged=0), target.client(transport, "") as client:
            await client.send(f"40{auth}")
            answer = str(await client.receive())
            error = json.loads(answer.removeprefix("44"))
            assert error["data"]["statusCode"] == 400
            assert len(answer) < 300
            await client.send('40{"token":"x"}')
            assert str(await client.receive()).startswith("40{"), (
                "a second attempt was not accepted"
            )
            await client.send("1")


async def test_auth_above_max_payload_closes_with_1009(attack: Attack) -> None:
    target = await attack()
    auth = json.dumps({"token": "x" * 1_000_000})
    large = target.leaves_nothing({"socketio.max_payload": 1}, came=0)

    async with large, raw_socket(target.application, "") as hostile:
        await hostile.send(f"40{auth}")
        assert await hostile.receive() is None
        assert hostile.close_code == 1009


@over_each_transport
async def test_connected_listener_that_raises_runs_once_and_rejects(
    attack: Attack, transport: str
) -> None:
    """After a TypeError, plain python-socketio calls it again with fewer arguments."""
    target = await attack(listeners=(Door,))
    before = target.state()

    async with target.client(transport, "") as client:
        await client.send('40{"bug":1}')
        assert json.loads(str(await client.receive()).removeprefix("44")) == {
            "message": "Internal Server Error",
            "data": {"statusCode": 500, "message": "Internal Server Error"},
        }
        await client.send("1")
    await until(lambda: target.state() == before)
    assert target.application.injector.get(Door).bugs == 1
    assert [what for what, _ in target.presence.trace] == ["came"], (
        "another client than the witness connected"
    )
    assert len(target.caplog.records) == 1


@over_each_transport
async def test_events_concurrency_one_run_in_order(attack: Attack, transport: str) -> None:
    target = await attack(Answers, concurrency=1, max_rate=1e9)
    numbers = list(range(1, 1001))
    answers: list[str] = []

    async with target.client(transport) as client:
        sending = asyncio.ensure_future(
            client.send(*(f'42{number}["slowly",{number}]' for number in numbers))
        )
        while len(answers) < len(numbers):
            answers += str(await client.receive()).split("\x1e")
        await sending

    assert target.application.injector.get(Answers).order == numbers
    assert [json.loads(a[a.index("[") :])[0]["content"] for a in answers] == numbers


async def test_events_concurrency_many_overlap(attack: Attack) -> None:
    """This proves that the order in the test above does not happen by chance."""
    random.seed(18)
    target = await attack(Answers, max_rate=1e9)

    async with raw_socket(target.application) as client:
        await client.send(*(f'42["slowly",{number}]' for number in range(1000)))
        order = target.application.injector.get(Answers).order
        await until(lambda: len(order) == 1000)
        assert order != sorted(order) == list(range(1000))
