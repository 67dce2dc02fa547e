"""The body of an error over HTTP, as IOServer sends it."""

from typing import Any

from rxkernel import HttpException, Response, Serializer, error_response


def http_error(exception: Exception, *, debug: bool, serializer: Serializer) -> Response:
    """Return ``{"statusCode", "error", "message"}`` for *exception*.

    ``error`` is the name of the class; of the exceptions of rxkernel and of unexpected ones, the
    phrase of the status. ``code`` and ``errors`` follow if they are set.
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
