"""The part of connection state recovery (Socket.IO 4.6) that concerns the engine."""

from secrets import token_urlsafe
from typing import Any, NamedTuple

import attrs

from rxkernel.exceptions import ConflictException
from rxkernel.messages.connection_recovery import ConnectionState
from rxkernel.servers.disconnect_reason import DisconnectReason

RECOVERABLE = frozenset(
    {
        DisconnectReason.CLIENT,
        DisconnectReason.TRANSPORT_CLOSE,
        DisconnectReason.PING_TIMEOUT,
        DisconnectReason.SHUTDOWN,
    }
)
"""Reasons for the end of a session after which its clients may recover. If a client leaves its
namespace, or the server disconnects it, only the connection ends, not the session."""

_MAX_TEXT = 128
"""The largest length of a private id or an offset that a client sends."""


class NotRecoveredException(ConflictException):
    """The state of a client cannot be restored, so it is connected as a new client."""


@attrs.frozen
class Claim:
    """The private id and offset that a client sent with CONNECT to recover."""

    pid: str
    offset: str | None


class Auth(NamedTuple):
    """The parts of the data that a client sent with CONNECT.

    Attributes:
        claim: None if the client did not send a valid one.
        rest: the other data.
    """

    claim: Claim | None
    rest: Any


def split_auth(auth: Any) -> Auth:
    """Separate the private id and the offset from the rest of *auth*.

    They are removed even if they are invalid, because the private id is a secret.
    """
    if not isinstance(auth, dict) or "pid" not in auth:
        return Auth(None, auth)
    rest = {name: value for name, value in auth.items() if name not in ("pid", "offset")} or None
    pid, offset = auth["pid"], auth.get("offset")
    if _is_text(pid) and (offset is None or _is_text(offset)):
        return Auth(Claim(pid, offset), rest)
    return Auth(None, rest)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_TEXT


def new_pid() -> str:
    """Return a private id of 256 random bits. Whoever sends it receives the events that its client
    has missed."""
    return token_urlsafe(32)


class Recovering:
    """The part of a connection that can be recovered.

    Attributes:
        pid: the private id, which the client sends to recover.
        state: the state that was kept for a client which has connected again, until it is
            restored.
        since: the position of the first event that must be sent to the client.
        is_kept: whether the connection has ended and its state has been kept.
    """

    __slots__ = ("is_kept", "pid", "since", "state")

    def __init__(self, pid: str, since: Any, state: ConnectionState | None = None) -> None:
        self.pid = pid
        self.since = since
        self.state = state
        self.is_kept = False
