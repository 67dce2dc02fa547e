"""A counter that all browsers see, in all workers."""

from typing import Any

from injector import inject

from bundles.security import access
from bundles.state import State
from rxkernel import Broadcaster, both, pushes

_PATH = "counter"


@access("public")
class CounterController:
    """Each worker sends the shared number to its own sockets when it has changed."""

    @inject
    def __init__(self, state: State, broadcaster: Broadcaster) -> None:
        self._state = state
        self._broadcaster = broadcaster
        state.subscribe(_PATH, self._push)

    @both("GET", "/counter/value", "counter_show")
    async def show(self) -> int:
        """Return the number of clicks so far."""
        return int(self._state.get(_PATH, 0))

    @both("POST", "/counter/value", "counter_increment")
    @pushes("counter_changed", int)
    async def increment(self) -> int:
        """Count one click, and return the number that this worker knows then.

        All sockets receive ``counter_changed`` with the number.
        """
        return int(self._state.increment(_PATH))

    async def _push(self, path: str, value: Any, is_remote: bool) -> None:
        await self._broadcaster.emit("counter_changed", value or 0, local=True)
