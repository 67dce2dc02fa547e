"""The results of actions that encode them, for the check of ``returns``."""

from typing import Any, Final

from rxkernel import Request, Response

_RESULT = "contracts.result"

_UNCHECKED: Final = object()


def keep_result(request: Request, data: Any) -> None:
    """Let *data* be checked in the place of the content of the response to *request*, which the
    action has made of them."""
    request.attributes[_RESULT] = data


def skip_result(request: Request) -> None:
    """Let nothing be checked: the response was checked when it was made, and is sent again."""
    request.attributes[_RESULT] = _UNCHECKED


def has_result(request: Request) -> bool:
    return request.attributes.get(_RESULT) is not _UNCHECKED


def result_of(request: Request, response: Response) -> Any:
    """Return the data of *response*: its content, unless the action has kept them."""
    return request.attributes.get(_RESULT, response.content)
