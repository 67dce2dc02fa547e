"""Wrappers that check the arguments and the result of an action."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from bundles.contracts.actions import Action
from bundles.contracts.arguments import ArgumentsCheck, arguments_of, place_in_message
from bundles.contracts.domain_error import DomainError
from bundles.contracts.encoded_results import has_result, result_of
from bundles.contracts.schemas import Schema
from bundles.contracts.schemas.verdicts import error_without_text, errors_of_verdict
from rxkernel import (
    Definition,
    ProcedureMetadata,
    Request,
    Response,
    RxKernelError,
    Serializer,
    Source,
    UnprocessableEntityException,
    ValidationError,
)

_WITHOUT_CONTENT = (204, 205)


Failed = Callable[[UnprocessableEntityException], Exception]
"""Makes the exception that is raised instead of the error for a client."""


class ArgumentsRejectedException(UnprocessableEntityException):
    """``validate`` of a contract rejected arguments that are valid by their schema."""


def checking_arguments(
    schema: Schema, definition: Definition, failed: Failed | None = None
) -> Callable[[Action], Action]:
    """Check the arguments of each message of *definition* with *schema*, before the action."""
    parameters = definition.signature.parameters
    plain = [each.key for each in parameters if each.source is Source.PARAMS and each.key]
    takes_body = any(each.source is Source.BODY for each in parameters)
    arguments = ArgumentsCheck(schema, plain, takes_body=takes_body)
    metadata = definition.metadata
    is_value = isinstance(metadata, ProcedureMetadata) and metadata.arguments == "value"
    plain_check = arguments.check_value if is_value else arguments.check
    check = plain_check if failed is None else _converting(plain_check, failed)

    def decorate(action: Action) -> Action:
        async def checked(request: Request) -> Any:
            check(request)
            return await action(request)

        return checked

    return decorate


def _converting(check: Callable[[Request], None], failed: Failed) -> Callable[[Request], None]:
    def converting(request: Request) -> None:
        try:
            check(request)
        except UnprocessableEntityException as exc:
            raise failed(exc) from None

    return converting


def validating(
    validate: Callable[[Any], Any], failed: Failed | None = None
) -> Callable[[Action], Action]:
    """Call *validate* with the arguments of each message, before the action. It returns or raises
    the same as the ``validate`` of a schema."""

    def rejection(errors: Iterable[ValidationError], request: Request) -> Exception:
        error = _rejection(errors, request)
        return error if failed is None else failed(error)

    def decorate(action: Action) -> Action:
        async def validated(request: Request) -> Any:
            try:
                verdict = validate(arguments_of(request))
                if inspect.isawaitable(verdict):
                    verdict = await verdict
            except ValidationError as exc:
                raise rejection([exc], request) from exc
            except (TypeError, ValueError) as exc:
                raise rejection([error_without_text(exc)], request) from exc
            if errors := errors_of_verdict(verdict, validate):
                raise rejection(errors, request)
            return await action(request)

        return validated

    return decorate


def _rejection(errors: Iterable[ValidationError], request: Request) -> ArgumentsRejectedException:
    entries = [_entry(error, request) for error in errors]
    return ArgumentsRejectedException("validation failed; see errors", errors=entries)


def _entry(error: ValidationError, request: Request) -> dict[str, Any]:
    path = place_in_message(error.path, request)
    entry: dict[str, Any] = {"path": path, "code": error.code, "message": error.message}
    if error.params:
        entry["params"] = dict(error.params)
    return entry


def checking_result(
    schema: Schema, place: str, serializer: Serializer
) -> Callable[[Action], Action]:
    """Check the result of each message with *schema*; an invalid result is a bug, so it is a 500.

    Args:
        serializer: encodes the result as it will be sent.
    """

    def check(result: Any) -> None:
        try:
            schema.validate(serializer.to_json_value(result), "result")
        except UnprocessableEntityException as exc:
            problems = "; ".join(f"{entry['path']}: {entry['message']}" for entry in exc.errors)
            raise RxKernelError(
                f"{place} returned a result that does not fit: {problems}"
            ) from exc
        except (TypeError, ValueError, RecursionError) as exc:
            text = f"{place} returned a result that JSON cannot hold: {exc}"
            raise RxKernelError(text) from exc

    def decorate(action: Action) -> Action:
        async def checked(request: Request) -> Any:
            result = await action(request)
            if issubclass(type(result), BaseException):
                raise _returned(result, place)
            if not isinstance(result, Response):
                check(result)
            elif _has_result(result) and has_result(request):
                check(result_of(request, result))
            return result

        return checked

    return decorate


def _has_result(response: Response) -> bool:
    """Whether the content of *response* is a result: not of redirects, errors and streams."""
    status = response.status_code
    return not response.is_streamed and status < 300 and status not in _WITHOUT_CONTENT


def raising_errors(place: str) -> Callable[[Action], Action]:
    """Raise a `DomainError` that the action returns. To return another exception is a bug."""

    def decorate(action: Action) -> Action:
        async def checked(request: Request) -> Any:
            result = await action(request)
            if issubclass(type(result), BaseException):  # isinstance is slower for other classes
                raise _returned(result, place)
            return result

        return checked

    return decorate


def _returned(result: BaseException, place: str) -> Exception:
    """Return the exception to raise for one that the action at *place* has returned."""
    if isinstance(result, DomainError):
        return result.as_returned()
    error = RxKernelError(
        f"{place} returned an exception, {type(result).__name__}; return DomainError(code, text), "
        f"or raise an exception with a status, such as NotFoundException(text)"
    )
    error.__cause__ = result
    return error
