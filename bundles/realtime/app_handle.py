"""`AppHandle`: what every component may use of the application."""

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
    """Log *text* if *level* is as important as *verbose*."""
    if level <= verbose:
        logger.log(level.of_logging, "%s", text)


class AppHandle:
    """Sends events, writes to the log, and has each manager as an attribute of its name.

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
        """Return the manager *name*, which is built first if necessary.

        Raises:
            AttributeError: no manager has the name.
        """
        if name.startswith("_"):
            raise AttributeError(name)
        manager = self.__dict__[name] = self._injector.get(self._managers.find(name))
        return manager

    def log(self, level: LogLevel | int | str, text: str) -> None:
        """Log *text*, if *level* is as important as `verbose`.

        Raises:
            ValueError: there is no such level.
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
        """Send *event* to the clients of *namespace*: to the connection *sid*, else to those in
        *room*, else to all.

        Returns:
            False if the namespace has no events, if no connection has the id *sid*, or if another
            process could not be reached.
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
