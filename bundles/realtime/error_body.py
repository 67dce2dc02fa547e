"""The body of the errors of services, in the format of IOServer since its version 2."""

from typing import Any

from bundles.realtime.exceptions import IOServerError
from rxkernel import HttpException, Response, Serializer, error_response


def error_body(exception: Exception, *, debug: bool, serializer: Serializer) -> Response:
    """Return ``{"status": "error", "type", "message", "statusCode"}`` for *exception*.

    ``type`` is the name of the class. ``code`` and ``errors`` of an `HttpException`, and ``data``
    of an `IOServerError`, are added if they are set. The text and the class of any other exception
    are sent only with *debug*.
    """
    response = error_response(exception, debug=debug, serializer=serializer)
    is_shown = debug or isinstance(exception, HttpException)
    standard: dict[str, Any] = response.content
    body: dict[str, Any] = {
        "status": "error",
        "type": type(exception).__name__ if is_shown else "Error",
        "message": standard["message"],
        "statusCode": standard["statusCode"],
    }
    body |= {key: standard[key] for key in ("code", "errors") if key in standard}
    if isinstance(exception, IOServerError) and exception.data is not None:
        body["data"] = exception.data
    response.content = body
    return response
