"""The events of the bundle."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs

from bundles.security.token import Token
from rxkernel import Connection, Event, Request


class SecurityEvents(StrEnum):
    """The names of the events; the same as in RxStack if it has the event."""

    AUTHENTICATION_SUCCESS = "security.authentication.success"
    """`AuthenticationEvent`: a password was verified."""
    AUTHENTICATION_FAILURE = "security.authentication.failure"
    """`AuthenticationFailureEvent`: a password was refused."""
    LOGIN_SUCCESS = "security.login.success"
    """`LoginEvent`, before the tokens or the session of the login are created."""
    LOGOUT_SUCCESS = "security.logout.success"
    """`LogoutEvent`, when one login, or all logins of a user, have ended."""
    REFRESH_TOKEN_SUCCESS = "security.refresh_token.success"
    """`RefreshEvent`, before the new access token is made."""
    TOKEN_CREATED = "security.token.created"
    """`TokenCreatedEvent`, before an access token is signed: add claims here."""
    TOKEN_ENCODED = "security.token.encoded"
    """`TokenEncodedEvent`, when an access token was signed."""
    TOKEN_DECODED = "security.token.decoded"
    """`TokenDecodedEvent`, when the signature of an access token was verified. A verified token is
    cached, so the event is usually dispatched once for each token and process."""
    REVOKED = "security.revoked"
    """`RevokedEvent`."""
    TOKENS_IN_USE = "security.tokens_in_use"
    """`TokensInUseEvent`, when messages of other processes may have been lost."""
    SOCKET_AUTHENTICATION_SUCCESS = "security.socket_authentication.success"
    """`SocketAuthenticationEvent`, before the socket gets its new identity."""
    SOCKET_UNAUTHENTICATION_SUCCESS = "security.socket_unauthentication.success"
    """`SocketAuthenticationEvent`, when a client has dropped its identity. Also when it does not
    get its new one after all: the token was revoked meanwhile, or a listener of
    ``SOCKET_AUTHENTICATION_SUCCESS`` raised."""
    SOCKET_EXPIRED = "security.socket_expired"
    """`SocketExpiredEvent`, when the credential of a socket has expired or was revoked."""


@attrs.define(eq=False)
class RevokedEvent(Event):
    """``security.revoked``: credentials have ended before they expired; their sockets lose their
    identity. It is dispatched in the process that ends them, and in those that the bundle
    ``scale`` connects.

    Attributes:
        identifier: of the user whose credentials have ended.
        token_id: the ``jti`` of the only access token that has ended; None: all have ended.
        request: the message that has ended them, if any: its own socket is closed after its
            response.
    """

    identifier: str
    token_id: str | None = attrs.field(default=None, repr=False)
    request: Request | None = attrs.field(default=None, repr=False)


@attrs.define(eq=False)
class TokensInUseEvent(Event):
    """``security.tokens_in_use``: listeners add the access tokens of connections that last, such
    as sockets and streams. `RevokedEvent` is dispatched for the tokens that were revoked.

    Attributes:
        tokens: by the ``jti`` of each token, its user, and the earliest time at which a connection
            that uses it has verified it, in seconds since 1970.
    """

    tokens: dict[str, tuple[str, float]] = attrs.field(factory=dict, init=False, repr=False)

    def add(self, token: Token[Any], since: float) -> None:
        """Add *token*, which was valid at *since*, in seconds since 1970. A credential that is
        not an access token is ignored."""
        if token.credential == "bearer" and token.id is not None:
            assert token.identifier is not None
            _, before = self.tokens.get(token.id, ("", since))
            self.tokens[token.id] = token.identifier, min(since, before)


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
    """The identity of a socket has ended; its token is anonymous already, and it has left the
    room of its user. A listener may remove it from other rooms.

    ``token`` is the identity that has ended, ``reason`` is ``expired`` or ``revoked``.
    """

    connection: Connection
    token: Token[Any]
    reason: str


@attrs.define(eq=False)
class AuthenticationEvent(Event):
    """The password of ``user``, whose identifier is ``identifier``, was verified. A listener that
    raises refuses the login."""

    identifier: str
    user: Any = attrs.field(repr=False)


@attrs.define(eq=False)
class AuthenticationFailureEvent(Event):
    """The password for ``identifier``, as the client sent it, was refused with ``exception``. The
    user may not exist."""

    identifier: str
    exception: Exception


@attrs.define(eq=False)
class LoginEvent(Event):
    """``user`` logs in. A listener that raises refuses the login. ``request`` is None if the
    application calls `Security.login` without a request."""

    user: Any = attrs.field(repr=False)
    identifier: str
    request: Request | None = attrs.field(default=None, repr=False)


@attrs.define(eq=False)
class LogoutEvent(Event):
    """The user with ``identifier`` has logged out; if ``is_everywhere``, on all devices."""

    identifier: str
    is_everywhere: bool = False


@attrs.define(eq=False)
class RefreshEvent(Event):
    """A refresh token of ``user`` is used. A listener that raises refuses it."""

    user: Any = attrs.field(repr=False)
    identifier: str


@attrs.define(eq=False)
class TokenCreatedEvent(Event):
    """A listener may add claims to ``payload``, or change them."""

    payload: dict[str, Any] = attrs.field(repr=False)


@attrs.define(eq=False)
class TokenEncodedEvent(Event):
    """A listener may replace ``text``, the token that the client gets."""

    payload: Mapping[str, Any] = attrs.field(repr=False)
    text: str = attrs.field(repr=False)


@attrs.define(eq=False)
class TokenDecodedEvent(Event):
    """A listener may change ``payload``, for example set ``sub`` for the tokens of another
    issuer, or refuse the token."""

    payload: dict[str, Any] = attrs.field(repr=False)
    is_invalid: bool = attrs.field(default=False, init=False)

    def mark_as_invalid(self) -> None:
        """Refuse the token: 401. No further listener is called."""
        self.is_invalid = True
        self.stop_propagation()
