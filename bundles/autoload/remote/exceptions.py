"""The exceptions of calls of remote services.

RemoteException                     502, the base class of all
├── RemoteStatusException           the status of the response is not 2xx
├── RemoteConnectionException       no connection, or it was closed before the response
├── RemoteResponseException         a response that cannot be used
├── RemoteTimeoutException          504
└── RemoteUnavailableException      503, nothing was sent: a limit is reached, the circuit is open

The text of an exception names the method and the problem. It contains no URL, no header and no
body, since these may be secret. The body of the error response contains neither.
"""

import math
from typing import ClassVar

from rxkernel import HttpException


class RemoteException(HttpException):
    """A remote service could not be used.

    Attributes:
        method: the name of the remote method, such as ``bus.world_time.current_time``.
        problem: the reason of the failure.
        is_transient: whether another attempt may succeed.
        was_sent: whether the remote service may have received the request.
    """

    status_code = 502
    phrase = "Bad Gateway"
    word: ClassVar[str] = "remote_error"

    def __init__(
        self, method: str, problem: str, *, is_transient: bool = False, was_sent: bool = True
    ) -> None:
        super().__init__(code=self.word)
        self.args = (f"{method}: {problem}",)
        self.method = method
        self.problem = problem
        self.is_transient = is_transient
        self.was_sent = was_sent


class RemoteStatusException(RemoteException):
    """The status of the response is not 2xx.

    Attributes:
        remote_status: the status of the response.
        body: the first characters of its body, unchecked.
        retry_after: the seconds of its ``Retry-After``; None without this header.
    """

    word = "remote_status"

    def __init__(
        self,
        method: str,
        remote_status: int,
        body: str,
        *,
        retry_after: float | None = None,
        is_transient: bool = False,
    ) -> None:
        problem = f"the remote service responded with status {remote_status}"
        super().__init__(method, problem, is_transient=is_transient)
        self.remote_status = remote_status
        self.body = body
        self.retry_after = retry_after


class RemoteConnectionException(RemoteException):
    """The service cannot be reached, or closed the connection before its response was complete."""

    word = "remote_connection"


class RemoteResponseException(RemoteException):
    """The response cannot be used: it is not valid HTTP, too large or not JSON, a redirect that is
    not followed, or the result is invalid by ``returns``."""

    word = "remote_response"


class RemoteTimeoutException(RemoteException):
    """The response was not complete in time."""

    status_code = 504
    phrase = "Gateway Timeout"
    word = "remote_timeout"


class RemoteUnavailableException(RemoteException):
    """The call was rejected before it was sent.

    Attributes:
        retry_after: seconds after which a call may succeed.
    """

    status_code = 503
    phrase = "Service Unavailable"
    word = "remote_unavailable"

    def __init__(self, method: str, problem: str, retry_after: float) -> None:
        super().__init__(method, problem, was_sent=False)
        self.retry_after = retry_after
        self.headers = {"Retry-After": str(max(math.ceil(retry_after), 1))}
