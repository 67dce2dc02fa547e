"""Rejects settings and routes that cannot work in an application without a port of its own.

Such an application is mounted in an aiohttp application, or shares a port.
"""

from collections.abc import Iterable, Iterator

from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.access_log import PROBE
from rxkernel.servers.aiohttp.request.native_paths import NativePaths
from rxkernel.settings import Settings


def check_mounted(
    settings: Settings, definitions: Iterable[HttpDefinition], paths: NativePaths
) -> None:
    """Check the settings and routes of an application that is mounted.

    Raises:
        ConfigurationError: with every setting that needs a port of its own, and every path that no
            request can reach.
    """
    problems = [
        *_problems_of_settings(settings),
        *_problems_of_routes(settings.http.prefix, definitions),
        *_problems_of_mounts(settings.http.prefix, paths),
    ]
    if problems:
        raise ConfigurationError(*problems)


def check_shared(settings: Settings) -> None:
    """Check the settings of an application that shares a port.

    Raises:
        ConfigurationError: Socket.IO has a port of its own.
    """
    if problems := [*_problems_of_port(settings, "an application with a shared port")]:
        raise ConfigurationError(*problems)


def _problems_of_settings(settings: Settings) -> Iterator[str]:
    if settings.http.tls is not None:
        yield (
            "http.tls has no effect in a mounted application; remove it, and pass the "
            "ssl_context to the aiohttp application: web.run_app(native, ssl_context=…)"
        )
    yield from _problems_of_port(settings, "a mounted application")


def _problems_of_port(settings: Settings, what: str) -> Iterator[str]:
    if settings.socketio.enabled and settings.socketio.port is not None:
        yield (
            f"socketio.port is {settings.socketio.port}, but {what} opens no port; remove the "
            f"setting"
        )


def _problems_of_routes(prefix: str, definitions: Iterable[HttpDefinition]) -> Iterator[str]:
    """Probes need no path: the aiohttp application may have its own."""
    names = [d.name for d in definitions if not d.options.get(PROBE)]
    if not prefix and names:
        yield (
            f"a mounted application serves HTTP routes only below http.prefix, which is empty; "
            f'set it, for example to "/api", or remove the routes: {", ".join(names)}'
        )


def _problems_of_mounts(prefix: str, paths: NativePaths) -> Iterator[str]:
    for mount in paths.mounts:
        if not prefix or not f"{mount.literal}/".startswith(f"{prefix}/"):
            yield (
                f"{mount.template!r} is mounted for {mount.owner}, but a mounted application "
                f"serves only paths below http.prefix, which is {prefix!r}; change one of them"
            )
