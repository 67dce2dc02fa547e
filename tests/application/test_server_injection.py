"""Servers as services, bound before the servers, services and controllers of bundles are built."""

import pytest
from aiohttp import web
from injector import Binder, inject, singleton

from rxkernel import (
    Application,
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    ConfigurationError,
    HttpServer,
    Kernel,
    Server,
    Settings,
    SocketioServer,
    SocketioSettings,
    Transport,
    http,
    observe,
)


class Service:
    @inject
    def __init__(self, http: HttpServer, socketio: SocketioServer | None) -> None:
        self.servers = (http, socketio)


class OwnServer(Server):
    name = "own"
    transport = Transport("OWN")

    @inject
    def __init__(self, http: HttpServer, socketio: SocketioServer | None) -> None:
        self.servers = (http, socketio)

    def configure(self, kernel: Kernel) -> None: ...
    async def start(self) -> None: ...
    async def drain(self) -> None: ...
    async def stop(self) -> None: ...


class Own(Bundle):
    name = "own"
    servers = (OwnServer,)

    def configure(self, binder: Binder) -> None:
        binder.bind(Service, scope=singleton)

    @observe(ApplicationEvents.BOOTSTRAP)
    async def boot(self, event: BootstrapEvent) -> None: ...


class HasServers:
    @inject
    def __init__(self, http: HttpServer) -> None:
        self.server = http

    @http("GET", "/", "home")
    async def home(self) -> str:
        return self.server.name


@pytest.mark.parametrize("enabled", [True, False])
async def test_servers_are_injected_into_servers_services_and_controllers(enabled: bool) -> None:
    settings = Settings(socketio=SocketioSettings(enabled=enabled))
    application = Application(bundles=[Own], controllers=[HasServers], settings=settings)

    async with application:
        expected = (application.servers["http"], application.servers.get("socketio"))
        own = application.servers["own"]
        assert isinstance(own, OwnServer)
        assert own.servers == expected
        assert application.injector.get(Service).servers == expected
        assert application.injector.get(HasServers).server is expected[0]
        assert (expected[1] is not None) == enabled


async def test_server_check_reports_problems_of_all_servers() -> None:
    class Refusing(OwnServer):
        def check(self, compiled: object) -> None:
            raise ConfigurationError("no such definition here")

    class Mounted(Bundle):
        name = "mounted"
        servers = (Refusing,)

        @inject
        def __init__(self, http: HttpServer) -> None:
            http.mount("/", self.respond)

        async def respond(self, native: web.Request) -> web.Response:
            return web.Response()

    with pytest.raises(ConfigurationError) as caught:
        await Application(bundles=[Mounted], controllers=[HasServers]).boot()
    assert [problem.partition(" ")[0] for problem in caught.value.problems] == ["route", "no"]
