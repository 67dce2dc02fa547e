"""The application: what it is made of, and its life from boot to shutdown."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import attrs
from injector import Injector

from rxkernel.application.assembly import Assembly, Parts
from rxkernel.application.discovery import Given
from rxkernel.application.events import ApplicationEvents, BootstrapEvent, ShutdownEvent
from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import RxKernelError
from rxkernel.kernel.kernel import Kernel
from rxkernel.routing.storage import HttpMetadataStorage, WebSocketMetadataStorage
from rxkernel.servers.manager import ServerManager
from rxkernel.settings import Settings

logger = logging.getLogger(__name__)

_MADE_OF = ("bundles", "controllers", "listeners", "modules", "settings")


@attrs.frozen(eq=False)
class _Running:
    """What exists between boot and shutdown; *undo* takes it down in reverse order."""

    injector: Injector
    kernel: Kernel
    servers: ServerManager
    undo: AsyncExitStack


class Application:
    """One application; two in a process share nothing.

    Args:
        bundles: names of installed bundles, bundle classes or instances.
        controllers: classes with `@http` and `@websocket` methods, built by the injector.
        listeners: classes with `@observe` methods, built by the injector; also instances,
            and functions that carry the label.
        modules: `injector.Module` classes or instances, or ``configure(binder)`` callables.
        settings: given here, no file or environment is read; ``serve`` reads them on top.
    """

    def __init__(
        self,
        *,
        bundles: Sequence[Given] = (),
        controllers: Sequence[type] = (),
        listeners: Sequence[Any] = (),
        modules: Sequence[Any] = (),
        settings: Settings | None = None,
    ) -> None:
        self.bundles = tuple(bundles)
        self.controllers = tuple(controllers)
        self.listeners = tuple(listeners)
        self.modules = tuple(modules)
        self.settings = Settings() if settings is None else settings
        self.dispatcher = AsyncEventDispatcher()
        self.http_metadata_storage = HttpMetadataStorage()
        self.websocket_metadata_storage = WebSocketMetadataStorage()
        self._lock = asyncio.Lock()
        self._life = asyncio.Lock()
        self._running: _Running | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Boot has read what the application is made of: a change after it would do nothing.

        Raises:
            RxKernelError: it is booted.
        """
        if name in _MADE_OF and self.__dict__.get("_running") is not None:
            raise RxKernelError(
                f"application.{name} is set after boot, which has read it; set it before, or "
                f"await application.stop() first"
            )
        super().__setattr__(name, value)

    @property
    def kernel(self) -> Kernel:
        return self._booted.kernel

    @property
    def injector(self) -> Injector:
        return self._booted.injector

    @property
    def servers(self) -> ServerManager:
        return self._booted.servers

    @property
    def _booted(self) -> _Running:
        if self._running is None:
            raise RxKernelError("the application is not booted; await application.boot() first")
        return self._running

    async def boot(self) -> Injector:
        """Build and wire everything; called again, or by several at once, it happens once.

        Raises:
            ConfigurationError: with every problem found. What was set up is taken down.
        """
        async with self._lock:
            if self._running is None:
                self._running = await self._boot()
            return self._running.injector

    async def start(self) -> None:
        """Boot, start every server, and come back when they listen. Started twice is once.

        Raises:
            ServerStartError: one cannot; those that listened are stopped, services are left.
        """
        async with self._life:
            await self.boot()
            try:
                await self.servers.start(self.kernel)
            except BaseException:
                await self._end()
                raise

    async def stop(self) -> bool:
        """Stop the servers if they run, then take down what boot set up; boot may follow again.

        Nothing happens when nothing runs. Returns whether all that was in flight has been
        answered.
        """
        async with self._life:
            return await self._end()

    async def _end(self) -> bool:
        async with self._lock:
            if self._running is None:
                return True
            try:
                return await self._running.servers.stop()
            finally:
                running, self._running = self._running, None
                await running.undo.aclose()

    async def __aenter__(self) -> Self:
        await self.boot()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop()

    async def _boot(self) -> _Running:
        async with AsyncExitStack() as undo:
            parts = self.parts()
            assembly = Assembly(parts)
            injector, kernel = assembly.services.injector, assembly.kernel
            undo.callback(parts.put_back, parts.routes())
            undo.callback(self._forget, assembly)
            undo.push_async_callback(kernel.close)
            assembly.assemble()
            for service in assembly.services.managed():
                try:
                    await service.__aenter__()
                except Exception as exc:
                    exc.add_note(f"while the service {type(service).__qualname__} was opened")
                    raise
                undo.push_async_callback(_leave, service)
            event = BootstrapEvent(
                injector, self.http_metadata_storage, self.websocket_metadata_storage
            )
            await self.dispatcher.dispatch(ApplicationEvents.BOOTSTRAP, event)
            assembly.check_controllers()
            await kernel.compile(parts.routes())
            undo.push_async_callback(self._say_goodbye, injector)
            undo.push_async_callback(kernel.settle, self.settings.http.shutdown_timeout)
            return _Running(injector, kernel, assembly.servers, undo.pop_all())

    def parts(self) -> Parts:
        """What it is made of, as boot sees it."""
        return Parts(
            bundles=self.bundles,
            controllers=self.controllers,
            listeners=self.listeners,
            modules=self.modules,
            settings=self.settings,
            dispatcher=self.dispatcher,
            http_metadata_storage=self.http_metadata_storage,
            websocket_metadata_storage=self.websocket_metadata_storage,
        )

    def _forget(self, assembly: Assembly) -> None:
        """Leave the dispatcher as it was before boot."""
        for event_name, listener in assembly.observed:
            self.dispatcher.remove_listener(event_name, listener)

    async def _say_goodbye(self, injector: Injector) -> None:
        try:
            await self.dispatcher.dispatch(ApplicationEvents.SHUTDOWN, ShutdownEvent(injector))
        except Exception:
            logger.exception("a listener of %s failed", ApplicationEvents.SHUTDOWN)


async def _leave(service: Any) -> None:
    """Close one service; the others are closed whatever it does."""
    try:
        await service.__aexit__(None, None, None)
    except Exception:
        logger.exception("service %s failed to close", type(service).__qualname__)
