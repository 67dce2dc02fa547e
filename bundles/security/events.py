"""The events of the bundle."""

from enum import StrEnum
from typing import Any

import attrs

from bundles.security.token import Token
from rxkernel import Connection, Event, Request


class SecurityEvents(StrEnum):
    """Names of the events, those of RxStack where it has them."""

    REVOKED = "security.revoked"
    """`RevokedEvent`."""
    SOCKET_AUTHENTICATION_SUCCESS = "security.socket_authentication.success"
    """`SocketAuthenticationEvent`, before the socket gets its new identity."""
    SOCKET_UNAUTHENTICATION_SUCCESS = "security.socket_unauthentication.success"
    """`SocketAuthenticationEvent`, when a client has dropped its identity."""
    SOCKET_EXPIRED = "security.socket_expired"
    """`SocketExpiredEvent`, when the identity of a socket has ended without its doing."""


@attrs.define(eq=False)
class RevokedEvent(Event):
    """``security.revoked``: credentials have ended before they expired; sockets follow it.

    Attributes:
        identifier: of the user whose credentials have ended.
        token_id: the ``jti`` of the only access token that has ended; None: all have.
        request: the message that has ended them, if any: its own socket is closed after its
            response.
    """

    identifier: str
    token_id: str | None = attrs.field(default=None, repr=False)
    request: Request | None = attrs.field(default=None, repr=False)


@attrs.define(eq=False)
class SocketAuthenticationEvent(Event):
    """A client has sent ``security_authenticate`` or ``security_unauthenticate``.

    ``token`` is the new identity, or the one that was dropped. A listener that raises keeps the
    socket as it was.
    """

    connection: Connection
    token: Token[Any]


@attrs.define(eq=False)
class SocketExpiredEvent(Event):
    """The identity of a socket has ended; its token is anonymous already. A listener may have it
    leave the rooms of its user.

    ``token`` is the identity that has ended, ``reason`` is ``expired`` or ``revoked``.
    """

    connection: Connection
    token: Token[Any]
    reason: str
