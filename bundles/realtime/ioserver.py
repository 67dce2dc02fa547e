"""`IOServer`: builds an application from components, with the interface of IOServer's class."""

import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import attrs
from injector import Binder, Injector, singleton

from bundles.realtime.app_handle import AppHandle, write_log
from bundles.realtime.bundle import RealtimeBundle
from bundles.realtime.controller import Controller
from bundles.realtime.exceptions import IOServerError
from bundles.realtime.ioserver_options import settings_of
from bundles.realtime.log_level import LogLevel
from bundles.realtime.manager import Manager
from bundles.realtime.manager_names import RESERVED, name_problem
from bundles.realtime.middleware import Listed, listed
from bundles.realtime.service import Service
from bundles.tasks import TasksBundle, TasksSettings, Watcher
from rxkernel import Application, HttpServer, RxKernelError, Settings

C = TypeVar("C")


class IOServer:
    """Add components, then ``await server.start()``. `application` is the resulting `Application`.

    Args:
        host, port: the address of the server; port 0 selects a free port.
        verbose: the least important level that `log` and `AppHandle.log` log, see `LogLevel`.
        mode: the transports of Socket.IO: ``"websocket"``, ``"polling"``, or both.
        cookie: whether clients receive the id of their session as the cookie ``io``; a text is the
            name of the cookie.
        cors: a dict with the keys ``origin``, ``credentials``, ``exposed_headers`` and
            ``max_age``. Pages of the server itself are always allowed.
        routes: the folder of the route files.
        root_dir: the folder of static files.
        spa_fallback: whether ``index.html`` of *root_dir* is sent for a page that is not found.
        settings: all other settings; the arguments above override it.
        parts: further arguments of `Application`: bundles, modules, listeners and others.

    Raises:
        IOServerError: the port is the only invalid argument (400).
        ConfigurationError: lists every invalid argument.
    """

    def __init__(
        self,
        *,
        host: str = "localhost",
        port: int | str = 8080,
        verbose: str = "ERROR",
        mode: str | Sequence[str] = ("websocket", "polling"),
        cookie: bool | str = False,
        cors: Mapping[str, Any] | None = None,
        routes: str | Path = "routes",
        root_dir: str | Path | None = None,
        spa_fallback: bool = True,
        settings: Settings | None = None,
        **parts: Any,
    ) -> None:
        self._settings = settings_of(
            settings,
            {
                "host": host,
                "port": port,
                "verbose": verbose,
                "mode": mode,
                "cookie": cookie,
                "cors": cors,
                "routes": routes,
                "root_dir": root_dir,
                "spa_fallback": spa_fallback,
            },
            parts,
        )
        self._parts = parts
        self._verbose = LogLevel.of(verbose)
        self._components: dict[str, dict[str, type[Any]]] = {
            kind: {} for kind in ("service", "controller", "manager", "watcher")
        }
        self._application: Application | None = None

    # --- components

    def add_service(
        self, *, service: type[Service], name: str | None = None, middlewares: Listed = ()
    ) -> None:
        """Serve the events of *service* in the namespace ``/<name>``, by default in that of its
        class. *middlewares* run after those of the class.

        Raises:
            IOServerError: the name or the class is invalid (400), the namespace already has a
                service, or the application was already built (409).
            ConfigurationError: *middlewares* is not a list.
        """
        self._check("service", service, Service, name)
        arguments: dict[str, Any] = {}
        if name is not None:
            arguments["namespace"] = "/" + name.removeprefix("/")
        if own := listed(middlewares, f"the service {service.__qualname__}"):
            arguments["middlewares"] = (*service.middlewares, *own)
        key = name.removeprefix("/") if name is not None else service.service_namespace[1:]
        self._add("service", key or "/", _derived(service, arguments) if arguments else service)

    def add_controller(
        self,
        *,
        name: str,
        controller: type[Controller],
        prefix: str | None = None,
        middlewares: Listed = (),
    ) -> None:
        """Serve the routes of a file with the methods of *controller*, below *prefix*. By default,
        the prefix is that of the class, or ``/<name>``; the file is that of the class, or
        ``<name>.json``. *middlewares* run after those of the class.

        Raises:
            IOServerError, ConfigurationError: see `add_service`.
        """
        self._check("controller", controller, Controller, name)
        arguments: dict[str, Any] = {"name": name}
        if prefix is not None:
            arguments["prefix"] = prefix
        if own := listed(middlewares, f"the controller {controller.__qualname__}"):
            of_class = controller.controller_options.middlewares
            arguments["middlewares"] = (*of_class, *own)
        self._add("controller", name, _derived(controller, arguments))

    def add_manager(self, *, name: str, manager: type[Manager]) -> None:
        """Add *manager*, which is started before the server listens, as ``app_handle.<name>``.

        Raises:
            IOServerError: see `add_service`.
        """
        self._check("manager", manager, Manager, name)
        if (problem := name_problem(name)) is not None:
            raise IOServerError(f"invalid manager name {name!r}; {problem}", 400)
        self._add("manager", name, manager)

    def add_watcher(self, *, name: str, watcher: type[Watcher]) -> None:
        """Run *watcher* while the server listens. This enables the bundle tasks, with its store in
        memory, if the arguments of the server do not enable it.

        Raises:
            IOServerError: see `add_service`.
        """
        self._check("watcher", watcher, Watcher, name)
        self._add("watcher", name, _derived(watcher, {}, name=name))

    def _check(self, kind: str, cls: object, base: type[Any], name: str | None) -> None:
        if not (isinstance(cls, type) and issubclass(cls, base)):
            raise IOServerError(f"{cls!r} is not a subclass of {base.__qualname__}", 400)
        if name is None:
            return
        shortest = 1 if kind == "service" else 2
        if not isinstance(name, str) or len(name) < shortest:
            rule = f"it must have {shortest} characters or more"
        elif name in RESERVED:
            rule = f"{', '.join(RESERVED)} are reserved"
        else:
            return
        raise IOServerError(f"invalid {kind} name {name!r}; {rule}", 400)

    def _add(self, kind: str, name: str, cls: type[Any]) -> None:
        if self._application is not None:
            raise IOServerError(f"add the {kind} {name!r} before the server is started", 409)
        if name in self._components[kind]:
            raise IOServerError(f"the {kind} {name!r} already exists", 409)
        self._components[kind][name] = cls

    # --- the application

    @property
    def application(self) -> Application:
        """The application, for ``rxkernel serve`` and for tests. The first access builds it; after
        that, no components can be added."""
        if self._application is None:
            self._application = self._made()
        return self._application

    def _made(self) -> Application:
        components, parts = self._components, dict(self._parts)
        realtime = RealtimeBundle(
            services=tuple(components["service"].values()),
            controllers=tuple(components["controller"].values()),
            managers=components["manager"],
        )
        bundles: list[Any] = [*parts.pop("bundles", ()), realtime]
        settings = self._settings
        if watchers := tuple(components["watcher"].values()):
            if not any(map(_is_tasks, bundles)):
                bundles.append(TasksBundle())
                of_bundles = {"tasks": TasksSettings(store="memory"), **settings.bundles}
                settings = attrs.evolve(settings, bundles=of_bundles)

            def bind(binder: Binder) -> None:
                for watcher in watchers:
                    binder.bind(watcher, scope=singleton)

            parts["modules"] = (*parts.get("modules", ()), bind)
        return Application(bundles=bundles, settings=settings, **parts)

    async def start(self) -> None:
        """Start the managers, then the server, then the watchers.

        Raises:
            ConfigurationError: lists every error in the components and settings.
            ServerStartError: the server cannot listen.
        """
        await self.application.start()

    async def stop(self) -> bool:
        """Stop the watchers, wait for running messages, disconnect the clients, and stop the
        managers. Return whether all messages were handled. Does nothing before the start."""
        if self._application is None:
            return True
        return await self.application.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def _injector(self) -> Injector | None:
        """The injector of the application; None if it is not booted."""
        try:
            return None if self._application is None else self._application.injector
        except RxKernelError:
            return None

    @property
    def host(self) -> str:
        return self._settings.http.host

    @property
    def port(self) -> int:
        """The port of the settings; while the server listens, the port of its socket."""
        injector = self._injector
        port = None if injector is None else injector.get(HttpServer).port
        return self._settings.http.port if port is None else port

    @property
    def verbose(self) -> LogLevel:
        return self._verbose

    def get_service(self, name: str = "/") -> Any:
        """Return the instance of the service *name* of a started server.

        Raises:
            KeyError: the service *name* does not exist.
        """
        return self.application.injector.get(self._components["service"][name])

    def log(self, level: LogLevel | int | str, text: str) -> None:
        """See `AppHandle.log`."""
        write_log(LogLevel.of(level), self._verbose, text)

    async def send_to(
        self,
        event: str,
        data: Any = None,
        *,
        namespace: str = "/",
        room: str | Sequence[str] | None = None,
        sid: str | None = None,
    ) -> bool:
        """See `AppHandle.send`. Before the start, log an error and return False."""
        injector = self._injector
        if injector is None:
            self.log(LogLevel.ERROR, f"event {event!r} was not sent: the server is not started")
            return False
        handle = injector.get(AppHandle)
        return await handle.send(event, data, namespace=namespace, room=room, sid=sid)


def _derived(cls: type[C], arguments: Mapping[str, Any], **members: Any) -> type[C]:
    """Return a subclass of *cls* with the same name, and with *arguments* of the class."""
    members |= {key: getattr(cls, key) for key in ("__module__", "__qualname__", "__doc__")}
    derived: type[C] = types.new_class(
        cls.__name__, (cls,), dict(arguments), lambda body: body.update(members)
    )
    return derived


def _is_tasks(bundle: Any) -> bool:
    return bundle == "tasks" or isinstance(bundle, TasksBundle) or bundle is TasksBundle
