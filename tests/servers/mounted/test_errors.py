"""Errors of mounted applications, most of them at the startup of the host."""

from pathlib import Path

import pytest
from aiohttp import web
from injector import inject

from rxkernel import (
    Application,
    Bundle,
    ConfigurationError,
    HttpServer,
    HttpSettings,
    RxKernelError,
    Settings,
    SocketioSettings,
    TlsSettings,
    websocket,
)
from rxkernel.servers.server import ServerStartError
from tests.servers.mounted.hosts import (
    Calls,
    Host,
    Pages,
    mount,
)
from tests.servers.tls import Authority


class Metrics(Bundle):
    name = "metrics"

    @inject
    def __init__(self, server: HttpServer) -> None:
        server.mount("/metrics", self.metrics)

    async def metrics(self, native: web.Request) -> web.Response:
        raise NotImplementedError


class TestErrors:
    async def test_error_at_boot_is_raised_by_startup_of_host(self, host: Host) -> None:
        class Twice:
            @websocket("one")
            async def one(self) -> None: ...

            @websocket("one")
            async def other(self) -> None: ...

        mount(host, Twice)

        with pytest.raises(ConfigurationError, match="one"):
            await host.start()

    async def test_failing_startup_of_host_stops_application(self, host: Host) -> None:
        async def fail(native: web.Application) -> None:
            raise OSError("no database")

        application = mount(host, Calls)
        host.native.on_startup.append(fail)

        with pytest.raises(OSError, match="no database"):
            await host.start()
        await host.stop()

        with pytest.raises(RxKernelError, match="not booted"):
            _ = application.servers

    async def test_settings_and_routes_that_cannot_work_are_reported_together(
        self, host: Host, tmp_path: Path
    ) -> None:
        files = Authority(tmp_path).issue("server")
        settings = Settings(
            http=HttpSettings(tls=TlsSettings(certificate=files.certificate, key=files.key)),
            socketio=SocketioSettings(port=0),
        )
        mount(host, Pages, bundles=[Metrics], settings=settings)

        with pytest.raises(ConfigurationError) as caught:
            await host.start()

        text = str(caught.value)
        for part in (
            "http.tls has no effect",
            "socketio.port is 0",
            "hello, echo, events",
            "'/metrics' is mounted",
        ):
            assert part in text

    @pytest.mark.parametrize("path", ["/socket.io/", "/socket.io/{tail:.*}"])
    async def test_path_of_host_that_hides_socketio_is_reported(
        self, host: Host, path: str
    ) -> None:
        async def mine(request: web.Request) -> web.Response:
            raise NotImplementedError

        host.native.router.add_get(path, mine)
        mount(host, Calls)

        with pytest.raises(ConfigurationError, match=r"hides '/socket\.io' of the mounted"):
            await host.start()

    async def test_start_of_mounted_application_raises(self, host: Host) -> None:
        application = mount(host, Calls)

        with pytest.raises(ServerStartError, match="run the aiohttp application"):
            await application.start()

        await host.start()

    async def test_mount_in_inner_host_raises(self, host: Host) -> None:
        outer = web.Application()
        outer.add_subapp("/inner", host.native)
        with pytest.raises(RxKernelError, match="outermost"):
            Application(controllers=[Calls]).mount_in(host.native)

    async def test_host_that_becomes_inner_after_mount_raises_at_startup(self, host: Host) -> None:
        mount(host, Calls)
        outer = Host(web.Application())
        outer.native.add_subapp("/inner", host.native)

        with pytest.raises(RxKernelError, match="outermost"):
            await outer.start()
        await outer.stop()

    async def test_second_mount_raises(self, host: Host) -> None:
        application = mount(host, Calls)

        with pytest.raises(RxKernelError, match="mounted already"):
            application.mount_in(web.Application())

    async def test_mount_of_booted_application_raises(self, host: Host) -> None:
        async with Application(controllers=[Calls]) as application:
            with pytest.raises(RxKernelError, match="booted already"):
                application.mount_in(host.native)
