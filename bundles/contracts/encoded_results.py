"""The results of actions that return encoded responses, for the check of ``returns``."""

from typing import Any, Final

from rxkernel import Request, Response

_RESULT = "contracts.result"

_UNCHECKED: Final = object()


def keep_result(request: Request, data: Any) -> None:
    """Check *data* instead of the content of the response to *request*, which the action has
    encoded from *data*."""
    request.attributes[_RESULT] = data


def skip_result(request: Request) -> None:
    """Do not check the response to *request*: it was checked before, and is now sent again."""
    request.attributes[_RESULT] = _UNCHECKED


def has_result(request: Request) -> bool:
    return request.attributes.get(_RESULT) is not _UNCHECKED


def result_of(request: Request, response: Response) -> Any:
    """Return the data to check: those of `keep_result`, otherwise the content of *response*."""
    return request.attributes.get(_RESULT, response.content)
