"""`ArgumentsError`: code has called an endpoint or a remote method with wrong arguments."""

from collections.abc import Mapping, Sequence
from typing import Any

from rxkernel import RxKernelError

_SHOWN = 5
"""The maximum number of errors in the message."""


class ArgumentsError(RxKernelError):
    """Code has called *function* with invalid arguments.

    This is a bug in the code, not an error of its client, so the response is 500, and the
    traceback is logged.

    Attributes:
        errors: the errors as in a 422 for a client, with ``path``, ``code`` and ``message``.
    """

    def __init__(self, function: str, errors: Sequence[Mapping[str, Any]]) -> None:
        self.errors = tuple(errors)
        found = [f"{_name_of(each['path'])}: {each['message']}" for each in errors[:_SHOWN]]
        if (more := len(errors) - _SHOWN) > 0:
            found.append(f"and {more} more")
        super().__init__(f"{function} was called with wrong arguments: {'; '.join(found)}")


def _name_of(path: str) -> str:
    """Return *path* without its first part, which is for clients: ``body.name`` is ``name``."""
    return path.partition(".")[2] or path
