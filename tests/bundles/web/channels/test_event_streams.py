"""Event streams of directories ``.sse``, over a real server."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from bundles.web import Channels
from bundles.web.channels.subscribers import Subscribers
from rxkernel import KernelClient, ServerSentEvent
from tests.bundles.web.channels.conftest import Live, LiveSite
from tests.bundles.web.conftest import Site
from tests.waiting import until

CHAT = "async def get(client): client.subscribe('chat')"

SIGN_IN = """
    from bundles.security import Security
    from tests.bundles.web.channels.conftest import Account

    async def post(client, security: Security):
        user = Account(client.parameters["name"])
        if "bearer" in client.parameters:
            pair = await security.login(user, client.request)
            return pair.token
        await security.login_session(user, client.request)
        return "in"
    """

SIGN_OUT = """
    from bundles.security import Security

    async def post(client, security: Security):
        await security.logout(client.parameters["name"])
        return "out"
    """

FILES = {
    "app/chat.sse/get.py": CHAT,
    "app/login/post.py": SIGN_IN,
    "app/logout/post.py": SIGN_OUT,
}


SIGNING_IN = {
    "app/in.sse/get.py": """
        from tests.bundles.web.channels.conftest import Account

        async def get(client):
            await client.sign_in(Account("ada"))
            return "chat"
        """,
    "app/in.ws/get.py": """
        from tests.bundles.web.channels.conftest import Account

        async def get(client):
            await client.sign_in(Account("ada"))
            await client.websocket.accept()
            if "quiet" not in client.query:
                client.subscribe("chat")
            await client.websocket.receive()
        """,
    "app/begin/post.py": "async def post(client): client.session['cart'] = 'tea'",
    "app/out/post.py": "async def post(client): return str(await client.sign_out())",
}
"""Requests that log their client in."""


async def subscribed(live: LiveSite, number: int = 1) -> None:
    """Wait until *number* clients have subscribed."""
    await until(lambda: live.channels.count() == number)


# T80
async def test_stream_begins_with_retry_and_sends_events(live: Live) -> None:
    site = await live(FILES)

    async with site.events("/chat.sse") as reader:
        headers = reader.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["Cache-Control"] == "no-store"
        position = await reader.opened()
        await site.channels.send("chat", "say", {"text": "tea"})
        await site.channels.send("other", "say", "not for this one")
        await site.channels.send("chat", "say", "text")
        first, second = await reader.next(), await reader.event()

    run, _, number = position.rpartition("-")
    assert number == "0"
    assert first == f'id: {run}-1\nevent: say\ndata: {{"text":"tea"}}'
    assert second == {"id": f"{run}-3", "event": "say", "data": '"text"'}
    await subscribed(site, 0)


# T80
async def test_silent_stream_gets_heartbeats(live: Live) -> None:
    site = await live(FILES, {"web.channels.heartbeat_interval": 0.02})

    async with site.events("/chat.sse") as reader:
        await reader.opened()
        assert [await reader.next() for _ in range(3)] == [":", ":", ":"]


# T80
@pytest.mark.parametrize("by", ["header", "query", "both"])
async def test_reconnected_client_gets_missed_events(live: Live, by: str) -> None:
    files = {**FILES, "app/two.sse/get.py": "async def get(client): return ['chat', 'news']"}
    site = await live(files)
    send = site.channels.send
    async with site.events("/two.sse") as reader:
        await send("chat", "say", 1)
        seen = (await reader.event())["id"]
    await subscribed(site, 0)
    await send("news", "say", 2)
    await send("other", "say", "not for this one")
    await site.channels.send_global("say", 3)
    await send("chat", "say", 4)

    query = {"query": f"?lastEventId={seen}", "both": "?lastEventId=old"}.get(by, "")
    headers = {} if by == "query" else {"Last-Event-ID": seen}
    async with site.events(f"/two.sse{query}", headers=headers) as reader:
        assert await reader.next() == "retry: 2000"
        replayed = [await reader.event() for _ in range(3)]
        await send("news", "say", 5)
        last = await reader.event()

    assert [event["data"] for event in (*replayed, last)] == ["2", "3", "4", "5"]
    ids = [int(event["id"].rpartition("-")[2]) for event in (*replayed, last)]
    assert ids == sorted(ids)


async def test_reconnected_client_that_received_no_event_gets_missed_events(live: Live) -> None:
    """The position is sent at the beginning of the stream."""
    site = await live(FILES)
    async with site.events("/chat.sse") as reader:
        position = await reader.opened()
    await subscribed(site, 0)
    await site.channels.send("chat", "say", 1)

    async with site.events("/chat.sse", headers={"Last-Event-ID": position}) as reader:
        assert (await reader.event())["data"] == "1"


@pytest.mark.parametrize("last", ["old-1", "x", "-1", "\u00e4"], ids=repr)
async def test_unknown_id_gets_a_reset(live: Live, last: str) -> None:
    """A restart of the server makes ids unknown."""
    site = await live(FILES)
    await site.channels.send("chat", "say", 1)

    async with site.events("/chat.sse", headers={"Last-Event-ID": last}) as reader:
        reset = await reader.event()
        await site.channels.send("chat", "say", 2)
        after = await reader.event()

    assert (reset["event"], reset["data"]) == ("reset", "null")
    assert reset["id"].endswith("-1")
    assert after["data"] == "2"


async def test_id_that_is_older_than_the_buffer_gets_a_reset(live: Live) -> None:
    site = await live(FILES, {"web.channels.replay_events": 2})
    async with site.events("/chat.sse") as reader:
        position = await reader.opened()
    for number in range(3):
        await site.channels.send("chat", "say", number)

    async with site.events("/chat.sse", headers={"Last-Event-ID": position}) as reader:
        assert (await reader.event())["event"] == "reset"


async def test_channel_without_subscribers_is_forgotten_with_its_events(live: Live) -> None:
    """An earlier id gets a reset; a later one does not."""
    site = await live(FILES, {"web.channels.replay_age": 0.001})
    channels = site.channels
    async with site.events("/chat.sse") as reader:
        position = await reader.opened()
    await subscribed(site, 0)
    for number in range(3):
        await channels.send(f"room {number}", "say", number)
        await asyncio.sleep(0.002)
    later = site.subscribers.position

    async with site.events("/chat.sse", headers={"Last-Event-ID": position}) as reader:
        assert (await reader.event())["event"] == "reset"
    async with site.events("/chat.sse", headers={"Last-Event-ID": later}) as reader:
        assert await reader.opened() == later


@pytest.mark.parametrize("handler", ["pass", "return None", "return []"])
async def test_stream_without_channel_is_403(live: Live, handler: str) -> None:
    site = await live({"app/chat.sse/get.py": f"async def get(client): {handler}"})

    async with site.session.get("/chat.sse") as response:
        assert response.status == 403


@pytest.mark.parametrize("returned", ["5", "['a', 1]", "{'a': 1}"])
async def test_stream_of_another_result_is_an_error(
    live: Live, returned: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = await live({"app/chat.sse/get.py": f"async def get(client): return {returned}"})

    async with site.session.get("/chat.sse") as response:
        assert response.status == 500
    assert "it must return the name of a channel" in caplog.text


async def test_stream_receives_channels_of_its_result_and_of_subscribe(live: Live) -> None:
    handler = "async def get(client):\n    client.subscribe('a', 'b')\n    return 'c'"
    site = await live({"app/all.sse/get.py": handler})

    async with site.events("/all.sse"):
        await subscribed(site)
        counts = [site.channels.count(name) for name in ("a", "b", "c", "d")]

    assert counts == [1, 1, 1, 0]


async def test_stream_of_too_many_channels_is_429(live: Live) -> None:
    """The client may have chosen the names of the channels."""
    handler = "async def get(client): client.subscribe(*client.query['names'].split(','))"
    site = await live({"app/a.sse/get.py": handler}, {"web.channels.max_channels": 2})

    async with site.session.get("/a.sse?names=a,b,c") as response:
        assert response.status == 429
    async with site.events("/a.sse?names=a,b,a"):
        await subscribed(site)
    assert site.channels.counts == {"web.channels.max_channels": 1}


async def test_subscribe_in_another_directory_is_an_error(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    site = await live({"app/a.json/get.py": CHAT})

    async with site.session.get("/a.json") as response:
        assert response.status == 500
    assert "call it in a directory .sse or .ws" in caplog.text


async def test_events_for_a_user_reach_only_that_user(live: Live) -> None:
    """In Impress of 2015, channels contained logins, so anonymous clients got global events
    only."""
    site = await live(FILES, users=True)
    send, anonymous = site.channels.send, aiohttp.ClientSession(site.url)
    async with site.session.post("/login/", params={"name": "ada"}) as response:
        assert response.status == 200

    async with (
        anonymous,
        anonymous.get("/chat.sse") as other,
        site.events("/chat.sse") as reader,
    ):
        await subscribed(site, 2)
        await site.channels.send_to_user("ada", "own", 1)
        await site.channels.send_to_user("bob", "own", 2)
        await site.channels.send_global("all", 3)
        await send("chat", "say", 4)
        events = [(await reader.event())["data"] for _ in range(3)]
        lines = (await other.content.readuntil(b"data: 4\n")).decode()

    assert events == ["1", "3", "4"]
    assert "data: 1" not in lines
    assert "data: 3" in lines


@pytest.mark.parametrize("credential", ["session", "bearer"])
async def test_stream_ends_with_the_identity_of_its_client(live: Live, credential: str) -> None:
    site = await live(FILES, users=True)
    params = {"name": "ada", **({"bearer": "1"} if credential == "bearer" else {})}
    async with site.session.post("/login/", params=params) as response:
        token = await response.text()
    headers = {"Authorization": f"Bearer {token}"} if credential == "bearer" else {}

    async with site.events("/chat.sse", headers=headers) as reader:
        await reader.opened()
        async with site.session.post("/logout/", params={"name": "bob"}) as response:
            assert response.status == 200
        assert site.channels.count() == 1
        async with site.session.post("/logout/", params={"name": "ada"}) as response:
            assert response.status == 200
        assert await reader.next() is None

    assert site.channels.count() == 0


async def test_stream_of_an_anonymous_session_ends_when_its_client_logs_in(live: Live) -> None:
    """The browser then connects again, as the user."""
    site = await live(
        {
            **FILES,
            "app/begin/post.py": """
                from bundles.sessions import CurrentSession

                async def post(client, session: CurrentSession):
                    session["cart"] = "tea"
                    return "begun"
                """,
        },
        users=True,
    )
    async with site.session.post("/begin/") as response:
        assert response.status == 200, await response.text()

    async with site.events("/chat.sse") as reader:
        await reader.opened()
        async with site.session.post("/login/", params={"name": "ada"}) as response:
            assert response.status == 200
        assert await reader.next() is None
    async with site.events("/chat.sse") as reader:
        await subscribed(site)
        await site.channels.send_to_user("ada", "own", 1)
        assert (await reader.event())["data"] == "1"


@pytest.mark.parametrize("has_session", [False, True], ids=["new session", "session"])
async def test_stream_of_a_request_that_signs_in_ends_with_the_session(
    live: Live, has_session: bool
) -> None:
    site = await live(SIGNING_IN, users=True)
    if has_session:
        async with site.session.post("/begin/") as response:
            assert response.status == 204

    async with site.events("/in.sse") as reader:
        await subscribed(site)
        await site.channels.send_to_user("ada", "own", 1)
        assert (await reader.event())["data"] == "1"
        async with site.session.post("/out/") as response:
            assert await response.text() == "True"
        await site.channels.send_to_user("ada", "own", 2)
        assert await reader.next() is None

    assert site.channels.count() == 0


async def test_stream_ends_when_the_token_of_its_client_expires(live: Live) -> None:
    site = await live(FILES, {"security.tokens.ttl": 1, "security.tokens.leeway": 0}, users=True)
    params = {"name": "ada", "bearer": "1"}
    async with site.session.post("/login/", params=params) as response:
        headers = {"Authorization": f"Bearer {await response.text()}"}

    async with site.events("/chat.sse", headers=headers) as reader:
        await reader.opened()
        assert await reader.next() is None


# G4
async def test_line_breaks_in_fields_are_escaped_or_rejected(live: Live) -> None:
    site = await live(FILES)
    data = "a\ndata: b\r\rid: 9\n\nevent: x"

    async with site.events("/chat.sse") as reader:
        await reader.opened()
        for name in ("a\nid: 9", "a\rb", "a\0", "", "reset"):
            with pytest.raises(ValueError, match="event"):
                await site.channels.send("chat", name, 1)
        await site.channels.send("chat\nx", "say", 1)
        await site.channels.send("chat", "say", data)
        event = await reader.event()

    assert event.keys() == {"id", "event", "data"}
    assert json.loads(event["data"]) == data
    assert event["id"].endswith("-2")


async def test_send_with_an_invalid_argument_raises_and_sends_nothing(site: Site) -> None:
    await site.start(FILES)
    channels = site.application.injector.get(Channels)
    wrong: Any = 5

    for call in (
        channels.send(wrong, "say"),
        channels.send_to_user(wrong, "say"),
        channels.send("chat", wrong),
        channels.send("chat", "say", object()),
    ):
        with pytest.raises(TypeError):
            await call
    for call in (channels.send("", "say"), channels.send_to_user("", "say")):
        with pytest.raises(ValueError, match="empty"):
            await call

    assert site.application.injector.get(Subscribers).position.endswith("-0")


# G4
async def test_slow_reader_is_closed_and_others_go_on(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    site = await live(FILES, {"web.channels.max_waiting_size": 200_000})
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(b"GET /chat.sse HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    async with site.events("/chat.sse") as other:
        await other.opened()
        await subscribed(site, 2)
        sent = 0
        while site.channels.count() == 2:
            await site.channels.send("chat", "say", "x" * 100_000)
            assert (await other.event())["event"] == "say"
            sent += 1
            assert sent < 1000
        await site.channels.send("chat", "say", "last")
        assert (await other.event())["data"] == '"last"'

    assert site.channels.counts == {"web.channels.max_waiting": 1}
    assert "closed 127.0.0.1: it reads too slowly" in caplog.text
    rest = await reader.read()  # the client reads on: its stream ends
    assert rest.endswith(b"0\r\n\r\n")
    assert rest.count(b"event: say") < sent
    writer.close()


# G4
async def test_client_that_disconnects_in_mid_write_is_removed(live: Live) -> None:
    site = await live(FILES)
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(b"GET /chat.sse HTTP/1.1\r\nHost: a\r\n\r\n")
    await subscribed(site)
    for _ in range(100):
        await site.channels.send("chat", "say", "x" * 9_000)

    writer.transport.abort()

    await subscribed(site, 0)
    assert site.channels.counts == {}


# G4
async def test_a_thousand_idle_streams_get_one_event_and_end_at_the_stop(live: Live) -> None:
    site = await live(
        FILES, {"http.max_connections": 1500, "http.max_connections_per_address": 1500}
    )
    streams = []
    for _ in range(1000):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(b"GET /chat.sse HTTP/1.1\r\nHost: a\r\n\r\n")
        streams.append((reader, writer))
    await subscribed(site, 1000)

    await site.channels.send("chat", "say", "tea")
    for reader, _ in streams:
        assert b'data: "tea"' in await reader.readuntil(b'"tea"\n\n')
    channels = site.channels
    async with asyncio.timeout(20):
        await site.application.stop()
        ends = [await reader.read() for reader, _ in streams]

    assert len(ends) == 1000
    assert channels.count() == 0
    for _, writer in streams:
        writer.close()


async def test_head_of_a_stream_subscribes_no_client(live: Live) -> None:
    site = await live(FILES)

    async with site.session.head("/chat.sse") as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert site.channels.count() == 0


async def test_response_that_is_not_sent_subscribes_no_client(site: Site) -> None:
    client = await site.start({**FILES, "app/chat.sse/end.py": "async def end(client): 1 / 0"})
    channels = site.application.injector.get(Channels)

    assert (await client.http("GET /chat.sse")).status_code == 500
    assert channels.count() == 0


async def test_stream_of_a_test_client_has_events_since_its_response(site: Site) -> None:
    client: KernelClient = await site.start(FILES)
    channels = site.application.injector.get(Channels)
    response = await client.http("GET /chat.sse")
    await channels.send("chat", "say", {"n": 1})

    events = aiter(response.content)
    first: ServerSentEvent = await anext(events)
    await channels.send("chat", "say", {"n": 2})
    second: ServerSentEvent = await anext(events)
    await client.close()

    assert (first.event, first.data, second.data) == ("say", '{"n":1}', '{"n":2}')
    assert channels.count() == 0
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_reload_changes_the_channels_of_later_streams(site: Site) -> None:
    client = await site.start(FILES)
    channels = site.application.injector.get(Channels)
    response = await client.http("GET /chat.sse")
    await anext(aiter(response.content))

    await site.change({"app/chat.sse/get.py": "async def get(client): return 'news'"})
    later = await client.http("GET /chat.sse")
    await anext(aiter(later.content))

    assert (channels.count("chat"), channels.count("news")) == (1, 1)
    await client.close()
