"""Fixtures for the tests of an application.

Enable them in ``conftest.py``: ``pytest_plugins = ["rxkernel.pytest_plugin"]``.
They need pytest-asyncio (the extra ``test``).
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import pytest_asyncio

from rxkernel.application.application import Application
from rxkernel.application.client_settings import option_names
from rxkernel.application.overrides import Overrides
from rxkernel.application.testing import KernelClient


class ClientOf(Protocol):
    """Returns a client of an application, or of controllers and other parts."""

    def __call__(
        self,
        *parts: Any,
        overrides: Overrides | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        **options: Any,
    ) -> KernelClient: ...


@pytest_asyncio.fixture
async def client_of() -> AsyncIterator[ClientOf]:
    """``client_of(application)`` or ``client_of(Controller, …, listeners=[…], modules=[…])``.

    Both accept the arguments of `KernelClient` too, among them the test options of bundles. Each
    application is shut down when the test ends.
    """
    clients: list[KernelClient] = []

    def make(
        *parts: Any,
        overrides: Overrides | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        **options: Any,
    ) -> KernelClient:
        if len(parts) == 1 and isinstance(parts[0], Application):
            application, of_bundles = parts[0], options
            known = option_names(application.bundles) if options else []
            if unknown := [name for name in options if name not in known]:
                raise TypeError(
                    f"client_of(application) has no argument {', '.join(unknown)}: no bundle of "
                    f"the application has such a test option; pass parts to Application(…)"
                )
        else:
            names = option_names(options.get("bundles", ()))
            of_bundles = {name: options.pop(name) for name in names if name in options}
            application = Application(controllers=parts, **options)
        client = KernelClient(
            application, overrides=overrides, headers=headers, cookies=cookies, **of_bundles
        )
        clients.append(client)
        return client

    yield make
    for client in reversed(clients):
        await client.close()
