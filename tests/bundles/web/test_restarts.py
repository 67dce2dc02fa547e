"""A site that is stopped and started again."""

import logging

import pytest

from rxkernel import KernelEvents
from tests.bundles.web.conftest import Site

FILES = {"app/get.py": "async def get(client): return 'root'"}


async def test_restart_leaves_no_listener_of_the_former_start(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"web.slow_time": 1e-9, "web.firewall.max_requests_per_address": 5}
    async with site.served(FILES, options=options):
        application = site.application
        counts = [listeners(site)]
        for _ in range(2):
            await application.stop()
            await application.start()
            counts.append(listeners(site))
        assert counts[0] == counts[1] == counts[2]
        with caplog.at_level(logging.WARNING, "rxkernel.slow"):
            await site.client.http("GET /")
        assert len(caplog.records) == 1


async def test_site_without_limits_has_no_listeners_for_them(site: Site) -> None:
    async with site.served(FILES):
        without = listeners(site)
        await site.stop()
    options = {"web.slow_time": 60.0, "web.firewall.denied": ("192.0.2.1",)}
    async with site.served(FILES, options=options):
        assert listeners(site) == tuple(number + 1 for number in without)


def listeners(site: Site) -> tuple[int, int]:
    """The listeners of the head and of the response of a message."""
    signal = site.application.dispatcher.signal
    head, response = KernelEvents.KERNEL_HEAD, KernelEvents.KERNEL_RESPONSE
    return len(signal(head).active()), len(signal(response).active())
