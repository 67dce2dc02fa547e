"""Enables recovery in the broadcaster."""

from injector import inject

from bundles.scale.recovery.memory_recovery import MemoryRecovery
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    Broadcaster,
    ConnectionRecovery,
    Settings,
    observe,
)


class RecoveryListeners:
    @inject
    def __init__(
        self, broadcaster: Broadcaster, recovery: ConnectionRecovery, settings: Settings
    ) -> None:
        self._broadcaster = broadcaster
        self._recovery = recovery
        self._has_workers = settings.http.reuse_port

    @observe(ApplicationEvents.BOOTSTRAP)
    async def use_recovery(self, event: BootstrapEvent) -> None:
        """Attach the recovery to the broadcaster; report a store of one process, if there are
        several workers."""
        if self._has_workers and isinstance(self._recovery, MemoryRecovery):
            event.problems.append(
                'scale.recovery.store is "memory", but a client may reconnect to another worker, '
                'which does not have its state; set scale.recovery.store to "redis"'
            )
        self._broadcaster.recovery = self._recovery
