"""A connected client: its state, and what can be sent to it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextvars import Context, copy_context
from typing import Any, NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from rxkernel.messages.cookies import parse_cookies
from rxkernel.messages.disconnect_callbacks import Callback, DisconnectCallbacks
from rxkernel.messages.scoped_services import ScopedServices


class ClientAddress(NamedTuple):
    """The address of a client, from the operating system or a trusted proxy."""

    host: str
    port: int


def _headers(given: Mapping[str, str] | None) -> CIMultiDictProxy[str]:
    if isinstance(given, CIMultiDictProxy):
        return given
    return CIMultiDictProxy(CIMultiDict(given or {}))


def _query(given: Mapping[str, str] | None) -> MultiDictProxy[str]:
    if isinstance(given, MultiDictProxy):
        return given
    return MultiDictProxy(MultiDict(given or {}))


class Connection(ABC):
    """One client in one Socket.IO namespace, from its CONNECT to its disconnect.

    Attributes:
        id: a random id, unique while the connection lasts; also the name of a room that
            contains only this client.
        headers, query: of the handshake request, read-only.
        route_namespace: the namespace of the routes of its events: ``namespace``, or the template
            that it matches, such as ``/room/{id}``.
        params: the parameters of its namespace, if that is a template.
        auth: the object that the client sent with CONNECT, or None.
        rooms: the rooms that the client has joined, read-only; see `join` and `leave`.
        token: as `Request.token`, for the client; set by a listener of CONNECTED.
        attributes: data that the application stores about this client.
        services: the connection-scoped services created for this client so far, or None.
        context: the `contextvars.Context` in which listeners of CONNECTED, ACCEPTED and
            DISCONNECTED run, and in which context managers of `connection_scope` are entered and
            exited. Each event that the client sends has its own context.
        client: ``(host, port)`` of the peer, or the address that a trusted proxy reports; None
            in tests.
        recovered: whether the client has reconnected after a short time: its id, rooms and
            attributes are restored, and it receives the events that it missed.
        site: scheme and host that the client connected to, ``https://example.com``; behind a
            trusted proxy, from the headers of the proxy. None in tests.
    """

    def __init__(
        self,
        id: str,
        namespace: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        auth: Any = None,
        client: ClientAddress | None = None,
        site: str | None = None,
    ) -> None:
        self.id = id
        self.namespace = namespace
        self.route_namespace = namespace
        self.headers = _headers(headers)
        self.query = _query(query)
        self.auth = auth
        self.params: Mapping[str, Any] = {}
        self.client = client
        self.recovered = False
        self.site = site
        self.token: Any = None
        self.attributes: dict[str, Any] = {}
        self.services: ScopedServices | None = None
        self.context: Context = copy_context()
        self._cookies: Mapping[str, str] | None = None
        self._disconnect_callbacks: DisconnectCallbacks | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} in {self.namespace}>"

    @property
    def user(self) -> Any:
        """``token.user``: the user of this client; None without a token."""
        return None if self.token is None else self.token.user

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies of the handshake request, as `Request.cookies`."""
        if self._cookies is None:
            self._cookies = parse_cookies("; ".join(self.headers.getall("Cookie", ())))
        return self._cookies

    def when_disconnected(self, callback: Callback) -> Callback:
        """See `Request.when_disconnected`."""
        return self._callbacks().add(callback)

    def notify_disconnected(self) -> None:
        """Call the functions of `when_disconnected`. The server calls it before DISCONNECTED."""
        self._callbacks().run()

    def _callbacks(self) -> DisconnectCallbacks:
        if self._disconnect_callbacks is None:
            self._disconnect_callbacks = DisconnectCallbacks()
        return self._disconnect_callbacks

    @property
    @abstractmethod
    def rooms(self) -> frozenset[str]: ...

    @abstractmethod
    async def emit(self, event: str, *args: Any) -> None:
        """Send *event* to this client; does nothing once the client has disconnected.

        Raises:
            RxKernelError: it is called outside of the event loop of the connection, for example
                in a thread. The other methods raise it too.
        """

    @abstractmethod
    async def call(self, event: str, *args: Any, timeout: float = 60.0) -> Any:
        """Send *event* and return the client's acknowledgement: one value, or a tuple of several.

        Raises:
            TimeoutError: no acknowledgement within *timeout* seconds, or the client has
                disconnected.
        """

    @abstractmethod
    async def join(self, room: str) -> None:
        """Join *room*; does nothing if the client is in it already.

        Raises:
            TypeError: *room* is not a str.
            ValueError: *room* is the id of another connection.
        """

    @abstractmethod
    async def leave(self, room: str) -> None:
        """Leave *room*; does nothing if the client is not in it.

        Raises:
            TypeError: *room* is not a str.
        """

    @abstractmethod
    async def disconnect(self) -> None:
        """Close this client's connection to its namespace.

        Before the connection is accepted, in a listener of CONNECTED, this rejects it.
        """
