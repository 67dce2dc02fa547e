"""The ``error`` of a callback, made from the kernel's response."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from bundles.contracts import DomainError
from bundles.metacom.argument_errors import are_entries, text_of
from bundles.metacom.call_error import CallError
from bundles.metacom.failure_notes import failure_of
from rxkernel import Request, Response

_SEE_ERRORS = "validation failed; see errors"
"""The message of the kernel for invalid input."""


def error_of(response: Response, request: Request) -> CallError:
    """Return the error for *response*, which has a status of 400 or more.

    Its packet is ``{"message": str, "code": int | str}``, where ``code`` is the code of a
    `DomainError`, otherwise the status. It has ``errors`` if the response has them, and
    ``request_id`` if the status is 500. A message that only refers to ``errors`` is replaced by
    their texts.
    """
    status, content = response.status_code, response.content
    failure = failure_of(request)
    code: str | int = failure.code if isinstance(failure, DomainError) else status
    packet: dict[str, Any] = {"message": message_of(response), "code": code}
    if isinstance(content, Mapping) and "errors" in content:
        packet["errors"] = errors = content["errors"]
        if packet["message"].startswith(_SEE_ERRORS) and are_entries(errors):
            packet["message"] = text_of(errors)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        packet["request_id"] = request.id
    return CallError(packet, status)


def message_of(response: Response) -> str:
    """Return the message of *response*, or the reason phrase of its status."""
    content = response.content
    message = content.get("message") if isinstance(content, Mapping) else content
    return message if isinstance(message, str) and message else phrase_of(response.status_code)


def phrase_of(status: int) -> str:
    """Return the reason phrase of *status* in RFC 9110."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
