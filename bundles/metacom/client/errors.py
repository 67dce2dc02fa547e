"""The exception for an error of a method."""

from collections.abc import Mapping, Sequence
from typing import Any


class MetacomError(Exception):
    """The server has responded with an error, or one of its streams has failed.

    Attributes:
        code: a status such as 404, or a code of the method itself.
        message: the text of the error.
        errors: one entry for each invalid argument, if the server sends them.
        request_id: the id of the call in the log of the server, if the server sends it.
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
    """Return the exception for ``error`` of a callback. Invalid values of it are replaced."""
    fields = error if isinstance(error, Mapping) else {}
    code, message, errors = fields.get("code"), fields.get("message"), fields.get("errors")
    request_id = fields.get("request_id")
    return MetacomError(
        code if isinstance(code, int | str) else 500,
        message if isinstance(message, str) else "Error",
        errors if isinstance(errors, list) else (),
        request_id if isinstance(request_id, str) else None,
    )
