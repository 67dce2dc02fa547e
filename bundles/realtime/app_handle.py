"""`AppHandle`: the interface to the application for every component."""

import logging
from collections.abc import Sequence
from typing import Any

from injector import Injector, inject

from bundles.realtime.log_level import LogLevel
from bundles.realtime.manager_names import ManagerNames
from bundles.realtime.settings import RealtimeSettings
from rxkernel import Broadcaster, Kernel, Settings

logger = logging.getLogger(__name__)


def write_log(level: LogLevel, verbose: LogLevel, text: str) -> None:
    """Log *text* if *level* is at least as important as *verbose*."""
    if level <= verbose:
        logger.log(level.of_logging, "%s", text)


class AppHandle:
    """Sends events and writes to the log. Each manager is an attribute, by its name.

    Attributes:
        verbose: the least important level that `log` logs.
    """

    @inject
    def __init__(
        self,
        injector: Injector,
        broadcaster: Broadcaster,
        kernel: Kernel,
        names: ManagerNames,
        application: Settings,
        settings: RealtimeSettings,
    ) -> None:
        self._injector = injector
        self._broadcaster = broadcaster
        self._kernel = kernel
        self._managers = names
        self._namespaces = application.socketio.namespaces
        self.verbose = LogLevel.of(settings.verbose)

    def __getattr__(self, name: str) -> Any:
        """Return the manager *name*; build it if necessary.

        Raises:
            AttributeError: the manager *name* does not exist.
        """
        if name.startswith("_"):
            raise AttributeError(name)
        manager = self.__dict__[name] = self._injector.get(self._managers.find(name))
        return manager

    def log(self, level: LogLevel | int | str, text: str) -> None:
        """Log *text* if *level* is at least as important as `verbose`.

        Raises:
            ValueError: *level* is invalid.
        """
        write_log(LogLevel.of(level), self.verbose, text)

    async def send(
        self,
        event: str,
        data: Any = None,
        *,
        namespace: str = "/",
        room: str | Sequence[str] | None = None,
        sid: str | None = None,
    ) -> bool:
        """Send *event* to the connection *sid*, or else to the connections in *room*, or else to
        all connections of *namespace*.

        Returns:
            False if the namespace does not exist, if *sid* is not connected to it, or if
            another process could not be reached.
        """
        namespace = "/" + namespace.removeprefix("/")
        if not self._is_served(namespace):
            return False
        if sid is not None:
            if not await self._broadcaster.connections(sid, namespace):
                return False
            room = sid
        return await self._broadcaster.emit(event, data, room=room, namespace=namespace)

    def _is_served(self, namespace: str) -> bool:
        return (
            namespace == "/"
            or namespace in self._namespaces
            or self._kernel.compiled.namespaces.find(namespace) is not None
        )
