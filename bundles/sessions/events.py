"""The events of sessions."""

from enum import StrEnum

import attrs

from rxkernel import Event, Request


class SessionEvents(StrEnum):
    """The names of the events of sessions."""

    ENDED = "session.ended"
    """`SessionEndedEvent`: an id is not valid any more; the connections with it are closed after
    the listeners have returned."""

    CHANGED = "session.changed"
    """`SessionChangedEvent`: the client of a message has another session, or none."""


class SessionEnd(StrEnum):
    """Why an id is not valid any more."""

    DESTROYED = "destroyed"
    """`Session.destroy`, `SessionSecrets.end`, or `SessionSecrets.start` of another session."""
    ROTATED = "rotated"
    """`Session.rotate`: the session continues with another id."""
    USER = "user"
    """`Sessions.end_all` ended all sessions of the user."""
    LIMIT = "limit"
    """The user had too many sessions: ``sessions.max_per_user``."""
    EXPIRED = "expired"
    """It was not used for ``idle_timeout``, or its ``lifetime`` has ended. If the store removes
    expired sessions itself, as ``redis`` does, only those that sockets of this process use are
    reported. Also: another process has ended a session that sockets of this process use, and its
    message did not arrive."""


@attrs.define(eq=False)
class SessionEndedEvent(Event):
    """After the store has removed the session: in the process that ended it, and in those that
    the bundle ``scale`` connects with it."""

    id: str
    user: str | None
    reason: SessionEnd


@attrs.define(eq=False)
class SessionChangedEvent(Event):
    """After `SessionSecrets` has changed the session of the client of *request*, and after a
    message of a socket that has created or rotated its session.

    An exception of a listener fails the message.

    Attributes:
        request: the message; `Sessions.of` returns its session.
        is_refusable: whether an exception also undoes the change. Otherwise the session is stored.
    """

    request: Request
    is_refusable: bool
