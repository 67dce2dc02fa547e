"""`Gateway`: the Socket.IO namespaces and events that call actions. Subclass it."""

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

    The injector builds one instance. Any method may be overridden. The options are checked at
    boot.

    Attributes:
        name: the prefix of the gateway's own actions, ``io.broadcast`` and ``io.get_clients``.
        namespaces: the namespaces, by name; by default ``/`` with the event ``call``.
        broker: calls actions.
        debug: whether clients receive the text of any exception.
        changes: adds and removes namespaces; set at boot, like ``broker`` and ``debug``.
    """

    name: ClassVar[str] = "io"
    namespaces: ClassVar[Mapping[str, GatewayNamespace]] = {"/": {"events": {"call": {}}}}

    broker: Broker
    debug: bool = False
    changes: NamespaceChanges

    async def authorize(self, connection: Connection) -> Any:
        """Return the user of a client that connects to a namespace with ``authorization=True``;
        None: the client is anonymous. Any exception refuses the client, which receives the message
        and the data of the exception."""
        raise NotImplementedError

    def get_user(self, connection: Connection) -> Any:
        """Return the user of *connection*, or None. The connections of a client to other
        namespaces have their own users."""
        return connection.attributes.get(_USER)

    def save_user(self, connection: Connection, user: Any) -> None:
        """Set the user of *connection*."""
        connection.attributes[_USER] = user

    def get_meta(self, connection: Connection) -> dict[str, Any]:
        """Return the meta of a call: the user, the rooms of the client and its connection id."""
        rooms = connection.rooms
        return {
            "user": self.get_user(connection),
            "$rooms": [connection.id, *sorted(rooms)] if rooms else [connection.id],
            "$socketId": connection.id,
        }

    def save_meta(self, connection: Connection, meta: Mapping[str, Any]) -> None:
        """Save *meta* after a successful call. It has only the keys that hooks and the action have
        set. By default only the user is saved: an action sets ``ctx.meta["user"]`` for a login
        or a logout."""
        if "user" in meta:
            self.save_user(connection, meta["user"])

    def error_body(self, exception: Exception) -> dict[str, Any]:
        """Return what a client receives for *exception*: ``{name, message, code, type, data}``."""
        return error_body(exception, debug=self.debug)

    async def add_namespace(self, name: str, options: GatewayNamespace) -> None:
        """Serve the namespace *name* from now on.

        Raises:
            ConfigurationError: it is already served, or the options are invalid.
        """
        await self.changes.add(name, options)

    async def remove_namespace(self, name: str) -> None:
        """Stop serving the namespace *name*, and disconnect its clients.

        Raises:
            ConfigurationError: this gateway does not serve it.
        """
        await self.changes.remove(name)
