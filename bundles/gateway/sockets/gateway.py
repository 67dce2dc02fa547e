"""`Gateway`: the namespaces and events of Socket.IO that call actions. Subclass it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from bundles.gateway.broker.broker import Broker
from bundles.gateway.sockets.error_body import error_body
from bundles.gateway.sockets.options import GatewayNamespace
from rxkernel import Connection

_USER = "gateway.user"
"""The key of the user in the attributes of a connection."""


class NamespaceChanges(Protocol):
    """Changes the namespaces of a running gateway."""

    async def add(self, name: str, options: GatewayNamespace) -> None:
        """See `Gateway.add_namespace`."""

    async def remove(self, name: str) -> None:
        """See `Gateway.remove_namespace`."""


class Gateway:
    """Clients call actions by name: ``socket.emit("call", "math.add", {a: 1, b: 2}, ack)``.

    There is one instance, which the injector builds. Override any of the methods. The options are
    checked at boot.

    Attributes:
        name: the prefix of its own actions: ``io.broadcast`` and ``io.get_clients``.
        namespaces: the namespaces, by name; by default ``/`` with the event ``call``.
        broker: calls actions.
        debug: whether clients receive the text of any exception.
        changes: adds and removes namespaces. It is set at boot, as are ``broker`` and ``debug``.
    """

    name: ClassVar[str] = "io"
    namespaces: ClassVar[Mapping[str, GatewayNamespace]] = {"/": {"events": {"call": {}}}}

    broker: Broker
    debug: bool = False
    changes: NamespaceChanges

    async def authorize(self, connection: Connection) -> Any:
        """Return the user of a client that connects to a namespace with ``authorization=True``;
        None: it is anonymous. Any exception refuses the client, which receives its message and
        data."""
        raise NotImplementedError

    def get_user(self, connection: Connection) -> Any:
        """The user of *connection*, or None. Other namespaces of the client have users of their
        own."""
        return connection.attributes.get(_USER)

    def save_user(self, connection: Connection, user: Any) -> None:
        """Set the user of *connection*."""
        connection.attributes[_USER] = user

    def get_meta(self, connection: Connection) -> dict[str, Any]:
        """Return the meta of a call: the user, the rooms of the client and the id of its
        connection."""
        rooms = connection.rooms
        return {
            "user": self.get_user(connection),
            "$rooms": [connection.id, *sorted(rooms)] if rooms else [connection.id],
            "$socketId": connection.id,
        }

    def save_meta(self, connection: Connection, meta: Mapping[str, Any]) -> None:
        """Called after each successful call. *meta* has only the keys that its hooks and its
        action have set. It saves the user: an action logs in and out by ``ctx.meta["user"]``."""
        if "user" in meta:
            self.save_user(connection, meta["user"])

    def error_body(self, exception: Exception) -> dict[str, Any]:
        """Return what a client receives for *exception*: ``{name, message, code, type, data}``."""
        return error_body(exception, debug=self.debug)

    async def add_namespace(self, name: str, options: GatewayNamespace) -> None:
        """Serve a further namespace from now on.

        Raises:
            ConfigurationError: it is served already, or the options cannot work.
        """
        await self.changes.add(name, options)

    async def remove_namespace(self, name: str) -> None:
        """Serve the namespace *name* no longer, and disconnect its clients.

        Raises:
            ConfigurationError: this gateway does not serve it.
        """
        await self.changes.remove(name)
