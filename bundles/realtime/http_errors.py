"""The body of errors over HTTP, in the format of IOServer."""

from typing import Any

from rxkernel import HttpException, Response, Serializer, error_response


def http_error(exception: Exception, *, debug: bool, serializer: Serializer) -> Response:
    """Return ``{"statusCode", "error", "message"}`` for *exception*.

    ``error`` is the name of the class; for exceptions of rxkernel and unexpected ones, the reason
    phrase of the status. ``code`` and ``errors`` are added if they are set.
    """
    response = error_response(exception, debug=debug, serializer=serializer)
    standard: dict[str, Any] = response.content
    body = {"statusCode": standard["statusCode"], "error": _name_of(exception)}
    response.content = {**body, **standard}
    return response


def _name_of(exception: Exception) -> str:
    cls = type(exception)
    if not isinstance(exception, HttpException):
        return HttpException.phrase
    return exception.phrase if cls.__module__.partition(".")[0] == "rxkernel" else cls.__name__
