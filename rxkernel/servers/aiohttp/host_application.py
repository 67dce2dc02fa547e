"""The aiohttp application of the user in which an application is mounted."""

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from rxkernel.exceptions import ConfigurationError, RxKernelError
from rxkernel.servers.aiohttp.mounted_resource import MountedResource


class HostApplication:
    """Starts and stops a mounted application together with *native*.

    Attributes:
        is_starting: whether the startup of *native* runs the start of the mounted application.
    """

    def __init__(self, native: web.Application) -> None:
        self._native = native
        self._resources: dict[str, MountedResource] = {}
        self.is_starting = False

    def attach(
        self,
        start: Callable[[], Awaitable[object]],
        drain: Callable[[], Awaitable[object]],
        stop: Callable[[], Awaitable[object]],
    ) -> None:
        """Call *start* at the startup of the application, *drain* at its shutdown, when its ports
        are closed, and *stop* at its cleanup, when its requests have ended.

        Raises:
            RxKernelError: the application has started, or is a part of another aiohttp
                application.
        """

        async def life(native: web.Application) -> AsyncIterator[None]:
            self.is_starting = True
            try:
                await start()
            finally:
                self.is_starting = False
            yield
            await stop()

        async def shutdown(native: web.Application) -> None:
            await drain()

        if self._native.pre_frozen or self._native.on_startup.frozen:
            raise RxKernelError(
                "the aiohttp application has started, or add_subapp() made it a part of another "
                "one; call mount_in() earlier, with the outermost application"
            )
        self._native.cleanup_ctx.append(life)
        self._native.on_shutdown.append(shutdown)

    def resources(self, paths: list[str]) -> list[MountedResource]:
        """Return the resources of *paths*; the first call adds them to the routes of *native*.

        Raises:
            ConfigurationError: the application has routes for one of these paths.
            RxKernelError: the application is a part of another aiohttp application.
        """
        new = [path for path in paths if path not in self._resources]
        if new:
            self._add(new)
        return [self._resources[path] for path in paths]

    def _add(self, paths: list[str]) -> None:
        router = self._native.router
        if router.frozen:
            raise RxKernelError(
                "add_subapp() made the aiohttp application a part of another one; call "
                "mount_in() with the outermost application"
            )
        errors = [
            ConfigurationError(
                f"route {resource.canonical!r} of the aiohttp application hides {path!r} of the "
                f"mounted application; change that route, http.prefix or socketio.path"
            )
            for resource in router.resources()
            for path in paths
            if _literal_path(resource) == path
        ]
        if errors:
            raise ConfigurationError.merge(errors)
        for path in paths:
            resource = self._resources[path] = MountedResource(path)
            router.register_resource(resource)
        if not self._native.middlewares:
            # aiohttp runs the middlewares of inner applications only if the outer one has some
            self._native.middlewares.append(_pass_on)


def _literal_path(resource: web.AbstractResource) -> str:
    """The part of the path before parameters. aiohttp tries resources with a longer part first,
    and resources with the same part in the order in which they were added."""
    literal, is_pattern, _ = resource.canonical.partition("{")
    return literal.rpartition("/")[0] if is_pattern else literal.rstrip("/")


@web.middleware
async def _pass_on(request: web.Request, handler: Handler) -> web.StreamResponse:
    return await handler(request)
