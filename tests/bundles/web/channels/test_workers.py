"""Channels of a site with several workers: each process has its own, so boot warns."""

import pytest

from rxkernel import ConfigurationError
from tests.bundles.web.conftest import Site

FILES = {
    "app/news.sse/get.py": "async def get(client): return 'news'",
    "app/chat.ws/get.py": "async def get(client): await client.websocket.accept()",
    "app/a.json/get.py": "async def get(client): return 1",
}

SHARED = {"sessions.store": "sqlite", "security.tokens.store": "sqlite", "socketio.enabled": False}

WARNING = "get only the events of their own worker"


@pytest.mark.parametrize("has_workers", [True, False])
async def test_channels_with_several_workers_are_a_warning(
    site: Site, caplog: pytest.LogCaptureFixture, has_workers: bool
) -> None:
    options = {**SHARED, "http.reuse_port": has_workers}
    options["sessions.file"] = str(site.root.parent / "sessions.db")
    options["security.tokens.store_file"] = str(site.root.parent / "tokens.db")

    async with site.served(FILES, options=options):
        assert 'set web.channels.store to "redis"' in caplog.text or not has_workers
        assert (WARNING in caplog.text) is has_workers
        assert ("/chat.ws, /news.sse: subscribers to channels" in caplog.text) is has_workers
        caplog.clear()
        await site.change({"app/a.json/get.py": "async def get(client): return 2"})
        assert WARNING not in caplog.text
        await site.change({"app/more.sse/get.py": "async def get(client): return 'more'"})
        assert ("/more.sse: subscribers" in caplog.text) is has_workers
        assert "/chat.ws, " not in caplog.text


async def test_channels_in_redis_with_several_workers_boot_without_warning(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Boot does not need Redis."""
    options = {"http.reuse_port": True, "redis.url": "redis://127.0.0.1:1/0"}
    options |= dict.fromkeys(("sessions.store", "security.tokens.store"), "redis")
    options |= {"socketio.enabled": False, "web.channels.store": "redis"}

    async with site.served(FILES, options=options, bundles=["redis"]):
        assert WARNING not in caplog.text
    assert "Redis cannot be used" in caplog.text


async def test_channels_in_redis_without_the_bundle_are_an_error_of_boot(site: Site) -> None:
    with pytest.raises(ConfigurationError, match="the bundle 'redis' is not enabled"):
        async with site.served(FILES, options={"web.channels.store": "redis"}):
            pass
