"""`Service`: the events of a namespace."""

from collections.abc import Iterator
from typing import Any, ClassVar

from bundles.realtime.component import Component
from bundles.realtime.event import EVENT
from bundles.realtime.exceptions import IOServerError
from bundles.realtime.middleware import Listed, listed
from bundles.realtime.route_hooks import hook_problem
from rxkernel import (
    ConfigurationError,
    Connection,
    DisconnectReason,
    Request,
    controller,
    option,
    websocket,
)

_HOOKS = {
    "connect": ("connection",),
    "disconnecting": ("connection", "reason"),
    "disconnect": ("connection", "reason"),
}
"""The parameters of the methods that are called for each connection."""


class Service(Component):
    """Subclass it, and put `@event` on the methods that clients may call. One instance serves all
    clients.

    ``class Chat(Service, namespace="/chat", middlewares=[Login])``: the default namespace is
    ``/``. A namespace can have only one service.

    `connect`, `disconnecting` and `disconnect` do nothing unless they are overridden. Their
    exceptions are logged.

    Raises:
        ConfigurationError: one of the three is not async, or takes other parameters, or
            *middlewares* is not a list.

    Attributes:
        service_namespace: the argument ``namespace`` of the class.
        middlewares: the middlewares that run for each connection and each event of the namespace,
            in this order. The injector builds classes.
    """

    middlewares: ClassVar[Listed] = ()
    service_namespace: ClassVar[str] = "/"

    def __init_subclass__(
        cls,
        *,
        namespace: str | None = None,
        middlewares: Listed | None = None,
        **options: Any,
    ) -> None:
        super().__init_subclass__(**options)
        if problems := [*_problems(cls)]:
            raise ConfigurationError(*problems)
        if namespace is not None:
            cls.service_namespace = namespace
            controller(namespace=namespace)(cls)
        if middlewares is not None:
            cls.middlewares = listed(middlewares, f"the service {cls.__qualname__}")

    async def connect(self, connection: Connection) -> None:
        """A client has connected. It may be sent events."""

    async def disconnecting(self, connection: Connection, reason: DisconnectReason) -> None:
        """Called when a client has disconnected, before `disconnect`."""

    async def disconnect(self, connection: Connection, reason: DisconnectReason) -> None:
        """Called when a client has disconnected. ``connection.rooms`` still has its rooms."""

    @option(EVENT, True)
    @websocket("*", arguments="value")
    async def unknown_event(self, request: Request) -> Any:
        """Called for an event without a method. Override it to handle such events.

        Raises:
            IOServerError: the event is unknown (404).
        """
        raise IOServerError(f"unknown event {request.url[:100]!r}", 404)


def _problems(cls: type[Service]) -> Iterator[str]:
    for name, parameters in _HOOKS.items():
        if name in vars(cls) and (problem := hook_problem(vars(cls)[name], parameters)):
            yield f"{name} of the service {cls.__qualname__}: {problem}"
