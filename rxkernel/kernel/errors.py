"""The standard answer to an exception, the same on every transport."""

import logging
from typing import Any

from rxkernel.exceptions import HttpException, InternalServerErrorException
from rxkernel.kernel.serialization import encode_json
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response

logger = logging.getLogger(__name__)


def error_response(exception: Exception, *, debug: bool = False) -> Response:
    """Shape *exception* as ``{"statusCode", "message"}``, with ``"code"`` and ``"errors"`` if set.

    An exception that is no `HttpException` becomes a 500 whose text says nothing of it,
    unless *debug*.
    """
    if not isinstance(exception, HttpException):
        text = f"{type(exception).__name__}: {exception}" if debug else None
        exception = InternalServerErrorException(text)
    body: dict[str, Any] = {"statusCode": exception.status_code, "message": exception.message}
    if exception.code is not None:
        body["code"] = exception.code
    if exception.errors is not None and _is_writable(exception):
        body["errors"] = exception.errors
    return Response(body, exception.status_code, exception.headers)


def log_failure(request: Request, exception: Exception) -> None:
    """Log what the server is to blame for, with its traceback; a refusal (4xx) is no failure."""
    if isinstance(exception, HttpException) and exception.status_code < 500:
        return
    route = request.route_name or f"{request.method} {request.url[:200]!r}"
    logger.error("%s %s failed", request.transport, route, exc_info=exception)


def _is_writable(exception: HttpException) -> bool:
    """Whether ``errors`` can be sent: the way out of an error must not fail itself."""
    try:
        encode_json(exception.errors)
    except (TypeError, ValueError, RecursionError) as exc:
        logger.error("errors of %s left out, not JSON: %s", type(exception).__name__, exc)
        return False
    return True
