"""`DomainError`: an error that is part of a contract."""

from typing import Self, TypeGuard

from bundles.contracts.predicates import is_whole
from rxkernel import HttpException

Code = str | int
"""The code of an error: a word or a number."""


class DomainError(HttpException):
    """An error of the domain, which an action returns or raises.

    Args:
        code: a word or a number, for programs.
        message: the text; None: the text of *code* in the ``errors`` of the contract, if there is
            one.
        status_code: the status of the response, from 400 to 599; None: *code* if it is such a
            number, otherwise 400.

    Raises:
        ValueError: *code* or *status_code* is invalid.
    """

    phrase = "Domain error"
    code: Code

    def __init__(
        self, code: Code, message: str | None = None, *, status_code: int | None = None
    ) -> None:
        if not is_code(code):
            raise ValueError(f"code is {code!r}; it must be a word or a whole number")
        super().__init__(message, code=code)
        self.has_message = message is not None
        if status_code is None:
            status_code = code if _is_status(code) else 400
        elif not _is_status(status_code):
            raise ValueError(f"status_code is {status_code!r}; it must be from 400 to 599")
        self.status_code = status_code

    def with_message(self, message: str) -> Self:
        """Return a copy with *message*."""
        described = self.copy()
        described.message, described.has_message = message, True
        described.args = (message,)
        return described


def is_code(value: object) -> bool:
    """Whether *value* is valid as the code of an error."""
    return is_whole(value) or (isinstance(value, str) and value != "")


def _is_status(value: object) -> TypeGuard[int]:
    return is_whole(value) and 400 <= value <= 599
