"""The class `IOServer` and its components: checks 1 to 9 of IOServer."""

import subprocess
import sys
from typing import Any

import pytest
from injector import inject

from bundles.realtime import (
    AppHandle,
    Data,
    IOServer,
    IOServerError,
    LogLevel,
    Manager,
    Middleware,
    Service,
    Watcher,
    event,
)
from rxkernel import (
    Bundle,
    ConfigurationError,
    HttpSettings,
    KernelClient,
    Request,
    ServerStartError,
    Settings,
)
from tests.ports import reserved_port
from tests.required_tools import ROOT


class Echo(Service):
    @event
    async def echo(self, data: Data = None) -> Any:
        return data


class Empty(Manager):
    pass


class Quiet(Watcher):
    async def watch(self) -> None:
        return


# check 1
def test_ioserver_without_options_has_its_defaults() -> None:
    server = IOServer()
    assert (server.host, server.port, server.verbose) == ("localhost", 8080, LogLevel.ERROR)
    assert IOServer(host="").host == "localhost"
    assert IOServer(port="9000").port == 9000


# check 2
@pytest.mark.parametrize("port", [-1, 65536, "abc", None, 3000.5, float("nan")])
def test_invalid_port_is_an_error_of_status_400(port: Any) -> None:
    with pytest.raises(IOServerError, match="Invalid port number") as caught:
        IOServer(port=port)
    assert caught.value.status_code == 400


# check 3
async def test_port_0_listens_on_a_free_port() -> None:
    server = IOServer(host="127.0.0.1", port=0)
    assert server.port == 0
    async with server:
        assert server.port == server.application.servers["http"].port != 0
    assert server.port == 0


# check 4
@pytest.mark.parametrize("verbose", ["INFO", "", "9", 8, None, True])
def test_unknown_level_is_an_error(verbose: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"verbose .* is not a level; write one of"):
        IOServer(verbose=verbose)
    assert IOServer(verbose="debug").verbose is LogLevel.DEBUG


# check 5
def test_log_lines_from_warning_go_to_stderr() -> None:
    """Without a configuration, `logging` writes WARNING and above to stderr."""
    script = (
        "from bundles.realtime import IOServer; server = IOServer(verbose='WARNING'); "
        "server.log(4, 'shown'); server.log(5, 'hidden'); server.log('EMERGENCY', 'urgent')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "shown\nurgent\n")


def test_log_levels_of_syslog_are_ordered_in_logging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    server = IOServer(verbose="DEBUG")
    for level in LogLevel:
        server.log(level, level.name)
    levels = [record.levelno for record in caplog.records]
    assert levels == sorted(levels, reverse=True) == [70, 60, 50, 40, 30, 25, 20, 10]
    assert [record.levelname for record in caplog.records][:2] == ["EMERGENCY", "ALERT"]
    with pytest.raises(ValueError, match="8 is not a level"):
        server.log(8, "x")


ADD: dict[str, Any] = {
    "service": lambda server, name: server.add_service(name=name, service=Echo),
    "manager": lambda server, name: server.add_manager(name=name, manager=Empty),
    "watcher": lambda server, name: server.add_watcher(name=name, watcher=Quiet),
}


# check 6
@pytest.mark.parametrize("kind", ADD)
def test_second_component_of_a_name_is_an_error_of_status_409(kind: str) -> None:
    server = IOServer()
    ADD[kind](server, "test")
    with pytest.raises(IOServerError, match=f"the {kind} 'test' already exists") as caught:
        ADD[kind](server, "test")
    assert caught.value.status_code == 409


# check 7
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((kind, name) for kind in ADD for name in ("", "send", "log", "verbose")),
        *(("manager", "a"), ("watcher", "a"), ("manager", "a b"), ("manager", "_db")),
    ],
)
def test_invalid_name_is_an_error_of_status_400(kind: str, name: str) -> None:
    with pytest.raises(IOServerError, match=f"invalid {kind} name {name!r}; ") as caught:
        ADD[kind](IOServer(), name)
    assert caught.value.status_code == 400


# check 7
def test_service_may_have_a_name_of_one_character() -> None:
    IOServer().add_service(name="x", service=Echo)


@pytest.mark.parametrize("given", [lambda: None, Empty, Request, "Echo", None])
def test_class_of_another_kind_is_an_error_of_status_400(given: Any) -> None:
    with pytest.raises(IOServerError, match="is not a subclass of Service") as caught:
        IOServer().add_service(service=given)
    assert caught.value.status_code == 400


# check 8
async def test_manager_reads_another_manager_in_its_constructor() -> None:
    class Second(Manager):
        @inject
        def __init__(self, app_handle: AppHandle) -> None:
            super().__init__(app_handle)
            self.first = app_handle.first

    server = IOServer(port=0, host="127.0.0.1")
    server.add_manager(name="first", manager=Empty)
    server.add_manager(name="second", manager=Second)
    async with server:
        handle = server.application.injector.get(AppHandle)
        assert isinstance(handle.second.first, Empty)
        assert handle.second.first is handle.first


# check 9
async def test_manager_that_fails_to_start_ends_the_start() -> None:
    stopped: list[str] = []

    class Good(Manager):
        def stop(self) -> None:
            stopped.append("good")

    class Bad(Manager):
        async def start(self) -> None:
            raise OSError("no database")

    server = IOServer(port=0)
    server.add_manager(name="good", manager=Good)
    server.add_manager(name="bad", manager=Bad)
    with pytest.raises(OSError, match="no database"):
        await server.start()
    assert stopped == ["good"]
    assert await server.send_to("x") is False


async def test_component_after_the_start_is_an_error_of_status_409() -> None:
    server = IOServer(port=0, host="127.0.0.1")
    async with server:
        with pytest.raises(IOServerError, match="before the server is started") as caught:
            server.add_service(name="late", service=Echo)
    assert caught.value.status_code == 409


async def test_port_in_use_is_an_error_and_the_server_starts_later() -> None:
    with reserved_port() as port:
        first = IOServer(port=port, host="127.0.0.1")
        second = IOServer(port=port, host="127.0.0.1")
        async with first:
            with pytest.raises(ServerStartError, match=str(port)):
                await second.start()
        async with second:
            assert second.port == port


async def test_service_is_served_under_each_of_its_names() -> None:
    class Tag(Middleware):
        async def event(self, request: Request) -> None:
            request.body = [request.body]

    server = IOServer()
    server.add_service(service=Echo)
    server.add_service(name="a/b", service=Echo, middlewares=[Tag])
    async with KernelClient(server.application) as client:
        assert (await client.websocket("echo", body=1)).content == 1
        assert (await client.websocket("/a/b:echo", body=1)).content == [1]
        assert isinstance(server.get_service("a/b"), Echo)
        assert server.get_service() is not server.get_service("a/b")


def test_options_of_ioserver_are_settings_of_the_application() -> None:
    server = IOServer(
        port=0,
        mode="websocket",
        cookie=True,
        cors={"origin": "https://example.org", "credentials": True},
        settings=Settings(debug=True, http=HttpSettings(max_connections=7)),
    )
    settings = server.application.settings
    assert settings.debug
    assert settings.http.max_connections == 7
    assert settings.http.origins == ("https://example.org",)
    assert settings.http.allow_credentials
    assert settings.socketio.transports == ("websocket",)
    assert settings.socketio.cookie == "io"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "webtransport"}, "mode is 'webtransport'"),
        ({"mode": []}, "mode is"),
        (
            {"cors": {"methods": ["GET"]}},
            "cors has the unknown key 'methods'; the keys are origin",
        ),
    ],
)
def test_invalid_option_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        IOServer(**options)


async def test_bundles_of_ioserver_are_enabled_in_the_application() -> None:
    class Probe(Bundle):
        name = "probe"

    server = IOServer(bundles=[Probe])
    async with KernelClient(server.application):
        assert Probe in server.application.bundles
