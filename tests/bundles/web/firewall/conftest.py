"""Sites whose handlers wait until a test continues them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.bundles.web.channels.conftest import live as live


class Gate:
    """The event for which the handlers of a site wait."""

    def __init__(self) -> None:
        self.waiting = 0
        self._opened = asyncio.Event()

    async def wait(self) -> None:
        self.waiting += 1
        try:
            await self._opened.wait()
        finally:
            self.waiting -= 1

    def open(self) -> None:
        self._opened.set()


gate = Gate()
"""The gate of the running test, for the handlers."""


@pytest.fixture
async def closed() -> AsyncIterator[Gate]:
    """The gate; the handlers wait for ``gate.open()``."""
    gate.__init__()  # type: ignore[misc]
    yield gate
    gate.open()


WAITING = """
    from tests.bundles.web.firewall.conftest import gate

    async def get(client):
        await gate.wait()
        return "done"
    """

FILES = {
    "app/slow/get.py": WAITING,
    "app/slow/post.py": WAITING.replace("get(", "post("),
    "app/get.py": "async def get(client): return 'home'",
    "app/style.css": "p {}",
    "app/fails/get.py": "async def get(client): raise RuntimeError('no')",
    "app/late/get.py": """
        import asyncio

        timeout = 0.01

        async def get(client):
            await asyncio.Event().wait()
        """,
    "app/session/post.py": "async def post(client): client.session['a'] = 1",
    "app/news.sse/get.py": "async def get(client): return 'news'",
    "app/talk.ws/get.py": """
        async def get(client):
            await client.websocket.accept()
            await client.websocket.receive()
        """,
    "app/block/post.py": "async def post(client): client.block(60)",
}


def of(address: str) -> dict[str, str]:
    """The headers of a request of the client *address*, through a trusted proxy."""
    return {"X-Forwarded-For": address}


PROXY = {"http.trusted_proxies": ["127.0.0.1"]}
