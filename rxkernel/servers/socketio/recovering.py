"""Connection state recovery (Socket.IO 4.6), as far as the engine has a part in it."""

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
"""Reasons for the end of a session after which its clients may recover. A client that leaves its
namespace, or is disconnected by the server, ends its connection and not its session."""

_MAX_TEXT = 128
"""Most characters of a private id or an offset that a client sends."""


class NotRecoveredException(ConflictException):
    """A client cannot get the state that was kept for it: it is connected as a new one."""


@attrs.frozen
class Claim:
    """What a client sent with CONNECT in order to recover."""

    pid: str
    offset: str | None


class Auth(NamedTuple):
    """
    Attributes:
        claim: None if the client did not send a valid one.
        rest: what the client sent besides.
    """

    claim: Claim | None
    rest: Any


def split_auth(auth: Any) -> Auth:
    """Separate the private id and the offset from the rest of *auth*.

    They are removed also if they are invalid; the private id is a secret.
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
    """Return a private id: 256 random bits. Who knows it receives what its client missed."""
    return token_urlsafe(32)


class Recovering:
    """The part of a connection that can be recovered.

    Attributes:
        pid: the private id, which the client sends to recover.
        state: what was kept for the client when it connected again, until it is restored.
        since: the position from which the client has to be sent events.
        is_kept: whether the connection has ended and its state has been kept.
    """

    __slots__ = ("is_kept", "pid", "since", "state")

    def __init__(self, pid: str, since: Any, state: ConnectionState | None = None) -> None:
        self.pid = pid
        self.since = since
        self.state = state
        self.is_kept = False
