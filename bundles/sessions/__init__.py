"""Server-side sessions, the same over HTTP and sockets."""

from bundles.sessions.bundle import SessionsBundle
from bundles.sessions.events import (
    SessionChangedEvent,
    SessionEnd,
    SessionEndedEvent,
    SessionEvents,
)
from bundles.sessions.exceptions import (
    SessionEndedException,
    SessionsFullException,
    SessionsUnavailableException,
    SessionTooLargeException,
    TooManySessionsException,
)
from bundles.sessions.model import Changes, EndedSession, Rotation, StoredSession
from bundles.sessions.resolver import CurrentSession
from bundles.sessions.session import Session
from bundles.sessions.session_secrets import SessionSecrets
from bundles.sessions.sessions import Sessions
from bundles.sessions.settings import SessionsSettings
from bundles.sessions.store import SessionStore

__all__ = [
    "Changes",
    "CurrentSession",
    "EndedSession",
    "Rotation",
    "Session",
    "SessionChangedEvent",
    "SessionEnd",
    "SessionEndedEvent",
    "SessionEndedException",
    "SessionEvents",
    "SessionSecrets",
    "SessionStore",
    "SessionTooLargeException",
    "Sessions",
    "SessionsBundle",
    "SessionsFullException",
    "SessionsSettings",
    "SessionsUnavailableException",
    "StoredSession",
    "TooManySessionsException",
]
