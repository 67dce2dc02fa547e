"""Converts errors of databases to responses, which never contain SQL."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError

from bundles.resources.database.error_kinds import is_conflict, is_outage
from bundles.resources.database.tables import Tables
from bundles.resources.database.violations import Kind, Violation, violation_of
from rxkernel import (
    ConflictException,
    ExceptionEvent,
    HttpException,
    ServiceUnavailableException,
    UnprocessableEntityException,
)

_RETRY_AFTER = {"Retry-After": "1"}

_TEXTS: Mapping[Kind, str] = {
    Kind.UNIQUE: "already exists",
    Kind.IN_USE: "is in use",
    Kind.UNKNOWN_REFERENCE: "refers to something that does not exist",
    Kind.MISSING: "is missing",
    Kind.INVALID: "is invalid",
    Kind.TOO_LONG: "is too long",
    Kind.OUT_OF_RANGE: "is out of range",
}
_CONFLICTS = (Kind.UNIQUE, Kind.IN_USE)


def response_of(exc: BaseException, tables: Tables) -> HttpException | None:
    """Return the exception for the client (409, 422 or 503); None if *exc* is a bug.

    Its ``errors`` name the fields of the columns that the database reports.
    """
    if isinstance(exc, StaleDataError):
        return ConflictException("it was changed in the meantime", code="changed")
    if is_conflict(exc):
        text = "another change was made at the same time; repeat the request"
        return ConflictException(text, code="transaction_conflict")
    if is_outage(exc):
        return ServiceUnavailableException(code="database_unavailable", headers=_RETRY_AFTER)
    if isinstance(exc, DBAPIError) and (found := violation_of(exc, tables)) is not None:
        return _rejection(found)
    return None


def respond_to(event: ExceptionEvent, tables: Tables) -> None:
    """Replace the exception of *event* by its `response_of`, unless it is a bug."""
    failure = event.exception
    response = response_of(failure, tables)
    if response is not None:
        response.__cause__ = failure
        event.set_exception(response)


def _rejection(found: Violation) -> HttpException:
    errors: list[dict[str, Any]] | None = [
        {"path": field, "code": found.kind.value, "message": _TEXTS[found.kind]}
        for field in found.fields
    ] or None
    if found.kind in _CONFLICTS:
        names = " and ".join(found.fields) or "it"
        text = f"{names} {_TEXTS[found.kind]}"
        return ConflictException(text, code=found.kind.value, errors=errors)
    text = "validation failed; see errors" if errors else f"a value {_TEXTS[found.kind]}"
    return UnprocessableEntityException(text, code=found.kind.value, errors=errors)
