"""What the bundle adds to an application."""

from injector import Binder, inject, singleton

from bundles.redis_backend import redis_backend
from bundles.state.listeners import StateListeners
from bundles.state.log import StateLog
from bundles.state.memory_log import MemoryLog
from bundles.state.settings import StateSettings
from bundles.state.state import State
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    ConfigurationError,
    Settings,
    observe,
)


class StateBundle(Bundle):
    """Values that all processes of an application share."""

    name = "state"
    after = ("redis",)
    listeners = (StateListeners,)
    settings_class = StateSettings
    provides = (State,)

    @inject
    def __init__(self, settings: StateSettings, application: Settings) -> None:
        self._settings = settings
        self._has_workers = application.http.reuse_port

    def configure(self, binder: Binder) -> None:
        binder.bind(StateLog, to=self._log(binder), scope=singleton)  # type: ignore[type-abstract]
        binder.bind(State, scope=singleton)

    @observe(ApplicationEvents.BOOTSTRAP)
    async def check_store(self, event: BootstrapEvent) -> None:
        """Report a store of one process, if there are several workers."""
        log = event.injector.get(StateLog)  # type: ignore[type-abstract]
        if self._has_workers and isinstance(log, MemoryLog):
            event.problems.append(
                'state.store is "memory", which other workers do not see; set it to "redis"'
            )

    def _log(self, binder: Binder) -> type[StateLog]:
        if self._settings.store == "redis":
            if self._settings.file is not None:
                raise ConfigurationError(
                    'state.file is set, and state.store is "redis", which keeps the state itself; '
                    "remove one of them"
                )
            place = "bundles.state.redis_log:RedisLog"
            log: type[StateLog] = redis_backend(binder, "state.store", '["redis", "state"]', place)
            return log
        return MemoryLog
