"""The exceptions of queued tasks."""

from rxkernel import RequestTimeoutException, RxKernelError, ServiceUnavailableException


class TaskFailedError(RxKernelError):
    """The last run of a task failed.

    Attributes:
        task: its name.
        error: the class and the text of its exception.
        status_code: that of the response to its message.
    """

    def __init__(self, task: str, error: str, status_code: int) -> None:
        super().__init__(f"the task {task} failed: {error}")
        self.task = task
        self.error = error
        self.status_code = status_code


class TaskQueueFullException(ServiceUnavailableException):
    """Too many tasks wait, or the process stops."""


class TaskTimeoutException(RequestTimeoutException):
    """The result of a task did not come in time; the task goes on."""
