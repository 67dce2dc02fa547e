"""Listeners as pure ASGI middleware, as the manuals of Starlette and Litestar advise for speed."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from benchmarks.http.servers import settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]


class OnRequest:
    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            state = scope.setdefault("state", {})
            state["seen"] = state.get("seen", 0) + 1
        await self.app(scope, receive, send)


class OnResponse:
    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                settings.count(message["status"])
            await send(message)

        await self.app(scope, receive, counted if scope["type"] == "http" else send)


MIDDLEWARES = [OnRequest] * settings.REQUEST_LISTENERS + [OnResponse] * settings.RESPONSE_LISTENERS
"""Each is called with the next application."""
