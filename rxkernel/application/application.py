"""The application: its parts, and its lifecycle from boot to shutdown."""

import logging
import os
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import attrs
from injector import Injector

from rxkernel.application.application_spec import ApplicationSpec
from rxkernel.application.arguments import check_arguments
from rxkernel.application.bundle_resolution import BundleRef, resolve_bundles
from rxkernel.application.composition_root import CompositionRoot
from rxkernel.application.events import ApplicationEvents, BootstrapEvent, ShutdownEvent
from rxkernel.application.overrides import Overrides
from rxkernel.application.reloading import Reload
from rxkernel.application.settings_changes import RunningSettings, SettingsChangedEvent
from rxkernel.application.settings_sources import load_settings, settings_files
from rxkernel.application.task_lock import TaskLock
from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import ConfigurationError, RxKernelError
from rxkernel.kernel.errors import to_failure
from rxkernel.kernel.events import CompiledEvent, KernelEvents
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.notifications import notify
from rxkernel.routing.converters import Converter
from rxkernel.routing.metadata import RouteMetadata
from rxkernel.routing.scalars import Scalar
from rxkernel.routing.storage import (
    HttpMetadataStorage,
    ProcedureMetadataStorage,
    WebSocketMetadataStorage,
)
from rxkernel.routing.storages import MetadataStorages
from rxkernel.servers.aiohttp.host_application import HostApplication
from rxkernel.servers.aiohttp.native_types import AiohttpApplication
from rxkernel.servers.aiohttp.shared_port import Share, SharedPort
from rxkernel.servers.manager import ServerManager
from rxkernel.servers.workers.listening_sockets import Sockets
from rxkernel.settings import Settings

logger = logging.getLogger(__name__)

current_application: ContextVar["Application | None"] = ContextVar(
    "current_application", default=None
)
"""The application that this context belongs to. It is set while an application boots, starts,
reloads or stops, so its services, connections and tasks have it; None outside."""

_MADE_OF = (
    "bundles",
    "controllers",
    "listeners",
    "modules",
    "options",
    "settings",
    "converters",
    "scalars",
    "settings_class",
)


@attrs.frozen(eq=False)
class _Running:
    """The state between boot and shutdown; *undo* closes it in reverse order."""

    root: CompositionRoot
    settings: RunningSettings
    undo: AsyncExitStack

    @property
    def injector(self) -> Injector:
        return self.root.container.injector


class Application:
    """One application. Two applications in a process share nothing.

    Args:
        bundles: names of installed bundles, bundle classes or instances.
        controllers: classes with `@http` and `@websocket` methods, built by the injector; also
            instances, and modules with labelled functions.
        listeners: classes with `@observe` methods, built by the injector; also instances,
            and functions with the label.
        modules: `injector.Module` classes or instances, or ``configure(binder)`` callables.
        options: the keys of `@option` that the application's own listeners read.
        settings: the defaults of `load_settings`, which ``serve`` calls. Boot reads no source.
        converters: `Converter` by name, for the paths of routes: ``{name:slug}``.
        scalars: `Scalar` of each class that is one plain value on the wire.
        settings_class: an attrs class of the application's own settings, read from the section
            ``app`` into ``settings.app``, and injectable.

    Attributes:
        live_directories: directories whose changes a bundle loads while the application runs:
            ``serve --reload`` does not restart for them.
        is_check: whether the application is booted only to find errors. ``rxkernel check`` sets
            it before boot. Bundles then do not change stored data, for example by set-up scripts.
        settings_files: the files that `load_settings` has read, even if they do not exist.
    """

    def __init__(
        self,
        *,
        bundles: Sequence[BundleRef] = (),
        controllers: Sequence[Any] = (),
        listeners: Sequence[Any] = (),
        modules: Sequence[Any] = (),
        options: Sequence[str] = (),
        settings: Settings | None = None,
        converters: Mapping[str, Converter] = MappingProxyType({}),
        scalars: Sequence[Scalar] = (),
        settings_class: type[Any] | None = None,
    ) -> None:
        check_arguments(
            bundles=bundles,
            controllers=controllers,
            listeners=listeners,
            modules=modules,
            options=options,
            scalars=scalars,
            settings=settings,
        )
        self.bundles = tuple(bundles)
        self.controllers = tuple(controllers)
        self.listeners = tuple(listeners)
        self.modules = tuple(modules)
        self.options = tuple(options)
        self.settings = Settings() if settings is None else settings
        self.converters = converters
        self.scalars = tuple(scalars)
        self.settings_class = settings_class
        self.live_directories: set[Path] = set()
        self.is_check = False
        self.dispatcher = AsyncEventDispatcher()
        self._storages = MetadataStorages()
        self._life = TaskLock("start() or stop()")
        self._boot_lock = TaskLock("boot()")
        self._reload_lock = TaskLock("reload()")
        self._settings_lock = TaskLock("reload_settings()")
        self._read_settings: Callable[[], Settings] | None = None
        self.settings_files: tuple[Path, ...] = ()
        self._is_stopping = False
        self._running: _Running | None = None
        self._mounted_in: HostApplication | None = None
        self._share: Share | None = None
        self._sockets: Sockets | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Reject changes of the arguments of the constructor after boot, which has read them.

        Raises:
            RxKernelError: the application is booted.
        """
        if name in _MADE_OF and self.__dict__.get("_running") is not None:
            raise RxKernelError(
                f"application.{name} is set after boot has read it; set it before boot, or "
                f"await application.stop() first"
            )
        super().__setattr__(name, value)

    @property
    def http_metadata_storage(self) -> HttpMetadataStorage:
        return self._storages.http

    @property
    def websocket_metadata_storage(self) -> WebSocketMetadataStorage:
        return self._storages.websocket

    @property
    def procedure_metadata_storage(self) -> ProcedureMetadataStorage:
        return self._storages.procedure

    @property
    def is_booted(self) -> bool:
        """Whether `boot` has ended, and `stop` has not."""
        return self._running is not None

    @property
    def kernel(self) -> Kernel:
        return self._booted.root.kernel

    @property
    def injector(self) -> Injector:
        return self._booted.injector

    @property
    def servers(self) -> ServerManager:
        return self._booted.root.servers

    @property
    def _booted(self) -> _Running:
        if self._running is None:
            raise RxKernelError(
                "the application is not booted, or its boot is not finished; await "
                "application.boot() first"
            )
        return self._running

    @property
    def shared_name(self) -> str | None:
        """The name that `share` was called with; None without a shared port."""
        return None if self._share is None else self._share.member.name

    @property
    def neighbours(self) -> Mapping[str, "Application"]:
        """The other applications of the port of `share`, by name, in the order in which they
        boot; empty without a shared port. `SharedPort.start` boots all before it starts the
        first."""
        members = () if self._share is None else self._share.port.members
        return {
            member.name: member.application
            for member in members
            if isinstance(member.application, Application) and member.application is not self
        }

    @contextmanager
    def as_current(self) -> Iterator[None]:
        """Set `current_application` inside of the block: log records go to the
        ``logging.directory`` of this application."""
        token = current_application.set(self)
        try:
            yield
        finally:
            current_application.reset(token)

    def load_settings(
        self,
        overrides: Mapping[str, object] = MappingProxyType({}),
        *,
        name: str | None = None,
    ) -> None:
        """Read the file in the working directory and the environment into `settings`, as the
        command line does, so that tests use the settings of their project.

        Args:
            overrides: values by dotted name, such as ``{"http.port": 0}``; they override the
                other sources.
            name: the name of the application in a file for several applications, in which the
                table ``applications.<name>`` has its own settings.

        Raises:
            ConfigurationError: with every invalid setting.
            RxKernelError: the application is booted.
        """
        directory = Path.cwd()
        read = partial(
            load_settings,
            directory=directory,
            environment=os.environ,
            overrides=overrides,
            defaults=self.settings,
            sections=self.sections(),
            app=self.settings_class,
            name=name,
        )
        self.settings = read()
        self.settings_files = settings_files(directory)
        self._read_settings = read

    async def reload_settings(self) -> SettingsChangedEvent:
        """Read the sources of `load_settings` again, and dispatch `application.settings`, whose
        listeners apply changes. Log the settings that were applied, and those that need a restart.

        `settings` and the settings in the injector do not change.

        Raises:
            ConfigurationError: with every invalid setting; nothing has changed.
            RxKernelError: `load_settings` was not called, the application is not booted, or a
                listener of the event calls this.
        """
        if self._read_settings is None:
            raise RxKernelError(
                "reload_settings() reads the sources of load_settings() again; call "
                "application.load_settings() before boot"
            )
        async with self._settings_lock:
            running = self._booted.settings
            event = running.changes_to(self._read_settings())
            await notify(self.dispatcher, ApplicationEvents.SETTINGS, event)
            running.take(event)
        return event

    def sections(self) -> dict[str, type]:
        """The settings class of each bundle that has one, by its section.

        Raises:
            ConfigurationError: a bundle does not exist.
        """
        return {
            bundle.name: bundle.settings_class
            for bundle in resolve_bundles(self.bundles)
            if bundle.settings_class is not None
        }

    async def boot(self, *, overrides: Overrides | None = None) -> Injector:
        """Build and wire everything, once: later or concurrent calls return the same injector.

        Args:
            overrides: for tests: replacements of services until the next stop, by the key of
                their binding. An instance is neither opened nor closed; a class or a function
                provides the service, in the scope of the original.

        Raises:
            ConfigurationError: with every problem found. All that was opened is closed.
            RxKernelError: the application is booted with other *overrides*, or code that runs
                within the boot calls this.
        """
        if self._running is None:
            with self.as_current():
                async with self._boot_lock:
                    if self._running is None:
                        self._running = await self._boot(overrides or {})
        if overrides and overrides != self._booted.root.spec.overrides:
            raise RxKernelError(
                "the application is booted already, with other overrides; pass overrides to "
                "the first boot, or await application.stop() first"
            )
        return self._booted.injector

    def when_stopping(self, work: Callable[[], Awaitable[None]]) -> None:
        """Await *work* when the application stops: after the servers, before services are closed.

        Raises:
            RxKernelError: the application is not booted.
        """
        self._booted.undo.push_async_callback(work)

    def mount_in(self, native: AiohttpApplication) -> None:
        """Serve Socket.IO, and HTTP below ``http.prefix``, as a part of *native*, on its port.

        The startup of *native* calls `start`, and raises its errors; no port is opened. Its
        shutdown drains and stops the servers, and its cleanup calls `stop`: services can be used
        until all requests of *native* have ended.

        Raises:
            RxKernelError: *native* has started or is a part of another aiohttp application, or
                this application is booted or mounted.
        """
        self._check_place("mount_in()")
        host = HostApplication(native)
        host.attach(self.start, self._drain, self.stop)
        self._mounted_in = host

    def share(self, port: SharedPort, name: str) -> None:
        """Serve the hosts of ``http.allowed_hosts`` on *port*, together with other applications.

        ``port.start()`` starts all of them. Afterwards each can be stopped and started again
        without an effect on the others.

        Args:
            name: its name in errors of boot and in the log.

        Raises:
            RxKernelError: *port* is open, or this application is booted, mounted or has a port
                already.
            ConfigurationError: another application of *port* has this *name*.
        """
        self._check_place("share()")
        self._share = port.add(name, self)

    def serve_sockets(self, sockets: Sockets) -> None:
        """Serve *sockets*, the connections or the port of another process, instead of opening the
        port.

        Raises:
            RxKernelError: this application is booted, mounted or has a port already.
        """
        self._check_place("serve_sockets()")
        self._sockets = sockets

    def _check_place(self, method: str) -> None:
        """Check that *method* can still change the place where this application is served."""
        states = {
            "booted": self.is_booted,
            "mounted": self._mounted_in is not None,
            "sharing a port": self._share is not None,
        }
        for state, holds in states.items():
            if holds:
                raise RxKernelError(
                    f"the application is {state} already; call {method} once, before it starts"
                )

    async def start(self) -> None:
        """Boot, start every server, and return when all listen; does nothing if they do.

        Raises:
            ServerStartError: a server cannot listen, the port of `share` is not open, or this was
                not called by the aiohttp application of `mount_in`. The other servers are stopped,
                and services are closed.
        """
        with self.as_current():
            async with self._life:
                await self.boot()
                try:
                    await self.servers.start(self.kernel)
                except BaseException:
                    await self._end()
                    raise

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Self]:
        """Boot, and connect to the other processes of the application without opening a port: for
        commands and scripts whose broadcasts reach the clients of running processes.

        Raises:
            ServerStartError: the bus between the processes rejects this process.
        """
        async with self:
            await self.servers.connect(self.kernel)
            yield self

    async def stop(self) -> bool:
        """Stop the servers if they run, then close all that boot opened; `boot` is possible again.

        Does nothing if the application is not booted. Returns whether all messages in flight were
        handled.
        """
        with self.as_current():
            async with self._life:
                return await self._end()

    async def _end(self) -> bool:
        if self._running is None:
            return True
        await self._end_reloads()
        try:
            return await self._running.root.servers.stop()
        finally:
            async with self._boot_lock:  # a boot that begins now waits until this has ended
                running, self._running = self._running, None
                try:
                    await running.undo.aclose()
                finally:
                    self._is_stopping = False

    async def _end_reloads(self) -> None:
        """Wait for a running reload, and reject further ones."""
        async with self._reload_lock:
            self._is_stopping = True

    async def _drain(self) -> None:
        """Stop the servers, but keep the services."""
        async with self._life:
            if self._running is not None:
                await self._end_reloads()
                await self._running.root.servers.stop()

    async def __aenter__(self) -> Self:
        await self.boot()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop()

    async def _boot(self, overrides: Overrides) -> _Running:
        if self._share is not None:
            self.settings = self._share.port.settings_for(self.settings)
        async with AsyncExitStack() as undo:
            spec = attrs.evolve(self.spec(), overrides=overrides)
            root = CompositionRoot(spec)
            injector, kernel = root.container.injector, root.kernel
            undo.callback(spec.storages.replace, spec.storages.all())
            undo.callback(root.listener_registry.remove_all)
            undo.push_async_callback(kernel.close)
            root.compose()
            for service in root.container.managed():
                try:
                    await service.__aenter__()
                except Exception as exc:
                    exc.add_note(f"while the service {type(service).__qualname__} was opened")
                    raise
                undo.push_async_callback(_close_service, service)
            storages = spec.storages
            event = BootstrapEvent(
                injector,
                storages.http,
                storages.websocket,
                storages.procedure,
                root.container.singletons(),
                root.container.scoped_classes(),
            )
            await self.dispatcher.dispatch(ApplicationEvents.BOOTSTRAP, event)
            try:
                root.check_controllers()
                compiled = await kernel.compile(spec.storages.all())
            except ConfigurationError as error:
                if not event.problems:
                    raise
                raise ConfigurationError(*event.problems, *error.problems) from error
            if event.problems:
                raise ConfigurationError(*event.problems)
            root.report_unserved()
            root.servers.check(kernel.compiled)
            await self.dispatcher.dispatch(KernelEvents.KERNEL_COMPILED, compiled)
            undo.push_async_callback(self._dispatch_shutdown, injector)
            undo.push_async_callback(kernel.drain, self.settings.shutdown_timeout)
            return _Running(root, RunningSettings(spec.settings, self.shared_name), undo.pop_all())

    async def reload(
        self,
        *,
        add: Iterable[RouteMetadata] = (),
        remove: Iterable[Any] = (),
        controllers: Iterable[Any] = (),
        before_swap: Callable[[], Awaitable[None]] | None = None,
        when_swapped: Callable[[], None] | None = None,
    ) -> CompiledEvent:
        """Change the routes without a restart; after an error nothing has changed.

        The next state is built and compiled while the current one runs, then swapped. A message in
        flight ends with the definition that it began with. All other routes keep their objects.
        `kernel.compiled` is dispatched after the swap; an error of a listener is logged.

        Args:
            add: metadata of new routes.
            remove: metadata or definitions of routes, or controllers with all their routes.
            controllers: new ones, as for the constructor; the injector builds the classes. A class
                in both *remove* and *controllers* gets a new instance.
            before_swap: awaited as the last step before the swap. No message is handled between
                the end of its last ``await`` and the swap. If it raises, nothing has changed.
            when_swapped: called directly after the swap, before any other message is handled; not
                called after an error. It must not raise.

        Returns:
            The event that was dispatched, with the definitions that were added, removed and
            changed.

        Raises:
            ConfigurationError: with every problem found; nothing has changed.
            RxKernelError: the application is not booted, is stopping, or a listener of
                `application.reload` or `kernel.definition` calls this within a reload.
        """
        with self.as_current():
            async with self._reload_lock:
                if self._is_stopping:
                    raise RxKernelError("reload() is not possible while the application stops")
                change = Reload(self._booted.root, add=add, remove=remove, controllers=controllers)
                await change.prepare()
                if before_swap is not None:
                    await before_swap()
                event = change.apply()
                if when_swapped is not None:
                    when_swapped()
            await notify(self.dispatcher, KernelEvents.KERNEL_COMPILED, event)
        return event

    def spec(self) -> ApplicationSpec:
        """The arguments of this application, as boot reads them."""
        return ApplicationSpec(
            bundles=self.bundles,
            controllers=self.controllers,
            listeners=self.listeners,
            modules=self.modules,
            options=self.options,
            settings=self.settings,
            converters=self.converters,
            scalars=self.scalars,
            settings_class=self.settings_class,
            application=self,
            dispatcher=self.dispatcher,
            storages=self._storages,
            mounted_in=self._mounted_in,
            share=self._share,
            sockets=self._sockets,
        )

    async def _dispatch_shutdown(self, injector: Injector) -> None:
        await notify(self.dispatcher, ApplicationEvents.SHUTDOWN, ShutdownEvent(injector))


async def _close_service(service: Any) -> None:
    """Close one service; an error is logged, so that all others are closed too.

    Raises:
        BaseException: not an error of the service, see `to_failure`.
    """
    try:
        await service.__aexit__(None, None, None)
    except BaseException as exc:
        failure, name = to_failure(exc), type(service).__qualname__
        logger.error("service %s failed to close", name, exc_info=failure)
