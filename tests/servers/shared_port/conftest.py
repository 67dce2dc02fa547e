"""Tests that depend on the event loop run with asyncio and uvloop."""

from asyncio import AbstractEventLoop, new_event_loop
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Every asynchronous test of this folder runs once with each event loop."""
    return {"asyncio": new_event_loop, "uvloop": uvloop.new_event_loop}
