"""The standard answer to an exception, the same on every transport."""

import asyncio
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
    if exception.errors is not None and _can_encode(exception):
        body["errors"] = exception.errors
    return Response(body, exception.status_code, exception.headers)


def log_failure(request: Request, exception: BaseException) -> None:
    """Log what the server is to blame for; a refusal (4xx, 505) is no failure.

    An `HttpException` of 500 and above was raised on purpose: one line, for a 503 at INFO.
    Anything else was not: with its traceback.
    """
    what = request.route_name or f"{request.method or ''} {request.url!r:.200}".strip()
    if not isinstance(exception, HttpException):
        logger.error("%s %s failed", request.transport, what, exc_info=exception)
    elif exception.status_code >= 500 and exception.status_code != 505:
        level = logging.INFO if exception.status_code == 503 else logging.ERROR
        logger.log(level, "%s %s failed: %.200r", request.transport, what, exception.message)


def to_failure(exc: BaseException) -> Exception:
    """What is to be answered for *exc*, also where it is `SystemExit` or the like: a request
    ends no server.

    Raises:
        asyncio.CancelledError: it is the cancellation of the caller's own task.
        KeyboardInterrupt, GeneratorExit: they are not the request's.
    """
    if isinstance(exc, Exception):
        return exc
    if isinstance(exc, KeyboardInterrupt | GeneratorExit):
        raise exc
    if isinstance(exc, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise exc
        failure = RuntimeError("cancelled from within")
    else:
        failure = RuntimeError(f"{type(exc).__name__} was raised, which would end the process")
    failure.__cause__ = exc
    return failure


def _can_encode(exception: HttpException) -> bool:
    """Whether ``errors`` can be sent: the way out of an error must not fail itself."""
    try:
        encode_json(exception.errors)
    except (TypeError, ValueError, RecursionError) as exc:
        logger.error("errors of %s left out, not JSON: %s", type(exception).__name__, exc)
        return False
    return True
