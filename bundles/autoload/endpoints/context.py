"""`Context`: who calls an endpoint."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import attrs
from injector import Injector, inject

from bundles.sessions import Session, Sessions
from rxkernel import ConfigurationError, Connection, Definition, Marker, Parameter, Request


@attrs.define(eq=False)
class Context:
    """The call that an endpoint handles: ``async def method(context: Context)``.

    Attributes:
        id: that of the message.
        client: the connection of the client; None over HTTP.
        session: None without the bundle sessions.
        state: empty at the begin of each call.
        request: the message.
    """

    id: str
    client: Connection | None
    session: Session | None
    request: Request = attrs.field(repr=False)
    state: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class ContextMarker(Marker):
    """The marker of `CurrentContext`."""


CurrentContext = Annotated[Context, ContextMarker()]
"""What the annotation `Context` of an endpoint stands for."""


class ContextResolver:
    """Makes the `Context` of a message."""

    @inject
    def __init__(self, injector: Injector) -> None:
        has_sessions = injector.binder.has_explicit_binding_for(Sessions)
        self._sessions = injector.get(Sessions) if has_sessions else None

    def bind(
        self, marker: ContextMarker, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Context] | Callable[[Request], Awaitable[Context]]:
        if parameter.type is not Context:
            raise ConfigurationError(f"its type is {parameter.type}; write Context")
        if self._sessions is None:
            return _without_session
        session_of = self._sessions.of

        async def with_session(request: Request) -> Context:
            return Context(request.id, request.connection, await session_of(request), request)

        return with_session

    def describe(self, marker: ContextMarker, parameter: Parameter) -> dict[str, Any]:
        """A client sends nothing for it."""
        return {"inputs": [], "statuses": []}


def _without_session(request: Request) -> Context:
    return Context(request.id, request.connection, None, request)
