"""The end of sessions and of the Socket.IO server: in order, and without remaining state."""

import asyncio
import gc
import json
import weakref
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from injector import Binder, ProviderOf, inject

from rxkernel import (
    Application,
    ApplicationEvents,
    ConnectionEvent,
    KernelEvents,
    Request,
    RequestEvent,
    ServerEvents,
    ShutdownEvent,
    SocketioServer,
    TerminateEvent,
    http,
    observe,
    request_scope,
    websocket,
)
from rxkernel.routing.definitions import Definition
from rxkernel.servers.aiohttp.request.disconnect import is_disconnected
from rxkernel.servers.aiohttp.server import HttpServer
from tests.servers.conftest import Serve, http_url
from tests.servers.hostile import (
    TEXT,
    OverPolling,
    OverWebsocket,
    encode,
    wire,
)
from tests.servers.socketio.clients import (
    connected,
    counts_of,
    engine_of,
    is_polled,
    only_connection,
    only_session,
    opened,
    over_each_transport,
)
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until


class Guests:
    """Records connects and disconnects of clients; the listener *slow* waits for `release`."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.slow = ""
        self.release = asyncio.Event()

    async def note(self, name: str) -> None:
        self.trace.append(f"{name} begins")
        if name == self.slow:
            await self.release.wait()
        self.trace.append(f"{name} ends")

    @observe(ServerEvents.CONNECTED)
    async def came(self, event: ConnectionEvent) -> None:
        await self.note("CONNECTED")

    @observe(ServerEvents.DISCONNECTED)
    async def left(self, event: ConnectionEvent) -> None:
        await self.note("DISCONNECTED")

    @observe(ApplicationEvents.SHUTDOWN)
    async def shutdown(self, event: ShutdownEvent) -> None:
        self.trace.append("SHUTDOWN")


WHOLE_LIFE = [
    "CONNECTED begins",
    "CONNECTED ends",
    "DISCONNECTED begins",
    "DISCONNECTED ends",
    "SHUTDOWN",
]


class Hanging:
    """Events that run until `open`."""

    def __init__(self) -> None:
        self.started: list[Any] = []
        self.running = 0
        self.open = asyncio.Event()

    @websocket("hang")
    async def hang(self, request: Request) -> Any:
        self.started.append(request.body)
        self.running += 1
        try:
            await self.open.wait()
        finally:
            self.running -= 1
        return request.body

    @websocket("echo")
    async def echo(self, request: Request) -> Any:
        return request.body


async def until_refused(host: str, port: int) -> None:
    """Return when the port does not accept connections any more."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                return
            writer.close()


async def begin_stop(application: Application) -> "asyncio.Future[bool]":
    """Call ``application.stop()``; return its task when the server accepts no more clients."""
    server = application.servers["socketio"]
    address = str(server.host), server.port or 0
    stopping = asyncio.ensure_future(application.stop())
    await until_refused(*address)
    return stopping


def event_tasks() -> list[str]:
    """Return the names of running tasks of event queues."""
    names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    return [name for name in names if "EventQueue" in name]


def close_idle_connections_at_stop(application: Application) -> None:
    server = application.servers["http"]
    assert isinstance(server, HttpServer)
    server.keepalive_grace = 0.0


async def serve_guests(serve: Serve, in_time: bool) -> tuple[Application, Guests]:
    """An application with `Guests`, and a long or a short deadline for stopping."""
    application = await serve(Hanging, listeners=[Guests], shutdown_timeout=20 if in_time else 0.1)
    close_idle_connections_at_stop(application)
    return application, application.injector.get(Guests)


class TestStoppingWaits:
    @over_each_transport
    @pytest.mark.parametrize("slow", ["CONNECTED", "DISCONNECTED"])
    @pytest.mark.parametrize("in_time", [True, False])
    async def test_stop_waits_for_running_listeners_before_shutdown(
        self,
        serve: Serve,
        caplog: pytest.LogCaptureFixture,
        transport: str,
        slow: str,
        in_time: bool,
    ) -> None:
        """They may use a service that SHUTDOWN closes, such as a database."""
        application, guests = await serve_guests(serve, in_time)

        async with opened(application, transport) as client:
            if slow == "DISCONNECTED":
                await client.send("40")
                assert str(await client.receive()).startswith("40{")
            guests.slow = slow
            sending = asyncio.ensure_future(
                client.send("40" if slow == "CONNECTED" else "41"),
            )
            await until(lambda: guests.trace[-1:] == [f"{slow} begins"])
            stopping = await begin_stop(application)
            if not in_time:
                await until(lambda: "not drained" in caplog.text)
                if isinstance(client, OverWebsocket):
                    await client.closed()
            assert guests.trace[-1] == f"{slow} begins"
            guests.release.set()
            if in_time and slow == "CONNECTED":
                await sending
                assert str(await client.receive()).startswith("40{")

            assert await stopping is in_time
            await asyncio.gather(sending, return_exceptions=True)

        assert guests.trace == WHOLE_LIFE

    @pytest.mark.parametrize("in_time", [True, False])
    async def test_stop_does_not_wait_for_vanished_client(
        self,
        serve: Serve,
        caplog: pytest.LogCaptureFixture,
        in_time: bool,
    ) -> None:
        application, guests = await serve_guests(serve, in_time)
        guests.slow = "DISCONNECTED"

        async with raw_socket(application) as raw:
            raw.vanish()
            await until(lambda: guests.trace[-1] == "DISCONNECTED begins")
            stopping = await begin_stop(application)
            if not in_time:
                await until(lambda: "not drained" in caplog.text)
            guests.release.set()
            assert await stopping is in_time

        assert guests.trace == WHOLE_LIFE

    async def test_stop_waits_for_client_between_two_polls(self, serve: Serve) -> None:
        """The client receives its acknowledgements only with further polls."""
        application = await serve(Hanging)
        hanging = application.injector.get(Hanging)
        sent = {f"43{id}" for id in range(20)}

        async with connected(application, "polling") as client:
            await client.send(*(f'42{id}["hang"]' for id in range(20)))
            await until(lambda: hanging.running == 20)
            stopping = await begin_stop(application)
            hanging.open.set()
            await until(lambda: not hanging.running)
            got: set[str] = set()
            while got < sent:
                packets = str(await client.receive()).split("\x1e")
                got |= {packet.partition("[")[0] for packet in packets}

            assert await stopping is True

        assert got == sent

    async def test_stop_waits_for_slow_websocket(self, serve: Serve) -> None:
        """The client reads nothing before the stop begins, and closing has nearly no timeout."""

        class Large:
            @websocket("large")
            async def large(self, request: Request) -> str:
                return "x" * 200_000

        application = await serve(Large, socketio={"max_outbound_bytes": 10**8})
        close_idle_connections_at_stop(application)
        server = application.servers["socketio"]
        assert isinstance(server, SocketioServer)
        server.flush_timeout, server.engine.limits.flush_timeout = 20.0, 0.01
        acknowledged = 0

        async with wire(application, receive_buffer=4096) as slow:
            slow.stop_reading()
            slow.write(*(encode(TEXT, f'42{id}["large"]'.encode()) for id in range(60)))
            await until(lambda: only_session(application).sender.unsent)
            stopping = await begin_stop(application)
            slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    acknowledged += (await slow.frame())[1].startswith(b"43")

            assert await stopping is True

        assert acknowledged == 60


class TestStoppingEnds:
    async def test_close_ends_namespaces_of_session_side_by_side(self, serve: Serve) -> None:
        """One after another would take too long with many namespaces."""
        namespaces = ("/", "/one", "/two", "/three")
        together = asyncio.Barrier(len(namespaces))
        left: list[str] = []

        class Together:
            @observe(ServerEvents.DISCONNECTED)
            async def left(self, event: ConnectionEvent) -> None:
                await together.wait()
                left.append(event.connection.namespace)

        application = await serve(
            Hanging, listeners=[Together], socketio={"namespaces": namespaces}
        )

        async with raw_socket(application) as raw:
            for namespace in namespaces[1:]:
                await raw.send(f"40{namespace},")
                assert str(await raw.receive()).startswith("40")
            assert await application.stop() is True

        assert sorted(left) == sorted(namespaces)

    @over_each_transport
    async def test_shutdown_timeout_cancels_running_events_and_drops_waiting_ones(
        self, serve: Serve, transport: str
    ) -> None:
        """One event runs, one waits, and with a third one the queue is full."""
        application = await serve(
            Hanging,
            shutdown_timeout=0.1,
            socketio={"concurrency": 1, "max_waiting": 1},
        )
        hanging = application.injector.get(Hanging)
        counts = counts_of(application)

        async with connected(application, transport) as client:
            sending = asyncio.ensure_future(client.send(*(f'42["hang",{n}]' for n in range(3))))
            await until(lambda: counts["socketio.max_waiting"] == 1)
            assert await application.stop() is False
            await asyncio.gather(sending, return_exceptions=True)

        assert (hanging.started, hanging.running, event_tasks()) == ([0], 0, [])

    async def test_stop_closes_own_port_and_events_with_slow_listener(
        self, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        application = await serve(
            Hanging, listeners=[Guests], shutdown_timeout=0.1, socketio={"port": 0}
        )
        application.servers.close_timeout = 0.1
        guests = application.injector.get(Guests)
        hanging = application.injector.get(Hanging)
        server = application.servers["socketio"]
        address = str(server.host), server.port or 0
        guests.slow = "DISCONNECTED"

        async with raw_socket(application) as raw:
            await raw.send('42["hang"]')
            await until(lambda: hanging.running)
            assert await application.stop() is False

        await until_refused(*address)
        assert (hanging.running, event_tasks()) == (0, [])
        assert "stopping the server 'socketio' failed" in caplog.text
        assert guests.trace == [*WHOLE_LIFE[:3], "SHUTDOWN"]

    async def test_stop_cancelled_while_draining_closes_servers(self, serve: Serve) -> None:
        application = await serve(Hanging, listeners=[Guests])
        guests = application.injector.get(Guests)
        hanging = application.injector.get(Hanging)

        async with raw_socket(application) as raw:
            await raw.send('42["hang"]')
            await until(lambda: hanging.running)
            stopping = await begin_stop(application)
            stopping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stopping
            assert await raw.receive() is None

        assert (hanging.running, event_tasks()) == (0, [])
        assert guests.trace == WHOLE_LIFE
        assert await application.stop() is True

    async def test_stop_cancelled_while_closing_closes_servers(self, serve: Serve) -> None:
        application = await serve(Hanging, listeners=[Guests], shutdown_timeout=0.1)
        guests = application.injector.get(Guests)
        guests.slow = "DISCONNECTED"
        server = application.servers["http"]

        reader, writer = await asyncio.open_connection(server.host, server.port)
        async with raw_socket(application):
            stopping = asyncio.ensure_future(application.stop())
            await until(lambda: guests.trace[-1] == "DISCONNECTED begins")
            stopping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stopping
        writer.write(b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await reader.read(100)
        writer.close()

        assert answer == b""

    async def test_restart_repeated_keeps_no_kernel_alive(self, serve: Serve) -> None:
        """Any listener, watcher of a signal or task that remains would keep one alive.

        (aiohttp itself keeps the last 1024 request handlers and the objects that they refer to.)
        """
        application = await serve(Hanging, listeners=[Guests])
        alive: list[weakref.ref[Any]] = []

        for _ in range(3):
            alive += [
                weakref.ref(application.kernel),
                weakref.ref(application.injector.get(Hanging)),
                weakref.ref(engine_of(application)),
            ]
            assert await application.stop() is True
            await application.start()
        await application.stop()
        gc.collect()

        assert not any(one() for one in alive)


class TestPolling:
    async def test_poll_aborted_ends_session(self, serve: Serve) -> None:
        """Its packets may be lost, so the session ends and the client reconnects."""
        application = await serve(Hanging, listeners=[Guests])
        guests = application.injector.get(Guests)
        engine = engine_of(application)

        async with connected(application, "polling") as client:
            connection = only_connection(application)
            assert isinstance(client, OverPolling)
            polling = asyncio.ensure_future(client.poll())
            await until(lambda: is_polled(only_session(application)))
            polling.cancel()  # closes the connection that all requests have used
            native = engine.get_environ(connection.id)["aiohttp.request"]
            await until(lambda: is_disconnected(native))
            await connection.emit("first")
            await connection.emit("second")

            await until(lambda: connection.is_ended)
            status, body = await client.poll()

        assert (status, json.loads(body)["message"]) == (400, "Session ID unknown")
        assert guests.trace == WHOLE_LIFE[:4]

    async def test_posts_two_at_a_time_close_session(self, serve: Serve) -> None:
        """Like engine.io of Node. Concurrent POST requests could use unlimited memory."""
        application = await serve(Hanging, socketio={"concurrency": 1, "max_waiting": 1})
        hanging = application.injector.get(Hanging)
        counts = counts_of(application)

        async with connected(application, "polling") as client:
            assert isinstance(client, OverPolling)
            first = asyncio.ensure_future(client.post("\x1e".join(['42["hang"]'] * 3)))
            await until(lambda: counts["socketio.max_waiting"] == 1)
            assert await client.post('42["hang"]') == 400
            status, body = await client.poll()
            assert (status, json.loads(body)["message"]) == (400, "Session ID unknown")
            assert counts["protocol error"] == 1
            hanging.open.set()
            await first


class TestConnectDeadline:
    @over_each_transport
    async def test_disconnected_client_is_closed_unless_it_reconnects(
        self, serve: Serve, transport: str
    ) -> None:
        """The second client is disconnected later: when it is closed, both timeouts are over."""
        application = await serve(Hanging, socketio={"connect_timeout": 0.5})

        async with connected(application, "websocket") as stays:
            await only_connection(application).disconnect()
            assert await stays.receive() == "41"
            await stays.send("40")
            assert str(await stays.receive()).startswith("40{")
            async with connected(application, transport) as goes:
                await tuple(engine_of(application).connections.values())[-1].disconnect()
                assert await goes.receive() == "41"
                await until(lambda: len(engine_of(application).eio.sockets) == 1)
            await stays.send('421["echo",7]')
            assert json.loads(str(await stays.receive())[3:])[0]["content"] == 7

        assert counts_of(application)["socketio.connect_timeout"] == 1

    @pytest.mark.parametrize("is_kicked", [True, False])
    async def test_connect_to_unknown_namespaces_does_not_extend_timeout(
        self, serve: Serve, is_kicked: bool
    ) -> None:
        application = await serve(Hanging, socketio={"connect_timeout": 0.5})

        async with opened(application, "websocket") as client:
            if is_kicked:
                await client.send("40")
                assert str(await client.receive()).startswith("40{")
                await only_connection(application).disconnect()
                assert await client.receive() == "41"
            async with asyncio.timeout(20):
                await client.send("40/nowhere,")
                while (answer := await client.receive()) is not None:
                    assert str(answer).startswith("44/nowhere,")
                    await client.send("40/nowhere,")

        assert counts_of(application)["socketio.connect_timeout"] == 1


async def test_terminate_only_that_raises_is_logged_and_services_are_closed(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The ``only`` of a listener that is added at run time is called after the response."""
    made: list[str] = []
    closed: list[str] = []

    class Service:
        def __init__(self) -> None:
            made.append("service")

        def close(self) -> None:
            closed.append("service")

    class Uses:
        @inject
        def __init__(self, service: ProviderOf[Service]) -> None:
            self.service = service

        @observe(KernelEvents.KERNEL_REQUEST)
        async def use(self, event: RequestEvent) -> None:
            self.service.get()

    class Both:
        @http("GET", "/both", "both_http")
        @websocket("both")
        async def both(self, request: Request) -> int:
            return 1

    def configure(binder: Binder) -> None:
        binder.bind(Service, scope=request_scope)

    def broken(definition: Definition) -> bool:
        raise KeyError("options")

    async def unreachable(event: TerminateEvent) -> None:
        pytest.fail("ran although its only= failed")

    application = await serve(Both, listeners=[Uses], modules=[configure])
    application.dispatcher.add_listener(KernelEvents.KERNEL_TERMINATE, unreachable, only=broken)

    async with raw_socket(application) as raw:
        await raw.send('421["both"]')
        assert (await raw.acknowledged(1))["content"] == 1
    async with session.get(http_url(application, "/both")) as response:
        assert response.status == 200

    await until(lambda: len(closed) == 2)
    assert len(made) == 2
    assert caplog.text.count("the listeners of kernel.terminate were not called") == 2
