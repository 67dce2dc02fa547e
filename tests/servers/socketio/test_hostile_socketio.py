# ruff: noqa: N802 - tests are named by the rows of the programme
"""Rows D1 to D18 of the test programme: Socket.IO packets, and the events within.

`Target` of the rows C proves what "closed" means; everything here comes over both transports.
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
    pytest.param(
        [f"42{id}" + json.dumps([name, *arguments])], id=f"{row}-{name}{'-asks' * bool(id)}"
    )
    for row, name, arguments in (
        ("D1", "connect", [{"HTTP_AUTHORIZATION": "forged"}]),
        ("D2", "connect_error", ["x"]),
        ("D2", "disconnect", ["x"]),
        ("D2", "disconnecting", ["x"]),
        ("D2", "newListener", ["x"]),
        ("D2", "removeListener", ["x"]),
    )
    for id in ("", "1")
]


@pytest.mark.parametrize(
    "frames",
    [
        *RESERVED,
        pytest.param([f'451-["disconnect",{PLACE}]', b"x"], id="D2-disconnect-binary"),
        pytest.param([r'42["\u0063onnect"]'], id="D1-connect-escaped"),
        pytest.param(["4"], id="D3-nothing"),
        pytest.param(["4abc"], id="D3-no-packet"),
        pytest.param(["42"], id="D3-event-of-nothing"),
        pytest.param(["42{}"], id="D3-object"),
        pytest.param(["42[]"], id="D3-without-a-name"),
        pytest.param(["42[1]"], id="D3-name-a-number"),
        pytest.param(["42[null]"], id="D3-name-null"),
        pytest.param(['42[["echo"]]'], id="D3-name-a-list"),
        pytest.param(['42[{"a":1}]'], id="D3-name-an-object"),
        pytest.param(['42"echo"'], id="D3-text"),
        pytest.param(['42abc["echo"]'], id="D3-letters"),
        pytest.param(['42{"a":1}["echo"]'], id="D3-two-values"),
        pytest.param(['42["echo"'], id="D3-broken-off"),
        pytest.param(["47"], id="D3-type-7"),
        pytest.param(["4-1"], id="D3-type-negative"),
        pytest.param(["44/"], id="D3-connect-error"),
        pytest.param(["44{}"], id="D3-connect-error-with-data"),
        pytest.param(["411"], id="D3-disconnect-with-id"),
        pytest.param(["41[]"], id="D3-disconnect-with-data"),
        pytest.param(["43[1]"], id="D3-acknowledgement-without-id"),
        pytest.param(["431"], id="D3-acknowledgement-of-nothing"),
        pytest.param(["431{}"], id="D3-acknowledgement-object"),
        pytest.param(['421["echo",1e999]'], id="D4-1e999"),
        pytest.param(['421["echo",-1e999]'], id="D4-minus-1e999"),
        pytest.param(['421["echo",NaN]'], id="D4-NaN"),
        pytest.param(['421["echo",Infinity]'], id="D4-Infinity"),
        pytest.param(['421["echo",{"a":[-Infinity]}]'], id="D4-minus-Infinity-deep"),
        pytest.param(["431[1e999]"], id="D4-acknowledged"),
        pytest.param([r'421["echo","\ud800"]'], id="D4-surrogate"),
        pytest.param(['450-["echo"]'], id="D6-no-attachments"),
        pytest.param(['45["echo"]'], id="D6-attachments-not-counted"),
        pytest.param(['45-1-["echo"]'], id="D6-attachments-negative"),
        pytest.param(['4501-["echo"]'], id="D6-attachments-octal"),
        pytest.param(['45²-["echo"]'], id="D6-attachments-no-ascii-digit"),
        pytest.param(['421-["echo"]'], id="D6-attachments-of-a-text"),
        pytest.param(['401-{"a":1}'], id="D6-attachments-of-a-connect"),
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
            id="D6-num-true-is-not-1",
        ),
        pytest.param(['451-["echo",{"_placeholder":true}]', b"x"], id="D6-num-missing"),
        pytest.param(['451-["echo"' + f",{PLACE}" * 2 + "]", b"x"], id="D6-same-num-twice"),
        pytest.param(
            ['451-["echo"' + f",{PLACE}" * 1000 + "]", b"x" * 100_000], id="D6-same-num-1000-times"
        ),
        pytest.param(['451-["echo"]', b"x"], id="D6-no-place"),
        pytest.param([f'452-["echo",{PLACE}]', b"x", b"y"], id="D6-a-place-too-few"),
        pytest.param([b"nobody announced this"], id="D6-attachment-without-header"),
        pytest.param(
            [f'451-["echo",{PLACE}]', b"x", b"y"], id="D6-one-attachment-more-than-announced"
        ),
        pytest.param([f'451-["echo",{PLACE}]', '42["echo"]'], id="D6-text-in-mid-attachment"),
        pytest.param(
            [f'452-["echo",{PLACE}]', b"x", f'451-["echo",{PLACE}]'],
            id="D6-header-in-mid-attachment",
        ),
        pytest.param([f"451-[{PLACE}]", b"echo"], id="D6-name-an-attachment"),
        pytest.param(["42" + "1" * 101 + '["echo"]'], id="D7-id-of-101-digits"),
        pytest.param(["42" + "1" * 101], id="D7-id-of-101-digits-alone"),
        pytest.param([f'42{2**53}["echo"]'], id="D7-id-2-to-the-53"),
        pytest.param([f"43{2**53}[]"], id="D7-acknowledged-id-2-to-the-53"),
        pytest.param(['42²["echo"]'], id="D7-id-no-ascii-digit"),
        pytest.param(['42٣["echo"]'], id="D7-id-arabic-digit"),
        pytest.param(['42-1["echo"]'], id="D7-id-negative"),
        pytest.param(['421.5["echo"]'], id="D7-id-a-fraction"),
        pytest.param(["40/" + "n" * 256 + ","], id="D8-namespace-of-257-characters"),
        pytest.param(["40/" + "n" * 900_000 + ","], id="D8-namespace-of-900-kilobytes"),
        pytest.param(['42/chat,["echo"]'], id="D9-event-of-another-namespace"),
        pytest.param(['42/nowhere,["echo"]'], id="D9-event-of-no-namespace"),
        pytest.param(["41", '42["echo"]'], id="D9-event-after-disconnect"),
    ],
)
async def test_a_packet_that_breaks_the_protocol_closes(
    attack: Attack, frames: list[str | bytes]
) -> None:
    """Plain python-socketio ignores most of it, and calls the handlers of the reserved names."""
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
        pytest.param('42["echo"]', id="D9-event-before-connect"),
        pytest.param(f'451-["echo",{PLACE}]', id="D9-binary-event-before-connect"),
    ],
)
async def test_an_event_before_connect_closes(attack: Attack, transport: str, frame: str) -> None:
    target = await attack()

    async with target.closes(transport, connect="") as client:
        await client.send(frame, *([b"x"] if "_placeholder" in frame else []))


@over_each_transport
async def test_D9_an_event_while_connect_is_decided_is_too_early(
    attack: Attack, transport: str
) -> None:
    """It is read behind the decision, and not at all over a websocket that was refused."""
    target = await attack(listeners=(Door,))

    async with target.leaves_nothing(came=0), target.client(transport, "") as client:
        await client.send('40{"refuse":true}', '421["echo",1]')
        if isinstance(client, OverWebsocket):
            assert str(await client.receive()).startswith("44{")
        await client.closed()


class Door:
    """Refuses those who ask for it; a bug is a refusal too."""

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
            id="D5-ten-thousand-millions",
        ),
        pytest.param(
            ['459999999999999-["echo"]'], "protocol error", id="D5-more-digits-than-there-may-be"
        ),
        pytest.param(['4511-["echo"]'], "max_attachments", id="D5-eleven"),
        pytest.param(
            [
                f'453-["echo",{",".join(PLACE.replace("0", str(n)) for n in range(3))}]',
                *[b"x" * 400_000] * 3,
            ],
            "max_payload",
            id="D5-together-too-large",
        ),
    ],
)
async def test_too_many_or_too_large_attachments_close(
    attack: Attack, transport: str, frames: list[str | bytes], setting: str
) -> None:
    """Plain python-socketio holds what comes, without end."""
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
async def test_D5_ten_attachments_are_not_too_many(attack: Attack, transport: str) -> None:
    target = await attack()
    places = ",".join(PLACE.replace("0", str(number)) for number in range(10))

    async with target.client(transport) as client:
        await client.send(f'4510-7["echo",{places}]', *(b"%d" % n for n in range(10)))
        received = await client.receive()
        assert str(received).startswith(f"4610-7[{places}]")


@over_each_transport
async def test_D6_who_leaves_within_a_packet_leaves_nothing(
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
@pytest.mark.parametrize("depth", [100, 600, 2000], ids="D6-place-{}-lists-deep".format)
async def test_a_place_within_lists_within_lists_is_filled_or_closes(
    attack: Attack, transport: str, depth: int
) -> None:
    """How deep JSON may be depends on the release of Python; the last frame closes anyhow."""
    target = await attack()
    deep = "[" * depth + PLACE + "]" * depth

    async with target.closes(transport) as client:
        await client.send(f'451-["echo",{deep}]', b"x", "abc")


@over_each_transport
@pytest.mark.parametrize(
    "id",
    [
        pytest.param("0", id="D7-id-0"),
        pytest.param(str(2**53 - 1), id="D7-id-2-to-the-53-less-1"),
        pytest.param("1" * 15, id="D7-id-of-15-digits"),
    ],
)
async def test_an_id_that_javascript_can_hold_is_acknowledged(
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
        pytest.param("/nowhere", id="D8-unknown"),
        pytest.param("/\x00ns", id="D8-nul"),
        pytest.param("/\n42[", id="D8-new-line"),
        pytest.param("/__proto__", id="D8-proto"),
        pytest.param("/*", id="D8-star"),
        pytest.param("//", id="D8-slash"),
        pytest.param("/" + "n" * 255, id="D8-of-256-characters"),
        pytest.param("/CHAT", id="D8-upper-case"),
    ],
)
async def test_an_unknown_namespace_is_refused_in_the_protocols_words(
    attack: Attack, namespace: str
) -> None:
    """With a handler for every namespace, plain python-socketio lets it in."""
    target = await attack(Chat)

    for transport in TRANSPORTS:
        async with target.leaves_nothing({}, logged=0), target.client(transport) as client:
            await client.send(f"40{namespace},")
            assert await client.receive() == f'44{namespace},{{"message":"Invalid namespace"}}'
            await client.send('421["echo",1]')
            assert await client.receive() == "431[1]"
            if isinstance(client, OverPolling):
                await client.send("1")


async def test_D8_a_flood_of_connects_holds_nothing(attack: Attack) -> None:
    target = await attack(max_rate=1e9)

    async with target.leaves_nothing({}, logged=0), raw_socket(target.application) as hostile:
        held = target.state()
        for number in range(50):
            await hostile.send(*(f"40/n{number}-{one}," for one in range(100)))
            for _ in range(100):
                assert str(await hostile.receive()).startswith("44/n")
        assert target.state() == held


def namespaces(count: int) -> type:
    """A controller with an event in each of so many."""

    async def answer(self: object, request: Request) -> str:
        return request.connection.namespace if request.connection else ""

    for number in range(count):
        answer = websocket("where", namespace=f"/n{number}")(answer)
    return type("Everywhere", (), {"answer": answer})


@over_each_transport
async def test_D8_more_namespaces_than_a_client_may_have_are_refused(
    attack: Attack, transport: str
) -> None:
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
        assert str(await client.receive()).startswith("40/n39,{"), "there is room again"
        await client.send('42/n30,1["where"]')
        assert '"/n30"' in str(await client.receive())
        await client.send("1")


@over_each_transport
@pytest.mark.parametrize("namespace", ["/", "/chat"], ids="D8-connect-twice-{}".format)
async def test_a_second_connect_is_an_error_and_the_first_stays(
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
        pytest.param("__class__", id="D10-class"),
        pytest.param("__init__", id="D10-init"),
        pytest.param("constructor", id="D10-constructor"),
        pytest.param("on_connect", id="D10-on_connect"),
        pytest.param("trigger_event", id="D10-trigger_event"),
        pytest.param("emit", id="D10-emit"),
        pytest.param("message", id="D10-message"),
        pytest.param("server.connected", id="D10-server-event"),
        pytest.param("Events.echo", id="D10-action"),
        pytest.param("/chat:say", id="D10-key-of-another-namespace"),
        pytest.param("ECHO", id="D10-upper-case"),
        pytest.param("echo ", id="D10-trailing-blank"),
        pytest.param("*", id="D10-star"),
        pytest.param("", id="D10-empty"),
        pytest.param("a\nWARNING forged\x1b[2J", id="D10-new-line"),
        pytest.param("x" * 65_536, id="D10-64-kilobytes"),
    ],
)
async def test_a_hostile_name_is_an_unknown_event_and_nothing_else(
    attack: Attack, name: str
) -> None:
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


async def test_D11_a_burst_is_taken_as_far_as_the_limits_and_no_further(attack: Attack) -> None:
    """Plain python-socketio starts 5000 tasks, and 4995 still run after the client left."""
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
    assert target.events.started == sorted(target.events.started), "in the order they came"


async def test_D11_a_burst_over_polling_is_taken_no_further(attack: Attack) -> None:
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
        assert len(target.events.started) == 5000, "then all of it is"
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
async def test_D12_an_error_is_acknowledged_once(attack: Attack, transport: str) -> None:
    """Plain python-socketio does not acknowledge it at all."""
    target = await attack(Answers)

    async with target.client(transport) as client:
        await client.send('421["fail"]')
        assert await client.receive() == (
            '431[{"statusCode":500,"message":"Internal Server Error"}]'
        )
        await client.send('42["fail"]', '422["echo",2]')
        assert await client.receive() == "432[2]", "and without an id it is not at all"


@over_each_transport
async def test_D13_nothing_is_acknowledged_as_an_answer_too(
    attack: Attack, transport: str
) -> None:
    """Plain python-socketio sends ``[]``, and a client with ``retries`` asks again."""
    target = await attack(Answers)

    async with target.client(transport) as client:
        await client.send('421["nothing"]')
        (answer,) = json.loads(str(await client.receive()).removeprefix("431"))
        assert answer["content"] is None
        assert 200 <= answer["statusCode"] < 300


class TestD14:
    """Acknowledgements that nobody waits for: ignored, and counted."""

    COUNT = "unexpected acknowledgement"

    @over_each_transport
    @pytest.mark.parametrize(
        "frames",
        [
            pytest.param(["4399[1]"], id="D14-unknown-id"),
            pytest.param(["430[]"], id="D14-id-0"),
            pytest.param([f"43{2**53 - 1}[]"], id="D14-largest-id"),
            pytest.param(["43/chat,1[1]"], id="D14-namespace-not-connected"),
            pytest.param([f"461-99[{PLACE}]", b"x"], id="D14-binary"),
        ],
    )
    async def test_one_that_was_not_asked_for(
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
    async def test_D14_twice(self, attack: Attack, transport: str) -> None:
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

    async def test_D14_from_another_socket(self, attack: Attack) -> None:
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
    async def test_D14_after_the_timeout(self, attack: Attack, transport: str) -> None:
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
async def test_D15_thousands_of_calls_that_nobody_answers_leave_nothing(
    attack: Attack, rounds: int
) -> None:
    """Plain python-socketio keeps an entry for each."""
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
        pytest.param('"token"', id="D16-string"),
        pytest.param('["token"]', id="D16-list"),
        pytest.param("-1", id="D16-number"),
        pytest.param("true", id="D16-true"),
        pytest.param("false", id="D16-false"),
        pytest.param('""', id="D16-empty-string"),
        pytest.param("[]", id="D16-empty-list"),
        pytest.param("{", id="D16-broken"),
        pytest.param('{"a":1}{"a":2}', id="D16-two-objects"),
        pytest.param('{"a":1e999}', id="D16-infinite"),
        pytest.param('{"a":NaN}', id="D16-NaN"),
        pytest.param("{'a':1}", id="D16-not-quite-JSON"),
        pytest.param("[" * 3000 + "]" * 3000, id="D16-deep-list"),
        pytest.param('{"a":' * 20_000 + "1" + "}" * 20_000, id="D16-deep-object"),
        pytest.param('{"a":' * 100_000, id="D16-deep-and-broken-off"),
    ],
)
async def test_auth_that_is_no_object_is_refused_with_400(attack: Attack, auth: str) -> None:
    target = await attack()

    for transport in TRANSPORTS:
        async with target.leaves_nothing({}, logged=0), target.client(transport, "") as client:
            await client.send(f"40{auth}")
            answer = str(await client.receive())
            error = json.loads(answer.removeprefix("44"))
            assert error["data"]["statusCode"] == 400
            assert len(answer) < 300
            await client.send('40{"token":"x"}')
            assert str(await client.receive()).startswith("40{"), "it may try again"
            await client.send("1")


async def test_D16_auth_above_the_largest_message_closes_with_1009(attack: Attack) -> None:
    target = await attack()
    auth = json.dumps({"token": "x" * 1_000_000})
    large = target.leaves_nothing({"socketio.max_payload": 1}, came=0)

    async with large, raw_socket(target.application, "") as hostile:
        await hostile.send(f"40{auth}")
        assert await hostile.receive() is None
        assert hostile.socket.close_code == 1009


@over_each_transport
async def test_D17_a_listener_with_a_bug_runs_once_and_refuses(
    attack: Attack, transport: str
) -> None:
    """A TypeError makes plain python-socketio call it again, with fewer arguments."""
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
    assert [what for what, _ in target.presence.trace] == ["came"], "the witness alone"
    assert len(target.caplog.records) == 1


@over_each_transport
async def test_D18_one_at_a_time_keeps_the_order(attack: Attack, transport: str) -> None:
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


async def test_D18_many_at_a_time_overlap(attack: Attack) -> None:
    """So that the order of the row before is not one by chance."""
    random.seed(18)
    target = await attack(Answers, max_rate=1e9)

    async with raw_socket(target.application) as client:
        await client.send(*(f'42["slowly",{number}]' for number in range(1000)))
        order = target.application.injector.get(Answers).order
        await until(lambda: len(order) == 1000)
        assert order != sorted(order) == list(range(1000))
