"""The exceptions of queued tasks."""

from rxkernel import RequestTimeoutException, RxKernelError, ServiceUnavailableException


class TaskFailedError(RxKernelError):
    """The last run of a task failed.

    Attributes:
        task: the name of the task.
        error: the class and the text of its exception, or the status and the text of its error.
        status_code: the status of the response to its message.
    """

    def __init__(self, task: str, error: str, status_code: int) -> None:
        super().__init__(f"the task {task} failed: {error}")
        self.task = task
        self.error = error
        self.status_code = status_code


class TaskQueueFullException(ServiceUnavailableException):
    """The queue is full, or the application is stopping."""


class TaskTimeoutException(RequestTimeoutException):
    """The task did not end in time; it continues to run."""
