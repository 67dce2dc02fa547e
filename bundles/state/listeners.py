"""Reports a process whose state is not that of the others."""

from injector import inject

from bundles.state.log import StateLog
from bundles.state.state import State
from rxkernel import ReadinessEvent, ServerEvents, observe


class StateListeners:
    @inject
    def __init__(self, log: StateLog, state: State) -> None:
        self._log = log
        self._state = state  # it is opened at boot, also if nothing else uses it

    @observe(ServerEvents.READINESS)
    async def report(self, event: ReadinessEvent) -> None:
        problem = self._log.problem
        if problem is not None:
            event.fail("state", problem)
