"""The standard error response, the same on every transport."""

import asyncio
import logging
from typing import Any

from rxkernel.exception_text import own_traceback, text_of
from rxkernel.exceptions import HttpException, InternalServerErrorException, RxKernelError
from rxkernel.kernel.serialization import SERIALIZER, Serializer
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response

logger = logging.getLogger(__name__)


def error_response(
    exception: Exception, *, debug: bool = False, serializer: Serializer = SERIALIZER
) -> Response:
    """Shape *exception* as ``{"statusCode", "message"}``, with ``"code"`` and ``"errors"`` if set.

    Any other exception than an `HttpException` becomes a 500; its text is included only with
    *debug*. ``errors`` that *serializer* cannot encode are omitted.
    """
    if not isinstance(exception, HttpException):
        text = f"{type(exception).__name__}: {exception}" if debug else None
        exception = InternalServerErrorException(text)
    body: dict[str, Any] = {"statusCode": exception.status_code, "message": exception.message}
    if exception.code is not None:
        body["code"] = exception.code
    if exception.errors is not None and _can_encode(exception, serializer):
        body["errors"] = exception.errors
    return Response(body, exception.status_code, exception.headers)


def log_failure(request: Request, exception: BaseException) -> None:
    """Log *exception*, unless it is an error of the client (4xx, 505).

    An `HttpException` of 500 and above was raised deliberately: it is logged in one line, at INFO
    for a 503. The line has the text of the exception, which may have more details than the message
    for clients. Any other exception is logged with its traceback, from the first line of the
    user's code on; at DEBUG if its message has the place, see `RxKernelError.has_place`.
    """
    what = request.route_name or f"{request.method or ''} {request.url!r:.200}".strip()
    if not isinstance(exception, HttpException):
        found = (type(exception), exception, own_traceback(exception))
        if isinstance(exception, RxKernelError) and exception.has_place:
            logger.error("%s %s failed: %s", request.transport, what, exception)
            logger.debug("%s %s failed at", request.transport, what, exc_info=found)
        else:
            logger.error("%s %s failed", request.transport, what, exc_info=found)
    elif exception.status_code >= 500 and exception.status_code != 505:
        level = logging.INFO if exception.status_code == 503 else logging.ERROR
        text = text_of(exception) or exception.message
        logger.log(level, "%s %s failed: %.200r", request.transport, what, text)


def to_failure(exc: BaseException) -> Exception:
    """Return the exception to handle for *exc*: a `RuntimeError` for `SystemExit` and similar
    ones, so that a request cannot stop the server.

    Raises:
        asyncio.CancelledError: *exc* is the cancellation of the caller's own task.
        GeneratorExit: the coroutine of the caller is closed; it does not run in a task then.
        KeyboardInterrupt: *exc* is not caused by the request.
    """
    if isinstance(exc, Exception):
        return exc
    if isinstance(exc, KeyboardInterrupt):
        raise exc
    if isinstance(exc, asyncio.CancelledError | GeneratorExit):
        task, is_cancelled = _current_task(), isinstance(exc, asyncio.CancelledError)
        if task is None or (is_cancelled and task.cancelling()):
            raise exc
        text = "cancelled by its own code" if is_cancelled else "GeneratorExit was raised"
        failure = RuntimeError(text)
    else:
        failure = RuntimeError(f"{type(exc).__name__} was raised, which would end the process")
    failure.__cause__ = exc
    return failure


def _current_task() -> "asyncio.Task[object] | None":
    """The current task; None without a task or an event loop."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _can_encode(exception: HttpException, serializer: Serializer) -> bool:
    """Whether ``errors`` can be encoded, so that sending the error does not fail itself."""
    try:
        serializer.encode_json(exception.errors)
    except (TypeError, ValueError, RecursionError) as exc:
        logger.error("errors of %s omitted, not JSON: %s", type(exception).__name__, exc)
        return False
    return True
