"""The ``error`` of a callback, made from the kernel's response."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rxkernel import Request, Response


def error_of(response: Response, request: Request) -> dict[str, Any]:
    """Return the error for *response*, which has a status of 400 or more.

    Returns:
        ``{"message": str, "code": int | str}``, with ``errors`` if the response has them, and the
        ``request_id`` of an error of the server.
    """
    status, content = response.status_code, response.content
    body = content if isinstance(content, Mapping) else {}
    message = body.get("message")
    error: dict[str, Any] = {
        "message": message if isinstance(message, str) else _phrase(status),
        "code": body.get("code", status),
    }
    if "errors" in body:
        error["errors"] = body["errors"]
    if status >= 500:
        error["request_id"] = request.id
    return error


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
