"""The Socket.IO client of the documentation page, in a browser, against this server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from rxkernel import Application
from tests.browser.docs_windows import OpenDocs
from tests.browser.documented import documented
from tests.serving import serving
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

_CONNECT = """
    const { SocketConnection } = await import("./socket_client.js");
    const events = [], closed = [];
    const connectionTo = (namespace, options = {}) => new SocketConnection({
        url: new URL("/socket.io/", location.href).href,
        namespace,
        onEvent: (event) => events.push(event),
        onClose: (reason) => closed.push(reason),
        ...options,
    });
    const until = async (condition) => {
        while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
"""


@pytest_asyncio.fixture(loop_scope="module")
async def application() -> AsyncIterator[Application]:
    async with serving(documented()) as application:
        yield application


async def run(page: Page, script: str) -> Any:
    """Run *script* in the page, with the client as ``connectionTo(namespace)``."""
    return await page.evaluate(f"async () => {{ {_CONNECT} {script} }}")


async def test_client_event_gets_acknowledgement_and_pushed_event(
    application: Application, open_docs: OpenDocs
) -> None:
    found = await run(
        await open_docs(application),
        """
        const socket = connectionTo("/");
        const id = await socket.connect();
        const body = { title: "Grüße 🌍" };
        const [acknowledgement] = await socket.emit("thing_create", [{ body }], 20000);
        await until(() => events.length);
        socket.disconnect();
        return { hasId: id.length > 0, acknowledgement, events, closed };
        """,
    )

    assert found["hasId"]
    assert found["acknowledgement"]["statusCode"] == 201
    thing = {"id": 1, "title": "Grüße 🌍"}
    assert found["acknowledgement"]["content"] == thing
    event = {"name": "thing_created", "values": [thing], "acknowledge": None}
    assert found["events"] == [event]
    assert found["closed"] == ["disconnected"]


async def test_client_binary_data_is_unchanged_in_both_directions(
    application: Application, open_docs: OpenDocs
) -> None:
    found = await run(
        await open_docs(application),
        """
        const socket = connectionTo("/");
        await socket.connect();
        const small = new Uint8Array([0, 1, 254, 255]), large = new Uint8Array(200_000).fill(7);
        const body = { name: "two", data: [small.buffer, large, new ArrayBuffer(0)], more: null };
        const [{ content }] = await socket.emit("echo", [{ body }], 20000);
        socket.disconnect();
        const [first, second, third] = content.data;
        return {
            name: content.name, more: content.more, first: [...new Uint8Array(first)],
            isLarge: new Uint8Array(second).every((byte) => byte === 7) && second.byteLength,
            third: third.byteLength,
        };
        """,
    )

    assert found == {
        "name": "two",
        "more": None,
        "first": [0, 1, 254, 255],
        "isLarge": 200_000,
        "third": 0,
    }


async def test_client_large_integer_keeps_its_digits(
    application: Application, open_docs: OpenDocs
) -> None:
    found = await run(
        await open_docs(application),
        """
        const { formatJson, parseJson } = await import("./json.js");
        const socket = connectionTo("/");
        await socket.connect();
        const body = parseJson("[9007199254740993, 1.50]");
        const [{ content }] = await socket.emit("echo", [{ body }], 20000);
        socket.disconnect();
        return formatJson(content, 0);
        """,
    )

    assert found == "[9007199254740993,1.5]"


@pytest.mark.parametrize(
    "options",
    ["{ auth: { token: 'open' } }", "{ headers: [['X-Key', 'open']] }"],
    ids=["auth", "header"],
)
async def test_client_credentials_open_namespace(
    application: Application, open_docs: OpenDocs, options: str
) -> None:
    """With headers, the client opens the session by a request and continues over a WebSocket."""
    found = await run(
        await open_docs(application),
        f"""
        const socket = connectionTo("/rooms/tea & milk", {options});
        await socket.connect();
        const event = {{ params: {{ loud: true }} }};
        const [acknowledgement] = await socket.emit("say", [event], 20000);
        socket.disconnect();
        return acknowledgement.content;
        """,
    )

    assert found == {"room": "tea & milk", "loud": True}


async def test_client_rejected_namespace_raises_error_with_body(
    application: Application, open_docs: OpenDocs
) -> None:
    page = await open_docs(application)
    refused = """
        const error = await connectionTo(ARGUMENTS).connect().catch((error) => error);
        return { type: error.constructor.name, message: error.message, data: error.data, closed };
    """

    for arguments in ("'/rooms/tea'", "'/rooms/tea', { headers: [['X-Key', 'wrong']] }"):
        room = await run(page, refused.replace("ARGUMENTS", arguments))
        assert (room["type"], room["message"]) == ("RefusedError", "no room without a token")
        assert (room["data"]["statusCode"], room["data"]["code"]) == (401, "no_token")
        assert room["closed"] == []
    unknown = await run(page, refused.replace("ARGUMENTS", "'/unknown'"))
    assert (unknown["type"], unknown["message"]) == ("RefusedError", "Invalid namespace")
    assert unknown["closed"] == []


async def test_client_call_of_server_can_be_acknowledged(
    application: Application, open_docs: OpenDocs
) -> None:
    found = await run(
        await open_docs(application),
        """
        const socket = connectionTo("/");
        await socket.connect();
        const asked = socket.emit("ask", [], 20000);
        await until(() => events.length);
        events[0].acknowledge("yes");
        const [{ content }] = await asked;
        socket.disconnect();
        return { values: events[0].values, content };
        """,
    )

    assert found == {"values": ["ready?"], "content": "yes"}


async def test_client_disconnected_by_server_reports_reason(
    application: Application, open_docs: OpenDocs
) -> None:
    found = await run(
        await open_docs(application),
        """
        const socket = connectionTo("/");
        await socket.connect();
        await socket.emit("leave", [], 20000).catch(() => null);
        await until(() => closed.length);
        const late = await socket.emit("echo", [], 20000).catch((error) => error.message);
        return { closed, late };
        """,
    )

    assert found == {
        "closed": ["the server disconnected this socket"],
        "late": "the socket is not connected",
    }


async def test_client_after_server_stopped_reports_lost_connection(open_docs: OpenDocs) -> None:
    application = documented()
    await application.start()
    page = await open_docs(application)
    await run(
        page,
        """
        const socket = connectionTo("/");
        await socket.connect();
        window.lost = until(() => closed.length).then(() => closed);
        window.again = () => connectionTo("/").connect().catch((error) => error.message);
        """,
    )

    await application.stop()

    assert await page.evaluate("lost") == ["the server restarts"]
    message = await page.evaluate("again()")
    assert message.startswith("no connection to ws://127.0.0.1:")


async def test_client_without_acknowledgement_in_time_raises_error(
    application: Application, open_docs: OpenDocs
) -> None:
    found = await run(
        await open_docs(application),
        """
        const socket = connectionTo("/");
        await socket.connect();
        const message = await socket.emit("ask", [], 1).catch((error) => error.message);
        socket.disconnect();
        return message;
        """,
    )

    assert found == "no acknowledgement in time"


async def test_client_that_receives_pings_stays_connected(open_docs: OpenDocs) -> None:
    """A client that does not respond is disconnected after two intervals."""
    async with serving(documented(ping_interval=0.05, ping_timeout=20)) as application:
        page = await open_docs(application)
        frames: list[str] = []
        page.on(
            "websocket",
            lambda socket: socket.on("framesent", lambda data: frames.append(str(data))),
        )
        await run(page, "window.socket = connectionTo('/'); await socket.connect();")

        await until(lambda: frames.count("3") >= 3)

        assert await run(page, "return (await socket.emit('echo', [1], 20000))[0].content") == 1
