"""Fixtures for the tests of an application.

Enable them in ``conftest.py``: ``pytest_plugins = ["rxkernel.application.pytest_plugin"]``.
They need pytest-asyncio (``pip install 'rxkernel[test]'``).
"""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest_asyncio

from rxkernel.application.application import Application
from rxkernel.application.testing import KernelClient


class ClientOf(Protocol):
    """Makes a client of an application, or of one made of controllers and other parts."""

    def __call__(self, *parts: Any, **options: Any) -> KernelClient: ...


@pytest_asyncio.fixture
async def client_of() -> AsyncIterator[ClientOf]:
    """``client_of(application)`` or ``client_of(Controller, …, listeners=[…], modules=[…])``.

    Each application is shut down when the test ends.
    """
    clients: list[KernelClient] = []

    def make(*parts: Any, **options: Any) -> KernelClient:
        given = len(parts) == 1 and isinstance(parts[0], Application)
        application = parts[0] if given else Application(controllers=parts, **options)
        clients.append(KernelClient(application))
        return clients[-1]

    yield make
    for client in reversed(clients):
        await client.close()
