"""Applications with a state, in memory or in a redis-server."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bundles.redis import RedisBundle, RedisSettings
from bundles.state import State, StateBundle, StateSettings
from bundles.state.log import StateLog
from rxkernel import Application, HttpSettings, Settings
from tests.bundles.redis_servers import RedisServer

StateOf = Callable[..., Any]


class Site:
    """The state of one process of an application."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.state = application.injector.get(State)
        self.log = application.injector.get(StateLog)  # type: ignore[type-abstract]


def application_on(
    server: RedisServer | None,
    *,
    user: str = "",
    prefix: str = "",
    command_timeout: float = 0.5,
    **state: Any,
) -> Application:
    """*user* is the user and the password for Redis, as ``"ada:secret@"``."""
    settings: dict[str, Any] = {"state": StateSettings(**state)}
    if server is not None:
        url = server.url.replace("//", f"//{user}")
        settings["state"] = StateSettings(store="redis", **state)
        settings["redis"] = RedisSettings(
            url=url, prefix=prefix, connect_timeout=0.5, command_timeout=command_timeout
        )
    return Application(
        bundles=[RedisBundle, StateBundle] if server is not None else [StateBundle],
        settings=Settings(health=True, http=HttpSettings(port=0), bundles=settings),
    )


@pytest.fixture
async def site_of() -> AsyncIterator[StateOf]:
    """``await site_of(server, prefix=…)`` boots an application; without a server its state is in
    memory."""
    async with AsyncExitStack() as stack:

        async def boot(server: RedisServer | None = None, **state: Any) -> Site:
            application = await stack.enter_async_context(application_on(server, **state))
            return Site(application)

        yield boot
