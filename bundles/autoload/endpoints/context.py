"""`Context`: the client and the session of a call of an endpoint."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

import attrs
from injector import Injector, inject

from bundles.sessions import Session, Sessions, SessionSecrets
from rxkernel import (
    ConfigurationError,
    Connection,
    Definition,
    Marker,
    Parameter,
    Request,
    RxKernelError,
    UpgradeRequiredException,
)

_UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}


@attrs.define(eq=False)
class Context:
    """The call that an endpoint handles: ``async def method(context: Context)``.

    Attributes:
        id: the id of the message.
        session: the session of the client; None without the bundle sessions.
        state: a dict that is empty at the begin of each call.
        request: the message.

    The methods change the session of the client at once, even if the call fails later. Over a
    connection, this affects all later messages; over HTTP, the cookie of the response.
    """

    id: str
    _client: Connection | None
    session: Session | None
    request: Request = attrs.field(repr=False)
    state: dict[str, Any] = attrs.field(factory=dict)
    _secrets: SessionSecrets | None = attrs.field(default=None, repr=False)

    @property
    def client(self) -> Connection:
        """The connection of the client, for events. Use `Request.connection`, which may be None,
        if the connection is optional.

        Raises:
            UpgradeRequiredException: the client has no connection, since it uses HTTP (426).
        """
        if self._client is None:
            raise UpgradeRequiredException(
                "this call needs a connection; use a WebSocket", headers=_UPGRADE
            )
        return self._client

    async def start_session(self, values: Mapping[str, Any] = MappingProxyType({})) -> str:
        """Start a session with *values*, and return its token. The previous session of the client
        ends. See `SessionSecrets.start`.

        Raises:
            RxKernelError: the bundle sessions is not enabled.
        """
        return await self._enabled_secrets().start(self.request, values)

    async def restore_session(self, token: object) -> bool:
        """Use the session with *token*, which the client has sent; return False if it does not
        exist. See `SessionSecrets.restore`.

        Raises:
            RxKernelError: the bundle sessions is not enabled.
        """
        return await self._enabled_secrets().restore(self.request, token)

    async def end_session(self) -> None:
        """End the session of the client everywhere, and close the other connections that use it.
        See `SessionSecrets.end`.

        Raises:
            RxKernelError: the bundle sessions is not enabled.
        """
        await self._enabled_secrets().end(self.request)

    def _enabled_secrets(self) -> SessionSecrets:
        if self._secrets is None:
            raise RxKernelError(
                "the bundle sessions is not enabled; write Application(bundles=['sessions', …])"
            )
        return self._secrets


@attrs.frozen
class ContextMarker(Marker):
    """The marker of `CurrentContext`."""


CurrentContext = Annotated[Context, ContextMarker()]
"""The annotation that replaces `Context` in an endpoint."""


class ContextResolver:
    """Makes the `Context` of a message."""

    @inject
    def __init__(self, injector: Injector) -> None:
        has_sessions = injector.binder.has_explicit_binding_for(Sessions)
        self._sessions = injector.get(Sessions) if has_sessions else None
        self._secrets = injector.get(SessionSecrets) if has_sessions else None

    def bind(
        self, marker: ContextMarker, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Context] | Callable[[Request], Awaitable[Context]]:
        if parameter.type is not Context:
            raise ConfigurationError(f"its type is {parameter.type}; write Context")
        if self._sessions is None:
            return _without_session
        session_of, secrets = self._sessions.of, self._secrets

        async def with_session(request: Request) -> Context:
            session = await session_of(request)
            return Context(request.id, request.connection, session, request, secrets=secrets)

        return with_session

    def describe(self, marker: ContextMarker, parameter: Parameter) -> dict[str, Any]:
        """Describe no input, since a client sends nothing for it."""
        return {"inputs": [], "statuses": []}


def _without_session(request: Request) -> Context:
    return Context(request.id, request.connection, None, request)
