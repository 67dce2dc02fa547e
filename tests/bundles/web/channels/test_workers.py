"""Channels of a site with several workers: each process has its own, so boot warns."""

import pytest

from tests.bundles.web.conftest import Site

FILES = {
    "app/news.sse/get.py": "async def get(client): return 'news'",
    "app/chat.ws/get.py": "async def get(client): await client.websocket.accept()",
    "app/a.json/get.py": "async def get(client): return 1",
}

SHARED = {"sessions.store": "sqlite", "security.tokens.store": "sqlite", "socketio.enabled": False}

WARNING = "get the events of their own worker only"


@pytest.mark.parametrize("has_workers", [True, False])
async def test_channels_with_several_workers_are_a_warning(
    site: Site, caplog: pytest.LogCaptureFixture, has_workers: bool
) -> None:
    options = {**SHARED, "http.reuse_port": has_workers}
    options["sessions.file"] = str(site.root.parent / "sessions.db")
    options["security.tokens.store_file"] = str(site.root.parent / "tokens.db")

    async with site.served(FILES, options=options):
        assert (WARNING in caplog.text) is has_workers
        assert ("/chat.ws, /news.sse: subscribers to channels" in caplog.text) is has_workers
        caplog.clear()
        await site.change({"app/a.json/get.py": "async def get(client): return 2"})
        assert WARNING not in caplog.text
        await site.change({"app/more.sse/get.py": "async def get(client): return 'more'"})
        assert ("/more.sse: subscribers" in caplog.text) is has_workers
        assert "/chat.ws, " not in caplog.text
