"""WebSockets of directories ``.ws``, over a real server."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import WSMsgType

from bundles.web import Channels
from rxkernel import KernelEvents, RequestEvent, ResponseEvent, observe
from tests.bundles.web.channels.conftest import Live
from tests.bundles.web.channels.test_event_streams import SIGN_IN, SIGN_OUT, SIGNING_IN
from tests.bundles.web.conftest import Site
from tests.waiting import until

ECHO = """
    async def get(client):
        await client.websocket.accept()
        async for message in client.websocket:
            await client.websocket.send(f"{client.parameters.get('name')}: {message}")
    """

CHAT = """
    async def get(client):
        await client.websocket.accept()
        client.subscribe("chat")
        async for name in client.websocket:
            client.subscribe(name)
    """

FILES = {
    "app/echo.ws/get.py": ECHO,
    "app/chat.ws/get.py": CHAT,
    "app/login/post.py": SIGN_IN,
    "app/logout/post.py": SIGN_OUT,
}


async def test_ws_handler_exchanges_messages(live: Live) -> None:
    site = await live(FILES)

    async with site.websocket("/echo.ws?name=ada") as client:
        await client.send_str("tea")
        assert await client.receive_str(timeout=20) == "ada: tea"
        await client.close()
    assert client.close_code == 1000


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_ws_path_without_handshake_is_an_error(live: Live, method: str) -> None:
    """Impress of 2015 responded with 400."""
    site = await live(FILES)

    async with site.session.request(method, "/echo.ws", allow_redirects=False) as response:
        assert response.status == {"GET": 426, "HEAD": 405}[method]


async def test_ws_path_in_a_test_client_is_426(site: Site) -> None:
    client = await site.start(FILES)

    assert (await client.http("GET /echo.ws")).status_code == 426


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        ("pass", 403),
        ("return 'data'", 403),
        ("return None, 409", 409),
        ("client.error(401, 'who?')", 401),
        ("client.redirect('/else')", 302),
        ("raise LookupError('no tea')", 500),
        ("client.subscribe('chat')", 500),
    ],
    ids=["nothing", "data", "status", "error", "redirect", "exception", "early-subscribe"],
)
async def test_ws_handler_that_does_not_accept_rejects(
    live: Live, handler: str, status: int
) -> None:
    site = await live({"app/a.ws/get.py": f"async def get(client): {handler}"})

    async with site.session.get(
        "/a.ws",
        headers={
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
        allow_redirects=False,
    ) as response:
        assert response.status == status


async def test_ws_stages_run_around_the_life_of_the_socket(live: Live) -> None:
    site = await live(
        {
            "app/request.py": """
                async def request(client):
                    client.context.data["seen"] = ["request"]
                """,
            "app/end.py": "async def end(client): client.context.data['seen'].append('end')",
            "app/lazy.py": """
                async def lazy(client):
                    await client.application.injector.get(Channels).send(
                        "done", "done", client.context.data["seen"]
                    )

                from bundles.web import Channels
                """,
            "app/a.ws/get.py": """
                async def get(client):
                    seen = client.context.data["seen"]
                    await client.websocket.accept()
                    async for message in client.websocket:
                        seen.append(message)
                        await client.websocket.send(str(seen))
                """,
            "app/done.sse/get.py": "async def get(client): return 'done'",
        }
    )

    async with site.session.get("/done.sse") as stream:
        async with site.websocket("/a.ws") as client:
            await client.send_str("tea")
            assert await client.receive_str(timeout=20) == "['request', 'tea']"
        line = await stream.content.readuntil(b'"end"]\n')

    assert b'data: ["request","tea","end"]' in line


async def test_ws_listeners_see_the_handshake_once(live: Live) -> None:
    seen: list[Any] = []

    class Phases:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def request(self, event: RequestEvent) -> None:
            seen.append(event.request.route_name)

        @observe(KernelEvents.KERNEL_RESPONSE)
        async def response(self, event: ResponseEvent) -> None:
            seen.append(event.response.status_code)

    site = await live(FILES, listeners=[Phases()])

    async with site.websocket("/echo.ws") as client:
        await client.send_str("tea")
        await client.receive_str(timeout=20)

    assert seen == ["GET /echo.ws", 101]


async def test_ws_timeout_of_the_contract_ends_at_accept(live: Live) -> None:
    """The second call begins later. If the first timeout had continued, it would have expired
    before the second."""
    site = await live(
        {
            "app/a.ws/get.py": """
                import asyncio

                timeout = 1

                async def get(client):
                    if "late" in client.query:
                        await asyncio.Event().wait()
                    await client.websocket.accept()
                    await client.websocket.send(await client.websocket.receive())
                """
        }
    )

    async with site.websocket("/a.ws") as client:
        assert await site.rejected("/a.ws?late=1") == 408
        await client.send_str("tea")
        assert await client.receive_str(timeout=20) == "tea"


async def test_ws_exception_after_accept_closes_with_1011(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    handler = """
        async def get(client):
            await client.websocket.accept()
            raise LookupError("no tea")
        """
    site = await live({"app/a.ws/get.py": handler})

    async with site.websocket("/a.ws") as client:
        assert (await client.receive(timeout=20)).data == 1011
    assert "no tea" in caplog.text


async def test_ws_stop_of_the_server_closes_with_1001(live: Live) -> None:
    site = await live(FILES)

    async with site.websocket("/chat.ws") as client:
        await until(lambda: site.channels.count() == 1)
        stopping = asyncio.create_task(site.application.stop())
        closed = await client.receive(timeout=20)
        await stopping

    assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1001)


async def test_ws_subscriber_receives_events_as_json(live: Live) -> None:
    site = await live(FILES)

    async with site.websocket("/chat.ws") as client:
        await until(lambda: site.channels.count("chat") == 1)
        await client.send_str("news")
        await until(lambda: site.channels.count("news") == 1)
        await site.channels.send("chat", "say", {"text": "t\u00e9a"})
        await site.channels.send("other", "say", 1)
        await site.channels.send("news", "add", 2)
        await site.channels.send_global("all", None)
        messages = [await client.receive_json(timeout=20) for _ in range(3)]
    await until(lambda: site.channels.count() == 0)

    run = messages[0]["id"].removesuffix("-1")
    assert messages == [
        {"event": "say", "data": {"text": "t\u00e9a"}, "id": f"{run}-1"},
        {"event": "add", "data": 2, "id": f"{run}-3"},
        {"event": "all", "data": None, "id": f"{run}-4"},
    ]


async def test_ws_subscriber_gets_missed_events(live: Live) -> None:
    site = await live(FILES)
    await site.channels.send("chat", "say", 1)
    last = site.subscribers.position
    await site.channels.send("chat", "say", 2)

    async with site.websocket(f"/chat.ws?lastEventId={last}") as client:
        assert (await client.receive_json(timeout=20))["data"] == 2
    async with site.websocket("/chat.ws?lastEventId=old") as client:
        assert (await client.receive_json(timeout=20))["event"] == "reset"
    async with site.websocket("/chat.ws") as client:
        await until(lambda: site.channels.count("chat") == 1)
        await site.channels.send("chat", "say", 3)
        assert (await client.receive_json(timeout=20))["data"] == 3


async def test_ws_that_subscribes_to_too_many_channels_fails(live: Live) -> None:
    site = await live(FILES, {"web.channels.max_channels": 2})

    async with site.websocket("/chat.ws") as client:
        for name in ("chat", "news", "news", "more"):
            await client.send_str(name)
        assert (await client.receive(timeout=20)).data == 1011
    assert site.channels.counts == {"web.channels.max_channels": 1}


async def test_ws_that_reads_slowly_is_closed(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    site = await live(FILES, {"web.channels.max_waiting_size": 200_000})

    async with site.websocket("/chat.ws", max_msg_size=0) as client:
        await until(lambda: site.channels.count() == 1)
        sent = 0
        while site.channels.count() == 1:
            await site.channels.send("chat", "say", "x" * 200_000)
            await asyncio.sleep(0)
            sent += 1
            assert sent < 1000
        received = 0
        while (await client.receive(timeout=20)).type is WSMsgType.TEXT:
            received += 1

    assert 0 < received < sent
    assert site.channels.counts == {"web.channels.max_waiting": 1}


async def test_ws_whose_client_disconnects_in_mid_write_is_removed(live: Live) -> None:
    handler = """
        async def get(client):
            await client.websocket.accept()
            client.subscribe("chat")
            async for message in client.websocket:
                pass
        """
    site = await live({"app/a.ws/get.py": handler})
    client = await site.websocket("/a.ws", max_msg_size=0)
    await until(lambda: site.channels.count() == 1)

    connection = client._response.connection
    assert connection is not None
    assert connection.transport is not None
    for _ in range(60):
        await site.channels.send("chat", "say", "x" * 15_000)
    connection.transport.abort()

    await until(lambda: site.channels.count() == 0)
    assert site.channels.counts == {}
    await client.close()


async def test_ws_whose_handler_returns_while_events_wait_is_closed(live: Live) -> None:
    handler = """
        async def get(client):
            await client.websocket.accept()
            client.subscribe("chat")
            await client.websocket.receive()
        """
    site = await live({"app/a.ws/get.py": handler})

    async with site.websocket("/a.ws", max_msg_size=0) as client:
        await until(lambda: site.channels.count() == 1)
        for _ in range(60):
            await site.channels.send("chat", "say", "x" * 15_000)
        await client.send_str("enough")
        while (closed := await client.receive(timeout=20)).type is WSMsgType.TEXT:
            pass

    assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1000)
    assert site.channels.count() == 0


async def test_ws_id_of_the_last_event_is_not_a_parameter_of_the_contract(live: Live) -> None:
    handler = """
        parameters = {"room": "string"}

        async def get(client):
            await client.websocket.accept()
            await client.websocket.send(str(client.parameters))
            client.subscribe(client.parameters["room"])
            await client.websocket.receive()
        """
    site = await live({"app/room.ws/get.py": handler})
    await site.channels.send("x", "say", 1)
    last = site.subscribers.position
    await site.channels.send("x", "say", 2)

    async with site.websocket(f"/room.ws?room=x&lastEventId={last}") as client:
        assert await client.receive_str(timeout=20) == "{'room': 'x'}"
        assert (await client.receive_json(timeout=20))["data"] == 2
    assert await site.rejected("/room.ws?room=x&lastEvent=1") == 422


@pytest.mark.parametrize("path", ["/chat.ws", "/echo.ws"])
async def test_ws_is_closed_with_the_identity_of_its_client(live: Live, path: str) -> None:
    """This includes a WebSocket without channels."""
    site = await live(FILES, users=True)
    async with site.session.post("/login/", params={"name": "ada"}) as response:
        assert response.status == 200

    async with site.websocket(path) as client:
        async with site.session.post("/logout/", params={"name": "ada"}) as response:
            assert response.status == 200
        closed = await client.receive(timeout=20)

    assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1008)
    assert "identity" in closed.extra
    await until(lambda: site.channels.count() == 0)


@pytest.mark.parametrize("path", ["/in.ws", "/in.ws?quiet="], ids=["channels", "no channels"])
@pytest.mark.parametrize("has_session", [False, True], ids=["new session", "session"])
async def test_ws_of_a_request_that_signs_in_is_closed_with_the_session(
    live: Live, path: str, has_session: bool
) -> None:
    site = await live(SIGNING_IN, users=True)
    if has_session:
        async with site.session.post("/begin/") as response:
            assert response.status == 204

    async with site.websocket(path) as client:
        if path == "/in.ws":
            await until(lambda: site.channels.count() == 1)
            await site.channels.send_to_user("ada", "own", 1)
            assert (await client.receive_json(timeout=20))["data"] == 1
        async with site.session.post("/out/") as response:
            assert await response.text() == "True"
        closed = await client.receive(timeout=20)

    assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1008)
    await until(lambda: site.channels.count() == 0)


@pytest.mark.parametrize("has_session", [False, True], ids=["new session", "session"])
async def test_ws_that_signs_in_after_accept_fails(
    live: Live, has_session: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The cookie of a session is sent with the handshake."""
    handler = """
        from tests.bundles.web.channels.conftest import Account

        async def get(client):
            await client.websocket.accept()
            await client.sign_in(Account("ada"))
        """
    site = await live({**SIGNING_IN, "app/late.ws/get.py": handler}, users=True)
    if has_session:
        async with site.session.post("/begin/") as response:
            assert response.status == 204

    async with site.websocket("/late.ws") as client:
        closed = await client.receive(timeout=20)

    assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1011)
    assert "await client.sign_in(user) before await client.websocket.accept()" in caplog.text


async def test_ws_that_signs_in_and_is_not_accepted_is_rejected(live: Live) -> None:
    handler = SIGNING_IN["app/in.ws/get.py"].replace("await client.websocket.accept()", "return")
    site = await live({"app/in.ws/get.py": handler}, users=True)

    assert await site.rejected("/in.ws") == 403


async def test_ws_whose_identity_ends_before_accept_is_rejected(live: Live) -> None:
    handler = """
        from bundles.security import Security

        async def get(client, security: Security):
            await security.logout(client.user)
            await client.websocket.accept()
        """
    site = await live({**FILES, "app/a.ws/get.py": handler}, users=True)
    async with site.session.post("/login/", params={"name": "ada"}) as response:
        assert response.status == 200

    assert await site.rejected("/a.ws") == 403


async def test_ws_reload_adds_changes_and_removes_directories(live: Live, site: Site) -> None:
    served = await live(FILES)
    assert await served.rejected("/new.ws") == 404

    async with served.websocket("/echo.ws") as old:
        await site.change({"app/new.ws/get.py": ECHO.replace("{message}", "new {message}")})
        async with served.websocket("/new.ws") as client:
            await client.send_str("tea")
            assert await client.receive_str(timeout=20) == "None: new tea"
        await site.change({}, ("app/new.ws/get.py", "app/echo.ws/get.py"))

        assert await served.rejected("/new.ws") == 404
        assert await served.rejected("/echo.ws") == 404
        await old.send_str("tea")
        assert await old.receive_str(timeout=20) == "None: tea"


async def test_ws_of_another_origin_is_403(live: Live) -> None:
    site = await live(FILES)

    assert await site.rejected("/echo.ws", headers={"Origin": "https://b.example"}) == 403


async def test_ws_events_in_a_service_are_sent_to_both_kinds_of_clients(live: Live) -> None:
    """A handler injects `Channels`."""
    handler = """
        from bundles.web import Channels

        async def post(client, channels: Channels):
            await channels.send("chat", "say", client.parameters)
            return channels.count("chat")
        """
    files = {
        **FILES,
        "app/chat.sse/get.py": "async def get(client): return 'chat'",
        "app/say.json/post.py": handler,
    }
    site = await live(files)
    assert isinstance(site.channels, Channels)

    async with site.websocket("/chat.ws") as client, site.events("/chat.sse") as reader:
        await until(lambda: site.channels.count() == 2)
        async with site.session.post("/say.json", json={"text": "tea"}) as response:
            assert await response.json(content_type=None) == 2
        message = await client.receive_json(timeout=20)
        event = await reader.event()

    assert message["data"] == json.loads(event["data"]) == {"text": "tea"}
    assert message["id"] == event["id"]


@pytest.mark.parametrize("returned", ["'chat'", "{'error': 403}"], ids=["text", "data"])
async def test_error_handler_responds_in_directories_sse_and_ws(live: Live, returned: str) -> None:
    """The text of the error handler is not the name of a channel."""
    site = await live(
        {
            "app/error.py": f"async def error(client): return {returned}",
            "app/a.sse/get.py": "async def get(client): pass",
            "app/a.ws/get.py": "async def get(client): pass",
        }
    )
    expected = {"'chat'": "chat", "{'error': 403}": '{"error":403}'}[returned]

    async with site.session.get("/a.sse") as response:
        assert (response.status, await response.text()) == (403, expected)
    async with site.session.get("/a.ws") as response:
        assert (response.status, await response.text()) == (426, expected)
        assert response.headers["Upgrade"] == "websocket"
    assert await site.rejected("/a.ws") == 403


async def test_ws_headers_and_session_before_accept_are_sent_with_the_handshake(
    live: Live,
) -> None:
    handler = """
        from bundles.sessions import CurrentSession

        async def get(client, session: CurrentSession):
            client.headers["X-Room"] = "tea"
            session["cart"] = "tea"
            await client.websocket.accept(headers={"X-Own": "1"})
            await client.websocket.send(session["cart"])
        """
    site = await live({"app/a.ws/get.py": handler})

    async with site.websocket("/a.ws") as client:
        headers = client._response.headers
        assert (headers["X-Room"], headers["X-Own"]) == ("tea", "1")
        assert headers["Set-Cookie"].startswith("sid=")
        assert await client.receive_str(timeout=20) == "tea"


async def test_ws_middleware_wraps_the_handler(live: Live) -> None:
    site = await live(
        {
            "app/request.py": """
                async def middleware(request, next):
                    if "block" in request.params:
                        from rxkernel import Response
                        return Response("blocked", 409)
                    return await next(request)
                """,
            "app/echo.ws/get.py": ECHO,
        }
    )

    assert await site.rejected("/echo.ws?block=1") == 409
    async with site.websocket("/echo.ws?name=ada") as client:
        await client.send_str("tea")
        assert await client.receive_str(timeout=20) == "ada: tea"
