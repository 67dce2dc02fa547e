"""The exceptions of calls in worker processes."""

from rxkernel import RequestTimeoutException, RxKernelError, ServiceUnavailableException


class NotPicklableError(RxKernelError, TypeError):
    """A function, an argument or a result cannot be sent to another process."""


class WorkerDiedError(RxKernelError):
    """The process that ran the call ended: it was killed, crashed, or called ``os._exit``.

    ``exit_code`` is the exit status of the process, or the negative number of a signal.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class WorkerStartError(RxKernelError):
    """A worker process cannot be started."""


class WorkerCallError(RxKernelError):
    """The call raised an exception that cannot be pickled, or one that is not an `Exception`, such
    as ``SystemExit``. The message has its class and text."""


class WorkerTimeoutException(RequestTimeoutException):
    """The call did not end in time; its worker process was killed."""


class WorkerPoolFullException(ServiceUnavailableException):
    """Too many calls are waiting for a worker, or this one has waited too long."""


class WorkerPoolClosedException(ServiceUnavailableException):
    """The pool is closed, or was closed before the call ended."""


class WorkerTraceback(Exception):
    """The cause of an exception from a worker process, with the traceback there as text."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'
