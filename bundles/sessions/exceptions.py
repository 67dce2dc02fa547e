"""The errors of sessions, which every transport sends to the client."""

from rxkernel import (
    PayloadTooLargeException,
    ServiceUnavailableException,
    TooManyRequestsException,
    UnauthorizedException,
)


class SessionEndedException(UnauthorizedException):
    """The session of this message has ended meanwhile: its changes are not stored."""

    def __init__(self) -> None:
        super().__init__("the session has ended", code="session_ended")


class SessionTooLargeException(PayloadTooLargeException):
    """A session would be larger than ``sessions.max_size``."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the session is larger than {limit} bytes", code="session_too_large")


class TooManySessionsException(TooManyRequestsException):
    """Clients of one address have ``sessions.max_per_address`` sessions already."""

    def __init__(self) -> None:
        super().__init__("too many sessions from this address", code="too_many_sessions")


class SessionsFullException(ServiceUnavailableException):
    """The store ``memory`` has ``sessions.max_sessions`` sessions already."""

    def __init__(self) -> None:
        super().__init__("too many sessions; try again later", code="sessions_full")


class SessionsUnavailableException(ServiceUnavailableException):
    """The store cannot be used now."""

    def __init__(self) -> None:
        super().__init__("sessions are not available", code="sessions_unavailable")
