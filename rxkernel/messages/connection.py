"""A client that stays: its state, what can be sent to it, and to many at once."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextvars import Context, copy_context
from typing import Any, NamedTuple, Protocol

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from rxkernel.messages.scoped_services import ScopedServices


class ClientAddress(NamedTuple):
    """The peer of a connection, as the operating system names it, or a trusted proxy."""

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
        id: unguessable, unique for the life of the connection; also the name of a room
            that only this client is in.
        headers, query: those of the handshake, read-only; auth: what the client sent with CONNECT,
            an object or None.
        rooms: the rooms it joined; read-only, see `join` and `leave`.
        attributes: for data of the application about this client.
        services: the connection-scoped services made for this client so far, or None.
        context: what listeners of CONNECTED and DISCONNECTED run in, and where context managers of
            `connection_scope` are entered and left; each event has a context of its own.
        client: ``(host, port)`` of the peer, or as reported by a trusted proxy; None in tests.
        site: scheme and host that the client has connected to, ``https://example.com``; behind
            a trusted proxy those of its headers. None in tests.
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
        self.headers = _headers(headers)
        self.query = _query(query)
        self.auth = auth
        self.client = client
        self.site = site
        self.attributes: dict[str, Any] = {}
        self.services: ScopedServices | None = None
        self.context: Context = copy_context()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} in {self.namespace}>"

    @property
    @abstractmethod
    def rooms(self) -> frozenset[str]: ...

    @abstractmethod
    async def emit(self, event: str, *args: Any) -> None:
        """Send *event* to this client; nothing happens when it has left."""

    @abstractmethod
    async def call(self, event: str, *args: Any, timeout: float = 60.0) -> Any:
        """Send *event* and return what the client acknowledges: one value, or a tuple of them.

        Raises:
            TimeoutError: no answer within *timeout* seconds, or the client left.
        """

    @abstractmethod
    async def join(self, room: str) -> None:
        """Enter *room*; joining twice is joining once."""

    @abstractmethod
    async def leave(self, room: str) -> None:
        """Leave *room*; nothing happens when not in it."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Close this client's connection to its namespace."""


class Carrier(Protocol):
    """What delivers a broadcast: a socket server, or the recorder of a test."""

    async def broadcast(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: tuple[str, ...] | None,
        namespace: str,
        skip: set[str],
    ) -> None:
        """Send *event* once to each client of *namespace* that is in one of *rooms*, each of
        which is named once; None stands for all clients. *skip* are the ids of those left out."""


class Broadcaster:
    """Sends an event to every client of a namespace, or of rooms in it.

    Injectable anywhere, so also into a controller that answers HTTP. It knows no
    transport: the servers that hold connections attach themselves as carriers.
    """

    def __init__(self) -> None:
        self._carriers: list[Carrier] = []

    def attach(self, carrier: Carrier) -> None:
        """Deliver through *carrier* too; attaching twice is attaching once."""
        if carrier not in self._carriers:
            self._carriers.append(carrier)

    def detach(self, carrier: Carrier) -> None:
        """Deliver through *carrier* no more; nothing happens when it was not attached."""
        if carrier in self._carriers:
            self._carriers.remove(carrier)

    async def emit(
        self,
        event: str,
        *args: Any,
        room: str | Sequence[str] | None = None,
        namespace: str = "/",
        skip: Connection | str | Collection[Connection | str] | None = None,
    ) -> None:
        """Send *event* to all but *skip*: connections or their ids, one or several.

        *room* limits it to the clients of one room, or of several: a client in more than one of
        them gets one copy.

        Raises:
            TypeError: one of several rooms is not a str.
        """
        rooms = _rooms(room)
        skipped = [skip] if isinstance(skip, Connection | str) else skip or ()
        ids = {one.id if isinstance(one, Connection) else one for one in skipped}
        for carrier in tuple(self._carriers):
            await carrier.broadcast(event, args, rooms, namespace, ids)


def _rooms(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, str):
        return (given,)
    rooms = tuple(dict.fromkeys(given))
    if not all(isinstance(room, str) for room in rooms):  # None would be everybody
        raise TypeError(f"room is {given!r:.200}; give a str, several of them, or None for all")
    return rooms
