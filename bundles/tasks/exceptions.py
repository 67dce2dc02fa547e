"""The exceptions of the bundle."""

from rxkernel import ServiceUnavailableException


class TasksUnavailableException(ServiceUnavailableException):
    """The store of tasks cannot be used."""

    def __init__(self) -> None:
        super().__init__(code="tasks_unavailable")
