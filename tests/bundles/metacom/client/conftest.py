"""Servers that a test controls, and the packets that clients send to them."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import WSCloseCode, WSMsgType, web

Script = Callable[["Peer"], Awaitable[None]]
Scripted = Callable[..., Awaitable[str]]
"""``url = await scripted(script)``; other arguments are those of the `WebSocketResponse`."""


class Peer:
    """The server's side of one WebSocket.

    Attributes:
        number: counts the connections, from 1.
    """

    def __init__(self, websocket: web.WebSocketResponse, number: int) -> None:
        self.websocket = websocket
        self.number = number

    async def receive(self) -> Any:
        """Return the next message: a packet, or bytes."""
        message = await self.websocket.receive(timeout=20)
        if message.type is WSMsgType.BINARY:
            return message.data
        assert message.type is WSMsgType.TEXT, message
        return json.loads(message.data)

    async def send(self, packet: Any) -> None:
        """Send *packet*: text and bytes unchanged, any other value as JSON."""
        if isinstance(packet, bytes):
            await self.websocket.send_bytes(packet)
        else:
            text = packet if isinstance(packet, str) else json.dumps(packet)
            await self.websocket.send_str(text)

    async def respond(self, call: Any, result: Any = None) -> None:
        """Send the callback of *call*."""
        await self.send({"type": "callback", "id": call["id"], "result": result})

    async def event(self, name: str, data: Any) -> None:
        await self.send({"type": "event", "name": name, "data": data})

    async def close(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        await self.websocket.close(code=code, message=b"the script")

    async def wait(self) -> None:
        """Wait until the client has closed the connection."""
        while (await self.websocket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            pass

    async def calls(self) -> AsyncIterator[Any]:
        """Iterate over the packets of the client, until it closes the connection."""
        while (message := await self.websocket.receive()).type is WSMsgType.TEXT:
            yield json.loads(message.data)

    async def echo(self) -> None:
        """Respond to each call with its method. The method ``a/break`` ends the script."""
        async for call in self.calls():
            if call["method"] == "a/break":
                return
            await self.respond(call, call["method"])


async def serve(stack: AsyncExitStack, application: web.Application, port: int = 0) -> int:
    """Serve *application* until *stack* is closed, and return the port."""
    runner = web.AppRunner(application, shutdown_timeout=0.01)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return int(runner.addresses[0][1])


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """Serve WebSockets; each runs the script, and is closed at its end."""
    async with AsyncExitStack() as stack:
        failures: list[BaseException] = []

        async def start(script: Script, **options: Any) -> str:
            number = 0

            async def handle(request: web.Request) -> web.WebSocketResponse:
                nonlocal number
                number += 1
                websocket = web.WebSocketResponse(max_msg_size=0, **options)
                await websocket.prepare(request)
                try:
                    await script(Peer(websocket, number))
                except AssertionError as exc:
                    failures.append(exc)
                return websocket

            application = web.Application()
            application.router.add_get("/", handle)
            return f"ws://127.0.0.1:{await serve(stack, application)}/"

        yield start
    assert not failures
