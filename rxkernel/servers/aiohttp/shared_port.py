"""One port for several applications: each gets the requests to its own hosts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context, copy_context
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import attrs
from aiohttp import StreamReader, web
from multidict import CIMultiDictProxy

from rxkernel.exceptions import ConfigurationError, RxKernelError, ServiceUnavailableException
from rxkernel.servers.aiohttp.connection.access_log import HttpAccessLog
from rxkernel.servers.aiohttp.connection.protocol import HttpConnection
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.fast_path.fast_path import FastPath
from rxkernel.servers.aiohttp.listener import Listener
from rxkernel.servers.aiohttp.redirect import HttpsRedirect
from rxkernel.servers.aiohttp.request.request_id_header import NativeRequestIdHeader
from rxkernel.servers.aiohttp.shared_access_log import SERVING, SharedAccessLogger
from rxkernel.servers.aiohttp.shared_connection import PortPath, SharedConnection
from rxkernel.servers.aiohttp.shared_hosts import SharedHosts, log_overlaps
from rxkernel.servers.aiohttp.shared_member import PortApplication, PortMember, Serving
from rxkernel.servers.aiohttp.shared_rules import SharedRules
from rxkernel.servers.certificates import Certificates
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.server import ServerStartError, url_of
from rxkernel.servers.workers.listening_sockets import Sockets
from rxkernel.settings import PORT_SETTINGS, Settings

T = TypeVar("T")

_STOPPED = "the application of this host is not running"
_RETRY_AFTER = {"Retry-After": "5"}
"""Seconds after which a client may try again."""


@attrs.frozen(eq=False)
class Share:
    """The part of one application in a port."""

    port: "SharedPort"
    member: PortMember


class _PortConnections(ConnectionRegistry):
    log_class = SharedAccessLogger


@attrs.frozen(eq=False)
class _Open:
    """The parts of a port between its start and its stop; the listener may be closed."""

    rules: SharedRules
    connections: ConnectionRegistry
    path: PortPath
    server: web.Server


class SharedPort:
    """A port for the applications whose `Application.share` was called with it.

    The host of a request selects its application, see `HostPattern`. `start` boots and starts
    all applications, then listens. Each application can be stopped and started while the others
    serve: requests to its hosts get 503 meanwhile.

    Args:
        settings: the settings in `PORT_SETTINGS` apply to every application. Responses of
            the port itself also depend on ``request_id_header`` and ``http.security_headers``.

    Attributes:
        members: the applications, in the order in which they were added.
        is_stopping: whether `stop` was called.
        sockets: the connections or the port of a worker, if its supervisor accepts or opens them.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = Settings() if settings is None else settings
        http = self.settings.http
        self.members: list[PortMember] = []
        self.is_stopping = False
        self.sockets: Sockets | None = None
        self.certificates = None if http.tls is None else Certificates(http.tls)
        self._is_starting = False
        self._forwarded = ForwardedHeaders(http.trusted_proxies, http.own_scheme)
        self._ids = NativeRequestIdHeader(self.settings.request_id_header)
        self._hosts = SharedHosts(self._forwarded, http.scheme)
        self._listener: Listener | None = None
        self._redirect: Listener | None = None
        self._opened: _Open | None = None
        self._draining: set[PortMember] = set()
        self._contexts: dict[PortMember, Context] = {}
        self._life = asyncio.Lock()

    # --- before the start

    def add(self, name: str, application: PortApplication) -> Share:
        """Add *application* by its *name*; `Application.share` calls it.

        Raises:
            RxKernelError: the port is open.
            ConfigurationError: another application has its name.
        """
        if self._opened is not None:
            raise RxKernelError("the shared port is open; call share() before it starts")
        if any(member.name == name for member in self.members):
            raise ConfigurationError(
                f"two applications of a shared port have the name {name!r}; "
                f"pass another name to share()"
            )
        member = PortMember(name, application)
        self.members.append(member)
        return Share(self, member)

    def settings_for(self, settings: Settings) -> Settings:
        """The *settings* of an application, with the settings of the port."""
        own = self.settings.http
        common = {name: getattr(own, name) for name in PORT_SETTINGS}
        return attrs.evolve(settings, http=attrs.evolve(settings.http, **common))

    def check(self) -> None:
        """Find the problems that are known before the applications boot; `start` does it first.

        Raises:
            ConfigurationError: lists each host that several applications have, and the problems of
                the certificates.
        """
        errors: list[ConfigurationError] = []
        if not self.members:
            errors.append(
                ConfigurationError("the shared port has no applications; add one with share()")
            )
        if self.certificates is not None:
            errors += _errors_of(self.certificates.load)
        errors += _errors_of(partial(self._hosts.read, self.members))
        if errors:
            raise ConfigurationError.merge(errors)

    # --- its address

    @property
    def host(self) -> str:
        return self.settings.http.host

    @property
    def port(self) -> int:
        """The port; if it is 0, the port that the system has chosen, after `start`."""
        return self.settings.http.port if self._listener is None else self._listener.port

    @property
    def url(self) -> str:
        return url_of(self.settings.http.scheme, self.host, self.port)

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each limit of connections was reached, see `HttpServer.counts`; empty before
        the start."""
        return {} if self._opened is None else self._opened.connections.counts

    def reload_certificates(self) -> None:
        """See `HttpServer.reload_certificates`."""
        if self.certificates is not None:
            self.certificates.reload()

    # --- life

    async def start(self) -> None:
        """Boot and start all applications, and listen; does nothing if the port is open.

        Raises:
            ConfigurationError: lists the problems that `check` finds, before an application boots,
                or the problems of all applications, each with its name. Nothing has started.
            ServerStartError: the port cannot be opened; all applications are stopped.
        """
        async with self._life:
            if self._opened is not None:
                return
            self._contexts = {member: copy_context() for member in self.members}
            try:
                await self._boot()
                self._opened = self._open()
                self._is_starting = True
                for member in self.members:
                    await self._run(member, member.application.start)
                await self._listen(self._opened)
            except BaseException:
                await self._end()
                raise
            finally:
                self._is_starting = False

    async def _boot(self) -> None:
        self.check()
        errors: list[ConfigurationError] = []
        for member in self.members:
            try:
                await self._run(member, member.application.boot)
            except ConfigurationError as error:
                named = (f"{member.name}: {problem}" for problem in error.problems)
                errors.append(ConfigurationError(*named))
        if errors:
            raise ConfigurationError.merge(errors)
        log_overlaps(self.members)

    async def _run(self, member: PortMember, work: Callable[[], Awaitable[T]]) -> T:
        """Await *work* of *member* in its own context, which the tasks of *work* inherit."""

        async def run() -> T:
            try:
                return await work()
            except Exception as exc:
                exc.add_note(f"in the application {member.name}")
                raise

        return await asyncio.get_running_loop().create_task(run(), context=self._contexts[member])

    def _open(self) -> _Open:
        http = self.settings.http
        every = [self.settings, *(member.application.settings for member in self.members)]
        has_log = any(settings.logging.access for settings in every)
        access_log = HttpAccessLog(self._ids, self._forwarded) if has_log else None
        connections = _PortConnections(http, self._forwarded, self._ids, access_log)
        rules = SharedRules(self._hosts, self._forwarded, connections, http.unknown_host)
        server = web.Server(self._handle, request_factory=self._make_request)
        return _Open(rules, connections, PortPath(self._hosts), server)

    async def _listen(self, opened: _Open) -> None:
        http = self.settings.http
        opened.connections.apply_fd_limit()
        has_fast_path = any(member.fast_path is not None for member in self.members)
        listener = Listener(
            opened.server,
            http.host,
            http.port,
            opened.connections,
            reuse_port=http.reuse_port,
            fast_path=opened.path if has_fast_path else None,
            connection_class=SharedConnection,
            certificates=self.certificates,
            sockets=self.sockets,
        )
        await listener.start()
        self._listener = listener
        if http.tls is not None and http.tls.redirect_port is not None:
            redirect = HttpsRedirect(opened.rules, opened.connections, listener.port)
            second = Listener(
                redirect.new_engine(),
                http.host,
                http.tls.redirect_port,
                opened.connections,
                reuse_port=http.reuse_port,
            )
            await second.start()
            self._redirect = second
        opened.connections.log_fd_limit()

    async def stop(self) -> bool:
        """Stop all applications, and close the port; does nothing if it is not open.

        Return whether all messages in flight were handled.
        """
        async with self._life:
            return await self._end()

    async def _end(self) -> bool:
        self.is_stopping = True
        listeners = [one for one in (self._redirect, self._listener) if one is not None]
        try:
            ended = await asyncio.gather(
                *(self._run(member, member.application.stop) for member in self.members),
                return_exceptions=True,
            )
            for listener in listeners:
                await listener.close()
        finally:
            self._redirect = self._listener = self._opened = None
            self._draining.clear()
            self.is_stopping = False
        for outcome in ended:
            if isinstance(outcome, BaseException):
                raise outcome
        return all(ended)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop()

    # --- called by the applications

    def check_start(self, member: PortMember) -> None:
        """Check that *member* can start now, and read its hosts.

        Raises:
            ServerStartError: the port is not open.
            ConfigurationError: another application has one of its hosts.
        """
        if self._opened is None or not (self._is_starting or self._listener is not None):
            raise ServerStartError(
                f"the application {member.name} shares a port that is not open; "
                f"call port.start(), which starts all its applications"
            )
        self._hosts.read(self.members)

    def join(self, member: PortMember, serving: Serving, fast_path: FastPath | None) -> None:
        """Pass the requests to the hosts of *member* to it from now on."""
        assert self._opened is not None, "call check_start() first"
        member.serving, member.fast_path = serving, fast_path
        if fast_path is not None:
            self._opened.path.servings[fast_path] = serving

    def leave(self, member: PortMember) -> None:
        """Respond with 503 to further requests to the hosts of *member*."""
        member.serving = member.fast_path = None

    def forget(self, fast_path: FastPath) -> None:
        """Called when the requests of *fast_path* have ended."""
        if self._opened is not None:
            self._opened.path.forget(fast_path)

    async def stop_accepting(self, member: PortMember) -> None:
        """Accept no connections as soon as all applications that run have called this."""
        self._draining.add(member)
        if all(m in self._draining for m in self.members if m.serving is not None):
            for listener in (self._redirect, self._listener):
                if listener is not None:
                    await listener.stop_accepting()

    async def wait_for_clients(self, seconds: float) -> None:
        """See `Listener.wait_for_clients`."""
        if self._listener is not None:
            await self._listener.wait_for_clients(seconds)

    # --- requests of aiohttp's handler

    def _make_request(
        self,
        message: Any,
        payload: StreamReader,
        protocol: Any,
        writer: Any,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        """Return the request as the application of its host creates it, with its limits; a plain
        request for an unknown host."""
        connection = protocol.connection
        assert isinstance(connection, HttpConnection)
        serving = connection.serving if isinstance(connection, SharedConnection) else None
        if serving is None:
            plain = web.Request(
                message, payload, protocol, writer, task, asyncio.get_running_loop()
            )
            is_malformed = not isinstance(message.headers, CIMultiDictProxy)
            member = None if is_malformed else self._hosts.find(plain, connection.peer)
            if member is None or (serving := member.serving) is None:
                return plain
        native = serving.server.request_factory(message, payload, protocol, writer, task)
        native[SERVING] = serving
        return native

    async def _handle(self, native: web.BaseRequest) -> web.StreamResponse:
        serving = native.get(SERVING)
        if serving is not None:
            serving.begin()
            out: web.StreamResponse = await serving.server.request_handler(native)
            return out
        assert self._opened is not None
        assert isinstance(native, web.Request)
        rules = self._opened.rules
        error = rules.rejection_for(native)
        stopped = ServiceUnavailableException(_STOPPED, headers=_RETRY_AFTER)
        return await rules.reject(native, error or stopped)


def _errors_of(work: Callable[[], object]) -> list[ConfigurationError]:
    try:
        work()
    except ConfigurationError as error:
        return [error]
    return []
