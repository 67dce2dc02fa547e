"""Lets clients recover."""

from injector import inject

from rxkernel import ApplicationEvents, BootstrapEvent, Broadcaster, ConnectionRecovery, observe


class RecoveryListeners:
    @inject
    def __init__(self, broadcaster: Broadcaster, recovery: ConnectionRecovery) -> None:
        self._broadcaster = broadcaster
        self._recovery = recovery

    @observe(ApplicationEvents.BOOTSTRAP)
    async def use_recovery(self, event: BootstrapEvent) -> None:
        self._broadcaster.recovery = self._recovery
