"""`IOServerError`: an error with a status, for every component."""

from typing import Any

from rxkernel import HttpException


class IOServerError(HttpException):
    """Raise it, or a subclass, from a service, a controller or a middleware.

    Args:
        message: the text, which is sent to the client.
        status_code: the status of the response, from 400 to 599.
        data: details for the client: ``data`` in the error of an event; ``error.data`` in the
            ``connect_error`` of a refused client.

    Raises:
        ValueError: *status_code* is out of range.
    """

    def __init__(
        self,
        message: str = "Internal Server Error",
        status_code: int = 500,
        *,
        data: Any = None,
        **details: Any,
    ) -> None:
        is_whole = isinstance(status_code, int) and not isinstance(status_code, bool)
        if not (is_whole and 400 <= status_code <= 599):
            raise ValueError(f"status_code is {status_code!r}; it must be from 400 to 599")
        super().__init__(message, **details)
        self.status_code = status_code
        self.data = data
