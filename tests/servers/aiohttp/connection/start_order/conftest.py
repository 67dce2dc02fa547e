"""What is sent past the loop is tested under both loops."""

from asyncio import AbstractEventLoop, new_event_loop
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Every asynchronous test of this folder runs once under each."""
    return {"asyncio": new_event_loop, "uvloop": uvloop.new_event_loop}
