"""The error of a method, as the caller gets it."""

from collections.abc import Mapping, Sequence
from typing import Any


class MetacomError(Exception):
    """The server has responded with an error, or one of its streams has failed.

    Attributes:
        code: a status such as 404, or a code of the method itself.
        message: the text of the error.
        errors: one entry for each invalid argument, if the server sends them.
        request_id: finds the error in the log of the server, if it sends one.
    """

    def __init__(
        self,
        code: int | str,
        message: str,
        errors: Sequence[Any] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(code, message, errors, request_id)
        self.code = code
        self.message = message
        self.errors = errors
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


def error_of(error: object) -> MetacomError:
    """Make the exception for ``error`` of a callback, whatever the server has put there."""
    fields = error if isinstance(error, Mapping) else {}
    code, message, errors = fields.get("code"), fields.get("message"), fields.get("errors")
    request_id = fields.get("request_id")
    return MetacomError(
        code if isinstance(code, int | str) else 500,
        message if isinstance(message, str) else "Error",
        errors if isinstance(errors, list) else (),
        request_id if isinstance(request_id, str) else None,
    )
