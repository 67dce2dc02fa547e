"""The applications that one ``serve`` serves on one port."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from rxkernel.application.application import Application
from rxkernel.application.shared_settings import load_shared_settings
from rxkernel.cli.locate import locate, name_of
from rxkernel.exceptions import ConfigurationError
from rxkernel.servers.aiohttp.shared_port import SharedPort
from rxkernel.servers.workers.listening_sockets import Sockets
from rxkernel.settings import LoggingSettings, Settings


@attrs.frozen(eq=False)
class SharedApplications:
    """Starts and stops like one `Application`.

    Attributes:
        by_name: the applications, in the order in which they start.
        settings: the settings of the port and the log, with the longest timeouts of all.
    """

    by_name: Mapping[str, Application]
    port: SharedPort
    settings: Settings

    @classmethod
    def load(cls, targets: Sequence[str], overrides: Mapping[str, object]) -> "SharedApplications":
        """Find the *targets*, and read their settings.

        Raises:
            ConfigurationError: lists every problem, with the name of the application.
        """
        by_name = _located(targets)
        defaults = {name: _with_common_log(one.settings) for name, one in by_name.items()}
        for name, application in by_name.items():
            application.settings = defaults[name]
        common = load_shared_settings(
            by_name, directory=Path.cwd(), environment=os.environ, overrides=overrides
        )
        port = SharedPort(common)
        for name, application in by_name.items():
            application.settings = defaults[name]
            application.load_settings(overrides, name=name)  # so that it can read them again
            application.share(port, name)
        every = [application.settings for application in by_name.values()]
        longest = attrs.evolve(
            common,
            shutdown_delay=max(settings.shutdown_delay for settings in every),
            shutdown_timeout=max(settings.shutdown_timeout for settings in every),
        )
        return cls(by_name, port, longest)

    @property
    def live_directories(self) -> set[Path]:
        return set().union(*(one.live_directories for one in self.by_name.values()))

    def serve_sockets(self, sockets: Sockets) -> None:
        """As `Application.serve_sockets`."""
        self.port.sockets = sockets

    async def start(self) -> None:
        """As `SharedPort.start`."""
        await self.port.start()

    async def stop(self) -> bool:
        """As `SharedPort.stop`."""
        return await self.port.stop()


Served = Application | SharedApplications


def applications_of(served: Served) -> list[Application]:
    return [*served.by_name.values()] if isinstance(served, SharedApplications) else [served]


def _with_common_log(settings: Settings) -> Settings:
    """Return *settings*, with the defaults for the log of all applications."""
    common = LoggingSettings()
    logging = attrs.evolve(settings.logging, level=common.level, format=common.format)
    return attrs.evolve(settings, logging=logging)


def _located(targets: Sequence[str]) -> dict[str, Application]:
    by_name: dict[str, Application] = {}
    problems: list[str] = []
    for target in targets:
        name = name_of(target)
        try:
            application = locate(target)
        except ConfigurationError as error:
            problems += (f"{name}: {problem}" for problem in error.problems)
            continue
        if any(application is other for other in by_name.values()):
            problems.append(f"{target}: this application is given twice; remove one")
        elif name in by_name:
            problems.append(
                f"{target}: another application has the same name {name!r}, which is the last "
                f"part of its folder or its module; rename one"
            )
        by_name[name] = application
    if problems:
        raise ConfigurationError(*problems)
    return by_name
