"""What can keep a change from being made. Each is a response with a status, on every transport."""

from rxkernel import ConflictException, InsufficientStorageException, ServiceUnavailableException


class StateConflictException(ConflictException):
    """What a transaction has read was changed by others: nothing of it was carried out. 409."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="state_conflict")


class StateFullException(InsufficientStorageException):
    """The state would have more keys or more bytes than the settings allow. 507."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="state_full")


class StateUnavailableException(ServiceUnavailableException):
    """A transaction had no turn or was not decided in time, or changes were not sent in time.
    Redis is away or slow, or too many transactions conflict. 503.

    Attributes:
        is_unknown: whether it may be carried out later: it was being written; always for changes.
    """

    def __init__(self, message: str, *, is_unknown: bool) -> None:
        super().__init__(message, code="state_unavailable")
        self.is_unknown = is_unknown
