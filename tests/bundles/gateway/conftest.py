"""Applications with a broker, for tests without a port."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bundles.gateway import Broker, GatewayBundle, GatewaySettings, Retries
from rxkernel import Application, KernelClient, Settings
from tests.bundles.gateway.pauses import Pauses

SiteOf = Callable[..., Any]


class Site:
    """A running application.

    Attributes:
        pauses: the pauses between attempts.
    """

    def __init__(self, client: KernelClient, pauses: Pauses) -> None:
        self.client = client
        self.pauses = pauses
        self.application = client.application

    @property
    def broker(self) -> Broker:
        return self.application.injector.get(Broker)


@pytest.fixture
async def site_of() -> AsyncIterator[SiteOf]:
    """Start an application with the bundle; it is stopped at the end of the test."""
    async with AsyncExitStack() as stack:

        async def start(
            *controllers: Any,
            listeners: tuple[Any, ...] = (),
            modules: tuple[Any, ...] = (),
            bundles: tuple[Any, ...] = (GatewayBundle,),
            shutdown_timeout: float = 5.0,
            **settings: Any,
        ) -> Site:
            pauses = Pauses()
            application = Application(
                bundles=bundles,
                controllers=controllers,
                listeners=listeners,
                modules=modules,
                settings=Settings(
                    shutdown_timeout=shutdown_timeout,
                    bundles={"gateway": GatewaySettings(node_id="node-1", **settings)},
                ),
            )
            client = KernelClient(application, overrides={Retries: pauses})
            await stack.enter_async_context(client)
            return Site(client, pauses)

        yield start
