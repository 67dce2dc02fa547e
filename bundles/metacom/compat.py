"""The errors of Impress 3: its codes and texts in dialect A, also over HTTP.

Its rules: an error that a method *returns* is sent with its text and code, and the HTTP status is
200. An error that a method *raises* has a status; its text is sent unless the status is 500 or
more.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bundles.contracts import ArgumentsRejectedException, DomainError
from bundles.metacom.argument_errors import are_entries, text_of
from bundles.metacom.call_error import CallError, ErrorOf
from bundles.metacom.call_errors import error_of, message_of, phrase_of
from bundles.metacom.failure_notes import failure_of
from bundles.metacom.settings import MetacomSettings
from rxkernel import (
    HttpException,
    Request,
    Response,
    RxKernelError,
    UnprocessableEntityException,
)

_OK, _BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN = 200, 400, 401, 403
_METHOD_NOT_ALLOWED, _FAILED = 405, 500

_CHALLENGE = "WWW-Authenticate"


def profile_of(settings: MetacomSettings) -> ErrorOf:
    """Return the function that makes the errors of an application with *settings*."""
    return compat_error_of if settings.compat else error_of


def compat_error_of(response: Response, request: Request) -> CallError:
    """Return the error for *response*; the counterpart of `errors.error_of`."""
    failure = failure_of(request)
    if request.definition is None:
        return _without_method(response)
    if failure is None:
        return _raised(response.status_code, message_of(response))
    if isinstance(failure, HttpException) and failure.is_returned:
        is_domain = isinstance(failure, DomainError)
        code = failure.code if is_domain else failure.status_code
        return CallError({"message": failure.message, "code": code}, _OK)
    if isinstance(failure, DomainError):
        number = failure.code
        is_status = isinstance(number, int) and 400 <= number <= 599
        return _raised(int(number) if is_status else _FAILED, failure.message)
    if isinstance(failure, ArgumentsRejectedException):
        return _raised(_FAILED)
    if isinstance(failure, UnprocessableEntityException) and are_entries(failure.errors):
        return _invalid("parameters", failure.errors)
    if (errors := _errors_of_result(failure)) is not None:
        return _invalid("result", errors)
    if response.status_code == _UNAUTHORIZED and _CHALLENGE in response.headers:
        return _raised(_FORBIDDEN)
    return _raised(response.status_code, message_of(response))


def _without_method(response: Response) -> CallError:
    """Return the error of a packet that calls no method."""
    status = response.status_code
    if status == _BAD_REQUEST:
        return _raised(_FAILED)
    if status == _METHOD_NOT_ALLOWED:
        return _raised(_FORBIDDEN)
    return _raised(status, message_of(response))


def _raised(status: int, message: str = "") -> CallError:
    """Return the error of an exception; with a *status* of 500 or more its text is hidden."""
    if status >= _FAILED or not message:
        message = phrase_of(status)
    return CallError({"message": message, "code": status}, status)


def _invalid(what: str, errors: Iterable[Mapping[str, Any]]) -> CallError:
    message = f"Invalid {what} type: {text_of(errors)}"
    return CallError({"message": message, "code": _FAILED}, _OK)


def _errors_of_result(failure: Exception) -> Any:
    """Return the errors of a result that does not fit ``returns``; None for another failure."""
    cause = failure.__cause__
    if isinstance(failure, RxKernelError) and isinstance(cause, UnprocessableEntityException):
        return cause.errors
    return None
