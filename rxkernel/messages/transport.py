"""The two ways a message can arrive."""

from enum import StrEnum


class Transport(StrEnum):
    """How a request came in; compares equal to its text, as RxStack's constants do."""

    HTTP = "HTTP"
    SOCKET = "SOCKET"
